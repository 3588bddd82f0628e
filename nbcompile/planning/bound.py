"""DataflowGraph + Plan -> how fast the plan can be at best, and what in the notebook keeps it from being faster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbcompile.model.graph import CHANNEL, DataflowGraph, EdgeKind, dependencies, reachable, successors
from nbcompile.model.plan import Bound

_MOST_HINTS = 5
_GENERATORS = {
    "random": "`random.Random(seed)`",
    "numpy.random": "`numpy.random.default_rng(seed)`",
    "torch.random": "`torch.Generator().manual_seed(seed)`",
}


def bound_of(graph: DataflowGraph, path_seconds: float, seconds: Sequence[float], worth: float) -> Bound:
    """The bound, and hints for cells that take longer than `worth`."""
    hints = tuple(hint for _, hint in zip(range(_MOST_HINTS), _hints(graph, seconds, worth), strict=False))
    return Bound(cell_seconds=sum(seconds), path_seconds=path_seconds, hints=hints)


def _hints(graph: DataflowGraph, seconds: Sequence[float], worth: float) -> Iterator[str]:
    """For pairs of cells worth running side by side: what would have to be otherwise."""
    count = len(graph.cells)
    flows = {(edge.source, edge.target) for edge in graph.edges if edge.kind in (EdgeKind.VALUE, EdgeKind.MUTATION, EdgeKind.FILE)}
    needed = reachable(successors((pair for pair in dependencies(graph) if pair in flows), count))
    reasons: dict[tuple[int, int], str] = {}
    for fusion in graph.fusions:
        reasons.setdefault((fusion.first, fusion.second), f"it were not for this: {fusion.reason}")
    for edge in graph.edges:
        wish = _wish(edge.kind, edge.name)
        if wish:
            reasons.setdefault((edge.source, edge.target), wish)
    for (first, second), wish in sorted(reasons.items()):
        if min(seconds[first], seconds[second]) >= worth and not needed[first] >> second & 1:
            yield f"cells {first} and {second} would be parallel if {wish}"


def _wish(kind: EdgeKind, name: str) -> str:
    if kind is EdgeKind.CHANNEL:
        channel = name.removeprefix(CHANNEL)
        own = _GENERATORS.get(channel)
        return f"each drew from a generator of its own, such as {own}" if own else f"they did not both use `{channel}`"
    if kind is EdgeKind.ALIAS:
        return f"the second did not get `{name}` as part of an object that the first may change: copy it"
    if kind is EdgeKind.CONTROL:
        return "nothing outside the second's own directory could be seen of it before the first has ended well"
    return ""
