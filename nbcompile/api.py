"""The only place that composes the passes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from nbcompile.analysis.annotated import apply_annotations
from nbcompile.analysis.cells import analyze as analyze_cells
from nbcompile.dataflow.link import link
from nbcompile.frontend.beside import look_beside
from nbcompile.frontend.ipynb import read_notebook
from nbcompile.frontend.parse import parse_cell, parse_cells
from nbcompile.frontend.positions import locate_key, locate_sources
from nbcompile.model.bundle import Bundle
from nbcompile.model.diagnostic import Diagnostic, DiagnosticLog, Outcome, Severity
from nbcompile.model.errors import CellFailed, Denied, NotebookError, UsageError
from nbcompile.model.facts import CellFacts
from nbcompile.model.graph import DataflowGraph, given_files
from nbcompile.model.notebook import Notebook
from nbcompile.model.parameters import Parameters, document_of_parameters, parameters_of_document
from nbcompile.model.plan import Granularity, Plan
from nbcompile.model.run import Account, Notice
from nbcompile.model.settings import Settings
from nbcompile.model.surroundings import Surroundings
from nbcompile.model.verification import Exactness
from nbcompile.model.workflow import CellScatter, WorkflowDeclaration
from nbcompile.planning.plan import make_plan, read_wishes
from nbcompile.rules.parameters import WRONG_VALUES
from nbcompile.rules.policy import DENIALS

_CHECK_SECONDS = 300

if TYPE_CHECKING:
    from nbcompile.backend import Challenge, PlaceEvent, Secret
    from nbcompile.engines.cwl import BundleJob
    from nbcompile.engines.directory import RunDirectory
    from nbcompile.engines.job import RunJob
    from nbcompile.engines.local.early import EarlyParent
    from nbcompile.engines.signals import Cancellation
    from nbcompile.engines.streamflow.job import PlacedJob
    from nbcompile.model.checkup import Checkup
    from nbcompile.model.forecast import Forecast
    from nbcompile.model.guard import GuardBreak
    from nbcompile.model.offer import Choice, Offer
    from nbcompile.model.personal import PersonalSettings
    from nbcompile.model.plan import StepId
    from nbcompile.model.profile import MissedFlow, Profile
    from nbcompile.model.project import ProjectSettings
    from nbcompile.model.run import KnownRun, RunEvent, RunRecord
    from nbcompile.model.software import Site, Software, SoftwareQuestion
    from nbcompile.model.verification import Observation, Verification
    from nbcompile.places.draft import Draft
    from nbcompile.tenancy.broker import Broker, OpenPlace
    from nbcompile.tenancy.credentials import Ask
    from nbcompile.tenancy.deployments import Deployments


SILENT = Account()


@dataclass(frozen=True, slots=True)
class Program:
    """A notebook analysed: every stage that does not depend on where it will run."""

    notebook: Notebook
    facts: tuple[CellFacts, ...]
    graph: DataflowGraph
    diagnostics: tuple[Diagnostic, ...]
    ok: bool
    beside: Surroundings = Surroundings()
    workflow: WorkflowDeclaration = WorkflowDeclaration()
    parameters: Parameters = Parameters()
    scatters: tuple[CellScatter, ...] = ()
    directory: Path | None = None
    profile: Profile | None = None

    @property
    def denied(self) -> bool:
        """Whether the notebook asks for something that nobody allowed."""
        return any(found.rule in DENIALS for found in self.diagnostics)


def analyze(path: str | Path, parameters: Mapping[str, object] | None = None) -> Program:
    """Read and analyse a notebook, given values for its parameters. Never raises for a bad notebook: see `diagnostics`."""
    path = Path(path)
    return _analyze_at(_read(path), path, parameters or {})


def _analyze_at(data: bytes, path: Path, parameters: Mapping[str, object]) -> Program:
    """Analyse the bytes of a notebook that lies at `path`, or did so."""
    program = _analyze(_notebook(data, path), parameters)
    found = tuple(_placed(_unsettled(program), str(path), data))
    beside = look_beside(program.notebook, given_files(program.graph), path.parent)
    profiled = find_profile(program, path)
    found += tuple(replace(one, path=str(path)) for one in profiled.diagnostics)
    return replace(program, diagnostics=found, beside=beside, directory=path.parent, profile=profiled.value)


def analyze_bytes(data: bytes, name: str) -> Program:
    """Analyse a notebook given as bytes; `name` is the stem of its file."""
    return _analyze(read_notebook(data, name), {})


def check(path: str | Path, parameters: Mapping[str, object] | None = None) -> Program:
    """Analyse a notebook and find what keeps it from being reproducible or parallel; compare the lock beside it, if there is one.

    What `nbcompile check` reports is in `diagnostics`.
    """
    path = Path(path)
    program = _with_findings(analyze(path, parameters), path)
    lock = path.with_suffix(".nbcompile.json")
    if program.denied or not program.ok or not lock.is_file():
        return program
    from nbcompile.emitters.lockfile import check_lock, granularity_of, lock_document

    locked = _read(lock)
    settings = in_project(Settings(granularity=granularity_of(locked) or Granularity.AUTO), program)
    found = check_lock(locked, lock_document(program.notebook, plan(program, settings), settings))
    return replace(program, diagnostics=(*program.diagnostics, *(replace(one, path=str(path)) for one in found)))


def _analyze(read: Outcome[Notebook], given: Mapping[str, object]) -> Program:
    log = DiagnosticLog()
    notebook, parameters = log.take(read), Parameters()
    if given or any("parameters" in cell.tags for cell in notebook.code_cells):
        notebook, parameters = log.take(_parameterized(notebook, given))
    workflow = log.take(_workflow(notebook))
    if workflow.questions:
        log.extend(_denials(workflow, notebook))
    parsed = tuple(parse_cells(notebook))
    found = log.take(analyze_cells(parsed))
    facts = apply_annotations(found, parsed)
    program = Program(notebook, facts, link(facts), log.diagnostics, log.ok, workflow=workflow, parameters=parameters)
    declares = workflow.cells or parameters.known or parameters.given or any(cell.scatter for cell in facts)
    return _with_declarations(program) if declares else program


def _with_declarations(program: Program) -> Program:
    """A program of a notebook that declares something of itself: parameters, steps, scatters."""
    from nbcompile.analysis.declared import apply_declarations, without_replays
    from nbcompile.analysis.scattered import scattered_cells
    from nbcompile.dataflow.declared import order_declared

    log = DiagnosticLog()
    log.extend(program.diagnostics)
    workflow, parameters = program.workflow, program.parameters
    facts = log.take(apply_declarations(without_replays(program.facts, (parameters.cell, parameters.injected)), workflow))
    steps = {declared.cell for declared in workflow.cells if declared.step and declared.step.scatter}
    parsed = {cell.index: parse_cell(cell) for cell in program.notebook.code_cells if cell.index in steps or facts[cell.index].scatter}
    trees = {index: cell.tree for index, cell in parsed.items() if cell.tree}
    scatters = log.take(scattered_cells(facts, workflow, trees))
    graph = log.take(order_declared(link(facts), workflow))
    return replace(program, facts=facts, graph=graph, diagnostics=log.diagnostics, ok=log.ok, scatters=scatters)


def _parameterized(notebook: Notebook, given: Mapping[str, object]) -> Outcome[tuple[Notebook, Parameters]]:
    from nbcompile.frontend.parameters import give, read_parameters

    # What cells read and none binds is known only from the graph, and can be given as well.
    free = link(analyze_cells(parse_cells(notebook)).value).parameters if given else ()
    return give(notebook, read_parameters(notebook), given, free)


def plan(program: Program, settings: Settings | None = None) -> Plan:
    """The steps of an analysed notebook. Raises `NotebookError` when it has errors, `Denied` when it asks for what is not allowed."""
    if program.denied:
        raise Denied(f"{program.notebook.name} asks for what is not allowed", "run `nbcompile check` to see what, and who can allow it")
    wrong = [found for found in program.diagnostics if found.rule.severity is Severity.ERROR]
    if any(found.rule in WRONG_VALUES for found in wrong):
        raise UsageError("; ".join(f"{found.rule.code} {found.message}" for found in wrong), wrong[0].help)
    if not program.ok:
        raise NotebookError(f"{program.notebook.name} has errors", "run `nbcompile check` to see them")
    settings = in_project(settings or Settings(), program)
    wishes = read_wishes(program.graph, program.notebook, program.facts, program.workflow, program.scatters, settings)
    if program.profile:
        wishes = replace(wishes, seconds={cell.index: cell.seconds for cell in program.profile.cells})
    made = make_plan(program.graph, program.notebook, settings, program.beside, wishes)
    unmet = [found for found in (*made.diagnostics, *_misplaced(program, made.value, settings)) if found.rule.severity is Severity.ERROR]
    if unmet:
        raise NotebookError("; ".join(f"{found.rule.code} {found.message}" for found in unmet), unmet[0].help)
    return _measured(made.value, program.profile) if program.profile else made.value


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
    """What a run of the plan would ask for and move. Sizes of values are those of the last run of the notebook on this machine."""
    from nbcompile.engines.sizes import payload_sizes
    from nbcompile.places.forecast import forecast
    from nbcompile.places.resident import resident_reads

    settings = in_project(settings or Settings(), program)
    directory = program.directory or Path()
    reads = resident_reads(made, program.facts, settings.project.files.resident if settings.project else {})
    return forecast(made, lambda path: _size_of(directory / path), payload_sizes(directory / program.notebook.name), reads)


def check_transfer(found: Forecast, settings: Settings) -> None:
    """Raise `UsageError`, which names the value or file and where it goes, when a run would move more than it may."""
    from nbcompile.places.forecast import check_transfer

    check_transfer(found, settings.max_transfer)


def _size_of(path: Path) -> int | None:
    """The bytes of what a path stands for."""
    from nbcompile.emitters.given import given_bytes

    return given_bytes(path) if path.exists() else None


@dataclass(frozen=True, slots=True)
class Build:
    """A compiled notebook. `write` puts its bundle on disk."""

    program: Program
    plan: Plan
    bundle: Bundle
    lock: bytes
    source: Path

    def write(self, directory: str | Path) -> Path:
        """Write the bundle to `directory`, replacing an earlier one as a whole.

        Raises `UsageError` when the directory holds something else than a bundle.
        """
        from nbcompile.emitters.write import write_bundle

        return write_bundle(self.bundle, self.source.parent, Path(directory))

    def write_lock(self) -> Path:
        """Write the lock beside the notebook, where teams commit it."""
        from nbcompile.emitters.lockfile import lock_name
        from nbcompile.emitters.write import write_whole

        path = self.source.with_name(lock_name(self.source.stem))
        write_whole(path, self.lock)
        return path

    def is_current(self, directory: str | Path) -> bool:
        """Whether the bundle in `directory` is what this build would write."""
        from nbcompile.emitters.write import bundle_is_on_disk

        return bundle_is_on_disk(self.bundle, Path(directory))


def build(
    path: str | Path, settings: Settings | None = None, *, parameters: Mapping[str, object] | None = None, target: str = "cwl"
) -> Build:
    """Compile a notebook to CWL, in memory; with the target `streamflow` also to what StreamFlow needs to run it where it is placed.

    Raises `NotebookError` when the notebook has errors, `UsageError` for values it does not take.
    """
    from nbcompile.emitters.cwl import emit_cwl
    from nbcompile.emitters.lockfile import lock_bytes
    from nbcompile.emitters.steps import step_files

    settings = settings or Settings()
    program = analyze(path, parameters)
    made = plan(program, settings)
    lock = lock_bytes(program.notebook, made, settings)
    steps = step_files(made, program.facts, program.graph, program.notebook, program.workflow, program.parameters)
    bundle = emit_cwl(made, steps, program.notebook, lock, program.parameters)
    if target == "streamflow":
        from nbcompile.backend import run_id
        from nbcompile.emitters.streamflow import emit_streamflow
        from nbcompile.model.personal import PERSONAL

        run = run_id(f"{program.notebook.name}-{sha256(lock).hexdigest()[:12]}")
        bundle = emit_streamflow(bundle, made, tenant=PERSONAL, run=run)
    return Build(program, made, bundle, lock, Path(path))


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
) -> RunRecord:
    """Run a notebook, independent steps side by side. What a cell raised is told in the record.

    `engine` is `local` for this machine alone, `streamflow` for steps that are placed at deployments, or the name of a CWL runner,
    which also runs the directory of a bundle; without one, steps decide that are placed elsewhere. `on_event` is called with what
    happens, and with `streams` also with what cells write. `cancellation` lets another thread end the run, and
    `early` is a warm parent of the local engine that was started before.

    Raises `NotebookError` when the notebook has errors, `UsageError` and `PlaceFailed` when it cannot be run here.
    """
    from nbcompile.model.run import Found

    tell, path, settings = on_event or (lambda _: None), Path(path), settings or Settings()
    if engine in ("", "local", "streamflow"):
        program = analyze(path, parameters)
        settings = in_project(settings, program)
        made = plan(program, settings)
        elsewhere = any(step.target != "local" for step in made.steps)
        if engine == "streamflow" or (elsewhere and not engine):
            for found in _checked_places(path, program, made, settings, _telling_ask(tell)) if elsewhere else ():
                tell(Found(found))
            return _run_placed(
                replace(_placed_job(path, program, made, settings, output), streams=streams, cancellation=cancellation), tell
            )
        from nbcompile.engines.directory import claim_directory
        from nbcompile.engines.local.run import run_job

        job = _run_job(_read(path), path, program, made, settings, parameters or {}, lambda name: claim_directory(output, name))
        return _recorded(run_job(replace(job, streams=streams, cancellation=cancellation), tell, early), tell)
    from nbcompile.engines.cwl import run_bundle

    bundle_job = replace(_bundle_job(path, settings, parameters or {}, output, engine), cancellation=cancellation)
    return _recorded(run_bundle(bundle_job, tell), tell)


async def arun(
    path: str | Path,
    settings: Settings | None = None,
    *,
    parameters: Mapping[str, object] | None = None,
    output: Path | None = None,
    engine: str = "",
    on_event: Callable[[RunEvent], None] | None = None,
    streams: bool = False,
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


def resume(run: str, *, on_event: Callable[[RunEvent], None] | None = None, streams: bool = False) -> RunRecord:
    """Go on with a run that was left, or that failed: steps that have ended well are not run again, and those that run are found again.

    `run` is its directory, its id, or `last`. Raises `UsageError` for a run that cannot go on, else as `run`.
    """
    from nbcompile.engines.registry import find_run
    from nbcompile.engines.streamflow.job import known_job

    known, tell = find_run(run), on_event or (lambda _: None)
    if known.engine == "local":
        return _resume_here(known, tell, streams=streams)
    return _run_placed(replace(known_job(known), streams=streams), tell)


def _resume_here(run: KnownRun, tell: Callable[[RunEvent], None], *, streams: bool) -> RunRecord:
    """Go on with a run of the local engine, with the notebook as it was when the run began."""
    from nbcompile.engines.directory import RunDirectory
    from nbcompile.engines.local.run import run_job

    if run.state in ("finished", "running"):
        raise UsageError(f"{run.id} {'has finished' if run.state == 'finished' else 'is running'}", "see `nbcompile runs show`")
    directory, path, request = RunDirectory(run.directory), Path(run.notebook), dict(run.request)
    parameters, source = parameters_of_document(request.pop("parameters")), _read(directory.source)
    settings = Settings(**{**request, "granularity": Granularity(request["granularity"])})
    program = _analyze_at(source, path, parameters)
    settings = in_project(settings, program)
    job = _run_job(source, path, program, plan(program, settings), settings, parameters, lambda _: directory)
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
        left = asyncio.run(_sweep(job, job.placement.targets))
        journal.end(RunState.CANCELLED.value)
    return known, left


def _run_placed(job: PlacedJob, tell: Callable[[RunEvent], None]) -> RunRecord:
    """Run what is placed at deployments, and end there what StreamFlow could not."""
    import asyncio

    from nbcompile.engines.streamflow.run import run_placed
    from nbcompile.tenancy.relay import QuestionDesk

    def sweep(deployments: Sequence[str]) -> Sequence[str]:
        return asyncio.run(_sweep(job, deployments))

    with closing(QuestionDesk(_telling_ask(tell))) as desk:
        return _recorded(run_placed(job, tell, sweep, desk), tell)


def _telling_ask(tell: Callable[[RunEvent], None]) -> Ask:
    """Asks as usual, and tells whoever watches the run, so that a picture of it does not run over the question."""
    from nbcompile.model.run import LoginAsked

    usual = _usual_ask()

    async def ask(challenge: Challenge) -> tuple[Secret, ...]:
        tell(LoginAsked(challenge.host, answered=False))
        try:
            return await usual(challenge)
        finally:
            tell(LoginAsked(challenge.host, answered=True))

    return ask


async def _sweep(job: PlacedJob, deployments: Sequence[str]) -> Sequence[str]:
    """End what is left of a run at deployments; returns what could not be ended, as sentences."""
    import asyncio

    from nbcompile.engines.streamflow.place import open_here
    from nbcompile.model.errors import NbcompileError

    async def sweep(name: str) -> list[str]:
        try:
            opened = await (open_here(job.run, job.place) if name == "local" else open_place(name, job.run))
            try:
                left = await opened.session.sweep()
            finally:
                await opened.session.close()
        except NbcompileError as error:
            return [f"nobody knows what is left at {name}: {error.message}"]
        return [f"{name} could not end {what}" for what in left]

    return [line for found in await asyncio.gather(*map(sweep, deployments)) for line in found]


def _checked_places(path: Path, program: Program, made: Plan, settings: Settings, ask: Ask) -> tuple[Diagnostic, ...]:
    """What places lack. Raises `NotebookError` when a step could not run where it is placed, `UsageError` when too much would move."""
    check_transfer(forecast(program, made, settings), settings)
    found = check_places(program, made, settings, path=str(path), ask=ask)
    wrong = [one for one in found if one.rule.severity is Severity.ERROR]
    if wrong:
        raise NotebookError("; ".join(f"{one.rule.code} {one.message}" for one in wrong), wrong[0].help)
    return found


def _placed_job(path: Path, program: Program, made: Plan, settings: Settings, output: Path | None) -> PlacedJob:
    from nbcompile.backend import run_id
    from nbcompile.emitters.cwl import emit_cwl
    from nbcompile.emitters.lockfile import lock_bytes
    from nbcompile.emitters.steps import notebook_template, step_files
    from nbcompile.emitters.streamflow import emit_streamflow
    from nbcompile.emitters.write import write_bundle
    from nbcompile.engines.directory import claim_directory, new_run_id
    from nbcompile.engines.streamflow.job import job_of_request
    from nbcompile.engines.streamflow.program import find_streamflow
    from nbcompile.model.personal import PERSONAL

    find_streamflow(os.environ)
    identifier = new_run_id(program.notebook.name)
    run = run_id(identifier)
    steps = step_files(made, program.facts, program.graph, program.notebook)
    lock = lock_bytes(program.notebook, made, settings)
    bundle = emit_cwl(made, steps, program.notebook, lock, collects=False)
    directory = claim_directory(output, program.notebook.name)
    write_bundle(emit_streamflow(bundle, made, tenant=PERSONAL, run=run, everywhere=True), path.parent, directory.state / "bundle")
    directory.source.write_bytes(_read(path))
    request = {
        "run": run,
        "name": program.notebook.name,
        "kernel": program.notebook.kernel,
        "python": settings.python or (settings.project.environment.python if settings.project else ""),
        "jobs": settings.jobs,
        "keep_going": settings.keep_going,
        "retries": settings.project.retries.max if settings.project else 2,
    }
    directory.template.write_bytes(notebook_template(program.notebook))
    return job_of_request(identifier, path, directory, request)


def _bundle_job(path: Path, settings: Settings, parameters: Mapping[str, object], output: Path | None, engine: str) -> BundleJob:
    from nbcompile.engines.cwl import BundleJob, cells_of_bundle, find_runner
    from nbcompile.engines.directory import claim_directory, new_run_id

    find_runner(engine)
    python = _python_asked(settings)
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


def verify(
    path: str | Path,
    settings: Settings | None = None,
    *,
    exactness: Exactness = Exactness.EXACT,
    record: bool = False,
    accept: bool = False,
    on_event: Callable[[RunEvent], None] | None = None,
) -> Verification:
    """Run a notebook plainly and compiled, at cell granularity and as planned, and compare everything.

    What is recorded beside the notebook is compared, too. `record` keeps what the plain run gave if nothing is kept yet, and
    `accept` in any case; nothing else is left behind.

    Raises `NotebookError` when the notebook has errors, `UsageError` and `PlaceFailed` when it cannot be run here.
    """
    from tempfile import TemporaryDirectory

    from nbcompile.emitters.write import write_whole
    from nbcompile.verify.baseline import baseline_json, baseline_name, read_baseline
    from nbcompile.verify.judge import judge, named_cells, with_causes

    path, settings, tell = Path(path), settings or Settings(), on_event or (lambda _: None)
    program = analyze(path)
    plans = {granularity: plan(program, replace(settings, granularity=granularity)) for granularity in (Granularity.CELL, Granularity.AUTO)}
    wanted = [Granularity.CELL] + [Granularity.AUTO] * (plans[Granularity.CELL].steps != plans[Granularity.AUTO].steps)
    sources = tuple(cell.source for cell in program.notebook.code_cells)
    kept = path.with_name(baseline_name(path.stem))
    recorded = [read_baseline(_read(kept), kept.name, sources, exactness)] if kept.is_file() and not accept else []
    tell(Notice(_price(program, len(wanted))))
    with TemporaryDirectory(prefix="nbcompile-verify-") as folder:
        observer = Observer(path, settings, exactness, Path(folder).resolve(), tell)
        runs = [observer.plain(program, "plain"), *(observer.compiled(granularity) for granularity in wanted), *recorded]
        judged = judge(runs, lambda: observer.plain(program, "plain-again"), exactness, program.graph)
        if judged.differences:
            judged = with_causes(judged, observer.missed(program))
    if accept or (record and not recorded):
        write_whole(kept, baseline_json(runs[0], sources, exactness).encode())
    return judged.verification(path, named_cells(program.diagnostics, program.facts), plans[Granularity.CELL], sources)


def _price(program: Program, runs: int) -> str:
    """What comparing will take, before it begins."""
    if program.profile is None:
        return f"{runs + 1} runs; how long they take is not known, and `nbcompile profile` would tell"
    return f"{runs + 1} runs of about {program.profile.seconds:.0f} s each, as the profile says; twice that where something differs"


class Observer:
    """Runs one notebook, plainly and compiled, below one directory."""

    def __init__(self, path: Path, settings: Settings, exactness: Exactness, folder: Path, tell: Callable[[RunEvent], None]) -> None:
        self.path, self.settings, self.exactness, self.folder, self.tell = path, settings, exactness, folder, tell

    def plain(self, program: Program, name: str) -> Observation:
        """A run in a kernel; where there is none, in one step."""
        from nbcompile.emitters.join import join_runtime
        from nbcompile.engines.local.interpreter import choose_interpreter
        from nbcompile.verify.observe import PlainJob, find_client, observe_kernel

        choice = choose_interpreter(_python_asked(in_project(self.settings, program)), program.notebook.kernel, os.environ)
        client = find_client(choice.path)
        if not client:
            self.tell(Notice(f"{choice.path} has no ipykernel, or nobody nbclient: the plain run is one step"))
            return self.compiled(Granularity.NOTEBOOK, name)
        self.tell(Notice(f"{name}: a kernel of {choice.path} ({choice.why})"))
        work = self.folder / name
        work.mkdir()
        job = PlainJob(
            document=program.notebook.document,
            beside=self.path.parent,
            work=work,
            client=client,
            python=choice.path,
            runtime=join_runtime(),
            names=tuple(dict.fromkeys(name for cell in program.graph.cells for name in cell.defines)),
        )
        return observe_kernel(job, name, self.exactness)

    def missed(self, program: Program) -> tuple[MissedFlow, ...]:
        """What flows between cells in a run and is in no edge; nothing where no run comes to the end."""
        from nbcompile.profiling.decisions import missed_flows

        try:
            seen = program.profile or profile(self.path, self.settings, on_event=self.tell)
        except CellFailed:
            return ()
        return missed_flows(seen, program.graph)

    def compiled(self, granularity: Granularity, name: str = "") -> Observation:
        """A run of the compiled notebook with the local engine."""
        from nbcompile.engines.local.run import run_job
        from nbcompile.verify.observe import observe_run

        name = name or granularity.value
        settings = replace(self.settings, granularity=granularity, on="local", cached=False)
        account = Account(values=True, plain=granularity is Granularity.NOTEBOOK)
        job = _local_job(self.path, settings, self.folder / name, account)
        return observe_run(run_job(job, self.tell), name, self.exactness)


def profile(path: str | Path, settings: Settings | None = None, *, on_event: Callable[[RunEvent], None] | None = None) -> Profile:
    """Run a notebook once in one process, and look at what each cell does. Keeps no files; `write_profile` does.

    Raises `NotebookError` when the notebook has errors, `CellFailed` when it ends early, `UsageError` and `PlaceFailed` when
    it cannot be run here.
    """
    from tempfile import TemporaryDirectory

    from nbcompile.engines.local.run import run_job
    from nbcompile.profiling.profile import make_profile

    path, settings = Path(path), replace(settings or Settings(), granularity=Granularity.NOTEBOOK, on="local", cached=False)
    with TemporaryDirectory(prefix="nbcompile-profile-") as folder:
        program = analyze(path)
        job = _local_job(path, settings, Path(folder) / "run", Account(trace=True, plain=True))
        record = run_job(job, on_event or (lambda _: None))
    if record.failures:
        failure = record.failures[0]
        raise CellFailed(f"cell {failure.cell}: {failure.name}: {failure.message}", "a profile is one of a whole run; see `nbcompile run`")
    cells = [cell for step in record.steps for cell in step.cell_records]
    return make_profile(program.notebook, record.interpreter.version, cells)


def write_profile(made: Profile, path: str | Path) -> Path:
    """Write a profile beside its notebook, where `plan`, `run` and `build` find it."""
    from nbcompile.emitters.write import write_whole
    from nbcompile.profiling.profile import profile_json, profile_name

    place = Path(path).with_name(profile_name(Path(path).stem))
    write_whole(place, profile_json(made).encode())
    return place


def find_profile(program: Program, path: Path) -> Outcome[Profile | None]:
    """The profile beside a notebook, if there is one of its cells as they are."""
    place = path.with_name(f"{path.stem}.profile.json")
    if not place.is_file():
        return Outcome(None)
    from nbcompile.profiling.profile import read_profile

    return read_profile(_read(place), program.notebook)


def _local_job(path: Path, settings: Settings, output: Path, account: Account) -> RunJob:
    """A run in a directory of ours, which tells more than others do."""
    from nbcompile.engines.directory import claim_directory

    program = analyze(path)
    settings = in_project(settings, program)
    return _run_job(
        _read(path), path, program, plan(program, settings), settings, {}, lambda name: claim_directory(output, name), account=account
    )


def _run_job(
    source: bytes,
    path: Path,
    program: Program,
    made: Plan,
    settings: Settings,
    parameters: Mapping[str, object],
    directory: Callable[[str], RunDirectory],
    *,
    account: Account = SILENT,
) -> RunJob:
    """What the local engine is asked to run; `directory` makes the run's directory when all is well."""
    from nbcompile.analysis.environment import read_environment
    from nbcompile.emitters.join import join_runtime
    from nbcompile.emitters.steps import notebook_template
    from nbcompile.engines.directory import new_run_id
    from nbcompile.engines.job import RunJob
    from nbcompile.planning.cost import estimate_steps
    from nbcompile.planning.reuse import reuse_of_steps
    from nbcompile.planning.warm import warm_imports

    seconds = estimate_steps(made, program.notebook)
    if program.profile:
        from nbcompile.profiling.decisions import step_seconds

        seconds = step_seconds(made, program.profile)
    elsewhere = next((step for step in made.steps if step.target != "local"), None)
    if elsewhere:
        advice = "run all cells here with `--on local`, or leave out `--engine`"
        raise UsageError(f"the step `{elsewhere.id}` is placed on `{elsewhere.target}`, which the local engine does not reach", advice)
    job = RunJob(
        id=new_run_id(program.notebook.name),
        directory=directory(program.notebook.name),
        notebook=path,
        source=source,
        name=program.notebook.name,
        plan=made,
        documents=_step_documents(made, program, account),
        template=notebook_template(program.notebook),
        runtime=join_runtime(),
        kernel=program.notebook.kernel,
        python_version=program.notebook.python_version,
        environment=read_environment(parse_cells(program.notebook)),
        seconds=seconds,
        reuse=reuse_of_steps(made, program.facts, program.notebook),
        cached=settings.cached,
        divide_threads=settings.divide_threads,
        imports=warm_imports(program.facts, program.notebook, program.beside),
        python=_python_asked(settings),
        request={
            "granularity": settings.granularity.value,
            "python": settings.python,
            "jobs": settings.jobs,
            "keep_going": settings.keep_going,
            "on": settings.on,
            "cached": settings.cached,
            "divide_threads": settings.divide_threads,
            "parameters": document_of_parameters(parameters),
        },
        jobs=settings.jobs,
        keep_going=settings.keep_going,
        cell_ids=tuple(cell.id for cell in program.notebook.code_cells),
    )
    return job if settings.strict else replace(job, repair=_repairing(program, settings, job, account))


