"""The order in which sets are walked through, kept over a trip.

It says where in the table of a set its elements lie, and that depends on which came first, on how often the table grew, and
on what was removed. Pickle adds the elements in the order in which it walks through them, and may so give another one.
We look where they lie, and find an order of adding them that puts them there again. Where elements lie at places that follow
from addresses, no process can have the order of another one.
"""

from __future__ import annotations

from itertools import compress, islice
from operator import eq, is_, not_
from typing import AbstractSet, Any, FrozenSet, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

# Asking elements of these types for their hash runs no code of anybody's.
_RUNS_NO_CODE = frozenset((str, bytes, int, float, complex, bool, type(None)))
# How CPython looks for a place: some places in a row, then one elsewhere.
_IN_A_ROW = 9
_PERTURB_SHIFT = 5
_REMOVED = -1
_MORE_THAN_A_SET_HAS_ROOM_FOR = 5
_HASH_MASK = (1 << 64) - 1


class Filling(NamedTuple):
    """How to fill a set anew: first numbers that go again when all is there, then the others, at last these elements of it.

    `at_once` of them all come together, for which a table grows once.
    """

    at_once: int
    numbers: Tuple[int, ...]
    last: Tuple[Any, ...]

    def fill(self, value: Set[Any]) -> None:
        """Empty a set and fill it like that."""
        value.difference_update(self.last)
        items = [*self.numbers, *value, *self.last]
        value.clear()
        value.update(dict.fromkeys(items[: self.at_once]))
        value.update(items[self.at_once :])
        value.difference_update(self.numbers)


class Order(NamedTuple):
    """How to make a frozenset: `at_once` of its elements come together, for which its table grows once, then the others.

    First of all come numbers that keep places free, and leave them when all is there.
    """

    at_once: int
    numbers: Tuple[int, ...]
    elements: Tuple[Any, ...]

    def make(self) -> FrozenSet[Any]:
        """A frozenset that was filled like that."""
        items = (*self.numbers, *self.elements)
        found: FrozenSet[Any] = frozenset().union(dict.fromkeys(items[: self.at_once]), items[self.at_once :])
        return frozenset(self.numbers) ^ found if self.numbers else found


