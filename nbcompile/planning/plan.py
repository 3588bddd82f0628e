"""DataflowGraph + Settings + wishes -> Plan: partition, interface, places, order, critical path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nbcompile.model.diagnostic import Diagnostic, Outcome, Place
from nbcompile.model.facts import CellFacts
from nbcompile.model.graph import DataflowGraph, critical_path, dependencies, successors, topological
from nbcompile.model.notebook import Notebook
from nbcompile.model.plan import Granularity, Link, Plan, Step, StepId
from nbcompile.model.settings import Settings
from nbcompile.model.surroundings import Surroundings
from nbcompile.model.workflow import CellScatter, WorkflowDeclaration
from nbcompile.planning.bound import bound_of
from nbcompile.planning.cost import LOCAL_STEP_SECONDS, carried_seconds, estimate_seconds
from nbcompile.planning.interface import make_links, make_steps
from nbcompile.planning.partition import Part, Price, partition
from nbcompile.planning.place import CellPlace, cell_places, common_place, conflict
from nbcompile.planning.scatter import NOTHING_SPECIAL, Sending, only_alone, plan_sending
from nbcompile.rules import workflow as rules


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the notebook, the project and the command ask of a plan, cell by cell. Without any, cells run here as they come.

    `seconds` is how long cells are known to take, `stored` how long it takes to store what a cell makes, by cell and name.
    """

    places: tuple[CellPlace, ...] = ()
    sending: Sending = NOTHING_SPECIAL
    apart: frozenset[int] = frozenset()
    seconds: Mapping[int, float] = field(default_factory=dict)
    stored: Mapping[tuple[int, str], float] = field(default_factory=dict)


def read_wishes(
    graph: DataflowGraph,
    notebook: Notebook,
    facts: Sequence[CellFacts],
    workflow: WorkflowDeclaration,
    scatters: Sequence[CellScatter],
    settings: Settings,
) -> Wishes:
    """What is asked of the plan."""
    apart = frozenset(cell.index for cell in facts if cell.split)
    return Wishes(cell_places(notebook, facts, workflow, settings), plan_sending(graph, workflow, scatters), apart)


def make_plan(graph: DataflowGraph, notebook: Notebook, settings: Settings, beside: Surroundings, wishes: Wishes) -> Outcome[Plan]:
    """The steps, each after those it needs, and wishes that cannot be met."""
    seconds = [wishes.seconds.get(cell.index, estimate_seconds(cell)) for cell in notebook.code_cells]
    places = wishes.places or tuple(CellPlace() for _ in graph.cells)
    kinds = [(place.demand, cell if cell in wishes.apart or cell in wishes.sending.scatters else -1) for cell, place in enumerate(places)]
    price = Price(LOCAL_STEP_SECONDS, carried_seconds(graph, wishes.stored))
    parts = partition(graph, settings.granularity, seconds, price, kinds)
    sending = only_alone(wishes.sending, [part.cells for part in parts])
    order = topological([part.cells for part in parts], dependencies(graph))
    steps = make_steps(graph, notebook, [parts[place] for place in order], beside, sending)
    steps = tuple(_placed(step, common_place(step.cells, places)) for step in steps)
    links = make_links(graph, steps)
    length, path = _critical_path(steps, links, seconds)
    bound = bound_of(graph, length, seconds, LOCAL_STEP_SECONDS)
    made = Plan(
        granularity=settings.granularity,
        steps=steps,
        links=links,
        critical_path=path,
        bound=bound,
        module_path=beside.path,
        directory=beside.name if _asks_where_it_is(graph) else "",
    )
    whole = settings.granularity is Granularity.NOTEBOOK
    conflicts = [found for part in parts if (found := conflict(part.cells, places, notebook, "; ".join(part.why)))]
    return Outcome(made, (*conflicts, *(() if whole else _not_applied(wishes.sending, sending, notebook, parts))))


def _asks_where_it_is(graph: DataflowGraph) -> bool:
    """Whether a cell may see what the directory is called that it runs in."""
    return any(effect.channel == "cwd" and effect.mode == "read" for cell in graph.cells for effect in cell.effects)


def _placed(step: Step, place: CellPlace) -> Step:
    return replace(
        step,
        target=place.target,
        environment=place.environment,
        service=place.service,
        locations=place.locations,
        interpreter=place.interpreter,
        workdir=place.workdir,
        resources=place.resources,
    )


def _not_applied(wanted: Sending, met: Sending, notebook: Notebook, parts: Sequence[Part]) -> Iterator[Diagnostic]:
    for cell in wanted.scatters.keys() - met.scatters.keys():
        part = next(part for part in parts if cell in part.cells)
        others = ", ".join(str(other) for other in part.cells if other != cell)
        yield Diagnostic(
            rule=rules.SCATTER_NOT_APPLIED,
            message=f"the scatter is not applied: the cell must run together with cell {others}",
            place=Place(cell, notebook.code_cells[cell].id),
            help="; ".join(part.why),
        )
    for cell, name in wanted.unmade:
        yield Diagnostic(
            rule=rules.SCATTER_NOT_APPLIED,
            message=f"the scatter is not applied: no cell before it binds `{name}`, so no step could cut it",
            place=Place(cell, notebook.code_cells[cell].id),
            help=f"bind `{name}` in a cell of its own",
        )
    for version, reader in wanted.torn:
        yield Diagnostic(
            rule=rules.SCATTER_NOT_APPLIED,
            message=f"the scatter is not applied: cell {reader} reads `{version.name}`, which shards do not leave as the whole cell does",
            place=Place(version.cell, notebook.code_cells[version.cell].id),
            help="collect a list in this cell, and count or add up in a cell after it",
        )


def _critical_path(steps: Sequence[Step], links: Sequence[Link], seconds: Sequence[float]) -> tuple[float, tuple[StepId, ...]]:
    place = {step.id: number for number, step in enumerate(steps)}
    following = successors(((place[link.source], place[link.target]) for link in links), len(steps))
    length, path = critical_path(following, [sum(seconds[cell] for cell in step.cells) for step in steps])
    return length, tuple(steps[number].id for number in path)
