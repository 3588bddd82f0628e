"""A program cut into steps, and what a run of them would ask for and move."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompile.api.personal import known_deployments
from nbcompile.api.projects import in_project
from nbcompile.model.diagnostic import Outcome, Severity
from nbcompile.model.errors import Denied, NotebookError, UsageError
from nbcompile.model.settings import Settings
from nbcompile.planning.plan import make_plan, read_wishes
from nbcompile.rules.parameters import WRONG_VALUES

if TYPE_CHECKING:
    from nbcompile.api.programs import Program
    from nbcompile.model.diagnostic import Diagnostic
    from nbcompile.model.forecast import Forecast
    from nbcompile.model.plan import Plan
    from nbcompile.model.profile import Profile


def plan(program: Program, settings: Settings | None = None) -> Plan:
    """The steps of an analysed notebook. Raises `NotebookError` when it has errors, `Denied` when it asks for what is not allowed."""
    expect_sound(program)
    made = _plan(program, in_project(settings or Settings(), program))
    unmet = [found for found in made.diagnostics if found.rule.severity is Severity.ERROR]
    if unmet:
        raise NotebookError("; ".join(f"{found.rule.code} {found.message}" for found in unmet), unmet[0].help)
    return _measured(made.value, program.profile) if program.profile else made.value


def expect_sound(program: Program) -> None:
    """Raises `NotebookError` when a notebook has errors, `Denied` when it asks for what is not allowed."""
    wrong = [found for found in program.diagnostics if found.rule.severity is Severity.ERROR]
    if program.denied:
        advice = "`nbcompile explain CODE` says what a person can allow, and where"
        raise Denied(f"{program.notebook.name} asks for what is not allowed", advice, wrong)
    if any(found.rule in WRONG_VALUES for found in wrong):
        raise UsageError("; ".join(f"{found.rule.code} {found.message}" for found in wrong), wrong[0].help)
    if not program.ok:
        advice = "mend them, and see `nbcompile check` for what else there is"
        raise NotebookError(f"{program.notebook.name} has {'errors' if len(wrong) > 1 else 'an error'}", advice, wrong)


def plan_findings(program: Program, settings: Settings | None = None) -> tuple[Diagnostic, ...]:
    """What is asked of the plan of a notebook without errors and cannot be met."""
    return _plan(program, in_project(settings or Settings(), program)).diagnostics


def _plan(program: Program, settings: Settings) -> Outcome[Plan]:
    wishes = read_wishes(program.graph, program.notebook, program.facts, program.workflow, program.scatters, settings)
    if program.profile:
        from nbcompile.profiling.decisions import stored_seconds

        cells = program.profile.cells
        wishes = replace(wishes, seconds={cell.index: cell.seconds for cell in cells}, stored=stored_seconds(program.profile))
    made = make_plan(program.graph, program.notebook, settings, program.beside, wishes)
    return Outcome(made.value, (*made.diagnostics, *_misplaced(program, made.value, settings)))


def _measured(made: Plan, profile: Profile) -> Plan:
    """A plan that says what memory its steps need, and that its lock says what it was made from."""
    from nbcompile.profiling.decisions import decisions_digest, with_memory

    return replace(with_memory(made, profile), profile=decisions_digest(profile))


def _misplaced(program: Program, made: Plan, settings: Settings) -> tuple[Diagnostic, ...]:
    if settings.project is None or not settings.project.files.resident:
        return ()
    from nbcompile.places.resident import misplaced, resident_reads

    return misplaced(resident_reads(made, program.facts, settings.project.files.resident), program.notebook.name)


def forecast(program: Program, made: Plan, settings: Settings | None = None) -> Forecast:
    """What a run of the plan would ask for and move. Sizes of values are those of the last run of the notebook on this machine.

    Raises `UsageError` where the notebook is to run at a deployment that there is none of.
    """
    from nbcompile.engines.sizes import payload_sizes
    from nbcompile.places.forecast import forecast
    from nbcompile.places.resident import resident_reads
    from nbcompile.tenancy.deployments import find_deployment

    settings = in_project(settings or Settings(), program)
    if settings.on not in ("", "local"):
        find_deployment(known_deployments(), settings.on)
    directory = program.directory or Path()
    reads = resident_reads(made, program.facts, settings.project.files.resident if settings.project else {})
    return forecast(_as_submitted(made), lambda path: _size_of(directory / path), payload_sizes(directory / program.notebook.name), reads)


def _as_submitted(made: Plan) -> Plan:
    """The plan with what the person's deployments ask for where cells leave the choice to them."""
    from nbcompile.model.resources import filled
    from nbcompile.tenancy.deployments import usual_resources

    if all(step.target == "local" for step in made.steps):
        return made
    usual = {name: usual_resources(one) for name, one in known_deployments().deployments.items()}
    steps = (replace(step, resources=filled(step.resources, usual[step.target])) if step.target in usual else step for step in made.steps)
    return replace(made, steps=tuple(steps))


def check_transfer(found: Forecast, settings: Settings) -> None:
    """Raise `UsageError`, which names the value or file and where it goes, when a run would move more than it may."""
    from nbcompile.places.forecast import check_transfer

    check_transfer(found, settings.max_transfer)


def _size_of(path: Path) -> int | None:
    """The bytes of what a path stands for."""
    from nbcompile.emitters.given import given_bytes

    return given_bytes(path) if path.exists() else None
