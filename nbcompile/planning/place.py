"""Where each cell runs and what it asks of the place: from the command, nbcompile.yml, the cell's own words, in this order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nbcompile.model.diagnostic import Diagnostic, Place, Related
from nbcompile.model.facts import CellFacts
from nbcompile.model.notebook import Cell, Notebook
from nbcompile.model.plan import Resources
from nbcompile.model.project import PlacementRule, PlacementSettings
from nbcompile.model.resources import resources_of, with_usual
from nbcompile.model.settings import Settings
from nbcompile.model.workflow import CellDeclaration, WorkflowDeclaration
from nbcompile.rules import workflow as rules


class CellPlace(NamedTuple):
    """Where a cell runs. `asked` tells who asked for it, and is empty for a cell that runs where nobody asked otherwise."""

    target: str = "local"
    environment: str = ""
    service: str = ""
    locations: int = 1
    interpreter: str = ""
    workdir: str = ""
    resources: Resources = Resources()
    asked: str = ""

    @property
    def demand(self) -> CellPlace:
        """The place without who asked for it: cells with the same demand may share a step."""
        return self._replace(asked="")


def cell_places(notebook: Notebook, facts: Sequence[CellFacts], workflow: WorkflowDeclaration, settings: Settings) -> tuple[CellPlace, ...]:
    """The place of each code cell."""
    placement = settings.project.placement if settings.project else PlacementSettings()
    return tuple(_place(notebook.code_cells[cell.index], cell, workflow.of(cell.index), placement, settings.on) for cell in facts)


def _place(cell: Cell, facts: CellFacts, declared: CellDeclaration | None, placement: PlacementSettings, on: str) -> CellPlace:
    number, rule = next(((n, rule) for n, rule in enumerate(placement.rules) if _fits(rule, cell, facts)), (0, None))
    place = _declared(facts, declared, placement.default)._replace(resources=resources_of(placement.resources))
    if rule:
        asked = f"rule {number} of nbcompile.yml"
        resources = resources_of(with_usual(rule.resources, placement.resources))
        place = place._replace(environment=rule.environment, resources=resources, asked=asked)
        # What the notebook says about its own target means nothing at another one.
        place = (
            place if rule.target in ("", place.target) else CellPlace(rule.target, rule.environment, resources=place.resources, asked=asked)
        )
    return CellPlace(on, place.environment, resources=place.resources, asked="the command") if on and on != place.target else place


def _declared(facts: CellFacts, declared: CellDeclaration | None, default: str) -> CellPlace:
    """Where the cell itself asks to run."""
    if facts.target:
        return CellPlace(facts.target, asked="the cell's directive")
    if declared is None or declared.step is None:
        return CellPlace(default)
    target, workdir = declared.target, declared.step.workdir
    if target is None:
        asked = "the cell's metadata" if workdir or declared.interpreter else ""
        return CellPlace(default, interpreter=declared.interpreter, workdir=workdir, asked=asked)
    return CellPlace(
        target.deployment,
        service=target.service,
        locations=target.locations,
        interpreter=declared.interpreter,
        workdir=target.workdir or workdir,
        asked="the cell's metadata",
    )


def _fits(rule: PlacementRule, cell: Cell, facts: CellFacts) -> bool:
    select = rule.cells
    return (
        not set(select.tags).isdisjoint(cell.tags)
        or cell.id in select.ids
        or not set(select.defines).isdisjoint(made.name for made in facts.definitions)
    )


def common_place(cells: Iterable[int], places: Sequence[CellPlace]) -> CellPlace:
    """Where the cells of one step run together: where one of them asks to."""
    members = tuple(cells)
    return next((places[cell] for cell in members if places[cell].asked), places[members[0]])


def conflict(cells: Sequence[int], places: Sequence[CellPlace], notebook: Notebook, why: str) -> Diagnostic | None:
    """Two cells of one step that ask for different places, if there are such."""
    asking = [cell for cell in cells if places[cell].asked]
    other = next((cell for cell in asking if places[cell].demand != places[asking[0]].demand), None)
    if other is None:
        return None
    first, second = notebook.code_cells[asking[0]], notebook.code_cells[other]
    return Diagnostic(
        rule=rules.PLACEMENT_CONFLICT,
        message=f"cell {first.index} and cell {second.index} must run together, and ask for different places",
        place=Place(second.index, second.id),
        label=_words(places[other]),
        related=(Related(Place(first.index, first.id), _words(places[asking[0]])),),
        help=f"place both alike, or take apart what holds them together ({why})",
    )


def _words(place: CellPlace) -> str:
    return f"`{place.target}`, by {place.asked}"
