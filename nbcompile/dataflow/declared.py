"""DataflowGraph + what the cells declare -> the graph with the order that was declared, and what was sent but not declared.

Steps wait for the control ports they name. Cells that are no steps run where they stand: after the steps before them
that have outputs, and before the steps after them that take anything made until then, as Jupyter Workflow runs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nbcompile.model.diagnostic import Diagnostic, Outcome, Place
from nbcompile.model.facts import FactsKind
from nbcompile.model.graph import CHANNEL, FILE, DataflowGraph, Edge, EdgeKind
from nbcompile.model.workflow import PortKind, StepDeclaration, WorkflowDeclaration
from nbcompile.rules import workflow as rules


def order_declared(graph: DataflowGraph, workflow: WorkflowDeclaration) -> Outcome[DataflowGraph]:
    """The graph with one more edge for each wait that was declared."""
    steps = {declared.cell: declared.step for declared in workflow.cells if declared.step}
    if not steps:
        return Outcome(graph)
    there = {(edge.source, edge.target) for edge in graph.edges}
    edges = [*_control_ports(steps), *_between_steps(graph, steps)]
    added = dict.fromkeys(edge for edge in edges if (edge.source, edge.target) not in there)
    ordered = tuple(sorted((*graph.edges, *added), key=lambda edge: (edge.target, edge.source)))
    return Outcome(replace(graph, edges=ordered), tuple(_undeclared_outputs(graph, steps)))


def _control_ports(steps: dict[int, StepDeclaration]) -> Iterator[Edge]:
    """A control input waits for the latest step before it with an output of that name."""
    makers: dict[str, int] = {}
    for cell, step in steps.items():
        for port in step.inputs:
            if port.kind is PortKind.CONTROL and port.name in makers:
                yield Edge(makers[port.name], cell, port.name, EdgeKind.CONTROL)
        makers.update((port.name, cell) for port in step.outputs)


def _between_steps(graph: DataflowGraph, steps: dict[int, StepDeclaration]) -> Iterator[Edge]:
    reads = {(edge.source, edge.target) for edge in graph.edges}
    waiting: list[int] = []
    latest = -1
    for cell in graph.cells:
        step = steps.get(cell.index)
        if step is None:
            if cell.kind in (FactsKind.DEFINITION, FactsKind.EMPTY):
                continue
            yield from (Edge(source, cell.index, "", EdgeKind.CONTROL) for source in waiting)
            if latest >= 0:
                yield Edge(latest, cell.index, "", EdgeKind.CONTROL)
            latest, waiting = cell.index, []
            continue
        if latest >= 0 and any((source, cell.index) in reads for source in range(latest + 1)):
            yield Edge(latest, cell.index, "", EdgeKind.CONTROL)
        if step.outputs:
            waiting.append(cell.index)


def _undeclared_outputs(graph: DataflowGraph, steps: dict[int, StepDeclaration]) -> Iterator[Diagnostic]:
    told: set[tuple[int, str]] = set()
    for cell in graph.cells:
        for version in cell.needs:
            step = steps.get(version.cell)
            known = version.name.startswith((FILE, CHANNEL)) or (version.cell, version.name) in told
            if step is None or known or any(port.name == version.name for port in step.outputs):
                continue
            told.add((version.cell, version.name))
            maker = graph.cells[version.cell]
            yield Diagnostic(
                rule=rules.UNDECLARED_OUTPUT,
                message=f"cell {cell.index} reads `{version.name}`, which this step makes and does not declare",
                place=Place(maker.index, maker.cell, key=step.at),
                help=f"add `{version.name}` to `out`",
            )
