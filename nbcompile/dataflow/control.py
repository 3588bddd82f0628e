"""Control edges: what can be seen outside a step happens only after every earlier cell has ended well.

One edge from each cell that nothing else makes earlier is enough: the edges stay linear in the number of cells.
"""

from __future__ import annotations

from collections.abc import Sequence

from nbcompile.model.facts import CellFacts
from nbcompile.model.graph import Edge, EdgeKind

OUTSIDE = frozenset(("network", "process", "database", "stdin"))


def reaches_outside(cell: CellFacts) -> bool:
    """Whether the cell does something that can be seen outside the directory of its step."""
    return any(
        (effect.channel in OUTSIDE and effect.mode != "read")
        or (effect.channel == "files" and effect.mode != "read" and effect.subject.startswith(("/", "~", "..")))
        for effect in cell.effects
    )


def control_edges(facts: Sequence[CellFacts], edges: Sequence[Edge]) -> list[Edge]:
    """The edges that let each outside effect wait for all earlier cells; `edges` are those along which a cell waits already."""
    followed = [False] * len(facts)
    incoming: list[list[int]] = [[] for _ in facts]
    for edge in edges:
        incoming[edge.target].append(edge.source)
    found: list[Edge] = []
    ends: dict[int, None] = {}
    for cell in facts:
        for source in incoming[cell.index]:
            followed[source] = True
            ends.pop(source, None)
        if reaches_outside(cell):
            found += [Edge(source, cell.index, "", EdgeKind.CONTROL) for source in ends]
            ends.clear()
        ends[cell.index] = None
    return found
