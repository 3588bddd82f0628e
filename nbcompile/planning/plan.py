"""DataflowGraph + Settings -> Plan: partition, interface, order, critical path."""

from __future__ import annotations

from collections.abc import Sequence

from nbcompile.model.graph import DataflowGraph, critical_path, dependencies, successors, topological
from nbcompile.model.notebook import Notebook
from nbcompile.model.plan import Link, Plan, Step, StepId
from nbcompile.model.settings import Settings
from nbcompile.model.surroundings import Surroundings
from nbcompile.planning.cost import LOCAL_STEP_SECONDS, estimate_seconds
from nbcompile.planning.interface import make_links, make_steps
from nbcompile.planning.partition import partition


def make_plan(graph: DataflowGraph, notebook: Notebook, settings: Settings, beside: Surroundings) -> Plan:
    """The steps, each after those it needs."""
    seconds = [estimate_seconds(cell) for cell in notebook.code_cells]
    parts = partition(graph, settings.granularity, seconds, LOCAL_STEP_SECONDS)
    order = topological([part.cells for part in parts], dependencies(graph))
    steps = make_steps(graph, notebook, [parts[place] for place in order], beside)
    links = make_links(graph, steps)
    return Plan(granularity=settings.granularity, steps=steps, links=links, critical_path=_critical_path(steps, links, seconds))


def _critical_path(steps: Sequence[Step], links: Sequence[Link], seconds: Sequence[float]) -> tuple[StepId, ...]:
    place = {step.id: number for number, step in enumerate(steps)}
    following = successors(((place[link.source], place[link.target]) for link in links), len(steps))
    _, path = critical_path(following, [sum(seconds[cell] for cell in step.cells) for step in steps])
    return tuple(steps[number].id for number in path)
