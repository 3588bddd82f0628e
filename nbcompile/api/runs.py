"""Runs: begun, gone on with, ended."""

from __future__ import annotations

import shlex
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompile.api.bundles import build
from nbcompile.api.jobs import foreseeing, local_job
from nbcompile.api.placed import Visited, check_openable, checked_places, job_in, reaching, sweep_places
from nbcompile.api.plans import check_transfer, forecast, plan
from nbcompile.api.programs import analyze, analyze_at, read_file
from nbcompile.api.projects import in_project, python_asked
from nbcompile.model.errors import NotebookError, UsageError
from nbcompile.model.parameters import parameters_of_document
from nbcompile.model.plan import Granularity
from nbcompile.model.run import Account
from nbcompile.model.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbcompile.api.programs import Program
    from nbcompile.engines.cwl import BundleJob
    from nbcompile.engines.local.early import EarlyParent
    from nbcompile.engines.signals import Cancellation
    from nbcompile.engines.streamflow.job import PlacedJob
    from nbcompile.engines.streamflow.program import Program as Reached
    from nbcompile.model.diagnostic import Diagnostic
    from nbcompile.model.guard import GuardBreak
    from nbcompile.model.plan import Plan
    from nbcompile.model.run import KnownRun, RunEvent, RunRecord
    from nbcompile.model.software import Site, Software


def run(
    path: str | Path,
    settings: Settings | None = None,
    *,
    parameters: Mapping[str, object] | None = None,
    output: Path | None = None,
    engine: str = "",
    on_event: Callable[[RunEvent], None] | None = None,
    streams: bool = False,
    cancellation: Cancellation | None = None,
    early: EarlyParent | None = None,
    variables: bool = True,
) -> RunRecord:
    """Run a notebook, independent steps side by side. What a cell raised is told in the record.

    `engine` is `local` for this machine alone, `streamflow` for steps that are placed at deployments, or the name of a CWL runner,
    which also runs the directory of a bundle; without one, steps decide that are placed elsewhere. `on_event` is called with what
    happens, and with `streams` also with what cells write. `cancellation` lets another thread end the run, and
    `early` is a warm parent of the local engine that was started before. With `variables`, a run on this machine keeps the final
    variables: `record.variables["df"].load()` gives one of them.

    Raises `NotebookError` when the notebook has errors, `UsageError` and `PlaceFailed` when it cannot be run here.
    """
    from nbcompile.engines.directory import claim_directory

    tell, path, settings, given = on_event or (lambda _: None), Path(path), settings or Settings(), parameters or {}
    if engine not in ("", "local", "streamflow"):
        from nbcompile.engines.cwl import run_bundle

        bundle_job = replace(_bundle_job(path, settings, given, output, engine), cancellation=cancellation)
        return _recorded(run_bundle(bundle_job, tell), tell)
    _refuse_bundle(path)
    program = analyze(path, parameters)
    settings = in_project(settings, program)
    made = plan(program, settings)
    if engine == "streamflow" or (not engine and _leaves_this_machine(made)):
        record = _run_elsewhere(path, program, made, settings, output, tell, streams=streams, cancellation=cancellation)
        return _recorded(record, tell)
    from nbcompile.engines.local.run import run_job

    account = Account(keeps=variables)
    job = local_job(read_file(path), path, program, made, settings, given, lambda name: claim_directory(output, name), account=account)
    return _recorded(run_job(replace(job, streams=streams, cancellation=cancellation), tell, early), tell)


def _refuse_bundle(path: Path) -> None:
    try:
        is_bundle = (path / "workflow.cwl").is_file()
    except OSError:  # whoever reads it says what is wrong with it
        return
    if is_bundle:
        words = ("nbcompile", "run", str(path), "--engine", "cwltool")
        raise UsageError(f"{path} is a bundle, and a CWL runner runs those", f"name one that is installed here: `{shlex.join(words)}`")


def _leaves_this_machine(made: Plan) -> bool:
    return any(step.target != "local" for step in made.steps)


def _run_elsewhere(
    path: Path,
    program: Program,
    made: Plan,
    settings: Settings,
    output: Path | None,
    tell: Callable[[RunEvent], None],
    *,
    streams: bool,
    cancellation: Cancellation | None,
) -> RunRecord:
    """Run steps where they are placed. A run has a directory only when its places were found to have what it needs."""
    from nbcompile.engines.directory import claim_directory, new_run_id
    from nbcompile.engines.filesystem import told_as_place_failure
    from nbcompile.model.run import Found

    check_openable(path, program, made)
    check_transfer(forecast(program, made, settings), settings)
    with reaching(tell) as reached:
        identifier = new_run_id(program.notebook.name)
        leaves = _leaves_this_machine(made)
        visited = checked_places(path, program, made, settings, identifier, reached, tell) if leaves else Visited()
        for found in visited.findings:
            tell(Found(found))
        directory = claim_directory(output, program.notebook.name)
        with told_as_place_failure(directory.path, "run it again"):
            asked = job_in(directory, identifier, path, program, made, settings, visited.sites)
        asked = replace(asked, streams=streams, cancellation=cancellation, began=time.time())
        return _run_until_sound(asked, program, made, settings, visited.sites, reached, tell)


