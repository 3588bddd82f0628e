"""Runs a plan on this machine: a process a step, as many at a time as there are cores, the longest way to go first."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from nbcompile.engines.job import RunJob
from nbcompile.engines.journal import Journal
from nbcompile.engines.local.follow import StepFollower
from nbcompile.engines.local.machine import free_memory_mib
from nbcompile.engines.local.schedule import Schedule
from nbcompile.engines.local.workers import Message, WarmParent
from nbcompile.engines.outputs import cell_records, failures_in, first_failed_cell, read_outputs
from nbcompile.engines.signals import SignalWatch
from nbcompile.model.graph import FILE
from nbcompile.model.plan import Link, Step, StepId
from nbcompile.model.run import Failure, KnownStep, Notice, RunEvent, StepEnded, StepRecord, StepStarted, StepState
from nbcompile.runtime.supervisor import report_death

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
    """A step process. `stop_at` is when it is killed, if it was asked to end."""

    number: int
    step: Step
    started: float
    start: str
    follower: StepFollower
    stop_at: float | None = None


def run_steps(job: RunJob, parent: WarmParent, journal: Journal, on_event: Callable[[RunEvent], None], began: float) -> LocalResult:
    """Run all steps, `job.jobs` at a time; `began` is the run's start on the monotonic clock."""
    with SignalWatch(job.cancellation) as signals:
        parent.wake_on(signals.descriptor)
        return _LocalRun(job, parent, journal, on_event, began).run(signals)