def _step_documents(made: Plan, program: Program, account: Account) -> dict[StepId, bytes]:
    from nbcompile.emitters.steps import step_files

    files = step_files(made, program.facts, program.graph, program.notebook, program.workflow, account=account)
    return {file.step: file.content for file in files}


def _repairing(program: Program, settings: Settings, job: RunJob, account: Account) -> Callable[[tuple[GuardBreak, ...]], RunJob | None]:
    """What makes of a job one that foresees what its guards found. When that is nothing new, all cells run together."""
    from nbcompile.analysis.lessons import learn
    from nbcompile.planning.cost import estimate_steps
    from nbcompile.planning.reuse import reuse_of_steps

    def repair(breaks: tuple[GuardBreak, ...]) -> RunJob | None:
        facts = learn(program.facts, breaks)
        new = facts != program.facts
        if not new and settings.granularity is Granularity.NOTEBOOK:
            return None
        wanted = settings if new else replace(settings, granularity=Granularity.NOTEBOOK)
        taught = _linked_again(replace(program, facts=facts))
        made = plan(taught, wanted)
        return replace(
            job,
            plan=made,
            documents=_step_documents(made, taught, account),
            seconds=estimate_steps(made, taught.notebook),
            reuse=reuse_of_steps(made, taught.facts, taught.notebook),
            repair=_repairing(taught, wanted, job, account),
        )

    return repair