async def arun(
    path: str | Path,
    settings: Settings | None = None,
    *,
    parameters: Mapping[str, object] | None = None,
    output: Path | None = None,
    engine: str = "",
    on_event: Callable[[RunEvent], None] | None = None,
    streams: bool = False,
    variables: bool = True,
) -> RunRecord:
    """`run` for code that runs in an event loop. `on_event` is called in the loop's thread; cancelling the task ends the run."""
    import asyncio

    from nbcompile.engines.signals import Cancellation

    loop, cancellation = asyncio.get_running_loop(), Cancellation()

    def tell(event: RunEvent) -> None:
        if on_event:
            loop.call_soon_threadsafe(on_event, event)

    def work() -> RunRecord:
        return run(
            path,
            settings,
            parameters=parameters,
            output=output,
            engine=engine,
            on_event=tell,
            streams=streams,
            cancellation=cancellation,
            variables=variables,
        )

    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        cancellation.cancel()
        await asyncio.wait([running])
        raise


def _recorded(record: RunRecord, tell: Callable[[RunEvent], None]) -> RunRecord:
    """The record, written down for programs and for people."""
    from nbcompile.emitters.write import write_whole
    from nbcompile.engines.filesystem import told_as_place_failure
    from nbcompile.model.run import RunEnded
    from nbcompile.reporting.run_document import run_json
    from nbcompile.reporting.run_report import run_html

    with told_as_place_failure(record.directory):
        write_whole(record.directory / "run.json", run_json(record).encode())
        write_whole(record.directory / "report.html", run_html(record).encode())
    tell(RunEnded(record))
    return record


def resume(
    run: str, *, on_event: Callable[[RunEvent], None] | None = None, streams: bool = False, max_transfer: int | None = None
) -> RunRecord:
    """Go on with a run that was left, or that failed: steps that have ended well are not run again, and those that run are found again.

    `run` is its directory, its id, or `last`. So much as `max_transfer` may go between its places in all, in bytes, what has gone
    before included; without it, what was allowed last. Raises `UsageError` for a run that cannot go on, else as `run`.
    """
    from nbcompile.engines.registry import find_run
    from nbcompile.engines.streamflow.job import known_job

    known, tell = find_run(run), on_event or (lambda _: None)
    if known.engine == "local":
        return _resume_here(known, tell, streams=streams)
    job = replace(known_job(known), streams=streams, goes_on=True)
    if max_transfer is not None:
        job = replace(job, max_transfer=max_transfer, request={**job.request, "max_transfer": max_transfer})
    with reaching(tell) as reached:
        record = _run_placed(job, reached, tell)
    return _recorded(record, tell)


def _resume_here(run: KnownRun, tell: Callable[[RunEvent], None], *, streams: bool) -> RunRecord:
    """Go on with a run of the local engine, with the notebook as it was when the run began."""
    from nbcompile.engines.directory import RunDirectory
    from nbcompile.engines.local.run import run_job

    if run.state in ("finished", "running"):
        what = "has finished" if run.state == "finished" else "is running"
        raise UsageError(f"{run.id} {what}", f"see `nbcompile runs show {shlex.quote(run.id)}`")
    directory, path, request = RunDirectory(run.directory), Path(run.notebook), dict(run.request)
    parameters, source = parameters_of_document(request.pop("parameters")), read_file(directory.source)
    settings = Settings(**{**request, "granularity": Granularity(request["granularity"])})
    program = analyze_at(source, path, parameters)
    settings = in_project(settings, program)
    job = local_job(source, path, program, plan(program, settings), settings, parameters, lambda _: directory)
    finished = {step.step: step for step in run.steps if step.state == "finished"}
    return _recorded(run_job(replace(job, id=run.id, finished=finished, streams=streams), tell), tell)