class _StandIn:
    """Lies where an element lies whose hash is worked out by code of the notebook, which must not run."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __hash__(self) -> int:
        return self.number


class _TableOfSet(NamedTuple):
    """What lies in each place of the table of a set: an element with this hash, one that was removed, or nothing."""

    mask: int
    keys: memoryview
    hashes: memoryview


class _Elements(NamedTuple):
    """A set, its elements in the order in which it is walked through, and what stands for each of them."""

    set: AbstractSet[Any]
    order: Tuple[Any, ...]
    stand_ins: Sequence[Any]


def filling(value: Set[Any]) -> Optional[Filling]:
    """How to fill a set so that it is walked through as this one.

    Nothing where adding the elements in this order does, where their order depends on addresses, and where no way is found.
    """
    found = _elements(value)
    if found is None or _gives(None, found):
        return None
    table = _table_of_set(value)
    parts = None if table is None else _filling_order(table, found)
    if table is None or parts is None:
        return None
    numbers, last = parts
    # So many at once make room for up to four times as many; fewer find room as it is.
    many, enough = len(numbers) + len(found.order), max(_MORE_THAN_A_SET_HAS_ROOM_FOR, (table.mask + 1) // 4)
    for at_once in dict.fromkeys((0, many, min(many, enough))):
        way = Filling(at_once, numbers, last)
        if _gives(way, found):
            return _with_elements(way, found)
    more = _numbers_at(_free_places(table, max(0, enough - many)), table.mask, found.stand_ins)
    way = Filling(enough, (*more, *numbers), last)
    return _with_elements(way, found) if _gives(way, found) else None


def order_of_adding(value: FrozenSet[Any]) -> Optional[Order]:
    """How to make a frozenset that is walked through as this one; nothing as for sets."""
    found = _elements(value)
    if found is None or _is_walked_like(frozenset(found.stand_ins), found):
        return None
    table = _table_of_set(value)
    parts = None if table is None else _filling_order(table, found)
    if table is None or parts is None:
        return None
    last = set(map(id, parts[1]))
    elements = (*(one for one in found.stand_ins if id(one) not in last), *parts[1])
    many, enough = len(elements), max(_MORE_THAN_A_SET_HAS_ROOM_FOR, (table.mask + 1) // 4)
    more = _numbers_at(_free_places(table, max(0, enough - many)), table.mask, found.stand_ins)
    ways = (Order(at_once, (), elements) for at_once in dict.fromkeys((many, min(many, enough), 0)))
    way = next((one for one in (*ways, Order(enough, more, elements)) if _is_walked_like(one.make(), found)), None)
    return None if way is None else way._replace(elements=_elements_for(way.elements, found))


def _elements(value: AbstractSet[Any]) -> Optional[_Elements]:
    """The elements of a set, if there is an order to be kept."""
    kinds = {*map(type, value), *(type(item) for one in value if type(one) is tuple for item in one)}
    if len(value) < 2 or any(getattr(kind, "__hash__", None) is object.__hash__ for kind in kinds):
        return None
    order = tuple(value)
    if kinds <= {*_RUNS_NO_CODE, tuple} and all(map(_runs_no_code, value)):
        return _Elements(value, order, order)
    table = _table_of_set(value)
    if table is None:
        return None
    stand_ins = tuple(_StandIn(number) for key, number in zip(table.keys, table.hashes) if key and number != _REMOVED)
    return _Elements(value, order, stand_ins)


def _runs_no_code(item: Any) -> bool:
    return type(item) is not tuple or _RUNS_NO_CODE.issuperset(map(type, item))


def _elements_for(stand_ins: Sequence[Any], found: _Elements) -> Tuple[Any, ...]:
    meant = dict(zip(map(id, found.stand_ins), found.order))
    return tuple(meant[id(one)] for one in stand_ins)


def _with_elements(way: Filling, found: _Elements) -> Filling:
    return way._replace(last=_elements_for(way.last, found))


def _gives(way: Optional[Filling], found: _Elements) -> bool:
    """Whether a set with this order has it again when pickle has made it, and it was filled in some way."""
    made: Set[Any] = set()
    made.update(found.stand_ins)
    if way is not None:
        way.fill(made)
    return _is_walked_like(made, found)


def _is_walked_like(made: AbstractSet[Any], found: _Elements) -> bool:
    return made.__sizeof__() == found.set.__sizeof__() and all(map(is_, made, found.stand_ins))


def _table_of_set(value: AbstractSet[Any]) -> Optional[_TableOfSet]:
    """The table of a set, to be looked at while the set does not change; nothing where sets are not made as we know them."""
    if (object.__basicsize__, set.__basicsize__) != (16, 200):
        return None
    try:
        import ctypes
    except ImportError:
        return None
    # References, type, places that are or were taken, elements, the last place, and where the table is.
    _, _, filled, used, mask, table = (ctypes.c_ssize_t * 6).from_address(id(value))
    if used != len(value) or value.__sizeof__() not in (set().__sizeof__(), set().__sizeof__() + 16 * (mask + 1)):
        return None
    words = memoryview((ctypes.c_ssize_t * (2 * (mask + 1))).from_address(table)).cast("B").cast("q")
    found = _TableOfSet(mask, words[::2], words[1::2])
    lie: Iterator[int] = compress(found.keys, found.keys)
    if filled != used:
        lie = (key for key, number in zip(found.keys, found.hashes) if key and number != _REMOVED)
    return found if all(map(eq, lie, map(id, value))) else None


def _filling_order(table: _TableOfSet, found: _Elements) -> Optional[Tuple[Tuple[int, ...], Tuple[Any, ...]]]:
    """What stands for the elements that do not lie where they belong, each after all that take the places it is looked for at before.

    Numbers stand for elements that were removed: they come, and go when all is there.
    """
    places = list(compress(range(table.mask + 1), table.keys))
    removed: List[int] = []
    order = found.stand_ins
    if len(places) > len(order):
        removed = [place for place in places if table.hashes[place] == _REMOVED]
        places = [place for place in places if table.hashes[place] != _REMOVED]
    at_home = map(eq, map(table.mask.__and__, map(hash, order)), places)
    waiting = list(compress(zip(order, places), map(not_, at_home)))
    taken = bytearray(map(bool, table.keys))
    for _, place in waiting:
        taken[place] = False
    last: List[Any] = []
    while waiting:
        too_early = []
        for item, place in waiting:
            # It puts no other in its place: each is where it is looked for last.
            if _free_place(hash(item), table.mask, taken) == place:
                taken[place] = True
                last.append(item)
            else:
                too_early.append((item, place))
        if len(too_early) == len(waiting):
            return None
        waiting = too_early
    return _numbers_at(removed, table.mask, found.stand_ins), tuple(last)


def _numbers_at(places: Sequence[int], mask: int, stand_ins: Sequence[Any]) -> Tuple[int, ...]:
    """Numbers that belong at these places, and that no element is equal to: those of NumPy are, and have the same hash."""
    found = []
    hashes = set(map(hash, stand_ins if places else ()))
    for place in places:
        number = place + mask + 1
        while number in hashes:
            number += mask + 1
        found.append(number)
    return tuple(found)


def _free_places(table: _TableOfSet, number: int) -> Sequence[int]:
    """The first places, so many, where nothing lies."""
    return tuple(islice(compress(range(table.mask + 1), map(not_, table.keys)), number))


def _free_place(number: int, mask: int, taken: bytearray) -> int:
    """Where CPython puts an element with this hash."""
    perturb = number & _HASH_MASK
    place = perturb & mask
    while True:
        last = place + _IN_A_ROW if place + _IN_A_ROW <= mask else place
        free = taken.find(0, place, last + 1)
        if free >= 0:
            return free
        perturb >>= _PERTURB_SHIFT
        place = (place * 5 + 1 + perturb) & mask