def _linked_again(program: Program) -> Program:
    """A program whose facts are others."""
    from nbcompile.dataflow.declared import order_declared

    graph = order_declared(link(program.facts), program.workflow).value
    directory = program.directory or Path()
    return replace(program, graph=graph, beside=look_beside(program.notebook, given_files(graph), directory))


def in_project(settings: Settings, program: Program) -> Settings:
    """The settings with those of the project that the notebook lies in, unless they have some."""
    if settings.project is not None or program.directory is None:
        return settings
    return replace(settings, project=project_settings(program.directory))


def project_settings(directory: Path) -> ProjectSettings | None:
    """The settings of the project that `directory` belongs to; the nearest file upwards counts. `None` where there is none."""
    for folder in (directory.absolute(), *directory.absolute().parents):
        for name in ("nbcompile.yml", "nbcompile.yaml", "pyproject.toml"):
            path = folder / name
            if path.is_file() and (name != "pyproject.toml" or b"[tool.nbcompile" in path.read_bytes()):
                from nbcompile.config import load_project

                return load_project(path)
        if (folder / ".git").exists():
            break
    return None


def _notebook(data: bytes, path: Path) -> Outcome[Notebook]:
    if path.suffix != ".py":
        return read_notebook(data, path.stem)
    from nbcompile.frontend.percent import read_percent

    return read_percent(data, path.stem)


