"""Sets are walked through in the order in which they were, however they came about."""

import pickle
import random

import pytest

from nbcompile.runtime.set_order import filling
from tests.unit.runtime.chain import run_chain, texts

_DRAWN = random.Random(7)  # noqa: S311


def _words(number):
    return ["".join(_DRAWN.choices("abcdefgh", k=_DRAWN.randint(3, 9))) for _ in range(number)]


def _without_some(items):
    found = set(items)
    found.difference_update(items[::7])
    return found


def _after_discards(items):
    found = set(items)
    for item in items[::4]:
        found.discard(item)
    return found


MAKERS = {
    "one after the other": set,
    "put together": lambda items: set(items[::2]) | set(items[1::2]),
    "keys of a dictionary": lambda items: set(dict.fromkeys(items)),
    "where some were removed": _after_discards,
    "where more were removed": _without_some,
    "numbers": lambda items: {hash(item) % 10**6 for item in items},
    "pairs": lambda items: {(item, len(item)) for item in items},
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("size", [3, 5, 8, 19, 30, 77, 400, 2000])
def test_a_set_is_filled_so_that_it_has_its_order(maker, size):
    for _ in range(40 if size < 100 else 3):
        value = MAKERS[maker](_words(size))
        copy = pickle.loads(pickle.dumps(value))  # noqa: S301
        way = filling(value)
        if way is not None:
            way.fill(copy)
        assert (list(copy), copy) == (list(value), value)


def test_no_code_of_a_notebook_runs():
    hashed = []

    class Own:
        def __hash__(self):
            hashed.append(self)
            return 1

    value = {Own(), Own(), Own()}
    hashed.clear()
    assert filling(value) is None
    assert not hashed


def test_the_next_process_walks_through_a_set_in_its_order(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    make = "words = [set('the quick brown fox the lazy dog the end'.split()) for _ in range(2)]; words[1].discard('fox')"
    show = "print(*both['words'], both['again'] is words[0])"
    here, there = texts(run_chain([f"{make}; both = {{'words': words, 'again': words[0]}}; {show}", show], tmp_path))
    assert there == here
