"""The StreamFlow engine: a placed workflow -> its run's directory and record."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from nbcompile.engines.batch_job import why_terminated
from nbcompile.engines.filesystem import told_as_place_failure
from nbcompile.engines.journal import Journal
from nbcompile.engines.local.interpreter import choose_interpreter
from nbcompile.engines.local.machine import available_cores
from nbcompile.engines.measured import measured_path
from nbcompile.engines.outputs import first_failed_cell
from nbcompile.engines.registry import journalled
from nbcompile.engines.results import write_results
from nbcompile.engines.signals import SignalWatch
from nbcompile.engines.streamflow.host import Hosting
from nbcompile.engines.streamflow.job import PlacedJob
from nbcompile.engines.streamflow.leaving import asks_to_leave
from nbcompile.engines.streamflow.notes import BEGAN, Note, NoteReader, NoteWriter, of_last_client
from nbcompile.engines.streamflow.program import Program
from nbcompile.engines.streamflow.records import TRY_AGAIN, Records
from nbcompile.model.diagnostic import Diagnostic
from nbcompile.model.errors import Denied, ExitCode, UsageError
from nbcompile.model.plan import StepId
from nbcompile.model.run import (
    Failure,
    Found,
    Interpreter,
    KnownStep,
    Notice,
    RunEvent,
    RunRecord,
    RunStarted,
    RunState,
    StepEnded,
    StepStarted,
    StepState,
    StepWaits,
)

_LOCAL = "local"
_LOOK_SECONDS = 0.2
_GRACE_SECONDS = 30.0
_LAST_LINES = 12
# What is left at places after a run that did not end well: deployments -> what could not be ended.
Sweep = Callable[[Sequence[str]], Sequence[str]]


def run_placed(job: PlacedJob, on_event: Callable[[RunEvent], None], sweep: Sweep, program: Program) -> RunRecord:
    """Run a job; what a cell, a place or a signal ended is told in the record.

    `sweep` ends what is left at deployments, and `program` is the process that reaches them.

    Raises `UsageError` and `Denied` when a deployment cannot be used by anybody, or not by this person.
    """
    job = replace(job, jobs=job.jobs or available_cores())

    def work(journal: Journal) -> RunRecord:
        with told_as_place_failure(job.directory.path):
            journal.plan([one.step for one in job.placement.steps])
            placed = _PlacedRun(job, journal, on_event)
            placed.run(program)
            if placed.state in (RunState.FAILED, RunState.CANCELLED):
                placed.sweep(sweep)
            return placed.record()

    return journalled(
        job.directory,
        work,
        identifier=job.id,
        notebook=job.notebook,
        engine="streamflow",
        step_count=len(job.placement.steps),
        request=job.request,
    )


class _PlacedRun:
    """The state of one run."""

    def __init__(self, job: PlacedJob, journal: Journal, on_event: Callable[[RunEvent], None]) -> None:
        self.job, self.journal, self.on_event = job, journal, on_event
        self.began = job.began or time.time()
        self.started = datetime.fromtimestamp(self.began, timezone.utc)
        self.choice = choose_interpreter(job.python, job.kernel, os.environ)
        self.records = Records(job.directory, job.placement, self.began, streams=job.streams, before=journal.steps())
        self.notes = NoteReader(_home(job) / "notes.jsonl")
        self.code = 0
        self.signal: int | None = None
        self.leaves = False
        self.reason = ""
        self.settled = False
        self.found: list[Diagnostic] = []
        self._waits: dict[StepId, tuple[str, str]] = {}
        self._interpreter: Interpreter | None = None

    def run(self, program: Program) -> None:
        """Run StreamFlow to its end, or leave what it started to a later client."""
        _home(self.job).mkdir(exist_ok=True)
        # What an earlier client noted is for the connectors; it happened before this one began.
        earlier = of_last_client(list(self.notes.news()))
        if self.job.goes_on and any(note["note"] == "done" for note in earlier):
            self._take(earlier)  # That client was killed before it could say so; nothing is left at the places to be found.
            return
        with closing(NoteWriter(_home(self.job) / "notes.jsonl")) as notes:
            notes.write(BEGAN)
        hosting = Hosting(
            directory=self.job.directory.path,
            notes=_home(self.job) / "notes.jsonl",
            place=self.job.place,
            home=os.environ.get("HOME") or str(Path.home()),
            python=self.choice.path,
            jobs=self.job.jobs,
            policy=self.job.policy,
            max_transfer=self.job.max_transfer,
        )
        outdir = _home(self.job) / "outdir"
        words = ("--outdir", str(outdir), str(self.job.bundle / "streamflow.yml"))
        with SignalWatch(self.job.cancellation) as signals:
            program.go(words, hosting, _log(self.job))
            self._watch(program, signals)
        self._look()
        shutil.rmtree(outdir, ignore_errors=True)
        shutil.rmtree(_home(self.job) / "tmp", ignore_errors=True)

    def _watch(self, program: Program, signals: SignalWatch) -> None:
        deadline = float("inf")
        while program.code is None:
            select.select([signals.descriptor], [], [], _LOOK_SECONDS)
            self._look()
            if signals.caught and self.signal is None:
                self._end(program, signals)
                deadline = time.monotonic() + _GRACE_SECONDS
            self._settle()
            if len(signals.caught) > 1 or time.monotonic() > deadline:
                program.abandon()
            signals.quiet()
        self.code = program.code or 0

    def _end(self, program: Program, signals: SignalWatch) -> None:
        self.signal = signals.caught[0]
        self.leaves = self.signal == signal.SIGHUP or (self.signal == signal.SIGINT and self._wants_to_leave(signals))
        program.abandon() if self.leaves else program.interrupt()
        self.reason = why_terminated(self.signal, os.environ)
        if self.reason:
            self.on_event(Notice(f"{self.reason}: the run is cancelled"))

    def _settle(self) -> None:
        """Once nothing runs any more of a run that is cancelled, it is: whoever ends us may not wait for the rest."""
        cancelled = self._ended_by is not None and not self.leaves
        if cancelled and not self.settled and self.records.opened.keys() <= self.records.swept:
            self.settled = True
            self.journal.settle(RunState.CANCELLED.value, self.reason)

    def _wants_to_leave(self, signals: SignalWatch) -> bool:
        """Ask whoever pressed Ctrl-C what it means for jobs that run elsewhere."""
        places = [name for name in self.records.opened if name != _LOCAL]
        signals.quiet()
        return bool(places) and asks_to_leave(places, signals)

    def _look(self) -> None:
        self._take(self.notes.news())
        for event in self.records.news():
            self._tell(event)

    def _take(self, notes: Iterable[Note]) -> None:
        for note in notes:
            if note["note"] == "opened":
                self._begin(note)
            for event in self.records.take(note):
                self._tell(event)

    def _tell(self, event: RunEvent) -> None:
        if isinstance(event, StepStarted):
            self._note(event.step, "running")
        elif isinstance(event, StepEnded):
            self._note(event.record.step, event.record.state.value)
        elif isinstance(event, StepWaits):
            self._note_wait(event)
        elif isinstance(event, Found):
            event = Found(self._located(event.diagnostic))
            self.found.append(event.diagnostic)
        self.on_event(event)

    def _located(self, found: Diagnostic) -> Diagnostic:
        """A finding with the names that a person gave the notebook and the cell."""
        cells = json.loads(self.job.directory.template.read_bytes())["cells"]
        ids = [cell["id"] for cell in cells if cell["cell_type"] == "code"]
        return replace(found, path=str(self.job.notebook), place=found.place._replace(cell_id=ids[found.place.cell_index]))

    def _note_wait(self, event: StepWaits) -> None:
        """What a place says of a step, for whoever looks at the run from elsewhere; of shards the one that came furthest counts."""
        seen, before = (event.state, event.reason), self._waits.get(event.step, ("", ""))
        if seen != before and before[0] != "running":
            self._waits[event.step] = seen
            self._note(event.step, event.state, reason=event.reason)

    def _note(self, step: StepId, state: str, *, reason: str = "") -> None:
        submitted, told = self.records.jobs.get(step), self.records.told.get(step, {})
        record = None if state in ("pending", "running") else self.records.steps[step]
        job: dict[str, Any] = {"ref": submitted["ref"], "place": submitted["place"]} if submitted else {}
        reasons: dict[str, Any] = {name: told[name] for name in ("changes", "not_kept") if name in told}
        self.journal.note(
            KnownStep(
                step=step,
                state=state,
                key=submitted["key"] if submitted else "",
                parts=told.get("parts", {}),
                job={**job, **reasons, **({"reason": reason} if reason else {})},
                record=record,
            )
        )

    def _begin(self, opened: Mapping[str, Any]) -> None:
        """The run has begun when the first place is there."""
        if self._interpreter is None:
            place = opened["place"]
            # The Python of a login is not that of an environment, in which steps run.
            path, version = self.job.pythons.get(place, ("python3", opened["python"]))
            if place == _LOCAL:
                self._interpreter = Interpreter(self.choice.path, opened["python"], self.choice.why)
            else:
                self._interpreter = Interpreter(path, version, f"the deployment `{place}` has it")
            self.on_event(RunStarted(self.job.directory.path, self._interpreter, len(self.records.steps), self.job.jobs))

    @property
    def _ended_by(self) -> int | None:
        """The signal that ended the run; one that was done by then has finished all the same."""
        return None if self.records.done else self.signal

    @property
    def state(self) -> RunState:
        """How the run ended."""
        if self._ended_by is not None:
            return RunState.DETACHED if self.leaves else RunState.CANCELLED
        return RunState.FAILED if self._failures() else RunState.FINISHED

    def sweep(self, sweep: Sweep) -> None:
        """End what may be left at the places that were reached."""
        places = [name for name in self.records.opened if name not in self.records.swept]
        for left in sweep(sorted(places, key=lambda name: name != _LOCAL)):
            self.on_event(Notice(left))

    def record(self) -> RunRecord:
        """Everything about the run, its results written."""
        failures = self._failures()
        refused = self.records.refused
        if refused and refused["code"] in (ExitCode.USAGE, ExitCode.DENIED):
            kind = Denied if refused["code"] == ExitCode.DENIED else UsageError
            raise kind(refused["reason"], refused["advice"])
        steps = tuple(self.records.steps.values())
        failed = first_failed_cell(failures, self.records.steps) if failures and not self.job.policy.keep_going else None
        outputs = write_results(self.job.directory, self.job.plan, self.job.name, self.job.directory.template.read_bytes(), failed)
        return RunRecord(
            id=self.job.id,
            notebook=self.job.notebook,
            directory=self.job.directory.path,
            state=self.state,
            interpreter=self._interpreter or Interpreter(self.choice.path, "", self.choice.why),
            started=f"{self.started:%Y-%m-%dT%H:%M:%SZ}",
            seconds=time.time() - self.began,
            steps=steps,
            engine="streamflow",
            jobs=self.job.jobs,
            cells=sum(len(step.cells) for step in steps),
            links=self.job.links,
            critical_path=measured_path(self.job.links, steps),
            outputs=outputs,
            failures=failures,
            signal=self._ended_by,
            reason="" if self.records.done else self.reason,
            diagnostics=tuple(self.found),
        )

    def _failures(self) -> tuple[Failure, ...]:
        if self._ended_by is not None:
            return ()
        if self.records.failures:
            return tuple(self.records.failures)
        missing = [name for name, step in self.records.steps.items() if step.state is not StepState.FINISHED]
        if (self.code and not self.records.done) or missing:
            return tuple(self._what_streamflow_said(missing))
        return ()

    def _what_streamflow_said(self, missing: Sequence[StepId]) -> Iterator[Failure]:
        log = _log(self.job)
        lines = log.read_text("utf-8", "replace").splitlines()[-_LAST_LINES:] if log.exists() else []
        how = f"was killed by signal {-self.code}" if self.code < 0 else f"ended with exit code {self.code}"
        message = f"StreamFlow {how}; its last words are in {log}"
        step = missing[0] if missing else self.job.placement.steps[0].step
        yield Failure(step, -1, "StreamFlowFailed", message, (*lines, TRY_AGAIN), lost=True)


def _home(job: PlacedJob) -> Path:
    """The home directory of StreamFlow's process."""
    return job.directory.state / "streamflow"


def _log(job: PlacedJob) -> Path:
    return job.directory.state / "logs" / "streamflow.log"