def _source_lines(text: str, path: str) -> tuple[tuple[int, ...], ...]:
    """For each cell the lines of the file on which its source stands."""
    if not path.endswith(".py"):
        return locate_sources(text)
    from nbcompile.frontend.percent import locate_percent_sources

    return locate_percent_sources(text)


def _workflow(notebook: Notebook) -> Outcome[WorkflowDeclaration]:
    if "workflow" not in notebook.metadata and not any("workflow" in cell.metadata for cell in notebook.code_cells):
        return Outcome(WorkflowDeclaration())
    from nbcompile.frontend.workflow_metadata import read_workflow

    return read_workflow(notebook)


def _denials(workflow: WorkflowDeclaration, notebook: Notebook) -> tuple[Diagnostic, ...]:
    from nbcompile.tenancy.declarations import check_declarations

    path = personal_file()
    return check_declarations(workflow, notebook, personal_settings(path), str(path))


async def open_place(
    name: str,
    run: str,
    *,
    tenant: str = "",
    file: Path | None = None,
    ask: Ask | None = None,
    observe: Callable[[PlaceEvent], None] | None = None,
) -> OpenPlace:
    """Reach a deployment for one run, with the credentials of that deployment and no others. Close its `session` when done.

    `file` is used instead of the person's own file of deployments. `ask` puts the questions of a login to somebody; by default
    they are asked at the terminal, or by the process that started this one. `observe` is told when the place goes away and comes back.

    Raises `UsageError` for what is configured wrong, and `PlaceFailed` when the place cannot be reached or does not let us in.
    """
    from nbcompile.backend import RunId
    from nbcompile.tenancy.broker import Broker

    broker = Broker(_deployments(tenant, file), RunId(run), ask or _usual_ask(), observe or (lambda _: None))
    return await broker.open(name)


