"""A print differs when the value does, however large it is, and only then."""

import sys
from fractions import Fraction
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from nbcompile.runtime.prints import Prints
from nbcompile.runtime.value_writer import NAMES, Scope

_MANY = 600_000


def _words():
    return [f"word number {number}" for number in range(_MANY)]


def _replace_last(value):
    value[-1] = "another"


def _replace_in_table(table):
    table.iloc[-1, 0] = "another"


def _change_number_in_table(table):
    table.iloc[-1, 1] = 5.0


def _normalise(documents):
    for words in documents:
        words[:] = [word.upper() for word in words]


def _other_zero(values):
    values[-1] = -0.0


_CASES = [
    pytest.param(_words, _replace_last, id="a list of texts"),
    pytest.param(lambda: np.array(_words(), object), _replace_last, id="an array of texts"),
    pytest.param(lambda: pd.DataFrame({"word": _words(), "x": np.zeros(_MANY)}), _replace_in_table, id="a column of texts"),
    pytest.param(lambda: pd.DataFrame({"word": _words(), "x": np.zeros(_MANY)}), _change_number_in_table, id="numbers beside texts"),
    pytest.param(lambda: [[word] for word in _words()], _normalise, id="lists of texts"),
    pytest.param(lambda: [0.0] * _MANY, _other_zero, id="another zero"),
    pytest.param(lambda: bytearray(20 << 20), lambda value: value.__setitem__(5, 1), id="many bytes"),
]


@pytest.fixture
def prints(monkeypatch):
    monkeypatch.setitem(sys.modules, NAMES.__name__, NAMES)
    nothing_is_defined = SimpleNamespace(place_of=lambda _: None, place_of_attribute=lambda _: None)
    return Prints(Scope(None, nothing_is_defined, None, None), ())


@pytest.mark.parametrize(("make", "change"), _CASES)
def test_a_change_of_a_large_value_is_seen(make, change, prints):
    value = make()
    before = prints.take("value", value)
    assert before is not None
    again = prints.take("value", value)
    assert again is not None
    assert again.is_like(before)
    change(value)
    now = prints.take("value", value)
    assert now is not None
    assert not now.is_like(before)


@pytest.mark.parametrize("labels", [pd.Index(["a", "b"]), pd.Index([5, 3]), pd.MultiIndex.from_tuples([(1, 2), (3, 4)])])
def test_labels_that_were_looked_up_are_alike(prints, labels):
    for value in (
        labels.copy(deep=True),
        pd.Series([1, 2], index=labels.copy(deep=True)),
        pd.DataFrame({"x": [1, 2]}, labels.copy(deep=True)),
    ):
        before = prints.take("value", value)
        getattr(value, "index", value).get_loc(labels[0])
        assert prints.take("value", value).is_like(before)


def test_other_objects_of_the_same_values_are_alike(prints):
    value = [*_words(), float("nan"), 10**5000, None]
    before = prints.take("value", value)
    value[:] = [*_words(), float("nan"), 10**5000, None]
    now = prints.take("value", value)
    assert before is not None
    assert now is not None
    assert now.is_like(before)


def test_what_dates_were_asked_is_no_change(prints):
    dates = pd.date_range("2020-01-01", periods=3, freq="D")
    value = [dates, pd.Series(dates)]
    before = prints.take("value", value)
    assert before is not None
    # Both keep what they are asked, one in the array that it shares with the other.
    assert repr(dates)
    assert dates.is_month_start.sum() + value[1].dt.day.sum() == 1 + 6
    now = prints.take("value", value)
    assert now is not None
    assert now.is_like(before)


def test_what_never_changes_is_alike_whichever_module_has_a_name_for_it(prints, monkeypatch):
    third = Fraction(1, 3)
    before = prints.take("value", [third])
    assert before is not None
    library = ModuleType("fractions.some_library")
    library.third = third
    monkeypatch.setitem(sys.modules, library.__name__, library)
    now = prints.take("value", [third])
    assert now is not None
    assert now.is_like(before)
