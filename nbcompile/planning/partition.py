"""Which cells run together: first what must be, then what is cheaper together.

A step is a convex set of cells: whatever lies on a path between two of its cells is in it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from nbcompile.model.graph import DataflowGraph, convex_partition, dependencies
from nbcompile.model.plan import Granularity

_ALONE = {
    Granularity.CELL: "every cell is to be a step",
    Granularity.AUTO: "with any neighbour it would keep others waiting for longer than a step costs",
    Granularity.NOTEBOOK: "the notebook has no other cell",
}


class Part(NamedTuple):
    """Cells of one step in notebook order, and why they are together."""

    cells: tuple[int, ...]
    why: tuple[str, ...]


class Price(NamedTuple):
    """What one more step costs in seconds: any step, and what is `carried` from one cell to another if that is in another step."""

    step: float
    carried: Mapping[tuple[int, int], float] = MappingProxyType({})


class _Draft:
    """Parts while they are being merged, with their neighbours. Numbers are those of the finest partition."""

    def __init__(
        self,
        parts: Sequence[tuple[int, ...]],
        pairs: Iterable[tuple[int, int]],
        seconds: Sequence[float],
        kinds: Sequence[Hashable],
        price: Price,
    ) -> None:
        owner = self.owner = {cell: number for number, part in enumerate(parts) for cell in part}
        self.price = price
        # Parts whose cells are of several kinds are of a kind of their own.
        self.kinds = {n: kinds[part[0]] if len({kinds[cell] for cell in part}) == 1 else ("part", n) for n, part in enumerate(parts)}
        self.cells = dict(enumerate(parts))
        self.seconds = {number: sum(seconds[cell] for cell in part) for number, part in self.cells.items()}
        self.before: dict[int, set[int]] = {number: set() for number in self.cells}
        self.after: dict[int, set[int]] = {number: set() for number in self.cells}
        for source, target in ((owner[a], owner[b]) for a, b in pairs):
            if source != target:
                self.before[target].add(source)
                self.after[source].add(target)

    def merge(self, kept: int, gone: int) -> None:
        """Move the cells of `gone` into `kept`."""
        self.owner.update(dict.fromkeys(self.cells[gone], kept))
        self.cells[kept] = tuple(sorted((*self.cells[kept], *self.cells.pop(gone))))
        self.seconds[kept] += self.seconds.pop(gone)
        for links, back in ((self.before, self.after), (self.after, self.before)):
            for other in links.pop(gone):
                back[other].discard(gone)
                if other != kept:
                    links[kept].add(other)
                    back[other].add(kept)

    def fits(self, part: int, other: int) -> bool:
        """Whether two parts may become one for the price alone."""
        return self.kinds[part] == self.kinds[other]

    def is_cheap(self, part: int, other: int) -> bool:
        """Whether a part takes less time than a step of its own would cost, beside another one that it may need or bring something."""
        both = {part, other}
        carried = sum(
            seconds for (source, target), seconds in self.price.carried.items() if {self.owner[source], self.owner[target]} == both
        )
        return self.seconds[part] < self.price.step + carried

    def alone(self, part: int) -> bool:
        """Whether a part is cheap and neither waits for another nor is waited for."""
        return self.seconds[part] < self.price.step and not self.before[part] and not self.after[part]

    def ancestors(self, part: int) -> set[int]:
        """Every part that must end before `part` starts."""
        seen, stack = set[int](), [part]
        while stack:
            for other in self.before[stack.pop()] - seen:
                seen.add(other)
                stack.append(other)
        return seen


def partition(
    graph: DataflowGraph, granularity: Granularity, seconds: Sequence[float], price: Price, kinds: Sequence[Hashable]
) -> tuple[Part, ...]:
    """The parts, ordered by their first cell.

    `seconds` estimates each cell. Merging for price never makes two expensive parts wait for each other that need not,
    and joins only cells whose `kinds` are equal.
    """
    pairs = dependencies(graph)
    groups: list[tuple[int, ...]] = [(fusion.first, fusion.second) for fusion in graph.fusions]
    if granularity is Granularity.NOTEBOOK:
        groups.append(tuple(range(len(graph.cells))))
    finest = convex_partition(pairs, groups, len(graph.cells))
    merged = _merge_cheap(_Draft(finest, pairs, seconds, kinds, price)) if granularity is Granularity.AUTO else finest
    return tuple(Part(cells, _reasons(graph, cells, granularity)) for cells in merged)


def _merge_cheap(draft: _Draft) -> tuple[tuple[int, ...], ...]:
    """Chains become one part; a part that is cheaper than its price joins a neighbour that loses nothing by it."""
    changed = True
    while changed:
        changed = False
        for part in sorted(draft.cells):
            if part in draft.cells and (neighbour := _neighbour(draft, part)) is not None:
                draft.merge(*sorted((part, neighbour)))
                changed = True
    return tuple(sorted(draft.cells.values()))


def _neighbour(draft: _Draft, part: int) -> int | None:
    """A part that may take `part` in without anything expensive having to wait longer."""
    following = draft.after[part]
    if len(following) == 1:
        (only,) = following
        # All that waits for this part is the other one: it waits for it anyway.
        if draft.fits(part, only) and (draft.is_cheap(part, only) or draft.before[only] == {part}):
            return only
    if draft.before[part]:
        latest = max(draft.before[part])
        others = draft.before[part] - {latest}
        loses_nothing = not others or others <= draft.ancestors(latest)
        return latest if loses_nothing and draft.fits(part, latest) and draft.is_cheap(part, latest) else None
    if draft.alone(part):
        return next((other for other in sorted(draft.cells) if other != part and draft.alone(other) and draft.fits(part, other)), None)
    return None


def _reasons(graph: DataflowGraph, cells: tuple[int, ...], granularity: Granularity) -> tuple[str, ...]:
    if len(cells) == 1:
        return (_ALONE[granularity],)
    members = set(cells)
    must = [f"{f.first} and {f.second}: {f.reason}" for f in graph.fusions if f.first in members and f.second in members]
    if granularity is Granularity.NOTEBOOK:
        return ("the whole notebook was asked to be one step",)
    return tuple(dict.fromkeys(must)) or ("a step of their own would cost more than it could save",)
