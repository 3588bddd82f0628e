"""What star imports are said to bind, and what they bind."""

import json
import subprocess
import sys

import pytest

from nbcompile.analysis.known.stars import star
from tests.known.stars import of_stub

# Imports everything with a star, and says what is there then.
LOOK = """
import json, sys, warnings
warnings.simplefilter("ignore")
found = {}
for module in sys.argv[1:]:
    names = {}
    exec(f"from {module} import *", names)
    found[module] = sorted(set(names) - {"__builtins__"})
print(json.dumps(found))
"""
STANDARD_WORDS = (
    "math itertools collections functools random datetime dataclasses typing os os.path time string re statistics decimal enum json"
)
LIBRARIES_WORDS = """
    numpy numpy.random numpy.linalg scipy scipy.stats scipy.optimize scipy.constants sympy sympy.abc sympy.physics.units pandas
    matplotlib.pyplot pylab networkx seaborn sklearn.metrics statsmodels.api ipywidgets IPython.display
"""


@pytest.mark.slow
@pytest.mark.parametrize("modules", [STANDARD_WORDS.split(), LIBRARIES_WORDS.split()], ids=["standard", "libraries"])
def test_a_star_binds_what_is_listed(modules):
    done = subprocess.run([sys.executable, "-c", LOOK, *modules], capture_output=True, text=True, check=True)
    for module, bound in json.loads(done.stdout.splitlines()[-1]).items():
        listed = star(module)
        assert {one.name for one in listed if one.sure} <= set(bound), module
        assert set(bound) <= {one.name for one in listed}, module


def test_a_module_that_is_not_listed_binds_anything():
    assert star("somewhere") is None


def test_a_name_may_be_of_another_module():
    paths = {one.name: one.path for one in star("pylab")}
    assert (paths["np"], paths["linspace"], paths["plot"]) == ("numpy", "numpy.linspace", "matplotlib.pyplot.plot")


def test_a_stub_that_lists_its_names():
    stub = """
import sys
__all__ = ["a", "b"]
if sys.version_info >= (3, 12):
    __all__ += ["c"]
def d() -> None: ...
"""
    names = of_stub(stub)
    assert (names.sure, names.any) == ({"a", "b"}, {"a", "b", "c"})


def test_a_stub_that_lists_nothing():
    stub = """
import sys
from typing import Final
from other import e as e
a: Final = 1
_b = 2
if sys.platform == "win32":
    def c() -> None: ...
class D: ...
"""
    names = of_stub(stub)
    assert (names.sure, names.any) == ({"a", "e", "D"}, {"a", "c", "e", "D"})
