"""Runs a plan on this machine: a process a step, as many at a time as there are cores, the longest way to go first."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbcompile.engines.cache import WarmModules
from nbcompile.engines.directory import PRIVATE
from nbcompile.engines.filesystem import told_as_place_failure
from nbcompile.engines.job import RunJob
from nbcompile.engines.journal import Journal
from nbcompile.engines.local.follow import StepFollower
from nbcompile.engines.local.given import given
from nbcompile.engines.local.machine import free_memory_mib
from nbcompile.engines.local.next_place import NextPlace
from nbcompile.engines.local.past import Past
from nbcompile.engines.local.scattered import ScatteredStep, Span, Spent, count_shards
from nbcompile.engines.local.schedule import Schedule
from nbcompile.engines.local.workers import Message, WarmParent
from nbcompile.engines.outputs import (
    AFTER_DEATH,
    CELL_FAILED,
    GUARD_BROKEN,
    cell_records,
    failures_in,
    first_failed_cell,
    last_shard,
    problem_in,
    read_outputs,
)
from nbcompile.engines.signals import SignalWatch
from nbcompile.model.graph import FILE
from nbcompile.model.plan import Link, Step, StepId
from nbcompile.model.run import CellStarted, Failure, KnownStep, Notice, RunEvent, StepEnded, StepRecord, StepStarted, StepState
from nbcompile.rules.steps import STEP_DIED
from nbcompile.runtime.supervisor import journal_path, report_death

# How long a step that is cancelled may take to clean up.
_GRACE_SECONDS = 2.0
# How often the events of running steps are looked at.
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalResult:
    """How the steps of a job ended, in the plan's order. `signal` is the one that ended the run early."""

    steps: tuple[StepRecord, ...]
    failures: tuple[Failure, ...] = ()
    signal: int | None = None


@dataclass(slots=True)
class _Worker:
    """A step process, which writes `outputs`. `stop_at` is when it is killed, if it was asked to end.

    With a `span` it runs these shards of a scattered step, and with `stops_before` only the cells before that one.
    """

    number: int
    step: Step
    started: float
    start: str
    follower: StepFollower
    outputs: Path
    span: Span | None = None
    stops_before: int | None = None
    stop_at: float | None = None


def run_steps(
    job: RunJob, parent: WarmParent, journal: Journal, past: Past, on_event: Callable[[RunEvent], None], began: float
) -> LocalResult:
    """Run all steps, `job.jobs` at a time; `began` is the run's start on the monotonic clock."""
    with SignalWatch(job.cancellation) as signals:
        parent.wake_on(signals.descriptor)
        return _LocalRun(job, parent, journal, past, on_event, began).run(signals)


