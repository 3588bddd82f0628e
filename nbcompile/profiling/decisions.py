"""Profile + Plan -> what the plan should know of times and memory, and where the graph missed what really flowed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from nbcompile.model.graph import DataflowGraph
from nbcompile.model.plan import Plan, Step, StepId
from nbcompile.model.profile import MissedFlow, Profile

# Below this a process needs no more than any other.
_SMALL_MIB = 512.0
_ROOM = 1.25
# What takes less to be stored decides nothing.
_LITTLE_TO_STORE = 0.1


def with_memory(plan: Plan, profile: Profile) -> Plan:
    """The plan with the memory that steps need, where nobody has said so and it is more than a little."""
    peaks = {cell.index: cell.peak_memory_mib for cell in profile.cells}
    return replace(plan, steps=tuple(_with_memory(step, peaks) for step in plan.steps))


def _with_memory(step: Step, peaks: Mapping[int, float]) -> Step:
    peak = max((peaks.get(cell, 0.0) for cell in step.cells), default=0.0)
    if step.resources.memory_mib is not None or peak < _SMALL_MIB:
        return step
    return replace(step, resources=replace(step.resources, memory_mib=_power_of_two(peak * _ROOM)))


def step_seconds(plan: Plan, profile: Profile) -> dict[StepId, float]:
    """How long each step should take."""
    seconds = {cell.index: cell.seconds for cell in profile.cells}
    return {step.id: sum(seconds.get(cell, 0.0) for cell in step.cells) for step in plan.steps}


def stored_seconds(profile: Profile) -> dict[tuple[int, str], float]:
    """About how long it takes to store what cells make, by cell and name, where that takes long."""
    values = (((cell.index, name), value.seconds) for cell in profile.cells for name, value in cell.values.items())
    return {made: _power_of_two(seconds * 100) / 100 for made, seconds in values if seconds > _LITTLE_TO_STORE}


def decisions_digest(profile: Profile) -> str:
    """A digest of what plans are made from: times and memory by powers of two, so that another run of the same cells has the same."""
    rounded = [
        (cell.index, _power_of_two(cell.seconds * 1000), _power_of_two(cell.peak_memory_mib), sorted(cell.changes))
        for cell in profile.cells
    ]
    stored = [(*made, seconds) for made, seconds in sorted(stored_seconds(profile).items())]
    lessons = sorted((lesson.code, lesson.cell, lesson.name) for lesson in profile.lessons)
    return hashlib.sha256(json.dumps([rounded, lessons, stored]).encode()).hexdigest()


def _power_of_two(number: float) -> int:
    return 2 ** max(0, math.ceil(math.log2(number))) if number > 0 else 0


def missed_flows(profile: Profile, graph: DataflowGraph) -> tuple[MissedFlow, ...]:
    """What really flowed from cell to cell, and is in no edge: the analysis did not see a change, or a use.

    A profile names what a cell mentions; what the cell itself binds before it reads it came from no other.
    """
    known = {(edge.source, edge.target, edge.name) for edge in graph.edges}
    replayed = {(statement.cell, cell.index) for cell in graph.cells for statement in cell.replays}
    own = {(cell.index, name) for cell in graph.cells for name in {*cell.defines}.difference(cell.uses)}
    flows = (one for one in _flows(profile) if (one.source, one.target) not in replayed and (one.target, one.name) not in own)
    return tuple(one for one in flows if (one.source, one.target, one.name) not in known)


def _flows(profile: Profile) -> Iterator[MissedFlow]:
    """Every use of a name with the cell that bound or changed it last."""
    latest: dict[str, tuple[int, bool]] = {}
    for cell in profile.cells:
        for name in cell.reads:
            if name in latest:
                yield MissedFlow(latest[name][0], cell.index, name, latest[name][1])
        latest.update(dict.fromkeys(cell.binds, (cell.index, False)))
        latest.update(dict.fromkeys(cell.changes, (cell.index, True)))
        for name in cell.deletes:
            latest.pop(name, None)