async def add_deployment(
    draft: Draft,
    name: str,
    *,
    file: Path,
    believe: Callable[[str, tuple[str, ...]], bool],
    choose: Callable[[Offer], Choice],
    ask: Ask | None = None,
) -> Checkup:
    """Log in to what a person describes, see what is there, write it into their file, and check it.

    `believe` is shown what a place says of itself before anybody logs in, such as host keys; `choose` is shown what the site
    offers. Nothing is written when it cannot be reached. Raises as `open_place` does.
    """
    from nbcompile.config import add_deployments
    from nbcompile.places.draft import taken
    from nbcompile.places.offer import look_around

    for one in draft.deployments:
        shown = await _broker_of(_known(draft, file), ask).introduce(one)
        for key, values in shown.items():
            if key not in draft.deployments[one] and believe(one, values):
                draft = draft.with_keys(one, **{key: list(values)})
    async with _visit(_broker_of(_known(draft, file), ask), name) as place:
        draft = taken(draft, name, choose(await look_around(place.session, place.environment().modules_init)))
        add_deployments(file, draft.deployments, draft.credentials)
        return await _check(replace(place, deployment=_known(draft, file).deployments[name]))


def _broker_of(known: Deployments, ask: Ask | None) -> Broker:
    """A broker for a visit that leaves nothing there."""
    from nbcompile.backend import RunId
    from nbcompile.tenancy.broker import Broker

    return Broker(known, RunId(f"visit-{token_hex(6)}"), ask or _usual_ask())


