"""CellFacts + what the cells declare -> CellFacts in which the declarations count, and where the two contradict each other.

A declared input is read although the text does not name it, and a declared output is bound although the text does not
bind it. Files that a step declares are all it is taken to touch among those that cannot be made out of its text.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from nbcompile.model.diagnostic import Diagnostic, Outcome, Place, Span
from nbcompile.model.facts import CellFacts, Definition, Effect, FactsKind, Use
from nbcompile.model.workflow import Port, PortKind, Serializer, StepDeclaration, WorkflowDeclaration
from nbcompile.rules import workflow as rules

_START = Span(1, 1, 1, 1)
_SOME_FILE = "./"
_WILD = re.compile(r"[*?\[]")


def apply_declarations(facts: Sequence[CellFacts], workflow: WorkflowDeclaration) -> Outcome[tuple[CellFacts, ...]]:
    """The facts of all cells, with what their cells declare."""
    sent = _sent_as_values(facts, workflow)
    # What cannot be sent as it is can be sent as what such code makes of it.
    packed = {name for name, serializer in _packed([one.step for one in workflow.cells if one.step]) if serializer.predump}
    bound = {made.name for cell in facts for made in cell.definitions}
    seen = all(cell.kind is not FactsKind.OPAQUE for cell in facts)
    changed: list[CellFacts] = []
    diagnostics: list[Diagnostic] = []
    for cell in facts:
        declared = workflow.of(cell.index)
        kept = without_replays_of(cell, sent)
        kept = replace(kept, stuck=tuple(stuck for stuck in kept.stuck if stuck.name not in packed)) if packed else kept
        if declared and declared.step:
            diagnostics += _contradictions(kept, declared.step, bound)
            # A cell that cannot be seen through may bind any name.
            diagnostics += _unbound_inputs(kept, declared.step, bound) if seen else ()
            kept = _declared(kept, declared.step)
            if any(_written_since(name, changed) for name in _named_files(declared.step)):
                kept = replace(kept, effects=(*kept.effects, Effect("files", "read", _SOME_FILE, _START)))
            bound.update(made.name for made in kept.definitions)
        changed.append(kept)
    return Outcome(tuple(changed), tuple(diagnostics))


def without_replays(facts: Sequence[CellFacts], cells: Sequence[int]) -> tuple[CellFacts, ...]:
    """The facts, with nothing that these cells bind to be had by running a statement again: each run may be given other values."""
    names = {made.name for cell in facts if cell.index in cells for made in cell.definitions}
    return tuple(without_replays_of(cell, names) if cell.index in cells else cell for cell in facts)


def _sent_as_values(facts: Sequence[CellFacts], workflow: WorkflowDeclaration) -> set[str]:
    """The names that are cut into shards, packed, or whose files go with them: each must come from the cell that made it."""
    steps = [declared.step for declared in workflow.cells if declared.step]
    scattered = {
        name for step in steps if step.scatter for split in step.scatter.splits for name in (split.name, *_source(split.name, step))
    }
    files = {port.value_from for step in steps for port in step.inputs if port.kind is PortKind.FILE and port.value_from}
    return scattered | files | {name for name, _ in _packed(steps)} | {name for cell in facts for name in cell.scatter}


def _packed(steps: Sequence[StepDeclaration]) -> Iterator[tuple[str, Serializer]]:
    """The variables that code of the notebook packs before they are sent."""
    for step in steps:
        yield from ((port.value_from, port.serializer) for port in step.inputs if port.serializer and port.value_from)
        yield from ((port.name, port.serializer) for port in step.outputs if port.serializer)


def _source(name: str, step: StepDeclaration) -> tuple[str, ...]:
    """The variable that a declared input comes from."""
    return tuple(port.value_from for port in step.inputs if port.name == name and port.value_from)


def without_replays_of(cell: CellFacts, names: set[str]) -> CellFacts:
    """The facts of a cell, with nothing that has one of these names to be had by running a statement again."""
    dropped = {statement.id for statement in cell.statements if not names.isdisjoint(statement.binds)}
    if not dropped:
        return cell
    return replace(
        cell,
        kind=FactsKind.ORDINARY if cell.kind is FactsKind.DEFINITION else cell.kind,
        definitions=tuple(made._replace(statement=None) if made.statement in dropped else made for made in cell.definitions),
        statements=tuple(statement for statement in cell.statements if statement.id not in dropped),
    )


def _declared(cell: CellFacts, step: StepDeclaration) -> CellFacts:
    """One cell with its ports."""
    given = {port.name for port in step.inputs if port.kind is not PortKind.CONTROL and port.value_from != port.name}
    cell = without_replays_of(cell, _made_of(cell, given))
    uses = [use for use in cell.uses if use.name not in given]
    uses += [Use(name, _START) for name in _read_by_ports(cell, step) if name not in {use.name for use in uses}]
    made = [Definition(port.name, _START) for port in step.outputs if _binds(port)]
    names = {definition.name for definition in made}
    declares_files = any(port.kind is PortKind.FILE for port in (*step.inputs, *step.outputs))
    effects = [effect for effect in cell.effects if not (declares_files and _unclear(effect))]
    effects += [_touched(port, "read") for port in step.inputs if port.kind is PortKind.FILE and isinstance(port.value, str)]
    effects += [_touched(port, "write") for port in step.outputs if port.kind is PortKind.FILE and isinstance(port.value, str)]
    if step.background:
        # Later cells do not wait for it, so that what it does outside has no order with what they do.
        effects = [effect for effect in effects if effect.channel not in ("network", "process", "database")]
    return replace(
        cell,
        kind=FactsKind.ORDINARY if cell.kind in (FactsKind.DEFINITION, FactsKind.EMPTY) else cell.kind,
        uses=tuple(uses),
        definitions=(*(one for one in cell.definitions if one.name not in names), *made),
        effects=tuple(effects),
        split=True,
    )


def _named_files(step: StepDeclaration) -> Iterator[str]:
    """The variables that say which files a step reads."""
    return (port.value_from for port in step.inputs if port.kind is PortKind.FILE and port.value_from)


def _written_since(name: str, above: Sequence[CellFacts]) -> bool:
    """Whether a file may have been written after the variable was bound that names it, so that it did not go along with the name."""
    maker = max((cell.index for cell in above if any(made.name == name for made in cell.definitions)), default=-1)
    later = (effect for cell in above if cell.index > maker for effect in cell.effects)
    return any(effect.channel == "files" and effect.mode != "read" and not effect.subject.startswith(("/", "~")) for effect in later)


def _made_of(cell: CellFacts, given: set[str]) -> set[str]:
    """The names whose statements read what ports bind, which is there only while the cell runs."""
    found: set[str] = set()
    for statement in cell.statements:
        own = {name for name, _ in statement.own}
        if not given.isdisjoint(statement.uses) or not found.isdisjoint(own):
            found.update(statement.binds)
    return found


def _read_by_ports(cell: CellFacts, step: StepDeclaration) -> Iterator[str]:
    defined = {made.name for made in cell.definitions}
    yield from (port.value_from for port in step.inputs if port.kind is not PortKind.CONTROL and port.value_from)
    yield from (port.value_from for port in step.outputs if port.value_from and port.value_from not in defined)
    given = {port.name for port in step.inputs if port.kind is not PortKind.CONTROL}
    yield from (split.name for split in (step.scatter.splits if step.scatter else ()) if split.name not in given)


def _binds(port: Port) -> bool:
    """Whether an output makes a name that the text itself does not make."""
    if port.kind is PortKind.CONTROL:
        return False
    return port.value is not None or port.value_from != port.name or port.serializer is not None


def _unclear(effect: Effect) -> bool:
    return (effect.channel == "files" and effect.subject == _SOME_FILE) or effect.channel == "process"


def _touched(port: Port, mode: str) -> Effect:
    path = str(port.value).removeprefix("./")
    wild = _WILD.search(path)
    # Which of the files in a directory a pattern means is known only there.
    subject = (path[: wild.start()].rpartition("/")[0] + "/" if "/" in path[: wild.start()] else _SOME_FILE) if wild else path
    return Effect("files", mode, subject, _START)


def _contradictions(cell: CellFacts, step: StepDeclaration, bound: set[str]) -> Iterator[Diagnostic]:
    place = Place(cell.index, cell.cell)
    read = {use.name: use.span for use in cell.uses}
    inputs = {port.name for port in step.inputs}
    if not step.autoin:
        for name, span in read.items():
            if name not in inputs and name in bound:
                yield Diagnostic(
                    rule=rules.UNDECLARED_INPUT,
                    message=f"the cell reads `{name}`, which is not among its declared inputs",
                    place=place._replace(span=span),
                    help=f"add `{name}` to `in`, or leave out `autoin: false`",
                )
    yield from _unknown_values(step, bound, place)
    yield from _missing_outputs(cell, step, place)
    yield from _unread_shards(cell, step, read.keys() | inputs, place)
    yield from _unused_serializers(step, place)
    if step.background and step.outputs:
        yield Diagnostic(
            rule=rules.WITHOUT_EFFECT,
            message="a cell with outputs cannot run in the background",
            place=place._replace(key=(*step.at, "background")),
            help="remove `background`, or the outputs",
        )


def _unused_serializers(step: StepDeclaration, place: Place) -> Iterator[Diagnostic]:
    cut = {split.name for split in step.scatter.splits} if step.scatter else set()
    for port in (*step.inputs, *step.outputs):
        in_shards = port.name in cut or (step.scatter is not None and port in step.outputs)
        if port.serializer and (port.kind is not PortKind.NAME or in_shards):
            why = "shards are sent as they are" if in_shards else f"only variables are packed, and it is of type `{port.kind.value}`"
            yield Diagnostic(
                rule=rules.WITHOUT_EFFECT,
                message=f"the serializer of `{port.name}` is not used: {why}",
                place=place._replace(key=port.at),
                help="do in the cells what it does, or take it out",
            )


def _unknown_values(step: StepDeclaration, bound: set[str], place: Place) -> Iterator[Diagnostic]:
    """Jupyter Workflow takes a name that the notebook does not bind from Python's own names."""
    for port in step.inputs:
        if port.value_from and port.value_from not in bound and hasattr(builtins, port.value_from):
            yield Diagnostic(
                rule=rules.UNBOUND_VALUE,
                message=f"`{port.value_from}` is a name of Python's own, and nothing in the notebook binds it",
                place=place._replace(key=port.at),
                help="name a variable of the notebook",
            )


