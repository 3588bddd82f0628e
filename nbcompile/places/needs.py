"""Plan + what cells import, start and read -> what each site is asked about, and which steps need it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nbcompile.model.environment import Environment, ImportedModule, UsedProgram
from nbcompile.model.facts import CellFacts
from nbcompile.model.plan import Plan, Step
from nbcompile.model.software import Site, SoftwareQuestion
from nbcompile.model.surroundings import Surroundings
from nbcompile.places.resident import ResidentRead


class StepNeeds(NamedTuple):
    """What one step's cells, and the definitions it runs again, import and start, and which files they find there."""

    step: Step
    modules: tuple[ImportedModule, ...]
    programs: tuple[UsedProgram, ...]
    paths: tuple[str, ...] = ()

    @property
    def site(self) -> Site:
        """Where it runs."""
        return site_of(self.step)


def site_of(step: Step) -> Site:
    """Where a step finds its software."""
    return Site(step.target, step.environment)


def step_needs(
    plan: Plan,
    facts: Sequence[CellFacts],
    environment: Environment,
    programs: Sequence[UsedProgram],
    reads: Sequence[ResidentRead],
    beside: Surroundings,
) -> tuple[StepNeeds, ...]:
    """The needs of each step. Modules that lie beside the notebook or in its project travel with it, and nobody is asked for them."""
    given = () if environment.path_changes else environment.imports
    modules = [one for one in given if one.name not in beside.module_names]
    return tuple(
        StepNeeds(
            step,
            tuple(one for one in modules if _runs_in(one, step, facts)),
            tuple(one for one in programs if one.place.cell_index in step.cells and "NB322" not in facts[one.place.cell_index].allowed),
            tuple(read.path for read in reads if read.step is step and read.is_input),
        )
        for step in plan.steps
    )


def questions(needs: Sequence[StepNeeds], origins: Sequence[str], always: Sequence[str]) -> Mapping[Site, SoftwareQuestion]:
    """What each site is asked: modules that its steps import, those that values come from, and programs."""
    found: dict[Site, SoftwareQuestion] = {}
    for site in dict.fromkeys(one.site for one in needs):
        here = [one for one in needs if one.site == site]
        modules = dict.fromkeys([*always, *(module.name for one in here for module in one.modules), *origins])
        programs = dict.fromkeys(program.name for one in here for program in one.programs)
        paths = dict.fromkeys(path for one in here for path in one.paths)
        found[site] = SoftwareQuestion(modules=tuple(modules), programs=tuple(programs), paths=tuple(paths))
    return found


def _runs_in(module: ImportedModule, step: Step, facts: Sequence[CellFacts]) -> bool:
    cell, line = module.place.cell_index, module.place.span.line if module.place.span else 0
    if cell in step.cells:
        return True
    statements = [one for one in facts[cell].statements if one.id in step.replays] if 0 <= cell < len(facts) else []
    return any(first <= line <= last for first, last in (one.lines for one in statements))
