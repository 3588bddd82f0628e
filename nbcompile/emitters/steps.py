"""Plan + facts + Notebook -> what the step runtime reads: a document per step (docs/reference/step.md), and the notebook's template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nbcompile.emitters.canonical import json_bytes
from nbcompile.emitters.outdated import Outdated
from nbcompile.emitters.parameters import file_parameters, parameter_entries
from nbcompile.emitters.watched import Watched, final_names, held_versions, watched_names
from nbcompile.model.bundle import StepFile
from nbcompile.model.facts import CellFacts
from nbcompile.model.graph import CHANNEL, FILE, RESULTS, DataflowGraph, GraphCell, Version, last_makers
from nbcompile.model.notebook import Notebook
from nbcompile.model.parameters import Parameters
from nbcompile.model.plan import Binding, Cut, Payload, Plan, Step, StepScatter, Unpacking
from nbcompile.model.run import Account
from nbcompile.model.workflow import Port, PortKind, StepDeclaration, WorkflowDeclaration

SILENT = Account()


def step_files(
    plan: Plan,
    facts: Sequence[CellFacts],
    graph: DataflowGraph,
    notebook: Notebook,
    workflow: WorkflowDeclaration = WorkflowDeclaration(),
    parameters: Parameters = Parameters(),
    *,
    account: Account = SILENT,
) -> tuple[StepFile, ...]:
    """One document `nbcompile/step/1` per step, in the plan's order."""
    writer = _Writer(facts, graph, notebook, account, workflow)
    if parameters.known:
        writer.parameters = parameters
        writer.entries = parameter_entries(parameters, file_parameters(parameters, plan).values())
    if len(plan.steps) > 1:
        writer.watched = watched_names(graph, facts)
    return tuple(StepFile(step.id, json_bytes(writer.document(step, plan))) for step in plan.steps)


def _final_names(graph: DataflowGraph, facts: Sequence[CellFacts], account: Account) -> dict[int, tuple[str, ...]]:
    """For each cell the variables that may be final after it: those whose last version it makes, or deletes; in a plain run all at the end.

    What a cell binds perhaps may still be what an earlier cell has bound.
    """
    if not (account.values or account.keeps):
        return {}
    last = {name: cell for name, cell in last_makers(graph).items() if name not in RESULTS and not name.startswith((FILE, CHANNEL))}
    if account.plain:
        return {graph.cells[-1].index: tuple(last)} if graph.cells else {}
    found: dict[int, dict[str, None]] = {}
    for name, maker in last.items():
        for cell in reversed(graph.cells[: maker + 1]):
            makes = (version.name for group in cell.makes for version in group)
            if cell.index == maker or name in {*cell.defines, *cell.mutates, *cell.deletes, *makes}:
                found.setdefault(cell.index, {})[name] = None
                if any(one.name == name for one in cell.needs) or _binds_surely(facts[cell.index], name):
                    break
    return {index: tuple(names) for index, names in found.items()}


def _binds_surely(cell: CellFacts, name: str) -> bool:
    made = [one.certain for one in cell.definitions if one.name == name]
    return any(made) or not made


def _files(cell: GraphCell) -> Iterator[Version]:
    return (version for group in cell.makes for version in group if version.name.startswith(FILE))


def notebook_template(notebook: Notebook) -> bytes:
    """The notebook without outputs, as nbformat 4.5 JSON."""
    return json_bytes(notebook.document)


