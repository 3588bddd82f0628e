"""Drives the steps of one run at all its places: once each, again after what trying again can mend, and to a common end.

StreamFlow ends everything as soon as one job fails. A kernel would have run the cells before the failed one; so a failure is kept
back until the steps that are still wanted have ended, and steps that are not wanted any more never start.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from nbcompile.backend import Cause, Fatal, Job, JobKey, JobRef, JobState, JobStatus
from nbcompile.engines.streamflow.command import job_of
from nbcompile.engines.streamflow.deliver import Delivery
from nbcompile.engines.streamflow.notes import Note, NoteWriter, Reason
from nbcompile.engines.streamflow.past import PlacedPast
from nbcompile.engines.streamflow.place import Place
from nbcompile.model.errors import NbcompileError
from nbcompile.model.placement import PlacedStep, Placement
from nbcompile.model.plan import StepId

_CAUSES = {Cause.LOST: "lost", Cause.PREEMPTED: "preempted", Cause.NODE_FAILURE: "node-failure"}
# A step that ran elsewhere before this client came is told apart from one that is ended now.
_GONE = (JobState.CANCELLED, JobState.LOST)
_FAILED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is done about failures: `retries` more attempts after the causes in `retry_on`."""

    keep_going: bool = False
    retries: int = 2
    retry_on: tuple[str, ...] = ("lost", "preempted", "node-failure")


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an earlier client of this run noted of a job: the number of its last attempt, and how that had ended, if it had."""

    attempt: int
    failed: bool = False
    finished: bool = False


async def _no_room() -> None:
    """Nobody else asks how many slots there are."""


class Conductor:
    """The state of one run. A job's name is its step's path and the number of its shard: `/train/0`, `/train/0.3`.

    `not_ours` is the target of steps that StreamFlow runs without us.
    """

    def __init__(
        self,
        placement: Placement,
        notes: NoteWriter,
        policy: Policy,
        delivery: Delivery,
        before: Sequence[Note] = (),
        not_ours: str = "",
        *,
        past: PlacedPast | None = None,
        make_room: Callable[[], Coroutine[Any, Any, None]] = _no_room,
    ) -> None:
        """`make_room` has StreamFlow ask again how many slots places have."""
        self._past, self._make_room = past, make_room
        self._placement, self._notes, self._policy, self._delivery = placement, notes, policy, delivery
        self._before = _remembered(before)
        self._open: dict[StepId, PlacedStep] = {placed.step: placed for placed in placement.steps if placed.target != not_ours}
        self._running: dict[StepId, dict[JobRef, Place]] = {}
        self._starting: Counter[StepId] = Counter()
        self._failed = self._ending = False
        self._undelivered: set[StepId] = set()
        self._settled = asyncio.Event()
        self._held: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run_step(self, place: Place, name: str, command: Sequence[str], directory: str, workdir: str) -> tuple[str, int]:
        """Run one job of a step; what to tell StreamFlow: a text and an exit code."""
        step, shard, gathers = self._step_of(name)
        if step.step not in self._open:
            # It came too late: a cell before it has failed.
            await self._hold(place)
            return f"{step.step} is not run after a failure", _FAILED
        try:
            job = job_of(command, place.tree, workdir, step, place.manner_of(step))
            status = await self._recalled(place, step, shard, job) or await self._attempts(place, step, shard, job)
            place.present(directory, status)
            place.tree.make_directory(f"{directory}/{step.step}.files")
        except NbcompileError as error:
            if step.step in self._open:
                self._note_failure(step, shard, place, Reason.of(error))
            return await self._fail(place, step, error.message)
        if status.state is not JobState.FINISHED:
            return await self._fail(place, step, f"{step.step} on {place.name}: {status.reason or status.state.value}")
        if gathers or not step.scattered:
            self._close(step.step)
        return "", 0

    async def cannot_move(self, place: Place, name: str, why: Reason) -> None:
        """A file of this name could not be brought to a place: the step that needs it cannot run."""
        step = self._step_for(place, name)
        if step.step in self._open or not self._failed:
            self._failed = True
            self._note_failure(step, "", place, why)
        await self._fail(place, step, why.reason)

    async def cannot_hand_back(self, place: Place, name: str, why: Reason) -> None:
        """A file of this name could not be brought here from a place: what made it has ended well, and counts for nothing."""
        step = next((one for one in self._placement.steps if name.startswith(f"{one.step}.")), self._placement.steps[0])
        if step.step not in self._undelivered and not self._failed:
            self._note_failure(step, "", place, why)
        self._undelivered.add(step.step)
        self._failed = True
        await self._fail(place, step, why.reason)

    @property
    def is_done(self) -> bool:
        """Whether every step has ended well and everything is here, so that nothing at the places is needed any more."""
        return not self._failed and not self._open and not self._undelivered

    def end(self) -> None:
        """Jobs that are cancelled from now on are cancelled by us."""
        self._ending = True

    async def finish(self) -> None:
        """Wait until everything that steps wrote has been delivered."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # One step.

    async def _recalled(self, place: Place, step: PlacedStep, shard: str, job: Job) -> JobStatus | None:
        """What an earlier run made of a job, which then need not run. What an earlier client of this run started is found as ever."""
        if self._past is None or job.key in self._before:
            return None
        status = await self._past.recall(place.session, place.name, step, job, whole=not step.scattered)
        if status is not None:
            self._later(self._delivered(place, step, shard, job, status, withdrawn=False, cached=True))
        return status

    async def _attempts(self, place: Place, step: PlacedStep, shard: str, job: Job) -> JobStatus:
        known = self._before.get(job.key)
        attempt = known.attempt + known.failed if known else 1
        first = bool(known) and not (known and known.failed)
        tries = 0
        while True:
            status = await self._attempt(place, step, shard, replace(job, attempt=attempt))
            cause = _CAUSES.get(status.cause, "")
            stale = first and status.state in _GONE
            again = stale or (cause in self._policy.retry_on and tries < self._policy.retries)
            if not again or step.step not in self._open:
                await self._deliver(place, step, shard, job, status)
                return status
            self._note("again", step, shard, place, reason=status.reason or cause, attempt=attempt)
            tries, attempt, first = tries + (not stale), attempt + 1, False

    async def _attempt(self, place: Place, step: PlacedStep, shard: str, job: Job) -> JobStatus:
        last: list[tuple[Any, ...]] = []
        running = self._running.setdefault(step.step, {})
        self._starting[step.step] += 1

        def tell(status: JobStatus) -> None:
            if not last:
                running[status.ref] = place
                self._starting[step.step] -= 1
                facts = {"key": job.key, "attempt": job.attempt, "ref": asdict(status.ref), "resources": asdict(job.resources)}
                self._note("submitted", step, shard, place, **facts)
                last.append((JobState.PENDING, "", ""))
                if step.step not in self._open:
                    # It was withdrawn while the place was asked to start it.
                    self._later(place.cancel([status.ref]))
                return
            seen = (status.state, status.native, status.reason)
            if not status.state.is_final and seen != last[-1]:
                facts = {"state": status.state.value, "native": status.native, "reason": status.reason, "start": status.start}
                self._note("state", step, shard, place, **facts)
                if status.state is JobState.RUNNING:
                    self._delivery.follow(place, status.ref, step.step, shard)
            last.append(seen)

        try:
            return await place.run(job, tell, shard=bool(shard))
        finally:
            self._starting[step.step] -= not last
            for ref in [ref for ref in running if ref.key == job.key and ref.attempt == job.attempt]:
                del running[ref]

    async def _deliver(self, place: Place, step: PlacedStep, shard: str, job: Job, status: JobStatus) -> None:
        """Bring here what a person wants of a step. The steps that need its results do not wait for that."""
        task = self._later(self._delivered(place, step, shard, job, status, withdrawn=step.step not in self._open))
        if status.state is not JobState.FINISHED:
            await asyncio.shield(task)

    async def _delivered(
        self, place: Place, step: PlacedStep, shard: str, job: Job, status: JobStatus, *, withdrawn: bool, cached: bool = False
    ) -> None:
        facts: dict[str, Any] = {
            "state": status.state.value,
            "finished": status.state is JobState.FINISHED,
            "withdrawn": withdrawn or (self._ending and status.state is JobState.CANCELLED),
            "cached": cached,
            "found": not cached and self._had_finished(status.ref),
            "cause": status.cause.value,
            "exit": status.exit_code,
            "reason": status.reason,
            "native": status.ref.native,
            "host": status.host,
            "seconds": status.seconds,
            "cpu_seconds": status.cpu_seconds,
            "peak_memory_mib": status.peak_memory_mib,
            "key": status.ref.key,
            "attempt": status.ref.attempt,
            "payloads": {PurePosixPath(one.path).stem: one.size for one in status.outputs if one.path.endswith(".nbc")},
        }
        try:
            await self._delivery.bring(place, status, step.step, shard, ran=not cached)
        except (NbcompileError, OSError) as error:
            known = step.step in self._undelivered
            self._undelivered.add(step.step)
            why = Reason.of(error, "what it wrote cannot be brought here")
            facts |= {"state": "failed", "withdrawn": withdrawn or known, **why._asdict()}
        facts |= await self._remembered(place, step, shard, job, status, cached=cached)
        self._note("ended", step, shard, place, **facts)

    async def _remembered(self, place: Place, step: PlacedStep, shard: str, job: Job, status: JobStatus, *, cached: bool) -> dict[str, Any]:
        """Keep what a job has made for later runs; what is to be told of its key."""
        if self._past is None:
            return {}
        if not shard:
            self._past.delivered(step.step)
        name = StepId(f"{step.step}.{shard}" if shard else step.step)
        try:
            if status.state is JobState.FINISHED and not cached:
                await self._past.keep(place.session, place.name, step, job, status, name, whole=not step.scattered)
        except (NbcompileError, OSError):
            return {}  # what could not be kept is made again
        return {} if shard else {"told": asdict(self._past.told(step.step))}

    def _had_finished(self, ref: JobRef) -> bool:
        """Whether an earlier client of this run had seen the end of a job."""
        known = self._before.get(JobKey(ref.key))
        return known is not None and known.finished and known.attempt == ref.attempt

    # After a failure.

    async def _fail(self, place: Place, step: PlacedStep, text: str) -> tuple[str, int]:
        if step.step in self._open:
            self._failed = True
            self._withdraw([step.step, *self._dependents(step.step)])
            if not self._policy.keep_going:
                self._withdraw([other.step for other in self._open.values() if other.cells[0] > step.cells[0]])
        self._later(self._settle())
        await self._hold(place)
        return text, _FAILED

    async def _hold(self, place: Place) -> None:
        """Wait until nothing is wanted any more: StreamFlow ends everything with the first failure.

        It counts the job as one that runs. So that what is still wanted finds room, the place has one more slot meanwhile.
        """
        self._held[place.name] += 1
        self._later(self._make_room())
        try:
            await self._settled.wait()
        finally:
            self._held[place.name] -= 1

    def held(self, place: Place) -> int:
        """How many jobs that have ended StreamFlow takes to be running at a place."""
        return self._held[place.name]

    def _withdraw(self, steps: Sequence[StepId]) -> None:
        """These steps are not wanted any more; what runs of them is ended."""
        for step in steps:
            self._open.pop(step, None)
            running = self._running.get(step, {})
            for place in dict.fromkeys(running.values()):
                self._later(place.cancel([ref for ref, where in running.items() if where is place]))

    def _dependents(self, step: StepId) -> list[StepId]:
        found = {step}
        for placed in self._placement.steps:
            if found & set(placed.after):
                found.add(placed.step)
        return [placed.step for placed in self._placement.steps if placed.step in found and placed.step != step]

    def _close(self, step: StepId) -> None:
        self._open.pop(step, None)
        if self._failed:
            self._later(self._settle())

    async def _settle(self) -> None:
        """Let go of the failures once nothing is left that is wanted."""
        if not self._open and not any(self._running.values()) and not any(self._starting.values()):
            self._settled.set()

    def _later(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _step_of(self, name: str) -> tuple[PlacedStep, str, bool]:
        """The step that a job is of, the number of its shard, and whether it gathers."""
        path, _, number = name.rpartition("/")
        # Of a step in several axes each is a workflow around the next, and all have its name.
        found = self._placement.of(path.rpartition("/")[2])
        if found is None:
            raise Fatal(f"StreamFlow runs {name!r}, which is no step of this workflow", "build the workflow again")
        step, gathers = found
        return step, number.partition(".")[2] if step.scattered and not gathers else "", gathers

    def _step_for(self, place: Place, name: str) -> PlacedStep:
        """The first step at a place that waits for a file, or the one that made it: files are called after the steps that make them."""
        made = {placed.step for placed in self._placement.steps if name.startswith(f"{placed.step}.")}
        here = [placed for placed in self._placement.steps if placed.target == place.name]
        waiting = [placed for placed in here if placed.step in self._open]
        of_file = [placed for placed in (*waiting, *here) if made & {placed.step, *placed.after}]
        return [*of_file, *waiting, *here, *self._placement.steps][0]

    def _note_failure(self, step: PlacedStep, shard: str, place: Place, why: Reason) -> None:
        self._note("ended", step, shard, place, state="failed", **why._asdict())

    def _note(self, what: str, step: PlacedStep, shard: str, place: Place, **facts: object) -> None:
        self._notes.write(what, step=step.step, shard=shard, place=place.name, **facts)


def _remembered(notes: Sequence[Note]) -> Mapping[JobKey, Remembered]:
    return dict(_each(notes))


def _each(notes: Sequence[Note]) -> Iterator[tuple[JobKey, Remembered]]:
    for note in notes:
        if note["note"] == "submitted":
            yield JobKey(note["key"]), Remembered(note["attempt"])
        elif note["note"] == "ended" and "key" in note:
            # A job that has ended well does not run again, even where what it made could not be brought.
            well = note.get("finished", note["state"] == JobState.FINISHED.value)
            yield JobKey(note["key"]), Remembered(note["attempt"], failed=not well, finished=well)
