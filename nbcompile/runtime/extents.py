"""The memory of arrays, as stretches that may overlap: what overlaps in memory overlaps in the payload.

An array travels as `(extent, offset, dtype, shape, strides)`. Two views of one buffer have two extents that lie in one region of
the file, so they share memory again in every process that maps it, and their strides are those they had.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any, Dict, List, NamedTuple, Sequence, Set, Tuple

# Who can write through an extent: everybody (""), nobody through this array, pandas after a copy, nobody at all.
READ_ONLY, COPIED_ON_WRITE, FROZEN = "read-only", "copied-on-write", "frozen"


class Extent(NamedTuple):
    """`length` bytes of memory at `address`; `owner` keeps them there, `view` gives them as bytes if nothing else does."""

    address: int
    length: int
    owner: Any
    view: Any
    guard: str


class Region(NamedTuple):
    """A stretch of memory that is written as one; `content` gives its bytes."""

    address: int
    content: Any


class Extents:
    """Every stretch of memory that the objects of one group use."""

    def __init__(self) -> None:
        self.extents: List[Extent] = []
        # What is so short that it is not written as memory, but may be shared as any other.
        self.short: List[Extent] = []
        self._known: Dict[Tuple[int, int], int] = {}
        self._owned: Set[int] = set()
        self._shared: Set[int] = set()

    def add(self, extent: Extent, owned: bool = False) -> int:
        """The number of this extent; the same stretch has one number. It is `owned` by an array that has the memory for itself."""
        key = extent.address, extent.length
        number = self._known.get(key)
        if number is None:
            number = self._known[key] = len(self.extents)
            self.extents.append(extent)
        else:
            self._shared.add(number)
            if self.extents[number].guard != extent.guard:
                self.extents[number] = extent._replace(guard="")
        if owned:
            self._owned.add(number)
        return number

    def owned(self, places: Sequence[Tuple[int, int, int]]) -> List[int]:
        """The extents of arrays that have their memory for themselves, and that nobody else shows; `places` are those of `regions`."""
        alone = Counter(region for region, _, _ in places)
        return sorted(number for number in self._owned - self._shared if alone[places[number][0]] == 1)

    def regions(self) -> Tuple[List[Region], List[Tuple[int, int, int]]]:
        """The regions to write, and for each extent its region, its place in it, and its length."""
        order = sorted(range(len(self.extents)), key=lambda number: (self.extents[number].address, -self.extents[number].length))
        regions: List[Region] = []
        places: List[Tuple[int, int, int]] = [(0, 0, 0)] * len(order)
        run: List[int] = []
        end = 0
        for number in order:
            extent = self.extents[number]
            if run and extent.address >= end:
                _close_run(run, end, self.extents, regions, places)
                run = []
            if not run:
                end = extent.address
            run.append(number)
            end = max(end, extent.address + extent.length)
        if run:
            _close_run(run, end, self.extents, regions, places)
        return regions, places


def _close_run(run: List[int], end: int, extents: Sequence[Extent], regions: List[Region], places: List[Tuple[int, int, int]]) -> None:
    """Make one region of extents that overlap."""
    start = extents[run[0]].address
    for number in run:
        extent = extents[number]
        places[number] = len(regions), extent.address - start, extent.length
    regions.append(Region(start, _content([extents[number] for number in run], start, end)))


def _content(extents: Sequence[Extent], start: int, end: int) -> Any:
    for extent in extents:
        if extent.address == start and extent.length == end - start and extent.view is not None:
            return extent.view
    # The extents keep the memory between them alive, since they overlap; numpy made them, so it is loaded.
    return memory_at(start, end - start)


def memory_at(address: int, length: int) -> Any:
    """`length` bytes at `address`. Whoever asks keeps them alive."""
    numpy = sys.modules["numpy"]
    interface = {"data": (address, True), "shape": (length,), "typestr": "|u1", "version": 3}
    return memoryview(numpy.asarray(type("_Memory", (), {"__array_interface__": interface})()))


def address_of(buffer: Any) -> int:
    """Where the bytes of a contiguous buffer are; 0 where nobody can tell."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return 0
    array = numpy.frombuffer(buffer, dtype="u1")
    return int(array.__array_interface__["data"][0])
