"""What `nbcompile check` says of names, objects and the world."""

import pytest

from nbcompile.dataflow.findings import find
from tests.unit.analysis.flows import program

FOUND = {
    "NB101": ["exec(open('a.py').read())"],
    "NB103": ["rows = (n for n in [1])", "next(rows)"],
    "NB104": ["xs = [1]", "xs.append(2)"],
    "NB105": ["import random\nrandom.random()"],
    "NB106": ["import time\ntime.time()"],
    "NB107": ["name = input()"],
    "NB108": ["open('/data/x.csv')"],
    "NB109": ["import sys\nopen(sys.argv[1])"],
    "NB110": ["print(x)", "x = 1"],
    "NB111": ["1 + 1", "print(_)"],
}
QUIET = {
    "NB101": ["exec('x = 1')"],
    "NB103": ["rows = [n for n in [1]]", "rows.pop()"],
    "NB104": ["xs = [1]\nxs.append(2)", "print(xs)"],
    "NB105": ["import random\nrandom.seed(1)", "random.random()"],
    "NB106": ["import time"],
    "NB107": ["def ask():\n    return input()"],
    "NB108": ["open('data/x.csv')"],
    "NB109": ["where = 'data'\nopen(f'{where}/x.csv')"],
    "NB110": ["def f():\n    return x", "x = 1", "f()"],
    "NB111": ["for _ in [1]:\n    print(_)"],
}


def codes(cells):
    made = program(*cells)
    return {one.rule.code for one in find(made.facts, made.graph)}


@pytest.mark.parametrize("code", FOUND)
def test_found(code):
    assert code in codes(FOUND[code])


@pytest.mark.parametrize("code", QUIET)
def test_not_found(code):
    assert code not in codes(QUIET[code])


def test_a_generator_that_is_only_moved_on_needs_no_seed_and_is_none():
    assert "NB105" not in codes(["from sklearn.svm import SVC", "SVC().fit([[1], [2]], [0, 1])"])
    assert "NB105" in codes(["from sklearn.svm import SVC\nimport numpy as np", "SVC().fit([[1], [2]], [0, 1])", "np.random.rand()"])


def test_one_finding_for_all_cells_with_the_same_reason():
    made = program("import pandas as pd\nimport mine\npd.DataFrame.mine = mine.shown()", "pd.DataFrame()", "pd.Series()")
    (one,) = [one for one in find(made.facts, made.graph) if one.rule.code == "NB103"]
    assert one.message.startswith("cells 1, 2 must run in one process with this one")
