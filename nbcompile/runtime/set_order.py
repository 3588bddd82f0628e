"""The order in which sets are walked through, kept over a trip.

It says where in the table of a set its elements lie, and that depends on which came first, on how often the table grew, and
on what was removed. Pickle adds the elements in the order in which it walks through them, and may so give another one.
We look where they lie, and find an order of adding them that puts them there again.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

# Adding elements of these types runs no code of anybody's.
_RUNS_NO_CODE = frozenset((str, bytes, int, float, complex, bool, type(None)))
# How CPython looks for a place: some places in a row, then one elsewhere.
_IN_A_ROW = 9
_PERTURB_SHIFT = 5
_REMOVED = -1
_MORE_THAN_A_SET_HAS_ROOM_FOR = 5
_HASH_MASK = (1 << 64) - 1


class Filling(NamedTuple):
    """How to fill a set: `at_once` of the `items` come together, for which a table grows once; `removed` go again."""

    items: Tuple[Any, ...]
    at_once: int
    removed: Tuple[int, ...]

    def fill(self, value: Set[Any]) -> None:
        """Empty a set and fill it like that."""
        value.clear()
        value.update(dict.fromkeys(self.items[: self.at_once]))
        value.update(self.items[self.at_once :])
        for item in self.removed:
            value.discard(item)


class _TableOfSet(NamedTuple):
    """Where the elements of a set lie, in the order in which they are walked through, and where some have been removed."""

    mask: int
    places: List[int]
    removed: List[int]


def filling(value: Set[Any]) -> Optional[Filling]:
    """How to fill a set so that it is walked through as this one.

    Nothing where adding the elements in this order does, where that would run code of the notebook, and where no way is found.
    """
    if len(value) < 2 or not all(type(item) in _RUNS_NO_CODE or _is_plain_tuple(item) for item in value):
        return None
    order = tuple(value)
    size = value.__sizeof__()
    if _gives(Filling(order, 0, ()), order, size):
        return None
    table = _table_of_set(value, order)
    found = None if table is None else _filling_order(table, value, order)
    if table is None or found is None:
        return None
    items, removed = found
    # So many at once make room for up to four times as many; fewer find room as it is.
    enough = max(_MORE_THAN_A_SET_HAS_ROOM_FOR, (table.mask + 1) // 4)
    for at_once in dict.fromkeys((0, len(items), min(len(items), enough))):
        way = Filling(items, at_once, removed)
        if _gives(way, order, size):
            return way
    more = _numbers_at(_free_places(table)[: max(0, enough - len(items))], table.mask, value)
    way = Filling((*more, *items), enough, (*more, *removed))
    return way if _gives(way, order, size) else None


def _is_plain_tuple(item: Any) -> bool:
    return type(item) is tuple and _RUNS_NO_CODE.issuperset(map(type, item))


def _gives(way: Filling, order: Sequence[Any], size: int) -> bool:
    made: Set[Any] = set()
    way.fill(made)
    return made.__sizeof__() == size and tuple(made) == order


def _table_of_set(value: Set[Any], order: Sequence[Any]) -> Optional[_TableOfSet]:
    """Where the elements lie; nothing where sets are not made as we know them."""
    if (object.__basicsize__, set.__basicsize__) != (16, 200):
        return None
    try:
        import ctypes
    except ImportError:
        return None
    # References, type, places that are or were taken, elements, the last place, and where the table is.
    _, _, _, used, mask, table = (ctypes.c_ssize_t * 6).from_address(id(value))
    if used != len(order) or value.__sizeof__() not in (set().__sizeof__(), set().__sizeof__() + 16 * (mask + 1)):
        return None
    words = list((ctypes.c_ssize_t * (2 * (mask + 1))).from_address(table))
    keys, hashes = words[::2], words[1::2]
    places = [place for place, key in enumerate(keys) if key and hashes[place] != _REMOVED]
    removed = [place for place, key in enumerate(keys) if key and hashes[place] == _REMOVED]
    return _TableOfSet(mask, places, removed) if [keys[place] for place in places] == list(map(id, order)) else None


def _filling_order(table: _TableOfSet, value: Set[Any], order: Sequence[Any]) -> Optional[Tuple[Tuple[Any, ...], Tuple[int, ...]]]:
    """The elements, those that lie where they belong first, each other after all that take the places it is looked for at before.

    Numbers stand for elements that were removed: they come, and go when all is there.
    """
    numbers = _numbers_at(table.removed, table.mask, value)
    at_home = [(item, place) for item, place in zip(order, table.places) if hash(item) & table.mask == place]
    waiting = {item: place for item, place in zip(order, table.places) if hash(item) & table.mask != place}
    taken = {*(place for _, place in at_home), *table.removed}
    items: Dict[Any, None] = dict.fromkeys([*numbers, *(item for item, _ in at_home)])
    while waiting:
        now = [item for item, place in waiting.items() if _free_place(hash(item), table.mask, taken) == place]
        if not now:
            return None
        # One puts no other in its place: each is where it is looked for last.
        for item in now:
            items[item] = None
            taken.add(waiting.pop(item))
    return tuple(items), numbers


def _numbers_at(places: Sequence[int], mask: int, value: Set[Any]) -> Tuple[int, ...]:
    """Numbers that belong at these places, and that are not in the set."""
    found = []
    for place in places:
        number = place + mask + 1
        while number in value:
            number += mask + 1
        found.append(number)
    return tuple(found)


def _free_places(table: _TableOfSet) -> List[int]:
    return sorted({*range(table.mask + 1)}.difference(table.places, table.removed))


def _free_place(number: int, mask: int, taken: Set[int]) -> int:
    """Where CPython puts an element with this hash."""
    perturb = number & _HASH_MASK
    place = perturb & mask
    while True:
        last = place + _IN_A_ROW if place + _IN_A_ROW <= mask else place
        for one in range(place, last + 1):
            if one not in taken:
                return one
        perturb >>= _PERTURB_SHIFT
        place = (place * 5 + 1 + perturb) & mask