def _usual_ask() -> Ask:
    """Whoever is at the terminal: ours, or that of the process that started this one and said so."""
    from nbcompile.tenancy.asking import TerminalAsk
    from nbcompile.tenancy.relay import inherited_ask

    return inherited_ask(os.environ) or TerminalAsk()


@asynccontextmanager
async def _visit(broker: Broker, name: str) -> AsyncIterator[OpenPlace]:
    from nbcompile.model.errors import PlaceFailed

    place = await broker.open(name)
    try:
        yield place
        with suppress(PlaceFailed):
            await place.session.remove()
    finally:
        await place.session.close()


def _known(draft: Draft, file: Path) -> Deployments:
    """What the file has, and what is to be in it."""
    from nbcompile.config import parse_personal
    from nbcompile.tenancy.deployments import Deployments

    personal = personal_settings(file)
    drafted = parse_personal({"deployments": draft.deployments, "credentials": draft.credentials}, str(file))
    deployments = {**personal.deployments, **drafted.deployments}
    return Deployments(str(file), deployments, {**personal.credentials, **drafted.credentials})


def remove_deployment(name: str, file: Path) -> None:
    """Take a deployment out of a person's file. Raises `UsageError` where it is not there, or others are reached through it."""
    from nbcompile.config import remove_deployment as remove
    from nbcompile.tenancy.deployments import find_deployment

    find_deployment(_deployments(file=file), name)
    remove(file, name)