def _unbound_inputs(cell: CellFacts, step: StepDeclaration, bound: set[str]) -> Iterator[Diagnostic]:
    """What a cell reads and nothing binds, the notebook takes from outside; what it does not even read is a mistake."""
    place, known = Place(cell.index, cell.cell), bound | {use.name for use in cell.uses} | {*dir(builtins)}
    for port in step.inputs:
        name = port.value_from
        if port.kind in (PortKind.NAME, PortKind.FILE) and name and name not in known:
            yield Diagnostic(
                rule=rules.UNBOUND_INPUT,
                message=f"the cell declares the input `{name}`, which no cell binds and it does not read",
                place=place._replace(key=port.at),
                help="correct the name, or say where its value comes from with `valueFrom` or `value`",
            )


def _missing_outputs(cell: CellFacts, step: StepDeclaration, place: Place) -> Iterator[Diagnostic]:
    if cell.kind is FactsKind.OPAQUE:
        return
    there = {made.name for made in cell.definitions} | {use.name for use in cell.uses} | {port.name for port in step.inputs}
    for port in step.outputs:
        if port.kind is not PortKind.CONTROL and port.value is None and port.value_from not in there:
            yield Diagnostic(
                rule=rules.MISSING_OUTPUT,
                message=f"the cell declares the output `{port.name}` and never binds `{port.value_from}`",
                place=place._replace(key=port.at),
                help="bind it in the cell, or say where it comes from with `valueFrom` or `value`",
            )


def _unread_shards(cell: CellFacts, step: StepDeclaration, read: set[str], place: Place) -> Iterator[Diagnostic]:
    for split in step.scatter.splits if step.scatter and cell.kind is not FactsKind.OPAQUE else ():
        if split.name not in read:
            yield Diagnostic(
                rule=rules.UNREAD_SHARD,
                message=f"the cell is scattered over `{split.name}` and does not read it",
                place=place._replace(key=split.at),
                help="every shard would do the same: take the name out of the scatter, or declare it in `in`",
            )
