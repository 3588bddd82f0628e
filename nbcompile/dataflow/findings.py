"""CellFacts and their graph -> what the author may want to know.

That is what could not be seen, what keeps cells together, and what differs from run to run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbcompile.model.diagnostic import Diagnostic, Place, Related, Span
from nbcompile.model.facts import TEMPORARY, CellFacts, Effect
from nbcompile.model.graph import DataflowGraph
from nbcompile.rules import dataflow as rules

_RANDOM = frozenset(("random", "numpy.random", "torch.random"))
_OUTSIDE = {
    "network": "reaches over the network",
    "database": "asks a database",
    "time": "reads the clock",
    "entropy": "draws random numbers that it has not seeded",
    "process": "starts another program",
    "references": "asks for addresses, references or the memory of objects",
}
_UNCLEAR = "./"


def find(facts: Sequence[CellFacts], graph: DataflowGraph) -> tuple[Diagnostic, ...]:
    """The findings of all cells, in notebook order."""
    seeded: set[str] = set()
    found: list[Diagnostic] = []
    for cell in facts:
        found += _unseen(cell)
        found += _changes(cell, facts)
        found += _random(cell, seeded)
        found += _outside(cell)
        found += _files(cell)
        found += _history(cell)
    return tuple(sorted((*found, *_fused(graph, facts), *_bound_later(facts, graph)), key=lambda one: one.place.cell_index))


def _place(cell: CellFacts, span: Span | None = None) -> Place:
    return Place(cell.index, cell.cell, span)


def _unseen(cell: CellFacts) -> Iterator[Diagnostic]:
    if cell.opaque and cell.opaque != "it does not parse":
        yield Diagnostic(
            rule=rules.OPAQUE_CELL, message=cell.opaque, place=_place(cell), help="name what is needed, or write `# nbc: pure` in the cell"
        )
    for span, reason, remedy in cell.unknowns:
        yield Diagnostic(rule=rules.UNKNOWN_CALL, message=reason, place=_place(cell, span), help=remedy)


def _changes(cell: CellFacts, facts: Sequence[CellFacts]) -> Iterator[Diagnostic]:
    """One finding for each statement that changes what another cell defined, with the names it reaches."""
    by_span: dict[tuple[Span, str], list[str]] = {}
    for name, span, reason, _ in cell.changes:
        by_span.setdefault((span, reason), []).append(name)
    for (span, reason), names in by_span.items():
        shown = ", ".join(f"`{name}`" for name in names)
        are, them = ("are", "them") if len(names) > 1 else ("is", "it")
        makers = [_place(maker, there) for name in names if (maker := _maker(name, cell, facts)) for there in _spans(name, maker)]
        yield Diagnostic(
            rule=rules.MUTATED_ACROSS_CELLS,
            message=f"{shown} {are} changed in place by a cell that does not define {them}",
            place=_place(cell, span),
            label=reason,
            related=tuple(Related(place, "defined here") for place in makers[:1]),
            help="bind a new name, or make the change in the cell that defines the value",
        )


def _maker(name: str, cell: CellFacts, facts: Sequence[CellFacts]) -> CellFacts | None:
    return next((one for one in reversed(facts[: cell.index]) if any(made.name == name for made in one.definitions)), None)


def _spans(name: str, cell: CellFacts) -> list[Span]:
    return [made.span for made in cell.definitions if made.name == name]


def _random(cell: CellFacts, seeded: set[str]) -> Iterator[Diagnostic]:
    for effect in sorted(cell.effects, key=lambda one: one.span):
        if effect.channel not in _RANDOM or effect.channel in seeded or effect.mode == "advance":
            continue
        seeded.add(effect.channel)
        if effect.mode == "draw":
            yield Diagnostic(
                rule=rules.UNSEEDED_RANDOM,
                message=f"the generator of `{effect.channel.partition('.')[0]}` is drawn from and was never seeded",
                place=_place(cell, effect.span),
                help="seed it in the first cell, or pass a generator of your own",
            )


def _outside(cell: CellFacts) -> Iterator[Diagnostic]:
    told: set[str] = set()
    for effect in cell.effects:
        if effect.channel == "stdin":
            yield Diagnostic(
                rule=rules.ASKS_THE_USER,
                message="the cell asks for input, and nobody is there to answer",
                place=_place(cell, effect.span),
                help="bind the answer in a cell tagged `parameters`",
            )
        elif effect.channel in _OUTSIDE and effect.channel not in told:
            told.add(effect.channel)
            yield Diagnostic(
                rule=rules.NOT_REPRODUCIBLE,
                message=f"the cell {_OUTSIDE[effect.channel]}, and may give another result in the next run",
                place=_place(cell, effect.span),
                help="keep what it gives in a file, or write `# nbc: allow=NB106`",
            )


def _files(cell: CellFacts) -> Iterator[Diagnostic]:
    by_shell = any(effect.channel == "process" for effect in cell.effects)
    for effect in cell.effects:
        if effect.channel != "files":
            continue
        # That code which cannot be read may use any file is said of the cell already.
        if effect.subject == _UNCLEAR and not by_shell and not (cell.opaque and effect.mode == "append"):
            yield Diagnostic(
                rule=rules.UNCLEAR_PATH,
                message=f"which file is {_mode(effect)} here cannot be seen",
                place=_place(cell, effect.span),
                help=f"say it on the line: `# nbc: {'reads' if effect.mode == 'read' else 'writes'}=NAME`",
            )
        elif (effect.subject.startswith(("/", "~", "../")) and not effect.subject.startswith(TEMPORARY)) or effect.subject == "..":
            yield Diagnostic(
                rule=rules.PATH_OUTSIDE,
                message=f"`{effect.subject}` lies outside the notebook's directory",
                place=_place(cell, effect.span),
                help="name it relative to the notebook; `files.resident` of nbcompile.yml is for what lies at a place already",
            )


def _mode(effect: Effect) -> str:
    return "read" if effect.mode == "read" else "written"


def _history(cell: CellFacts) -> Iterator[Diagnostic]:
    if cell.history:
        cells = ", ".join(map(str, cell.history))
        yield Diagnostic(
            rule=rules.READS_HISTORY,
            message=f"the result of cell {cells} is read as `_` or `Out`",
            place=_place(cell),
            help="give it a name",
        )


def _fused(graph: DataflowGraph, facts: Sequence[CellFacts]) -> Iterator[Diagnostic]:
    """One finding for each reason, at the cell where it starts."""
    by_reason: dict[tuple[int, str], list[int]] = {}
    for first, second, reason in graph.fusions:
        if first not in facts[second].history:
            by_reason.setdefault((first, reason), []).append(second)
    for (first, reason), others in by_reason.items():
        cells = f"cell{'s' if len(others) > 1 else ''} {', '.join(map(str, others))}"
        yield Diagnostic(
            rule=rules.FUSED_CELLS,
            message=f"{cells} must run in one process with this one: {reason}",
            place=_place(facts[first]),
            related=(Related(_place(facts[others[0]]), "the first of them"),),
            help="make and use it in one cell",
        )


def _bound_later(facts: Sequence[CellFacts], graph: DataflowGraph) -> Iterator[Diagnostic]:
    """Names without a value when they are first read, although a later cell binds them."""
    binders: dict[str, int] = {}
    for cell in facts:
        for made in cell.definitions:
            binders.setdefault(made.name, cell.index)
    for name in graph.parameters:
        reader = next((cell for cell in facts if any(use.name == name for use in cell.uses)), None)
        binder = binders.get(name, -1)
        if reader is None or binder <= reader.index:
            continue
        span = next(use.span for use in reader.uses if use.name == name)
        yield Diagnostic(
            rule=rules.BOUND_LATER,
            message=f"`{name}` is read here, and bound only later, in cell {binder}",
            place=_place(reader, span),
            related=tuple(Related(_place(facts[binder], made), "bound here") for made in _spans(name, facts[binder])[:1]),
            help="move the cell that binds it up",
        )