async def check_deployment(name: str, *, file: Path | None = None, ask: Ask | None = None) -> Checkup:
    """Reach a deployment, and see what works there. A place that cannot be reached is a finding.

    Raises `UsageError` for what is configured wrong.
    """
    from nbcompile.model.errors import PlaceFailed
    from nbcompile.places.checkup import unreached

    broker = _broker_of(_deployments(file=file), ask)
    try:
        async with _visit(broker, name) as place:
            return await _check(place)
    except PlaceFailed as problem:
        return unreached(name, problem)


def check_places(
    program: Program, made: Plan, settings: Settings | None = None, *, path: str = "", file: Path | None = None, ask: Ask | None = None
) -> tuple[Diagnostic, ...]:
    """See, before anything is submitted, what steps need and do not find where they are placed, and which values could not travel.

    `path` is the notebook's, for the findings. Logs in to every deployment of the plan. Raises `UsageError` for what is
    configured wrong, `PlaceFailed` for a place that cannot be reached or whose environment cannot be loaded.
    """
    import asyncio

    from nbcompile.analysis.cells import type_origins
    from nbcompile.analysis.environment import read_environment
    from nbcompile.analysis.programs import read_programs
    from nbcompile.places.compatibility import incompatible_sites, missing_software, other_pythons, sent_between_sites, with_held
    from nbcompile.places.needs import questions, step_needs
    from nbcompile.places.resident import missing_files, resident_reads
    from nbcompile.places.software import STEP_MODULES

    settings = in_project(settings or Settings(), program)
    parsed = tuple(parse_cells(program.notebook))
    reads = resident_reads(made, program.facts, settings.project.files.resident if settings.project else {})
    needs = step_needs(made, program.facts, read_environment(parsed), read_programs(parsed), reads, program.directory or Path())
    sent = sent_between_sites(made)
    origins = type_origins(parsed, sent)
    libraries = {one for version in sent for one in origins.get(version, program.facts[version.cell].libraries)}
    asked = questions(needs, with_held(sorted(libraries)), STEP_MODULES)
    found = asyncio.run(_look_at(asked, program, settings, _deployments(file=file), ask))
    return (
        *missing_software(needs, found, path),
        *missing_files(reads, found, path),
        *other_pythons(found, _python_asked(settings), program.notebook.python_version, path),
        *incompatible_sites(made, program.facts, found, origins, path),
    )