class _LocalRun:
    """The state of one run."""

    def __init__(
        self, job: RunJob, parent: WarmParent, journal: Journal, past: Past, on_event: Callable[[RunEvent], None], began: float
    ) -> None:
        self.job, self.directory, self.parent, self.journal, self.past = job, job.directory, parent, journal, past
        self.on_event, self.began = on_event, began
        self.next_place = NextPlace(job.directory)
        self.known = past.experiences()
        self.schedule = Schedule(job.plan, {**job.seconds, **{step: one.seconds for step, one in self.known.items()}}, job.jobs)
        self.workers: dict[int, _Worker] = {}
        self.scattered: dict[StepId, ScatteredStep] = {}
        self.records = {step.id: StepRecord(step=step.id, cells=step.cells) for step in job.plan.steps}
        self.failures: list[Failure] = []
        self.forks = False
        self.fresh_cells: set[int] = set()
        self.prepared = False
        self.left_to_steps: set[str] = set()
        self.asked: set[StepId] = set()
        self.commands: dict[StepId, dict[str, Any]] = {}
        self.at_work: dict[StepId, tuple[int, ...]] = {}
        self.troubled: StepId | None = None
        # What steps that have ended may have left for themselves: directories, of which nobody needs anything when the run is over.
        self.leftovers: list[str] = []

    def run(self, signals: SignalWatch) -> LocalResult:
        """Start what is ready and take what comes, until nothing is left."""
        with told_as_place_failure(self.directory.path, cells=self._cells_at_work):
            try:
                self._run(signals)
            finally:
                self.past.settle()
                self.next_place.remove()
                for path in self.leftovers:
                    shutil.rmtree(path, ignore_errors=True)
        ended_by = signals.caught[0] if signals.caught else None
        return LocalResult(steps=tuple(self.records.values()), failures=tuple(self.failures), signal=ended_by)

    def _cells_at_work(self) -> tuple[int, ...]:
        """The cells that steps have come to, as far as they have said so; of a step that did not end well and is looked at, its own."""
        concerned = [self.at_work[self.troubled]] if self.troubled in self.at_work else self.at_work.values()
        return tuple(cell for cells in concerned for cell in cells)

    def _run(self, signals: SignalWatch) -> None:
        self._recall()
        if not self.schedule.over:
            self._prepare()
        while self.workers or not (self.schedule.over or signals.caught):
            if self.prepared and not signals.caught:
                self._start_ready()
            if self.schedule.over:
                break
            self.past.settle()
            if self.schedule.waits:
                self.next_place.make()
            for message in self.parent.wait(_LOOK_SECONDS if self.workers else 5.0):
                self._take(message)
            for worker in self.workers.values():
                # What shards show comes in their order when all have ended.
                self._tell(() if worker.span else worker.follower.news())
            if signals.caught:
                signals.quiet()
                self._cancel(list(self.records), 0.0 if len(signals.caught) > 1 else _GRACE_SECONDS)
            self._kill_overdue()

    # Starting steps.

    def _recall(self) -> None:
        """Take steps that need not run as ended, and those that become ready by it."""
        while waiting := [step for step in self.schedule.ready() if step.id not in self.asked]:
            for step in waiting:
                self.asked.add(step.id)
                # What others keep is all of a step.
                record = self.past.recall(step) if self.schedule.stops_before(step) is None else None
                if record is not None:
                    self._recalled(step, record)

    def _recalled(self, step: Step, record: StepRecord) -> None:
        now = time.monotonic() - self.began
        self.schedule.started(step.id)
        # A client that was killed had not come to remove it.
        self.leftovers.append(str(self.directory.work(step.id) / PRIVATE))
        self.on_event(StepStarted(step.id, step.cells, now, record.start))
        follower = StepFollower(step.id, self.directory.events(step.id), streams=self.job.streams)
        self._tell(follower.last_news(read_outputs(self.directory.outputs(step.id))))
        self._command(step)
        self._ended(replace(record, started_seconds=now), [])

    def _start_ready(self) -> None:
        self._recall()
        # How much memory is free stands in many files, and is asked only where there are cores, too.
        if self.schedule.ready() and (not self.workers or self._busy_cores() < self.job.jobs):
            for step in self.schedule.admitted(free_memory_mib(), self._needed_mib(), self._busy_cores()):
                self._scatter(step) if step.scatter else self._start(step)
        for scattered in self.scattered.values():
            while self._busy_cores() + self.schedule.width(scattered.step) <= self.job.jobs and (span := scattered.take()):
                outputs = self._outputs_of(scattered.step, span)
                argv = (*self._shards_argv(scattered.step, outputs), "--span", str(span.first), str(span.end))
                self._launch(scattered.step, outputs, argv, span)

    def _needed_mib(self) -> dict[StepId, float]:
        asked = {step.id: float(step.resources.memory_mib) for step in self.job.plan.steps if step.resources.memory_mib}
        return {**{step: one.peak_memory_mib for step, one in self.known.items()}, **asked}

    def _busy_cores(self) -> int:
        return sum(self.schedule.width(worker.step) for worker in self.workers.values())

    def _start(self, step: Step) -> None:
        self._make_work(step)
        outputs = self.directory.outputs(step.id)
        self._began(step, self._launch(step, outputs, self._command(step)).start)

    def _command(self, step: Step) -> tuple[str, ...]:
        """The command that runs all of a step; it is noted, because whoever opens the step needs its inputs."""
        outputs = self.directory.outputs(step.id)
        argv = self._shards_argv(step, outputs) if step.scatter else self._argv(step, outputs)
        self.commands[step.id] = {"argv": list(argv), "python": self.parent.python}
        return argv

    def _make_work(self, step: Step) -> None:
        """An empty directory: shards of an earlier try would be taken for those of this one."""
        self.at_work[step.id] = step.cells
        self.next_place.give(self.directory.work(step.id))

    def _began(self, step: Step, start: str) -> None:
        self.schedule.started(step.id)
        self.journal.note(KnownStep(step=step.id, state="running", job=self.commands.get(step.id)))
        self.on_event(StepStarted(step.id, step.cells, time.monotonic() - self.began, start))

    def _launch(self, step: Step, outputs: Path, argv: Sequence[str], span: Span | None = None) -> _Worker:
        """Start a process for a step, or for some of its shards."""
        forks = self.forks and not self.fresh_cells & set(step.cells)
        more = self.schedule.waits_besides(step.id) or bool(self.scattered)
        log = self.directory.log(step.id)
        number = self.parent.start(step.id, self.directory.work(step.id), argv, fork=forks, more=more, log=log)
        follower = StepFollower(step.id, Path(journal_path(f"{outputs}.work")), streams=self.job.streams)
        start = "forked" if forks else "spawned"
        stops_before = self.schedule.stops_before(step)
        self.workers[number] = _Worker(number, step, time.monotonic(), start, follower, outputs, span, stops_before)
        return self.workers[number]

    def _argv(self, step: Step, outputs: Path) -> tuple[str, ...]:
        """The command that runs the step (docs/reference/step.md)."""
        directory = self.directory
        words = ["step", str(directory.document(step.id)), str(outputs)]
        shards = {port.source for port in step.scatter.ports} if step.scatter else set()
        links = [link for link in self._links_to(step) if self.schedule.is_given(link)]
        for link in links:
            if link.versions and not link.versions[0].name.startswith(FILE) and link.payload not in shards:
                words += ["--payload", str(directory.work(link.source) / f"{link.payload}.nbc")]
        for path, place in given(self.job.notebook.absolute().parent, step.files_in):
            words += ["--file", path, str(place)]
        for link in links:
            if link.versions and link.versions[0].name.startswith(FILE):
                words += ["--files", str(directory.files(link.source))]
        stops_before = self.schedule.stops_before(step)
        return (*words, *(() if stops_before is None else ("--stop-before", str(stops_before))))

    def _step(self, wanted: StepId) -> Step:
        return next(step for step in self.job.plan.steps if step.id == wanted)

    # Scattered steps.

    def _scatter(self, step: Step) -> None:
        self._make_work(step)
        now = time.monotonic() - self.began
        total = count_shards(step, self._shard_directories(step))
        record = replace(self.records[step.id], started_seconds=now)
        self.scattered[step.id] = ScatteredStep(step, total, self.job.jobs, record)
        self._command(step)
        self._began(step, "forked" if self.forks else "spawned")

    def _shard_directories(self, step: Step) -> dict[str, Path]:
        """Where the shards lie that a step is given, by what they are shards of."""
        return {link.payload: self.directory.work(link.source) for link in self._links_to(step)}

    def _outputs_of(self, step: Step, span: Span) -> Path:
        return self.directory.work(step.id) / f"OUTPUTS.{span.first}.json"

    def _shards_argv(self, step: Step, outputs: Path) -> tuple[str, ...]:
        """The command that runs all shards of a step."""
        directories = self._shard_directories(step)
        sources = {port.source for port in step.scatter.ports} if step.scatter else set()
        found = dict.fromkeys(str(directories[source]) for source in sorted(sources))
        words = [word for directory in found for word in ("--shards", directory)]
        return (*self._argv(step, outputs), *words)

    def _span_ended(self, worker: _Worker, span: Span, message: Message, failures: list[Failure]) -> None:
        """Take what became of some shards; the last of them starts what comes after all."""
        scattered, code = self.scattered[worker.step.id], message["code"]
        scattered.ended(span, Spent(message.get("seconds", 0.0), message["cpu_seconds"], message["peak_kib"] / 1024))
        if code == CELL_FAILED:
            scattered.failed(span)
        elif code not in (0, GUARD_BROKEN) and scattered.is_wanted(span):
            scattered.broke(code, failures)
        later = [one for one in self.workers.values() if one.span and one.step is worker.step and not scattered.is_wanted(one.span)]
        self._stop(later, _GRACE_SECONDS)
        self._end_if_over(scattered)

    def _end_if_over(self, scattered: ScatteredStep) -> None:
        """Put together what the shards left, when all have ended, or give the step up."""
        step, directory = scattered.step, self.directory
        if not scattered.over or any(worker.step is step for worker in self.workers.values()):
            return
        if scattered.broken:
            del self.scattered[step.id]
            seconds = time.monotonic() - self.began - (scattered.record.started_seconds or 0.0)
            self._ended(replace(scattered.record, seconds=seconds), list(scattered.failures))
            return
        words = ["gather", str(directory.document(step.id)), str(directory.outputs(step.id)), "--shards", str(directory.work(step.id))]
        for span in scattered.spans:
            words += ["--outputs", str(self._outputs_of(step, span))]
        self._launch(step, directory.outputs(step.id), words)

    def _links_to(self, step: Step) -> tuple[Link, ...]:
        return tuple(link for link in self.job.plan.links if link.target == step.id)

    # What workers say.

    def _take(self, message: Message) -> None:
        said = message["said"]
        if said == "prepared":
            self._prepared(message)
        elif message["worker"] in self.workers:
            worker = self.workers.pop(message["worker"])
            self._tell(() if worker.span else worker.follower.news())
            self.troubled = worker.step.id if message.get("code", 1) else None
            self._done(worker, message) if said == "done" else self._lost(worker, message)
            self.troubled = None

    def _prepare(self) -> None:
        wanted = dict.fromkeys(one.text for one in self.job.imports if one.text not in self.left_to_steps)
        self.parent.prepare(self.directory.kernel, tuple(wanted))

    def _leave_to_steps(self, imports: Sequence[str]) -> None:
        """Do all imports again but those that start threads, of which no process can be forked: a step does these for itself."""
        self.left_to_steps.update(imports)
        said = ", ".join(f"`{one}`" for one in imports)
        self.on_event(Notice(f"{said}: starts threads, so each step that needs it does it for itself", detail=True))
        self.parent.start_anew()
        self._prepare()

    def _prepared(self, message: Message) -> None:
        """An import that writes something must be seen to do so in its own cell; one that fails may leave half of itself behind."""
        if message["threads"] and not self.left_to_steps and len(self.job.plan.steps) > 1:
            self._leave_to_steps(message["threads"])
            return
        self.prepared = True
        self.past.warm = WarmModules(message["edges"], message["sources"])
        failed = [one for one in message["imports"] if one["error"]]
        noisy = {one["statement"] for one in message["imports"] if one["written"]}
        done = [one for one in self.job.imports if one.text not in self.left_to_steps]
        self.fresh_cells = {one.cell for one in done if one.text in noisy}.union(*(one.seen_by for one in done))
        self.forks = message["forks"] and not failed
        why = f"`{failed[0]['statement']}` failed: {failed[0]['error']}" if failed else message["why"]
        how = f"steps are forked from a process that has done {len(message['imports'])} imports"
        self.on_event(Notice(how if self.forks else f"every step is a fresh process: {why}", detail=True))
        for statement in sorted(noisy):
            self.on_event(Notice(f"`{statement}` writes something, so its cell runs in a fresh process", detail=True))
        for one in (one for one in done if one.seen_by):
            self.on_event(Notice(f"cells before `{one.text}` may see what it adds, so they run in fresh processes", detail=True))

    def _done(self, worker: _Worker, message: Message) -> None:
        code = message["code"]
        outputs = read_outputs(worker.outputs)
        failures = failures_in(worker.step.id, code, outputs)
        self.leftovers.append(f"{worker.outputs}.work")
        if code and not failures:
            said = problem_in(outputs) or self._last_words(worker.step.id, code)
            failures = [Failure(worker.step.id, -1, "StepBroken", said, lost=True, shard=last_shard(outputs))]
        self._worker_ended(worker, message, outputs, failures)

    def _lost(self, worker: _Worker, message: Message) -> None:
        """The process ended before it could say how the step went; its journal tells what had been reached."""
        step = worker.step.id
        code, what = report_death(f"{worker.outputs}.work", str(worker.outputs), message["status"])
        outputs = read_outputs(worker.outputs)
        killed = os.WIFSIGNALED(message["status"]) and os.WTERMSIG(message["status"]) == signal.SIGKILL
        cell = outputs["cells"][-1]["index"] if outputs.get("cells") else -1
        failure = Failure(step, cell, "StepLost", f"{STEP_DIED.code} {what}", (AFTER_DEATH,), lost=killed, shard=last_shard(outputs))
        self._worker_ended(worker, {**message, "code": code}, outputs, [failure])

    def _worker_ended(self, worker: _Worker, message: Message, outputs: dict[str, Any], failures: list[Failure]) -> None:
        if worker.span:
            self._span_ended(worker, worker.span, message, failures)
            return
        self._tell(worker.follower.last_news(outputs))
        record = replace(self._record(worker, message), exit_code=message["code"], cell_records=cell_records(outputs))
        if scattered := self.scattered.pop(worker.step.id, None):
            record = scattered.with_shards(record)
        self._ended(record, failures if worker.stop_at is None else [], worker.stops_before)

    def _tell(self, news: Iterable[RunEvent]) -> None:
        for event in news:
            if isinstance(event, CellStarted):
                self.at_work[event.step] = (event.cell,)
            self.on_event(event)

    def _record(self, worker: _Worker, message: Message) -> StepRecord:
        seconds = message.get("seconds", time.monotonic() - worker.started)
        short = worker.stops_before is not None and not message["code"]
        state = StepState.FAILED if message["code"] else StepState.FINISHED
        if short or worker.stop_at is not None:
            # Whoever is interrupted may have made less than it would have, and end as if nothing had been: callbacks of IPython do.
            state = StepState.CANCELLED
        return replace(
            self.records[worker.step.id],
            state=state,
            started_seconds=worker.started - self.began,
            seconds=seconds,
            cpu_seconds=message["cpu_seconds"],
            peak_memory_mib=message["peak_kib"] / 1024,
            start=worker.start,
            why=f"only its cells before cell {worker.stops_before} ran, because an earlier one failed elsewhere" if short else "",
        )

    def _ended(self, record: StepRecord, failures: list[Failure], stopped_before: int | None = None) -> None:
        self.records[record.step] = record
        if failures and failures[0].shard:
            self.commands[record.step]["shard"] = failures[0].shard
        known = self.past.remember(self._step(record.step), record)
        self.journal.note(replace(known, job={**(known.job or {}), **self.commands.get(record.step, {})}))
        self.at_work.pop(record.step, None)
        failed_at = _failed_at(record, failures)
        self.schedule.ended(record.step, failed_at=failed_at if stopped_before is None or failures else stopped_before)
        self.on_event(StepEnded(record, time.monotonic() - self.began))
        if failures:
            self.failures += failures
            if not self.job.keep_going:
                self._leave_out_later_cells()

    def _leave_out_later_cells(self) -> None:
        """A plain run would not have come to the cells after the failed one; those before it are still wanted."""
        failed = first_failed_cell(self.failures, self.records)
        later = [step.id for step in self.job.plan.steps if step.cells[0] > failed]
        self.schedule.withdraw(later)
        self._cancel(later, _GRACE_SECONDS)
        self.schedule.stop_before(failed)

    # Ending steps early.

    def _cancel(self, steps: Sequence[StepId], grace: float) -> None:
        for scattered in [self.scattered[step] for step in steps if step in self.scattered]:
            scattered.broke(0, (), StepState.CANCELLED)
            self._end_if_over(scattered)
        self._stop([worker for worker in self.workers.values() if worker.step.id in steps], grace)

    def _stop(self, workers: list[_Worker], grace: float) -> None:
        now = time.monotonic()
        for worker in workers:
            if worker.stop_at is None:
                self.parent.signal(worker.number, signal.SIGINT)
            worker.stop_at = now + grace if worker.stop_at is None else min(worker.stop_at, now + grace)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for worker in self.workers.values():
            if worker.stop_at is not None and worker.stop_at <= now:
                self.parent.signal(worker.number, signal.SIGKILL)

    # What steps leave behind.

    def _last_words(self, step: StepId, code: int) -> str:
        path = self.directory.log(step)
        lines = path.read_text("utf-8", "replace").strip().splitlines() if path.exists() else []
        return lines[-1] if lines else f"exit code {code}"


def _failed_at(record: StepRecord, failures: Sequence[Failure]) -> int | None:
    """The first cell of a step whose results are not there; `None` where all are. What ran before a cell that failed has been saved."""
    if record.state is StepState.FINISHED:
        return None
    failed = [failure.cell for failure in failures if record.exit_code == CELL_FAILED and failure.cell >= 0]
    return min(failed, default=record.cells[0])
