"""Which step starts next: those with the longest way still to go first, as many as the cores and the memory hold. No I/O."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from nbcompile.model.graph import successors
from nbcompile.model.plan import Link, Plan, Step, StepId


def priorities(plan: Plan, seconds: Mapping[StepId, float]) -> dict[StepId, float]:
    """For each step the length of the longest way from its start to the end of the run."""
    place = {step.id: number for number, step in enumerate(plan.steps)}
    following = successors(((place[link.source], place[link.target]) for link in plan.links), len(plan.steps))
    longest = [0.0] * len(plan.steps)
    for number in range(len(plan.steps) - 1, -1, -1):
        own = seconds.get(plan.steps[number].id, 1.0)
        longest[number] = own + max((longest[target] for target in following[number]), default=0.0)
    return {step.id: longest[place[step.id]] for step in plan.steps}


@dataclass
class Schedule:
    """Which steps wait, are ready, run, and have ended. Changes only through `started`, `ended`, `withdraw` and `stop_before`."""

    plan: Plan
    seconds: Mapping[StepId, float]
    cores: int
    _priority: dict[StepId, float] = field(init=False)
    _waits_for: dict[StepId, set[StepId]] = field(init=False)
    _running: dict[StepId, None] = field(init=False, default_factory=dict)
    _withdrawn: set[StepId] = field(init=False, default_factory=set)
    _stop_before: dict[StepId, int] = field(init=False, default_factory=dict)
    _lost_from: dict[StepId, int] = field(init=False, default_factory=dict)
    _free_at_rest: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._priority = priorities(self.plan, self.seconds)
        self._waits_for = {step.id: set() for step in self.plan.steps}
        for link in self.plan.links:
            self._waits_for[link.target].add(link.source)

    @property
    def running(self) -> tuple[StepId, ...]:
        """The steps that run, in the order in which they started."""
        return tuple(self._running)

    def ready(self) -> tuple[Step, ...]:
        """The steps that could start now, the most urgent first; equally urgent ones in the plan's order."""
        waiting = [step for step in self.plan.steps if step.id in self._waits_for and not self._waits_for[step.id]]
        return tuple(sorted(waiting, key=lambda step: -self._priority[step.id]))

    def admitted(self, free_mib: float, needed_mib: Mapping[StepId, float], busy: int = 0) -> tuple[Step, ...]:
        """The ready steps for which there are cores and memory. When nothing runs, the most urgent starts in any case.

        `busy` are the cores in use, where steps that run use more than they asked for.
        """
        cores = self.cores - max(busy, sum(self.width(step) for step in self.plan.steps if step.id in self._running))
        if not self._running:
            self._free_at_rest = free_mib
        # A step that has just started has not taken yet what it needs.
        free_mib = min(free_mib, self._free_at_rest - sum(needed_mib.get(step, 0.0) for step in self._running))
        chosen: list[Step] = []
        for step in self.ready():
            alone = not self._running and not chosen
            need = needed_mib.get(step.id, 0.0)
            if alone or (self.width(step) <= cores and need <= free_mib):
                chosen.append(step)
                cores -= self.width(step)
                free_mib -= need
        return tuple(chosen)

    def waits_besides(self, step: StepId) -> bool:
        """Whether another step than this one may still start."""
        return any(one != step for one in self._waits_for)

    @property
    def waits(self) -> bool:
        """Whether a step may still start."""
        return bool(self._waits_for)

    def started(self, step: StepId) -> None:
        """The step runs now."""
        del self._waits_for[step]
        self._running[step] = None

    def ended(self, step: StepId, *, failed_at: int | None = None) -> None:
        """The step has ended, or its cells before `failed_at` have: what needs these is ready, what needs more never starts."""
        self._running.pop(step, None)
        if failed_at is not None:
            self._lost_from[step] = failed_at
            lost = self._lost(step, failed_at)
            self.withdraw((*lost, *self.dependents(lost)))
        for waits in self._waits_for.values():
            waits.discard(step)

    def _lost(self, step: StepId, failed_at: int) -> tuple[StepId, ...]:
        """The steps that wait for something of this one that was not made before it failed."""
        found = {one.id: one for one in self.plan.steps}
        made_in = self._made_in
        lost: dict[StepId, None] = {}
        for link in self.plan.links:
            # Mere order is with what stands before the cells that wait.
            if link.source == step and self.is_given(link) and max(made_in[link] or found[link.target].cells) >= failed_at:
                lost[link.target] = None
        return tuple(lost)

    @cached_property
    def _made_in(self) -> dict[Link, tuple[int, ...]]:
        """The cells that make what goes through each link; none for mere order."""
        made = {(step.id, payload.id): payload.cell for step in self.plan.steps for payload in step.payloads}
        made |= {(step.id, cut.id): cut.version.cell for step in self.plan.steps for cut in step.cuts}
        of_links = ((link, made.get((link.source, link.payload))) for link in self.plan.links)
        return {link: tuple(version.cell for version in link.versions) if cell is None else (cell,) for link, cell in of_links}

    def stop_before(self, cell: int) -> None:
        """A cell failed: of the steps that never start, the cells before it still run as soon as what they need is there."""
        for step in self.plan.steps:
            if step.id not in self._withdrawn or step.cells[0] >= cell:
                continue
            self._stop_before[step.id] = cell
            given = [link for link in self.plan.links if link.target == step.id and self.is_given(link)]
            if not any(self._is_lost(link) for link in given):
                self._withdrawn.remove(step.id)
                self._waits_for[step.id] = {link.source for link in given} & {*self._running, *self._waits_for}

    def _is_lost(self, link: Link) -> bool:
        """Whether what goes through a link is not to be had: it was made where its step failed, or after that, or its step never runs."""
        made = max(self._made_in[link], default=-1)
        return link.source in self._withdrawn or made >= self._lost_from.get(link.source, math.inf)

    def stops_before(self, step: Step) -> int | None:
        """The first cell of a step that does not run although the step does; `None` where all run."""
        cell = self._stop_before.get(step.id)
        return next((own for own in step.cells if cell is not None and own >= cell), None)

    def is_given(self, link: Link) -> bool:
        """Whether the target of a link runs far enough to need what goes through it."""
        return min(self._made_in[link], default=0) < self._stop_before.get(link.target, math.inf)

    def withdraw(self, steps: Sequence[StepId]) -> None:
        """These steps, as far as they have not started, never will."""
        for step in steps:
            if self._waits_for.pop(step, None) is not None:
                self._withdrawn.add(step)

    def dependents(self, steps: Sequence[StepId]) -> tuple[StepId, ...]:
        """All steps that need one of these, directly or not, in the plan's order."""
        found = set(steps)
        for link in sorted(self.plan.links, key=lambda link: self._order[link.source]):
            if link.source in found:
                found.add(link.target)
        return tuple(step.id for step in self.plan.steps if step.id in found and step.id not in steps)

    @property
    def over(self) -> bool:
        """Whether no step runs and none can start."""
        return not self._running and not any(not waits for waits in self._waits_for.values())

    @property
    def _order(self) -> dict[StepId, int]:
        return {step.id: number for number, step in enumerate(self.plan.steps)}

    def width(self, step: Step) -> int:
        """The cores that a process of a step uses."""
        return min(step.resources.cpus or 1, self.cores)
