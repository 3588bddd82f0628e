"""Every stage as a JSON document for machines: stable, versioned, described in docs/reference/json.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nbcompile.model.bundle import Bundle
from nbcompile.model.diagnostic import Span
from nbcompile.model.facts import CellFacts, Effect
from nbcompile.model.graph import DataflowGraph, GraphCell
from nbcompile.model.notebook import Notebook
from nbcompile.model.plan import Plan, Step


def notebook_json(notebook: Notebook) -> str:
    """The document `nbcompile/notebook/1`."""
    cells = [
        {"position": cell.position, "index": cell.index, "id": cell.id, "kind": cell.kind.value, "tags": cell.tags, "source": cell.source}
        for cell in notebook.cells
    ]
    return _document("notebook", name=notebook.name, kernel=notebook.kernel, python_version=notebook.python_version, cells=cells)


def facts_json(facts: Sequence[CellFacts]) -> str:
    """The document `nbcompile/facts/1`."""
    return _document("facts", cells=[_facts(cell) for cell in facts])


def graph_json(graph: DataflowGraph) -> str:
    """The document `nbcompile/graph/1`."""
    edges = [{"source": e.source, "target": e.target, "name": e.name, "kind": e.kind.value} for e in graph.edges]
    fusions = [{"cells": [f.first, f.second], "reason": f.reason} for f in graph.fusions]
    return _document("graph", cells=[_graph_cell(cell) for cell in graph.cells], edges=edges, fusions=fusions, parameters=graph.parameters)


def plan_json(plan: Plan) -> str:
    """The document `nbcompile/plan/1`."""
    links = [{"source": link.source, "target": link.target, "payload": [str(version) for version in link.versions]} for link in plan.links]
    steps = [_step(step) for step in plan.steps]
    bound = {"cell_seconds": plan.bound.cell_seconds, "path_seconds": plan.bound.path_seconds, "hints": plan.bound.hints}
    return _document("plan", granularity=plan.granularity.value, steps=steps, links=links, critical_path=plan.critical_path, bound=bound)


def bundle_json(bundle: Bundle) -> str:
    """The document `nbcompile/bundle/1`."""
    files = [{"path": str(file.path), "bytes": len(file.content)} for file in bundle.files]
    return _document("bundle", files=files, input_files=bundle.input_files)


def _document(stage: str, **fields: object) -> str:
    return json.dumps({"schema": f"nbcompile/{stage}/1", **fields}, indent=1) + "\n"


def _facts(cell: CellFacts) -> dict[str, Any]:
    return {
        "index": cell.index,
        "id": cell.cell,
        "kind": cell.kind.value,
        "uses": [{"name": use.name, "via": use.via, **_span(use.span)} for use in cell.uses],
        "definitions": [{"name": made.name, "certain": made.certain, **_span(made.span)} for made in cell.definitions],
        "deletions": [{"name": gone.name, "certain": gone.certain, **_span(gone.span)} for gone in cell.deletions],
        "changes": [{"name": change.name, "reason": change.reason, **_span(change.span)} for change in cell.changes],
        "sharing": [shared._asdict() for shared in cell.sharing],
        "effects": [{**_effect(effect), **_span(effect.span)} for effect in cell.effects],
        "statements": [{"id": str(s.id), "lines": s.lines, "binds": s.binds, "uses": s.uses} for s in cell.statements],
        "unknowns": [{"reason": unknown.reason, "remedy": unknown.remedy, **_span(unknown.span)} for unknown in cell.unknowns],
        "stuck": [{"name": stuck.name, "reason": stuck.reason, **_span(stuck.span)} for stuck in cell.stuck],
        "live": [{"names": live.names, "reason": live.reason, **_span(live.span)} for live in cell.live],
        "libraries": cell.libraries,
        "unknown_libraries": cell.unknown_libraries,
        "makers": cell.makers,
        "opaque": cell.opaque,
        "ends_early": cell.ends_early,
    }


def _graph_cell(cell: GraphCell) -> dict[str, Any]:
    return {
        "index": cell.index,
        "id": cell.cell,
        "kind": cell.kind.value,
        "defines": cell.defines,
        "uses": cell.uses,
        "mutates": cell.mutates,
        "deletes": cell.deletes,
        "effects": [_effect(effect) for effect in cell.effects],
        "aliases": cell.aliases,
        "needs": [str(version) for version in cell.needs],
        "replays": [str(statement) for statement in cell.replays],
        "makes": [[str(version) for version in group] for group in cell.makes],
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {"channel": effect.channel, "mode": effect.mode, "subject": effect.subject}


def _step(step: Step) -> dict[str, Any]:
    needs = step.resources
    resources = {
        "cpus": needs.cpus,
        "memory_mib": needs.memory_mib,
        "gpus": needs.gpus or None,
        "gpu_type": needs.gpu_type or None,
        "minutes": needs.minutes,
    }
    return {
        "id": step.id,
        "cells": step.cells,
        "replays": sorted({statement.cell for statement in step.replays}),
        "inputs": [str(version) for version in step.inputs],
        "outputs": [str(version) for version in step.outputs],
        "files": {"in": step.files_in, "out": step.files_out},
        "scatter": [[{"name": port.name, "source": port.source} for port in axis] for axis in step.scatter.axes] if step.scatter else None,
        "target": step.target,
        "resources": {name: value for name, value in resources.items() if value is not None},
        "label": step.label,
        "why": step.why,
    }


def _span(span: Span) -> dict[str, int]:
    return {"line": span.line, "column": span.column, "end_line": span.end_line, "end_column": span.end_column}
