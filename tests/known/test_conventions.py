"""What keywords mean everywhere (`out=`, `overwrite_a=`, `copy=False`): executed, and compared with what the analysis says."""

import inspect
import warnings

import numpy as np
import pytest
from sklearn.utils import all_estimators

from nbcompile import api
from tests.golden.notebooks import notebook_bytes

IMPORTS = """
import numpy as np
import pandas as pd
from scipy import linalg
from sklearn.impute import KNNImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
"""
X = "x = np.array([[1.0, 2.0], [3.0, 5.0], [4.0, 1.0], [7.0, 2.5]], order='F')"
CHANGES = (
    "np.sum(x, axis=1, out=x[:, 0])",
    "np.negative(x, out=x)",
    "np.median(x, axis=0, overwrite_input=True)",
    "np.nan_to_num(x.__setitem__((0, 0), np.nan) or x, copy=False)",
    "linalg.qr(x, overwrite_a=True)",
    "StandardScaler(copy=False).fit_transform(x)",
    "StandardScaler().fit(x).transform(x, copy=False)",
    "LinearRegression(copy_X=False).fit(x, [1.0, 2.0, 3.0, 5.0])",
    "make_pipeline(StandardScaler(copy=False), LinearRegression()).fit(x, [1.0, 2.0, 3.0, 5.0])",
)
SHOWS = (
    "y = np.array(x, copy=False)",
    "y = x.astype(float, copy=False)",
    "y = np.meshgrid(x[0], x[1], copy=False)",
    "y = np.ma.masked_where(x > 1, x, copy=False)",
    "y = pd.DataFrame(x, copy=False)",
    "y = StandardScaler(copy=False).fit_transform(x)",
    "y = KNNImputer(copy=False).fit(x)",
)
COPIES = (
    "y = np.array(x, copy=True)",
    "y = x.astype(float, copy=True)",
    "y = StandardScaler(copy=True).fit_transform(x)",
    "y = np.sum(x, 0)",
)


def facts_of(statement):
    """The facts of the cell that holds a statement, after one that makes `x`."""
    cells = f"# %% a\n{IMPORTS}{X}\n# %% b\n{statement}\n"
    return api.analyze_bytes(notebook_bytes(cells), "n.ipynb").facts[1]


def run(statement):
    """The names after a statement ran, and `x` as it was before."""
    names = {}
    exec(f"{IMPORTS}{X}", names)  # noqa: S102
    before = names["x"].copy()
    exec(statement, names)  # noqa: S102
    return names, before


def memory_of(value):
    """The arrays that a value shows or holds."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, list | tuple):
        return [array for one in value for array in memory_of(one)]
    return (
        memory_of(value.to_numpy())
        if hasattr(value, "to_numpy")
        else memory_of(list(vars(value).values()))
        if hasattr(value, "__dict__")
        else []
    )


@pytest.mark.parametrize("statement", CHANGES)
def test_what_a_keyword_lets_be_changed(statement):
    names, before = run(statement)
    assert not np.array_equal(names["x"], before)
    assert "x" in {change.name for change in facts_of(statement).changes}


@pytest.mark.parametrize("statement", SHOWS)
def test_what_is_not_copied(statement):
    names, _ = run(statement)
    assert any(np.shares_memory(array, names["x"]) for array in memory_of(names["y"]))
    assert {"x", "y"} <= {name for shared in facts_of(statement).sharing for name in shared.names}


@pytest.mark.parametrize("statement", COPIES)
def test_what_is_copied(statement):
    names, before = run(statement)
    assert np.array_equal(names["x"], before)
    assert not any(np.shares_memory(array, names["x"]) for array in memory_of(names["y"]))
    facts = facts_of(statement)
    assert not facts.changes
    assert not facts.sharing


def test_every_estimator_that_need_not_copy():
    """No estimator changes or keeps what it is fitted with, unless the analysis says so."""
    random = np.random.RandomState(0)
    data, target = random.rand(24, 3), np.array([0, 1] * 12)
    tried, wrong = 0, []
    for name, made in all_estimators():
        for keyword in (one for one in inspect.signature(made).parameters if one.startswith("copy")):
            given, before = np.asfortranarray(data), data
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    model = made(**{keyword: False}).fit(given, target)
            except ValueError:
                continue
            tried += 1
            really = not np.array_equal(given, before) or any(np.shares_memory(array, given) for array in memory_of(model))
            statement = f"from {made.__module__.rpartition('.')[0]} import {name}\ny = {name}({keyword}=False)\ny.fit(x, x[:, 0])"
            facts = facts_of(statement)
            if really and "x" not in {change.name for change in facts.changes}:
                wrong.append(name)
    assert tried > 20
    assert not wrong
