"""Results stay correlated that come from one measurement. A few lines stand for uncertainties, which is not installed."""

import pytest

from tests.unit.runtime.chain import pretend_installed, run_chain, texts

pytestmark = pytest.mark.slow

CORE = """
class Sum:
    def __init__(self, parts):
        self.parts = parts
class Variable:
    def __init__(self, value, std_dev, tag=None):
        self.nominal_value, self._std_dev, self.tag = value, std_dev, tag
    def __mul__(self, number):
        return Sum({self: number})
"""
MADE = """from uncertainties.core import Variable
radius, other = Variable(3.0, 0.1), Variable(3.0, 0.1)
diameter = radius * 2"""
TRIPS = {
    "what was measured once is one": ("", "list(diameter.parts) == [radius], other is radius", "True False"),
    "so it is after another trip": ("again = radius * 3", "again.parts.keys() == diameter.parts.keys(), radius.tag", "True None"),
    "it may be told better": ("radius._std_dev = 0.2", "radius._std_dev, list(diameter.parts)[0]._std_dev", "0.2 0.2"),
}


@pytest.mark.parametrize("name", TRIPS)
def test_measurements_travel(name, tmp_path, monkeypatch):
    pretend_installed("uncertainties", {"__init__": "", "core": CORE}, tmp_path, monkeypatch)
    between, asked, answer = TRIPS[name]
    assert texts(run_chain((MADE, between, "", f"print({asked})"), tmp_path / "chain"))[-1] == answer + "\n"
