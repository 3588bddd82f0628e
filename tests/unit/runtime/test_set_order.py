"""Sets are walked through in the order in which they were, however they came about."""

import gc
import pickle
import random
import sys
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from nbcompile.runtime.frames import write_frame
from nbcompile.runtime.set_order import filling, order_of_adding
from nbcompile.runtime.value_writer import Scope
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


FROZEN = {
    "of a list": frozenset,
    "of a set": lambda items: frozenset(_after_discards(items)),
    "of a dictionary": lambda items: frozenset(dict.fromkeys(items)),
    "put together": lambda items: frozenset(items[::2]) | frozenset(items[1::2]),
    "what is left": lambda items: frozenset(items) - frozenset(items[::3]),
    "what both have": lambda items: frozenset(items) & frozenset(items[::2]),
    "numbers": lambda items: frozenset(hash(item) % 10**6 for item in items),
}


@pytest.mark.parametrize("maker", FROZEN)
@pytest.mark.parametrize("size", [3, 5, 8, 19, 30, 77, 400])
def test_a_frozenset_is_made_so_that_it_has_its_order(maker, size):
    for _ in range(40 if size < 100 else 3):
        value = FROZEN[maker](_words(size))
        order = order_of_adding(value)
        copy = pickle.loads(pickle.dumps(value)) if order is None else order.make()  # noqa: S301
        assert (list(copy), copy) == (list(value), value)


@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_numbers_that_keep_places_free_are_equal_to_no_element(kind):
    for _ in range(300):
        items = [kind(_DRAWN.randrange(300)) for _ in range(40)]
        value = set(items)
        value.difference_update(_DRAWN.sample(items, 12))
        copy = pickle.loads(pickle.dumps(value))  # noqa: S301
        way = filling(value)
        if way is not None:
            way.fill(copy)
        assert (list(copy), copy) == (list(value), value)


class _Sized:
    def __init__(self, size):
        self.size = size

    def __hash__(self):
        return hash((self.size, 1))  # The same in every process, unlike that of a text.


def test_elements_are_not_asked_for_their_hash():
    value = {_Sized(number) for number in range(30)}
    way, order = filling(value), order_of_adding(frozenset(value))
    assert way is not None
    assert set(way.last) < value
    assert order is None or set(order.elements) == value


@pytest.mark.parametrize("elements", [[object() for _ in range(20)], [(number, object()) for number in range(20)], [int, str, len]])
def test_an_order_that_follows_from_addresses_is_nobodys(elements):
    assert filling(set(elements)) is None
    assert order_of_adding(frozenset(elements)) is None


def _most_memory(act):
    """What an act needs at most, in bytes, and what it returns."""
    tracemalloc.start()
    try:
        returned = act()
        return tracemalloc.get_traced_memory()[1], returned
    finally:
        tracemalloc.stop()


def _memory_to_write(value):
    scope = Scope(None, SimpleNamespace(place_of=lambda _: None), None, None)
    return _most_memory(lambda: write_frame("v@0", value, scope))[0]


def test_a_value_without_sets_that_looks_like_one_is_as_lean_as_any():
    lean, looks = (_memory_to_write([mark, [[] for _ in range(50_000)]]) for mark in (b"", pickle.EMPTY_SET))
    assert looks < lean * 1.2


def _tells_its_memo():
    pickler, value = pickle.Pickler(sys.stdout), set()
    pickler.memo = {id(value): (0, value)}
    return any(one is value for one in gc.get_referents(pickler))


def test_one_set_among_many_objects_costs_no_copy_of_the_memo():
    without, with_one = (_memory_to_write([one, [[] for _ in range(50_000)]]) for one in (None, {1, 2}))
    # Where a pickler does not tell what it has written, its memo has to be copied.
    assert with_one < without * (1.4 if _tells_its_memo() else 5)


def test_a_large_set_takes_little_memory_and_few_of_its_elements_twice():
    value = {_DRAWN.randrange(10**12) for _ in range(100_000)}
    most, way = _most_memory(lambda: filling(value))
    copy = pickle.loads(pickle.dumps(value))  # noqa: S301
    way.fill(copy)
    assert list(copy) == list(value)
    assert len(way.last) < len(value) / 2
    assert most < 3 * value.__sizeof__()


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


class _Counted:
    asked = 0

    def __reduce__(self):
        type(self).asked += 1
        return _Counted, ()


def test_a_value_with_a_nan_is_written_once():
    scope = Scope(None, SimpleNamespace(place_of=lambda _: None), None, None)
    many = [float("nan"), *map(float, range(50_000)), _Counted()]
    _Counted.asked = 0
    assert len(write_frame("v@0", many, scope).nans) == 1
    assert _Counted.asked == 1