class _LocalRun:
    """The state of one run."""

    def __init__(self, job: RunJob, parent: WarmParent, journal: Journal, on_event: Callable[[RunEvent], None], began: float) -> None:
        self.job, self.directory, self.parent, self.journal = job, job.directory, parent, journal
        self.on_event, self.began = on_event, began
        self.schedule = Schedule(job.plan, job.seconds, job.jobs)
        self.workers: dict[int, _Worker] = {}
        self.records = {step.id: StepRecord(step=step.id, cells=step.cells) for step in job.plan.steps}
        self.failures: list[Failure] = []
        self.forks = False
        self.fresh_cells: set[int] = set()
        self.prepared = False

    def run(self, signals: SignalWatch) -> LocalResult:
        """Start what is ready and take what comes, until nothing is left."""
        self.parent.prepare(self.directory.kernel, tuple(dict.fromkeys(one.text for one in self.job.imports)))
        while self.workers or not (self.schedule.over or signals.caught):
            if self.prepared and not signals.caught:
                self._start_ready()
            for message in self.parent.wait(_LOOK_SECONDS if self.workers else 5.0):
                self._take(message)
            for worker in self.workers.values():
                self._tell(worker.follower.news())
            if signals.caught:
                signals.quiet()
                self._stop(list(self.workers.values()), 0.0 if len(signals.caught) > 1 else _GRACE_SECONDS)
            self._kill_overdue()
        ended_by = signals.caught[0] if signals.caught else None
        return LocalResult(steps=tuple(self.records.values()), failures=tuple(self.failures), signal=ended_by)

    # Starting steps.

    def _start_ready(self) -> None:
        for step in self.schedule.admitted(free_memory_mib(), self._needed_mib()):
            self._start(step)

    def _needed_mib(self) -> dict[StepId, float]:
        return {step.id: float(step.resources.memory_mib) for step in self.job.plan.steps if step.resources.memory_mib}

    def _start(self, step: Step) -> None:
        work = self.directory.work(step.id)
        work.mkdir(parents=True, exist_ok=True)
        forks = self.forks and not self.fresh_cells & set(step.cells)
        number = self.parent.start(fork=forks, log=self.directory.log(step.id))
        self.parent.run(number, step.id, work, self._argv(step))
        self.schedule.started(step.id)
        started = time.monotonic()
        follower = StepFollower(step.id, self.directory.events(step.id), streams=self.job.streams)
        worker = self.workers[number] = _Worker(number, step, started, "forked" if forks else "spawned", follower)
        self.journal.note(KnownStep(step=step.id, state="running"))
        self.on_event(StepStarted(step.id, step.cells, started - self.began, worker.start))

    def _argv(self, step: Step) -> tuple[str, ...]:
        """The command that runs the step (docs/reference/step.md)."""
        directory = self.directory
        words = ["step", str(directory.document(step.id)), str(directory.outputs(step.id))]
        for link in self._links_to(step):
            if link.versions and not link.versions[0].name.startswith(FILE):
                words += ["--payload", str(directory.work(link.source) / f"{link.payload}.nbc")]
        for path in step.files_in:
            words += ["--file", path, str(self.job.notebook.parent / path)]
        for link in self._links_to(step):
            if link.versions and link.versions[0].name.startswith(FILE):
                words += ["--files", str(directory.files(link.source))]
        return tuple(words)

    def _links_to(self, step: Step) -> tuple[Link, ...]:
        return tuple(link for link in self.job.plan.links if link.target == step.id)

    # What workers say.

    def _take(self, message: Message) -> None:
        said = message["said"]
        if said == "prepared":
            self._prepared(message)
        elif said == "done":
            self._done(self.workers.pop(message["worker"]), message)
        elif said == "gone" and message["worker"] in self.workers:
            self._lost(self.workers.pop(message["worker"]), message)

    def _prepared(self, message: Message) -> None:
        """An import that writes something must be seen to do so in its own cell; one that fails may leave half of itself behind."""
        self.prepared = True
        failed = [one for one in message["imports"] if one["error"]]
        noisy = {one["statement"] for one in message["imports"] if one["written"]}
        self.fresh_cells = {one.cell for one in self.job.imports if one.text in noisy}
        self.forks = message["forks"] and not failed
        why = f"`{failed[0]['statement']}` failed: {failed[0]['error']}" if failed else message["why"]
        how = f"steps are forked from a process that has done {len(message['imports'])} imports"
        self.on_event(Notice(how if self.forks else f"every step is a fresh process: {why}", detail=True))
        for statement in sorted(noisy):
            self.on_event(Notice(f"`{statement}` writes something, so its cell runs in a fresh process", detail=True))

    def _done(self, worker: _Worker, message: Message) -> None:
        self.parent.end(worker.number)
        code = message["code"]
        outputs = self._read_outputs(worker.step.id)
        self._tell(worker.follower.last_news(outputs))
        failures = failures_in(worker.step.id, code, outputs)
        if code and not failures:
            failures = [Failure(worker.step.id, -1, "StepBroken", self._last_words(worker.step.id, code), lost=True)]
        record = replace(self._record(worker, message), exit_code=code, cell_records=cell_records(outputs))
        self._ended(record, failures if worker.stop_at is None else [])

    def _lost(self, worker: _Worker, message: Message) -> None:
        """The process ended before it could say how the step went; its journal tells what had been reached."""
        step = worker.step.id
        code, what = report_death(str(self.directory.events(step).parent), str(self.directory.outputs(step)), message["status"])
        outputs = self._read_outputs(step)
        self._tell(worker.follower.last_news(outputs))
        killed = os.WIFSIGNALED(message["status"]) and os.WTERMSIG(message["status"]) == signal.SIGKILL
        failure = Failure(step, outputs["cells"][-1]["index"] if outputs.get("cells") else -1, "StepLost", what, lost=killed)
        record = replace(self._record(worker, {**message, "code": code}), exit_code=code, cell_records=cell_records(outputs))
        self._ended(record, [failure] if worker.stop_at is None else [])

    def _tell(self, news: Iterable[RunEvent]) -> None:
        for event in news:
            self.on_event(event)

    def _record(self, worker: _Worker, message: Message) -> StepRecord:
        seconds = message.get("seconds", time.monotonic() - worker.started)
        stopped = worker.stop_at is not None
        return replace(
            self.records[worker.step.id],
            state=StepState.CANCELLED if stopped and message["code"] else StepState.FAILED if message["code"] else StepState.FINISHED,
            started_seconds=worker.started - self.began,
            seconds=seconds,
            cpu_seconds=message["cpu_seconds"],
            peak_memory_mib=message["peak_kib"] / 1024,
            start=worker.start,
        )

    def _ended(self, record: StepRecord, failures: list[Failure]) -> None:
        self.records[record.step] = record
        self.journal.note(KnownStep(step=record.step, state=record.state.value, record=record))
        self.schedule.ended(record.step, well=record.state is StepState.FINISHED)
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
        self._stop([worker for worker in self.workers.values() if worker.step.id in later], _GRACE_SECONDS)

    # Ending steps early.

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

    def _read_outputs(self, step: StepId) -> dict[str, Any]:
        return read_outputs(self.directory.outputs(step))

    def _last_words(self, step: StepId, code: int) -> str:
        path = self.directory.log(step)
        lines = path.read_text("utf-8", "replace").strip().splitlines() if path.exists() else []
        return lines[-1] if lines else f"exit code {code}"
