"""Every stage as text: one printer for people, debugging and golden tests."""

from __future__ import annotations

from collections.abc import Iterator

from nbcompile.model.bundle import Bundle
from nbcompile.model.facts import CellFacts
from nbcompile.model.graph import DataflowGraph
from nbcompile.model.notebook import CellKind, Notebook
from nbcompile.model.plan import Bound, Plan


def notebook_text(notebook: Notebook) -> str:
    """The cells, with ids, tags and line counts."""
    lines = [f"notebook {notebook.name}"]
    for cell in notebook.cells:
        tags = f"  tags {', '.join(cell.tags)}" if cell.tags else ""
        place = f" {cell.index}" if cell.kind is CellKind.CODE else ""
        lines.append(f"{cell.kind.value}{place} {cell.id}  {len(cell.source.splitlines())} lines{tags}")
    return _joined(lines)


def facts_text(facts: tuple[CellFacts, ...]) -> str:
    """What each cell does."""
    lines: list[str] = []
    for cell in facts:
        lines.append(f"cell {cell.index} {cell.cell} {cell.kind.value}")
        lines += [f"  uses {use.name}{_via(use.via)}" for use in cell.uses]
        lines += [f"  defines {made.name}{'' if made.certain else ' (perhaps)'}" for made in cell.definitions]
        lines += [f"  deletes {gone.name}{'' if gone.certain else ' (perhaps)'}" for gone in cell.deletions]
        lines += [f"  changes {change.name}: {change.reason}" for change in cell.changes]
        lines += [f"  shares {' '.join(shared.names)}{' (views)' if shared.views else ''}" for shared in cell.sharing]
        lines += [f"  effect {effect.channel} {effect.mode} {effect.subject}".rstrip() for effect in cell.effects]
        lines += [f"  replayable {statement.id}: {' '.join(statement.binds)}" for statement in cell.statements]
        lines += [f"  stuck {stuck.name}: {stuck.reason}" for stuck in cell.stuck]
        lines += [f"  live {' '.join(live.names)}: {live.reason}" for live in cell.live]
        lines += [f"  unknown: {unknown.reason}" for unknown in cell.unknowns]
        lines += [f"  opaque: {cell.opaque}"] if cell.opaque else []
        lines += ["  may end early"] if cell.ends_early else []
    return _joined(lines)


def graph_text(graph: DataflowGraph) -> str:
    """The cells, the edges, and what must stay together."""
    lines: list[str] = []
    for cell in graph.cells:
        lines.append(f"cell {cell.index} {cell.cell} {cell.kind.value}")
        lines += [f"  needs {' '.join(map(str, cell.needs))}"] if cell.needs else []
        lines += [f"  replays {' '.join(map(str, cell.replays))}"] if cell.replays else []
        lines += [f"  makes {' '.join(map(str, group))}" for group in cell.makes]
    lines += [f"{edge.source} -> {edge.target}  {edge.kind.value} {edge.name}" for edge in graph.edges]
    lines += [f"fuse {fusion.first} {fusion.second}: {fusion.reason}" for fusion in graph.fusions]
    lines += [f"parameter {name}" for name in graph.parameters]
    return _joined(lines)


def plan_text(plan: Plan) -> str:
    """The steps with their cells, inputs and outputs, and what is sent where."""
    lines = [f"plan {plan.granularity.value}"]
    for step in plan.steps:
        lines.append(f"step {step.id}  cells {' '.join(map(str, step.cells))}  on {step.target}")
        lines += [f"  why {step.why}"] if step.why else []
        lines += [f"  replays {' '.join(map(str, step.replays))}"] if step.replays else []
        lines += [f"  inputs {' '.join(map(str, step.inputs))}"] if step.inputs else []
        lines += [f"  saves {payload.id}: {' '.join(map(str, payload.versions))}" for payload in step.payloads]
        lines += [f"  cuts {cut.id}: {cut.version}" for cut in step.cuts]
        lines += [f"  scatters {' x '.join('+'.join(port.name for port in axis) for axis in step.scatter.axes)}"] if step.scatter else []
        lines += [f"  reads file {path}" for path in step.files_in]
        lines += [f"  writes file {path}" for path in step.files_out]
    for link in plan.links:
        sent = f"  {link.payload}{' in shards' if link.shards else ''}: {' '.join(map(str, link.versions))}" if link.payload else ""
        lines.append(f"{link.source} -> {link.target}{sent}")
    lines += [f"critical path {' '.join(plan.critical_path)}"] if plan.critical_path else []
    lines += bound_lines(plan)
    return _joined(lines)


def bundle_text(bundle: Bundle) -> str:
    """The files of a bundle with their sizes."""
    return _joined([f"{file.path}  {len(file.content)} bytes" for file in bundle.files])


def bound_lines(plan: Plan) -> tuple[str, ...]:
    """How fast the plan can be at best, and what in the notebook keeps it from being faster."""
    return (*_bound(plan.bound), *(f"hint {hint}" for hint in plan.bound.hints))


def _bound(bound: Bound) -> Iterator[str]:
    if not bound.path_seconds:
        return
    times = bound.cell_seconds / bound.path_seconds
    yield f"bound about {bound.path_seconds:.2g} of {bound.cell_seconds:.2g} s, so {times:.1f} times as fast at best"


def _via(chain: tuple[str, ...]) -> str:
    return f" via {' > '.join(chain)}" if chain else ""


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
