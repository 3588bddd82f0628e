"""Files that are at a deployment already and never move: which steps read them, and whether those run there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from nbcompile.model.diagnostic import Diagnostic, Place
from nbcompile.model.facts import CellFacts
from nbcompile.model.plan import Plan, Step
from nbcompile.model.software import Site, Software
from nbcompile.rules import workflow as rules


class ResidentRead(NamedTuple):
    """A step's cell that names a path of `home`, a deployment. `is_input` says that it must be there when the run starts."""

    path: str
    home: str
    step: Step
    place: Place
    is_input: bool = False


def resident_reads(plan: Plan, facts: Sequence[CellFacts], resident: Mapping[str, str]) -> tuple[ResidentRead, ...]:
    """Every resident path that a cell names, once for each step."""
    named = [(cell, effect) for cell in facts for effect in cell.effects if effect.channel == "files" and effect.subject.startswith("/")]
    written = {effect.subject for _, effect in named if effect.mode != "read"}
    steps = {cell: step for step in plan.steps for cell in step.cells}
    found: dict[tuple[str, str], ResidentRead] = {}
    for cell, effect in named:
        home, step = _home(effect.subject, resident), steps[cell.index]
        if home:
            place = Place(cell.index, cell.cell, effect.span)
            is_input = effect.subject not in written and "*" not in effect.subject
            found.setdefault((step.id, effect.subject), ResidentRead(effect.subject, home, step, place, is_input))
    return tuple(found.values())


def misplaced(reads: Sequence[ResidentRead], path: str) -> tuple[Diagnostic, ...]:
    """A finding for each cell that runs elsewhere than the files that it names, and that never move."""
    return tuple(_misplaced(reads, path))


def _misplaced(reads: Sequence[ResidentRead], path: str) -> Iterator[Diagnostic]:
    for read in reads:
        target = read.step.target
        if target != read.home:
            yield Diagnostic(
                rule=rules.RESIDENT_ELSEWHERE,
                message=f"`{read.path}` stays at `{read.home}`, and the cell runs at {Site(target)}",
                place=read.place,
                help=f"place the cell at `{read.home}`",
                path=path,
            )


def missing_files(reads: Sequence[ResidentRead], found: Mapping[Site, Software], path: str) -> tuple[Diagnostic, ...]:
    """A finding for each resident path that is not there."""
    return tuple(
        Diagnostic(
            rule=rules.RESIDENT_MISSING,
            message=f"`{read.path}` is not at `{read.home}`",
            place=read.place,
            help="correct the path, or `files.resident` of nbcompile.yml; see that you may read it there",
            path=path,
        )
        for read in reads
        if read.path in found[Site(read.step.target, read.step.environment)].gone
    )


def _home(path: str, resident: Mapping[str, str]) -> str:
    """The deployment of the longest prefix, by whole parts of the path."""
    whole = PurePosixPath(path)
    prefixes = [prefix for prefix in resident if whole.is_relative_to(prefix)]
    return resident[max(prefixes, key=len)] if prefixes else ""