def _python_asked(settings: Settings) -> str:
    return settings.python or (settings.project.environment.python if settings.project else "")


async def _look_at(
    asked: Mapping[Site, SoftwareQuestion], program: Program, settings: Settings, known: Deployments, ask: Ask | None
) -> dict[Site, Software]:
    """What each site has. Each deployment is logged in to once."""
    from nbcompile.engines.local.interpreter import choose_interpreter
    from nbcompile.places.software import look_here, look_into

    found: dict[Site, Software] = {}
    for name in dict.fromkeys(site.deployment for site in asked):
        sites = [site for site in asked if site.deployment == name]
        if name == "local":
            choice = choose_interpreter(_python_asked(settings), program.notebook.kernel, os.environ)
            found.update({site: look_here(choice.path, asked[site]) for site in sites})
            continue
        async with _visit(_broker_of(known, ask), name) as place:
            for site in sites:
                found[site] = await look_into(place.session, place.environment(site.environment), asked[site])
    return found


def check_machine() -> Checkup:
    """See what of this machine matters for running notebooks, and whether the person's file can be read."""
    from nbcompile.engines.checkup import check_machine
    from nbcompile.model.checkup import Check, Checkup, Standing

    path = personal_file()
    try:
        names = ", ".join(personal_settings(path).deployments) or "none"
        deployments = Check("deployments", Standing.OK, f"{names} ({path})")
    except UsageError as problem:
        deployments = Check("deployments", Standing.PROBLEM, problem.message, problem.advice)
    return Checkup(checks=(*check_machine(os.environ), deployments))


async def _check(place: OpenPlace) -> Checkup:
    import asyncio

    from nbcompile.model.errors import PlaceFailed
    from nbcompile.places.checkup import check_place

    place.options()
    names = ("default", *(name for name in place.deployment.environments if name != "default"))
    environments = {name: place.environment("" if name == "default" else name) for name in names}
    looking = check_place(place.name, place.session, environments, place.deployment.options)
    try:
        return await asyncio.wait_for(looking, _CHECK_SECONDS)
    except (asyncio.TimeoutError, TimeoutError):
        raise PlaceFailed(f"`{place.name}` does not answer within {_CHECK_SECONDS} s", "try again, or ask its administrators") from None


def _deployments(tenant: str = "", file: Path | None = None) -> Deployments:
    """What a tenant has; without a name, what the person has."""
    from nbcompile.model.personal import PERSONAL
    from nbcompile.tenancy.deployments import Deployments

    if tenant not in ("", PERSONAL):
        raise UsageError(f"there is no tenant called `{tenant}`", f"leave it out for your own deployments: you are `{PERSONAL}`")
    path = file or personal_file()
    if file is not None and not file.is_file():
        raise UsageError(f"there is no file {file}", "name a file of deployments, or make one with `nbcompile deployment add`")
    personal = personal_settings(path)
    return Deployments(str(path), personal.deployments, personal.credentials)


def personal_file() -> Path:
    """Where a person's own deployments are described; NBCOMPILE_DEPLOYMENTS names another file."""
    if os.environ.get("NBCOMPILE_DEPLOYMENTS"):
        return Path(os.environ["NBCOMPILE_DEPLOYMENTS"])
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "nbcompile" / "deployments.yml"


def personal_settings(path: Path) -> PersonalSettings:
    """What the person owns and allows; nothing where there is no such file."""
    from nbcompile.config import load_personal
    from nbcompile.model.personal import PersonalSettings

    return load_personal(path) if path.is_file() else PersonalSettings()


def _with_findings(program: Program, path: Path) -> Program:
    from nbcompile.dataflow.findings import find

    found = replace(program, diagnostics=find(program.facts, program.graph))
    placed = tuple(_placed(_unsettled(found), str(path), _read(path)))
    return replace(program, diagnostics=(*program.diagnostics, *placed), ok=program.ok and not any(map(_is_error, placed)))


def _is_error(found: Diagnostic) -> bool:
    return found.rule.severity is Severity.ERROR


def _unsettled(program: Program) -> Program:
    """The program without the findings that the authors of cells allow; an error is none that can be allowed."""
    allowed = {cell.index: cell.allowed for cell in program.facts if cell.allowed}
    if not allowed:
        return program
    kept = tuple(
        one
        for one in program.diagnostics
        if one.rule.severity is Severity.ERROR or not {one.rule.code, one.rule.name} & set(allowed.get(one.place.cell_index, ()))
    )
    return replace(program, diagnostics=kept)


def _placed(program: Program, path: str, data: bytes) -> Iterator[Diagnostic]:
    """The findings with the notebook's name, the line of the file, and the text of the line."""
    code = program.notebook.code_cells
    text = data.decode("utf-8-sig", "replace")
    positions = _source_lines(text, path) if program.diagnostics and program.notebook.cells else ()
    for one in program.diagnostics:
        place = one.place
        line = place.span.line if place.span else 1
        if place.key and not path.endswith(".py"):
            yield replace(one, path=path, file_line=locate_key(text, place.key))
            continue
        if place.cell_index < 0:
            yield replace(one, path=path, file_line=line)
            continue
        cell = code[place.cell_index]
        lines = positions[cell.in_file] if 0 <= cell.in_file < len(positions) else ()
        source = cell.source.splitlines()
        yield replace(
            one,
            path=path,
            file_line=lines[min(line, len(lines)) - 1] if lines else None,
            excerpt=source[line - 1] if place.span and line <= len(source) else "",
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "name an existing .ipynb file") from None
