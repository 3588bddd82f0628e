"""CellFacts in notebook order -> DataflowGraph."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from nbcompile.model.facts import CellFacts
from nbcompile.model.graph import DataflowGraph, Edge, EdgeKind, Fusion, GraphCell


def link(facts: Sequence[CellFacts]) -> DataflowGraph:
    """Each use linked to the nearest earlier definition, as a kernel would find it on a clean top-to-bottom run."""
    latest: dict[str, int] = {}
    edges: list[Edge] = []
    parameters: dict[str, None] = {}
    for cell in facts:
        for use in cell.uses:
            if use.name in latest:
                edges.append(Edge(latest[use.name], cell.index, use.name, EdgeKind.VALUE))
            else:
                parameters[use.name] = None
        latest |= {made.name: cell.index for made in cell.definitions}
    return DataflowGraph(
        cells=tuple(_graph_cell(cell) for cell in facts),
        edges=tuple(edges),
        fusions=tuple(Fusion(a.index, b.index, "changes of objects are not analysed yet") for a, b in pairwise(facts)),
        parameters=tuple(parameters),
    )


def _graph_cell(cell: CellFacts) -> GraphCell:
    return GraphCell(
        cell=cell.cell,
        index=cell.index,
        kind=cell.kind,
        defines=tuple(made.name for made in cell.definitions),
        uses=tuple(use.name for use in cell.uses),
    )
