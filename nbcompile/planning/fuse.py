"""DataflowGraph -> Plan: the finest split that keeps together what must be together."""

from __future__ import annotations

import re
import unicodedata

from nbcompile.model.graph import DataflowGraph, convex_partition, topological
from nbcompile.model.notebook import Cell, CellKind, Notebook
from nbcompile.model.plan import Binding, Granularity, Plan, Step, StepId

_LONGEST_SLUG = 24


def make_plan(graph: DataflowGraph, notebook: Notebook, granularity: Granularity) -> Plan:
    """The steps in an order in which each comes after those it needs."""
    pairs = [(edge.source, edge.target) for edge in graph.edges]
    groups: list[tuple[int, ...]] = [(fusion.first, fusion.second) for fusion in graph.fusions]
    if granularity is Granularity.NOTEBOOK:
        groups.append(tuple(range(len(graph.cells))))
    parts = convex_partition(pairs, groups, len(graph.cells))
    order = topological(parts, pairs)
    steps = tuple(_step(graph, notebook, parts[place]) for place in order)
    return Plan(granularity=granularity, steps=steps)


def _step(graph: DataflowGraph, notebook: Notebook, cells: tuple[int, ...]) -> Step:
    code = notebook.code_cells
    heading, doc = _markdown_above(notebook, code[cells[0]])
    made = next((name for index in cells for name in graph.cells[index].defines), "")
    reasons = dict.fromkeys(fusion.reason for fusion in graph.fusions if fusion.first in cells and fusion.second in cells)
    return Step(
        id=step_id(code[cells[0]], heading or made),
        cells=cells,
        bindings=tuple(Binding(index, graph.cells[index].needs, graph.cells[index].replays) for index in cells),
        label=heading,
        doc=doc,
        why="; ".join(reasons),
    )


def step_id(cell: Cell, title: str) -> StepId:
    """A name for the step that starts with `cell`: readable, and the same whatever happens to other cells."""
    folded = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", folded)[:_LONGEST_SLUG].strip("-") or "step"
    slug = slug if slug[0].isalpha() else f"s-{slug}"
    return StepId(f"{slug}-{re.sub(r'[^A-Za-z0-9]', '', cell.id)[:8] or '0'}")


def _markdown_above(notebook: Notebook, cell: Cell) -> tuple[str, str]:
    """The nearest heading above the cell, and the text of the markdown cells just above it."""
    heading, texts = "", list[str]()
    for other in reversed(notebook.cells[: cell.position]):
        if other.kind is not CellKind.MARKDOWN:
            break
        texts.insert(0, other.source.strip())
        found = re.findall(r"(?m)^#{1,6}\s+(.+?)\s*#*$", other.source)
        heading = heading or (found[-1] if found else "")
    return heading, "\n\n".join(texts)