class _Writer:
    """What all step documents of a notebook share."""

    def __init__(
        self, facts: Sequence[CellFacts], graph: DataflowGraph, notebook: Notebook, account: Account, workflow: WorkflowDeclaration
    ) -> None:
        self.graph, self.notebook, self.account = graph, notebook, account
        self.makers = last_makers(graph)
        self.final = _final_names(graph, facts, account)
        self.unforeseen = {cell.index for cell in facts if cell.opaque}
        self.parameters, self.entries = Parameters(), list[dict[str, object]]()
        self.declared = {cell.cell: cell.step for cell in workflow.cells if cell.step}
        self.watched: Mapping[int, Watched] = {}
        replayable = set(graph.replayable)
        self.statements = [statement for cell in facts for statement in cell.statements if statement.id in replayable]
        bound = [(name, cell.index) for cell in reversed(graph.cells) for name in (*cell.defines, *cell.deletes)]
        files = [(version.name, cell.index) for cell in reversed(graph.cells) for version in _files(cell)]
        self.names = sorted(dict(bound))
        self.first_bound = dict(sorted(dict([*bound, *files]).items()))
        self.counts = _execution_counts(notebook)
        self.outdated = Outdated(graph, facts)
        self.live = {cell.index: sorted({name for live in cell.live for name in live.names}) for cell in facts}

    def document(self, step: Step, plan: Plan) -> dict[str, object]:
        """The document of one step."""
        earlier = [statement for statement in self.statements if statement.id.cell <= step.cells[-1]]
        # One step for the whole notebook is a kernel: what any cell binds is there for all that runs later.
        whole = len(plan.steps) == 1 and not step.scatter
        sources = {str(cell): self.notebook.code_cells[cell].source for cell in sorted({statement.id.cell for statement in earlier})}
        return {
            "schema": "nbcompile/step/1",
            "notebook": self.notebook.name,
            "step": step.id,
            "names": self.names,
            "first_bound": self.first_bound,
            "sources": sources,
            "counts": {cell: self.counts[int(cell)] for cell in sources},
            "definitions": [
                {"id": str(s.id), "cell": s.id.cell, "lines": list(s.lines), "binds": list(s.binds), "uses": list(s.uses)} for s in earlier
            ],
            "cells": [self._cell(step, binding) for binding in step.bindings],
            **({"unpacks": [_unpacked(one) for one in step.unpacks]} if step.unpacks else {}),
            **({"folders": list(step.folders)} if step.folders else {}),
            **({"path": list(plan.module_path)} if plan.module_path else {}),
            **({"directory": plan.directory} if plan.directory else {}),
            **(_scattered(step.scatter, gathered_payloads(step, plan)) if step.scatter else {}),
            **{word: True for word in ("plain", "repairs", "trace") if getattr(self.account, word) or (word == "plain" and whole)},
        }

    @property
    def _final_words(self) -> Iterator[str]:
        return (word for word, wanted in (("describes", self.account.values), ("keeps", self.account.keeps)) if wanted)

    def _cell(self, step: Step, binding: Binding) -> dict[str, object]:
        cell, flow = self.notebook.code_cells[binding.cell], self.graph.cells[binding.cell]
        cuts = [cut for cut in step.cuts if cut.version.cell == cell.index]
        outdated = self.outdated.names(cell.index, binding.replays)
        live = self.live[cell.index] if cell.index != step.cells[-1] else ()
        held = held_versions(self.graph, step, cell.index) if cell.index in self.watched else ()
        return {
            "index": cell.index,
            "id": cell.id,
            "execution_count": self.counts[cell.index],
            "source": cell.source,
            "tags": list(cell.tags),
            "needs": [str(version) for version in binding.needs],
            "replays": [str(statement) for statement in binding.replays],
            **({"outdated": outdated} if outdated else {}),
            "defines": list(flow.defines),
            "changes": _changes(flow),
            "deletes": list(flow.deletes),
            **({"live": live} if live else {}),
            **(self._watched(step, cell.index) if cell.index in self.watched else {}),
            **({"holds": [str(version) for version in held]} if held else {}),
            "saves": [_save(payload) for payload in step.payloads if payload.cell == cell.index],
            **{word: list(self.final[cell.index]) for word in self._final_words if cell.index in self.final},
            **({"describes_unforeseen": True} if self.account.values and cell.index in self.unforeseen else {}),
            **({"cuts": [_cut(one) for one in cuts]} if cuts else {}),
            **(_ports(self.declared[cell.index]) if cell.index in self.declared else {}),
            **({"parameters": self.entries} if cell.index == self.parameters.taken_by else {}),
        }

    def _watched(self, step: Step, index: int) -> dict[str, object]:
        """What the cell should leave alone; variables for the sake of their last values only where somebody wants those."""
        watched = self.watched[index]
        final = final_names(self.graph, step, index, self.makers) if self.final else ()
        return watched._replace(watches=tuple(dict.fromkeys((*watched.watches, *final)))).fields()


