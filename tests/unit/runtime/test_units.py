"""Quantities stay with the registry of units that they are of. A few lines stand for pint, which is not installed."""

import pytest

from tests.unit.runtime.chain import pretend_installed, run_chain, texts

pytestmark = pytest.mark.slow

REGISTRY = """
import weakref
class PlainQuantity:
    def __init__(self, value):
        self.value = value
    def __reduce__(self):
        from pint import _unpickle
        return _unpickle, (PlainQuantity, self.value)
class Context:
    def __init__(self):
        self.relation_to_context = weakref.WeakValueDictionary({"self": self})
class UnitRegistry:
    def __init__(self):
        self._units, self._prefixes, self._cache, self.convert = {}, {"kilo": 1000}, [], lambda value: 2 * value
        self._contexts = {"light": Context()}
        self.Quantity = type("Quantity", (PlainQuantity,), {"_REGISTRY": self, "__module__": "pint"})
    def define(self, name):
        self._units[name] = name
"""
PINT = """
from pint.registry import Context, PlainQuantity, UnitRegistry
_DEFAULT_REGISTRY = UnitRegistry()
Quantity = PlainQuantity
def _unpickle(of, *parts):
    return _DEFAULT_REGISTRY.Quantity(*parts)
"""
MADE = """registry = pint.UnitRegistry(); one = registry.Quantity(3); light = registry._contexts['light']
last = pint._DEFAULT_REGISTRY.Quantity(4)"""
TRIPS = {
    "a quantity is of its registry": ("", "one._REGISTRY is registry, type(one) is registry.Quantity, one.value", "True True 3"),
    "its class is called as before": ("", "type(one).__module__, isinstance(one, pint.PlainQuantity)", "pint True"),
    "that of the process is everywhere": (
        "",
        "last._REGISTRY is pint._DEFAULT_REGISTRY, type(last) is pint._DEFAULT_REGISTRY.Quantity",
        "True True",
    ),
    "a unit is known to all": (
        "registry.define('blob'); two = registry.Quantity(2)",
        "two._REGISTRY is registry, 'blob' in one._REGISTRY._units",
        "True True",
    ),
    "that of the process is told as well": ("pint._DEFAULT_REGISTRY.define('blob')", "'blob' in pint._DEFAULT_REGISTRY._units", "True"),
    "contexts go with it": ("", "registry._contexts['light'] is light, dict(light.relation_to_context) == {'self': light}", "True True"),
    "it converts": ("", "registry.convert(4)", "8"),
}


@pytest.mark.parametrize("name", TRIPS)
def test_quantities_and_registries_travel(name, tmp_path, monkeypatch):
    pretend_installed("pint", {"__init__": PINT, "registry": REGISTRY}, tmp_path, monkeypatch)
    between, asked, answer = TRIPS[name]
    assert texts(run_chain(("import pint", MADE, between, "", f"print({asked})"), tmp_path / "chain"))[-1] == answer + "\n"
