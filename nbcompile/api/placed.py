"""What a run at deployments needs: a job, checked places, somebody to ask, and a sweep at its end."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from nbcompile.api.deployments import broker_of_run, usual_ask
from nbcompile.api.findings import located
from nbcompile.api.places import inquire, look_at_this_machine
from nbcompile.api.programs import read_file
from nbcompile.model.diagnostic import Severity
from nbcompile.model.errors import NotebookError, PlaceFailed
from nbcompile.model.run import Account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from nbcompile.api.programs import Program
    from nbcompile.backend import Challenge, Secret
    from nbcompile.engines.directory import RunDirectory
    from nbcompile.engines.streamflow.job import PlacedJob
    from nbcompile.engines.streamflow.program import Program as Reached
    from nbcompile.model.diagnostic import Diagnostic
    from nbcompile.model.plan import Plan
    from nbcompile.model.run import RunEvent
    from nbcompile.model.settings import Settings
    from nbcompile.model.software import Site, Software
    from nbcompile.tenancy.credentials import Ask


def telling_ask(tell: Callable[[RunEvent], None]) -> Ask:
    """Asks as usual, and tells whoever watches the run, so that a picture of it does not run over the question."""
    from nbcompile.model.run import LoginAsked

    usual = usual_ask()

    async def ask(challenge: Challenge) -> tuple[Secret, ...]:
        tell(LoginAsked(challenge.host, answered=False))
        try:
            return await usual(challenge)
        finally:
            tell(LoginAsked(challenge.host, answered=True))

    return ask


async def sweep_places(job: PlacedJob, deployments: Sequence[str]) -> Sequence[str]:
    """End what is left of a run at deployments; returns what could not be ended, as sentences."""
    import asyncio

    from nbcompile.engines.streamflow.place import open_here
    from nbcompile.model.errors import NbcompileError

    broker = cache(lambda: broker_of_run(job.run))

    async def sweep(name: str) -> list[str]:
        try:
            opened = await (open_here(job.run, job.place) if name == "local" else broker().open(name))
            try:
                left = await opened.session.sweep()
            finally:
                await opened.session.close()
        except NbcompileError as error:
            return [f"nobody knows what is left at {name}: {error.message}"]
        return [f"{name} could not end {what}" for what in left]

    return [line for found in await asyncio.gather(*map(sweep, deployments)) for line in found]


class Visited(NamedTuple):
    """What places lack, and the software that was seen there."""

    findings: tuple[Diagnostic, ...] = ()
    sites: Mapping[Site, Software] = {}


def check_openable(path: Path, program: Program, made: Plan) -> None:
    """See that every deployment of a plan is one that we open. Raises `NotebookError` where only the notebook describes it."""
    from nbcompile.tenancy.declarations import check_openable as found_closed

    if closed := found_closed(made, program.workflow, program.notebook):
        findings = tuple(located(replace(program, diagnostics=closed), str(path), read_file(path)))
        raise NotebookError(f"{program.notebook.name} is placed where only it says how to get there", findings=findings)


def checked_places(
    path: Path, program: Program, made: Plan, settings: Settings, identifier: str, reached: Reached, tell: Callable[[RunEvent], None]
) -> Visited:
    """What the places of the run with this identifier lack and have; `reached` goes there.

    Raises `NotebookError` when a step could not run where it is placed, and what keeps anybody from looking.
    """
    from nbcompile.backend import run_id
    from nbcompile.model.run import Notice
    from nbcompile.model.software import Site, read_software

    inquiry = inquire(program, made, settings, str(path))
    here = look_at_this_machine(inquiry.questions, program, settings)
    asked = {site: question for site, question in inquiry.questions.items() if site not in here}
    try:
        answer = reached.visit(run_id(identifier), asked)
    except PlaceFailed as problem:
        raise _closed(problem, made) from None
    for name, host in answer["nodes"].items():
        tell(Notice(f"`{name}` was looked at on {host}, where one logs in; `nbcompile doctor {name}` looks at a node, too"))
    there = {Site(deployment, environment): read_software(found) for deployment, environment, found in answer["found"]}
    sites = {**here, **there}
    findings = inquiry.judge(sites)
    wrong = [one for one in findings if one.rule.severity is Severity.ERROR]
    if wrong:
        raise NotebookError("; ".join(f"{one.rule.code} {one.message}" for one in wrong), wrong[0].help)
    return Visited(findings, sites)


def _closed(problem: PlaceFailed, made: Plan) -> PlaceFailed:
    """What keeps a run from beginning, with the place and the cells that are to run there."""
    from nbcompile.reporting.run_summary import name_cells

    cells = sorted(cell for step in made.steps if step.target == problem.deployment for cell in step.cells)
    if not cells:
        return problem
    return PlaceFailed(f"`{problem.deployment}`, where {name_cells(tuple(cells))} should run: {problem.message}", problem.advice)


@contextmanager
def reaching(tell: Callable[[RunEvent], None]) -> Iterator[Reached]:
    """A process that reaches the places of a run, with somebody to ask."""
    from nbcompile.engines.streamflow.program import Program, find_streamflow
    from nbcompile.tenancy.relay import QuestionDesk

    streamflow = find_streamflow(os.environ)
    with closing(QuestionDesk(telling_ask(tell))) as desk, closing(Program(streamflow, desk)) as reached:
        yield reached


def job_in(
    directory: RunDirectory,
    identifier: str,
    path: Path,
    program: Program,
    made: Plan,
    settings: Settings,
    sites: Mapping[Site, Software],
) -> PlacedJob:
    """A run of the plan in a directory, which may have held another plan of the same run. `sites` are what was seen of its places."""
    from nbcompile.backend import run_id
    from nbcompile.emitters.cwl import emit_cwl
    from nbcompile.emitters.lockfile import lock_bytes
    from nbcompile.emitters.steps import notebook_template, step_files
    from nbcompile.emitters.streamflow import emit_streamflow
    from nbcompile.emitters.write import write_bundle
    from nbcompile.engines.streamflow.job import job_of_request
    from nbcompile.model.personal import PERSONAL
    from nbcompile.model.project import RetrySettings

    run = run_id(identifier)
    steps = step_files(made, program.facts, program.graph, program.notebook, program.workflow, account=Account(repairs=True))
    lock = lock_bytes(program.notebook, made, settings, program.beside)
    bundle = emit_cwl(made, steps, program.notebook, lock, collects=False)
    write_bundle(emit_streamflow(bundle, made, tenant=PERSONAL, run=run, everywhere=True), path.parent, directory.state / "bundle")
    directory.source.write_bytes(read_file(path))
    _note_past(directory, path, program, made, sites if settings.cached else {})
    retries = settings.project.retries if settings.project else RetrySettings()
    request = {
        "run": run,
        "name": program.notebook.name,
        "kernel": program.notebook.kernel,
        "python": settings.python or (settings.project.environment.python if settings.project else ""),
        "jobs": settings.jobs,
        "keep_going": settings.keep_going,
        "max_transfer": settings.max_transfer,
        "pythons": _pythons(made, sites),
        "cached": settings.cached,
        "retries": retries.max,
        "retry_on": [*retries.on],
    }
    directory.template.write_bytes(notebook_template(program.notebook))
    return job_of_request(identifier, path, directory, request)


def _pythons(made: Plan, sites: Mapping[Site, Software]) -> dict[str, tuple[str, str]]:
    """The Python of each deployment's first step, path and version."""
    from nbcompile.places.needs import site_of

    first = {step.target: sites[site_of(step)] for step in reversed(made.steps) if site_of(step) in sites}
    return {name: (software.executable, software.python) for name, software in first.items()}


def _note_past(directory: RunDirectory, path: Path, program: Program, made: Plan, sites: Mapping[Site, Software]) -> None:
    """Write down what results of earlier runs are known by; where no site was seen, none are used."""
    from nbcompile.engines.home import cache_directory
    from nbcompile.engines.streamflow.past import FILE_NAME, past_facts, write_facts
    from nbcompile.planning.reuse import reuse_of_steps

    file = directory.state / "streamflow" / FILE_NAME
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    if sites:
        reuse = reuse_of_steps(made, program.facts, program.notebook)
        file.write_bytes(write_facts(past_facts(cache_directory(), str(path.absolute()), made, reuse, sites)))
