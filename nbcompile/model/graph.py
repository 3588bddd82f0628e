"""The dataflow graph over versions, and the few graph algorithms that passes need.

`x@3` is the object `x` after code cell 3 bound it or changed it, itself or through an alias.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from nbcompile.model.facts import Effect, FactsKind, StatementId
from nbcompile.model.notebook import CellId


class EdgeKind(str, Enum):
    """Why a cell needs an earlier one."""

    VALUE = "value"
    MUTATION = "mutation"
    ALIAS = "alias"
    CHANNEL = "channel"
    FILE = "file"
    CONTROL = "control"


FILE = "file:"
CHANNEL = "channel:"
# The names of the last results and inputs, which the shell binds wherever a cell shows one, or runs.
RESULTS = frozenset(("_", "__", "___", "_i", "_ii", "_iii"))


class Version(NamedTuple):
    """The value of a name after a code cell.

    Besides variables, files and channels have versions: `file:data/x.csv` and `channel:numpy.random`, which no
    variable can be called. Cell -1 stands for what the run is given from outside, such as a file no cell writes.
    """

    name: str
    cell: int

    def __str__(self) -> str:
        return f"{self.name}@{self.cell}"


class Edge(NamedTuple):
    """Cell `target` needs the version of `name` that cell `source` made."""

    source: int
    target: int
    name: str
    kind: EdgeKind


class Fusion(NamedTuple):
    """Two cells that must run in one step, and why."""

    first: int
    second: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphCell:
    """One code cell in the graph.

    `needs` are the versions that must be there when the cell starts, except those that `replays` (definition
    statements to run again before it, in notebook order) bring. A name the notebook binds that is in neither is
    not bound when the cell starts. `makes` are the versions the cell makes, one inner tuple per alias class: they
    travel together. `statements` are the cell's own definition statements that others may run again. A cell that
    changes an object, or may leave a name unbound or unchanged, also needs the old version.
    """

    cell: CellId
    index: int
    kind: FactsKind
    defines: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    mutates: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    aliases: tuple[tuple[str, ...], ...] = ()
    needs: tuple[Version, ...] = ()
    replays: tuple[StatementId, ...] = ()
    makes: tuple[tuple[Version, ...], ...] = ()
    statements: tuple[StatementId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataflowGraph:
    """All code cells, the edges between them (source before target), and which cells must stay together.

    `replayable` are the definition statements that bring the same wherever they run again: all they use can be had so, too.
    """

    cells: tuple[GraphCell, ...]
    edges: tuple[Edge, ...] = ()
    fusions: tuple[Fusion, ...] = ()
    parameters: tuple[str, ...] = ()
    replayable: tuple[StatementId, ...] = ()


def given_files(graph: DataflowGraph) -> tuple[str, ...]:
    """The files that cells read and no cell writes, in the order of their first readers."""
    needed = dict.fromkeys(version for cell in graph.cells for version in cell.needs)
    return tuple(version.name.removeprefix(FILE) for version in needed if version.cell < 0 and version.name.startswith(FILE))


def written_files(graph: DataflowGraph) -> tuple[tuple[int, str], ...]:
    """The files that cells write, with the cell."""
    made = ((cell.index, version.name) for cell in graph.cells for group in cell.makes for version in group)
    return tuple((cell, name.removeprefix(FILE)) for cell, name in made if name.startswith(FILE))


def last_makers(graph: DataflowGraph) -> dict[str, int]:
    """The cell after which each variable, file and channel is what it is at the end."""
    return {name: cell.index for cell in graph.cells for name in _made(cell)}


def _made(cell: GraphCell) -> Iterator[str]:
    makes = [version.name for group in cell.makes for version in group]
    yield from (*cell.defines, *cell.mutates, *cell.deletes, *makes)
    if any(name.startswith(f"{CHANNEL}library:") for name in makes):
        # What a library holds is changed under the names that it was imported by.
        needed = {version.name for version in cell.needs}
        yield from (name for name in cell.uses if name not in needed)


_ORDERING = (EdgeKind.CHANNEL, EdgeKind.FILE, EdgeKind.CONTROL)


def dependencies(graph: DataflowGraph) -> tuple[tuple[int, int], ...]:
    """Which cell must end before which starts. An edge that only stands for a definition that is replayed is none."""
    flows = {(version.cell, cell.index) for cell in graph.cells for version in cell.needs if 0 <= version.cell != cell.index}
    order = {(edge.source, edge.target) for edge in graph.edges if edge.kind in _ORDERING}
    return tuple(sorted(flows | order))


def successors(pairs: Iterable[tuple[int, int]], count: int) -> tuple[tuple[int, ...], ...]:
    """For each of `count` nodes, its direct successors in ascending order without repeats."""
    found: list[set[int]] = [set() for _ in range(count)]
    for source, target in pairs:
        found[source].add(target)
    return tuple(tuple(sorted(targets)) for targets in found)


def reachable(following: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """For each node the bit set of all nodes reachable from it. Edges must point from lower to higher numbers."""
    reach = [0] * len(following)
    for node in range(len(following) - 1, -1, -1):
        bits = 0
        for target in following[node]:
            bits |= reach[target] | (1 << target)
        reach[node] = bits
    return tuple(reach)


def critical_path(following: Sequence[Sequence[int]], cost: Sequence[float]) -> tuple[float, tuple[int, ...]]:
    """The heaviest path and its weight; nodes weigh `cost`, edges point from lower to higher numbers."""
    best = [0.0] * len(following)
    heir = [-1] * len(following)
    for node in range(len(following) - 1, -1, -1):
        for target in following[node]:
            if best[target] > best[node]:
                best[node], heir[node] = best[target], target
        best[node] += cost[node]
    if not best:
        return 0.0, ()
    node = max(range(len(best)), key=lambda n: best[n])
    weight, path = best[node], []
    while node != -1:
        path.append(node)
        node = heir[node]
    return weight, tuple(path)


def merge(groups: Iterable[Iterable[int]], count: int) -> tuple[int, ...]:
    """For each of `count` nodes the lowest node it is joined with, given groups that must be together."""
    parent = list(range(count))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for group in groups:
        first, *rest = sorted({root(node) for node in group}) or [0]
        for other in rest:
            parent[other] = first
    return tuple(root(node) for node in range(count))


def convex_partition(pairs: Iterable[tuple[int, int]], groups: Iterable[Iterable[int]], count: int) -> tuple[tuple[int, ...], ...]:
    """The finest partition in which each group is together and the graph between the parts has no cycle.

    Joining two nodes takes in every node on a path between them, so that a part can run as one unit.
    Parts and their members are in ascending order. Edges must point from lower to higher numbers.
    """
    edges = tuple(pairs)
    owner = merge(groups, count)
    while True:
        component = _strong_components({(owner[a], owner[b]) for a, b in edges if owner[a] != owner[b]}, count)
        joined = tuple(component[owner[node]] for node in range(count))
        if joined == owner:
            break
        owner = joined
    parts: dict[int, list[int]] = {}
    for node in range(count):
        parts.setdefault(owner[node], []).append(node)
    return tuple(tuple(parts[key]) for key in sorted(parts))


def _strong_components(pairs: Iterable[tuple[int, int]], count: int) -> tuple[int, ...]:
    """For each node the lowest node of its strongly connected component (Tarjan's algorithm, without recursion)."""
    following = successors(pairs, count)
    number, low = [-1] * count, [0] * count
    on_stack, stack = [False] * count, list[int]()
    component, clock = list(range(count)), 0
    for start in range(count):
        if number[start] != -1:
            continue
        work = [(start, iter(following[start]))]
        number[start] = low[start] = clock
        clock += 1
        stack.append(start)
        on_stack[start] = True
        while work:
            node, targets = work[-1]
            for target in targets:
                if number[target] == -1:
                    number[target] = low[target] = clock
                    clock += 1
                    stack.append(target)
                    on_stack[target] = True
                    work.append((target, iter(following[target])))
                    break
                if on_stack[target]:
                    low[node] = min(low[node], number[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    members = stack[stack.index(node) :]
                    del stack[-len(members) :]
                    for member in members:
                        on_stack[member] = False
                        component[member] = min(members)
    return tuple(component)


def topological(parts: Sequence[Sequence[int]], pairs: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """An order of the parts in which every edge points forward; among ready parts the one that starts first comes first.

    Raises `ValueError` when the parts cannot be ordered.
    """
    owner: Mapping[int, int] = {node: place for place, part in enumerate(parts) for node in part}
    links = {(owner[a], owner[b]) for a, b in pairs if owner[a] != owner[b]}
    waiting = [0] * len(parts)
    following = successors(links, len(parts))
    for _, target in links:
        waiting[target] += 1
    ready = sorted((part for part in range(len(parts)) if not waiting[part]), key=lambda p: parts[p][0], reverse=True)
    order: list[int] = []
    while ready:
        part = ready.pop()
        order.append(part)
        for target in following[part]:
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
                ready.sort(key=lambda p: parts[p][0], reverse=True)
    if len(order) != len(parts):
        raise ValueError("the parts depend on each other in a circle")
    return tuple(order)