def _changes(flow: GraphCell) -> list[str]:
    """What a cell may change, or let others change through it, as names of versions. Unseeded generators have no versions."""
    made = [version.name for group in flow.makes for version in group if version.name not in flow.defines]
    state = [CHANNEL + effect.channel for effect in flow.effects if effect.mode != "read" and effect.channel != "files"]
    return list(dict.fromkeys((*flow.mutates, *made, *state)))


def _ports(step: StepDeclaration) -> dict[str, object]:
    """What is bound before and after the cell, besides what the cell itself does."""
    sides = {"inputs": step.inputs, "outputs": step.outputs}
    found = {side: [_port(port) for port in ports if _binds(port)] for side, ports in sides.items()}
    return {side: entries for side, entries in found.items() if entries}


def _binds(port: Port) -> bool:
    if port.kind is PortKind.CONTROL:
        return False
    return port.kind is PortKind.ENV or port.value is not None or port.value_from != port.name


def _port(port: Port) -> dict[str, object]:
    return {"name": port.name, "kind": port.kind.value, "source": port.value_from, "value": port.value}


def _save(payload: Payload) -> dict[str, object]:
    versions = [str(version) for version in payload.versions]
    packed = {"packed": {"code": payload.packed.predump, "file": payload.packed.kind is PortKind.FILE}} if payload.packed else {}
    return {"payload": payload.id, "versions": versions, **({"carries": list(payload.carries)} if payload.carries else {}), **packed}


def _unpacked(unpacking: Unpacking) -> dict[str, object]:
    """What makes a version of what was sent."""
    inner = (unpacking.inner.predump, unpacking.inner.postload) if unpacking.inner else ()
    codes = [code for code in (unpacking.outer.postload, *inner) if code]
    return {"version": str(unpacking.version), "codes": codes, "file": unpacking.outer.kind is PortKind.FILE}


def _cut(cut: Cut) -> dict[str, object]:
    words = {"cut": cut.id, "version": str(cut.version), "size": cut.size, "num": cut.num}
    return {**words, **({"carries": True} if cut.carries else {})}


def _scattered(scatter: StepScatter, gathered: Sequence[str]) -> dict[str, object]:
    axes = [[port.source for port in axis] for axis in scatter.axes]
    names = {"kept": list(scatter.kept), "last": list(scatter.last), "joined": list(scatter.joined), "paths": list(scatter.paths)}
    names |= {"alike": list(scatter.alike)} if scatter.alike else {}
    return {"scatter": {"axes": axes, **names, "gathers": list(gathered), "shows": scatter.shows}}


def gathered_payloads(step: Step, plan: Plan) -> tuple[str, ...]:
    """The payloads of a scattered step that another step needs as a whole."""
    whole = {link.payload for link in plan.links if link.source == step.id and not link.shards}
    cut = {cut.version for cut in step.cuts}
    return tuple(payload.id for payload in step.payloads if payload.id in whole or cut.intersection(payload.versions))


def _execution_counts(notebook: Notebook) -> tuple[int | None, ...]:
    """The number a clean run gives each code cell; a kernel does not count cells that are empty or skipped."""
    counts: list[int | None] = []
    last = 0
    for cell in notebook.code_cells:
        runs = bool(cell.source.strip()) and "skip-execution" not in cell.tags
        last += runs
        counts.append(last if runs else None)
    return tuple(counts)