def cancel(run: str) -> tuple[KnownRun, Sequence[str]]:
    """End a run and everything it started, also one whose client has gone; returns it, and what could not be ended, as sentences.

    `run` is its directory, its id, or `last`. Raises `UsageError` when there is nothing to end.
    """
    import asyncio

    from nbcompile.engines.journal import Journal
    from nbcompile.engines.registry import cancel_run, find_run
    from nbcompile.engines.streamflow.job import known_job
    from nbcompile.model.run import RunState

    known = find_run(run)
    if known.engine != "streamflow" or known.state not in ("died", RunState.DETACHED.value):
        cancel_run(known)
        return known, ()
    job = known_job(known)
    with Journal(job.directory.journal, writes=True) as journal:
        left = asyncio.run(sweep_places(job, job.placement.targets))
        journal.end(RunState.CANCELLED.value)
    return known, left


def _run_placed(job: PlacedJob, reached: Reached, tell: Callable[[RunEvent], None]) -> RunRecord:
    """Run what is placed at deployments, and end there what StreamFlow could not."""
    import asyncio

    from nbcompile.engines.streamflow.run import run_placed

    def sweep(deployments: Sequence[str]) -> Sequence[str]:
        return asyncio.run(sweep_places(job, deployments))

    return run_placed(job, tell, sweep, reached)


def _run_until_sound(
    job: PlacedJob,
    program: Program,
    made: Plan,
    settings: Settings,
    sites: Mapping[Site, Software],
    reached: Reached,
    tell: Callable[[RunEvent], None],
) -> RunRecord:
    """Run what is placed; while guards are broken, run by a plan that foresees it. Steps that are the same in it do not run again."""
    from shutil import rmtree

    from nbcompile.engines.broken_guards import broken_guards, finding
    from nbcompile.model.run import Found, Notice, RunRepaired, RunState

    cell_ids = [cell.id for cell in program.notebook.code_cells]
    found: dict[GuardBreak, Diagnostic] = {}
    with ExitStack() as stack:
        while True:
            record = _run_placed(job, reached, tell)
            ended = record.state in (RunState.FINISHED, RunState.FAILED)
            breaks = broken_guards(job.directory, job.notebook, made.steps) if ended else ()
            for one in breaks:
                if one not in found:
                    found[one] = finding(one, cell_ids, job.notebook)
                    tell(Found(found[one]))
            try:
                foreseen = foreseeing(program, settings, breaks) if breaks and not settings.strict else None
            except NotebookError as problem:  # cells that must run together are placed apart
                tell(Notice(f"{problem.message}: {problem.advice}"))
                foreseen = None
            if foreseen is not None and foreseen[1] != settings and len({step.target for step in made.steps}) > 1:
                foreseen = None  # in one step cells would run where nobody placed them
            if foreseen is None:
                return replace(record, diagnostics=(*found.values(), *record.diagnostics))
            program, settings, made = foreseen
            tell(RunRepaired(len(breaks), len(made.steps)))
            rmtree(job.directory.state / "work")  # what is still true is brought again
            again = job_in(job.directory, job.id, job.notebook, program, made, settings, sites)
            job = replace(again, streams=job.streams, cancellation=job.cancellation, began=job.began)
            reached = stack.enter_context(reaching(tell))


def _unheard_by_runners(settings: Settings) -> tuple[tuple[str, bool], ...]:
    """What a person may ask for that CWL runners have nothing to do with, or options of their own for."""
    return (("--jobs", settings.jobs > 0), ("--keep-going", settings.keep_going), ("--threads divide", settings.divide_threads))


def _bundle_job(path: Path, settings: Settings, parameters: Mapping[str, object], output: Path | None, engine: str) -> BundleJob:
    from nbcompile.engines.cwl import BundleJob, cells_of_bundle, check_runner
    from nbcompile.engines.directory import claim_directory, new_run_id

    check_runner(engine)
    unheard = [option for option, is_given in _unheard_by_runners(settings) if is_given]
    if unheard:
        raise UsageError(f"{engine} does not hear of {' and '.join(unheard)}", "leave it out, or run with `--engine local`")
    python = python_asked(settings)
    if path.is_dir() and parameters:
        advice = f"change them in {path / 'inputs.yml'}, or build it again with `-p`"
        raise UsageError("a bundle has its parameters already", advice)
    if path.is_dir():
        cells, name = cells_of_bundle(path), path.absolute().name
        directory = claim_directory(output, name)
        return BundleJob(
            id=new_run_id(name), directory=directory, bundle=path.absolute(), notebook=path, engine=engine, python=python, cells=cells
        )
    built = build(path, settings, parameters=parameters)
    name = built.program.notebook.name
    directory = claim_directory(output, name)
    return BundleJob(
        id=new_run_id(name),
        directory=directory,
        bundle=built.write(directory.state / "bundle"),
        notebook=path,
        engine=engine,
        kernel=built.program.notebook.kernel,
        python=python,
        cells={step.id: step.cells for step in built.plan.steps},
        links=tuple(dict.fromkeys((link.source, link.target) for link in built.plan.links)),
    )
