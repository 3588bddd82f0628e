"""A Session whose jobs are Slurm's.

The agent on the login host makes the jobs' directories and runs Slurm's commands. A job writes down its own end, on the shared
file system, which is seen at once; Slurm is asked about many jobs in one question, and seldom.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from nbcompile.backend import (
    Capabilities,
    Cause,
    Completed,
    Environment,
    Fatal,
    Job,
    JobRef,
    JobState,
    JobStatus,
    Lost,
    PlaceEvent,
    Retryable,
    RunId,
    Session,
    Stream,
    Survey,
)
from nbcompile_backends.agent import AgentSession
from nbcompile_backends.agent.client import specification
from nbcompile_backends.agent.plain import plain
from nbcompile_backends.agent.status import read_status
from nbcompile_backends.slurm import answers, commands, verdict
from nbcompile_backends.slurm.answers import NATIVE, AccountingRow, QueueRow
from nbcompile_backends.slurm.options import SlurmSettings

_SLOWEST_QUEUE_SECONDS = 15.0
_LONGEST_WATCH_SECONDS = 2.0
_RECORD_SECONDS = 10.0
_DISBELIEF_SECONDS = 5.0
# A job that a killed controller has forgotten may run for ever, says accounting, which also hears late of ends that there were.
_STALE_SECONDS = 30.0
_SETTLING_SECONDS = 0.08
# Where many jobs run, many end together, and one question is for all of them.
_SETTLING_SECONDS_PER_JOB = 0.02
_RELUCTANCE_SECONDS = 1.0
_COMMAND_SECONDS = 30
_BACK_OFF = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)


class SlurmSession(Session):
    """`native` of a reference is Slurm's job id, or `ARRAY_TASK`."""

    def __init__(
        self,
        deployment: str,
        run: RunId,
        settings: SlurmSettings,
        login: AgentSession,
        observe: Callable[[PlaceEvent], None],
    ) -> None:
        self.deployment = deployment
        self.run = run
        self.questions = 0
        self._settings = settings
        self._login = login
        self._observe = observe
        self._host = login.hosts[0]
        self._version = (0, 0)
        self._configuration: dict[str, str] = {}
        self._queue = _Queue({}, 0.0)
        self._over: dict[JobRef, JobStatus] = {}
        self._started: set[JobRef] = set()
        self._known_since: dict[JobRef, float] = {}
        self._batches: dict[str, str] = {}
        self._ended_since: dict[JobRef, float] = {}
        self._accounting_works = True
        self._accounting_at = 0.0
        self._away = False

    async def open(self) -> None:
        """See that Slurm is there and answers."""
        await self._check_configuration_file()
        done = await self._command(commands.version(self._settings))
        if done.exit_code:
            raise Fatal(
                f"there is no `sbatch` on {self._host.name}: {plain(_text(done.stderr), 200)}",
                "name its directory as `bin` of the deployment",
            )
        self._version = answers.read_version(_text(done.stdout))
        done = await self._command(commands.configuration(self._settings))
        if done.exit_code:
            raise Retryable(f"the controller of Slurm does not answer: {plain(_text(done.stderr), 200)}", "try again when it does")
        self._configuration = dict(answers.read_configuration(_text(done.stdout)))

    async def _check_configuration_file(self) -> None:
        """Slurm's commands wait a minute, each, for one that is not there."""
        conf = self._settings.conf
        if conf and (await self._host.exec(["test", "-r", conf], b"", (), _COMMAND_SECONDS)).exit_code:
            raise Fatal(f"there is no {conf} on {self._host.name}, or it cannot be read", "correct `conf` of the deployment")

    async def capabilities(self) -> Capabilities:
        """What the login host says, and what Slurm can do."""
        here = await self._login.capabilities()
        limits = self._configuration.get("TaskPlugin", "").find("cgroup") >= 0 and self._configuration.get("ConstrainRAMSpace") == "yes"
        return replace(here, slots=self._settings.slots, arrays=True, memory_limits=limits, nodes=True)

    async def survey(self) -> Survey:
        """The partitions, and the accounts of the person."""
        settings, user = self._settings, self._host.facts.user
        partitions = await self._command(commands.partitions(settings))
        associations = await self._command(commands.associations(settings, user))
        person = await self._command(commands.person(settings, user))
        accounts, qualities = answers.read_associations(_text(associations.stdout))
        return Survey(
            system=f"Slurm {self._version[0]}.{self._version[1]:02}",
            account=answers.read_name(_text(person.stdout)),
            accounts=accounts,
            queues=answers.read_partitions(_text(partitions.stdout)),
            qualities=qualities,
            unenforced=answers.unenforced(self._configuration),
        )

    async def variables(self, environment: Environment) -> tuple[tuple[str, str], ...]:
        """Have the login host load it; the nodes are taken to have the same."""
        return await self._login.variables(environment)

    async def exec(
        self, argv: Sequence[str], *, stdin: bytes = b"", variables: Sequence[tuple[str, str]] = (), seconds: float = 60
    ) -> Completed:
        """Run a quick command on the login host."""
        return await self._login.exec(argv, stdin=stdin, variables=variables, seconds=seconds)

    async def has(self, digests: Sequence[str]) -> frozenset[str]:
        """Which of these files the shared file system has."""
        return await self._login.has(digests)

    async def put(self, content: AsyncIterator[bytes], *, sha256: str, size: int) -> None:
        """Put a file on the shared file system."""
        await self._login.put(content, sha256=sha256, size=size)

    async def get(self, sha256: str) -> AsyncIterator[bytes]:
        """Read a file of the shared file system."""
        async for piece in self._login.get(sha256):
            yield piece

    async def submit(self, job: Job) -> JobRef:
        """Submit one job."""
        return (await self._submit([job]))[0]

    async def submit_many(self, jobs: Sequence[Job]) -> tuple[JobRef, ...]:
        """Submit jobs that ask for the same as arrays; those that Slurm has already are not submitted again."""
        names = [_name(job) for job in jobs]
        known, _ = await self._host.ask("natives", run=self.run, jobs=names)
        refs = {name: self._ref(job, native) for name, job, native in zip(names, jobs, known, strict=True) if native}
        rest = [job for name, job in zip(names, jobs, strict=True) if name not in refs]
        largest = int(self._configuration.get("MaxArraySize", "1001"))
        groups: dict[object, list[Job]] = {}
        for job in rest:
            groups.setdefault((job.resources, job.options, job.seconds), []).append(job)
        for group in groups.values():
            for start in range(0, len(group), largest):
                part = group[start : start + largest]
                refs.update(zip(map(_name, part), await self._submit(part), strict=True))
        return tuple(refs[name] for name in names)

    async def poll(self, refs: Sequence[JobRef]) -> tuple[JobStatus, ...]:
        """Ask the directories, and Slurm if it was not asked just now."""
        await self._look(refs, self._settings.min_poll_seconds)
        return self._statuses(refs)

    async def wait(self, refs: Sequence[JobRef], seconds: float) -> tuple[JobStatus, ...]:
        """Watch the directories, and ask Slurm now and then."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        patience = float(self._settings.min_poll_seconds)
        while True:
            going = await self._look(refs, patience)
            left = until - loop.time()
            if left <= 0 or any(ref in self._over for ref in refs):
                return self._statuses(refs)
            patience = min(patience * 1.3, _SLOWEST_QUEUE_SECONDS)
            await self._watch(going, min(left, _LONGEST_WATCH_SECONDS))

    async def cancel(self, refs: Sequence[JobRef]) -> None:
        """Keep what has not started from starting, and have Slurm end the rest."""
        going = [ref for ref in refs if ref not in self._over]
        if going:
            await self._host.ask("cancel", run=self.run, jobs=[_job(ref) for ref in going])
            natives = [_checked(ref).native for ref in going if not self._has_lost_its_id(ref)]
            if natives:
                await self._insist(commands.cancel(self._settings, self.run, natives))

    async def logs(self, ref: JobRef, stream: Stream = Stream.STDERR, offset: int = 0) -> AsyncIterator[bytes]:
        """What the job has printed so far."""
        async for piece in self._host.log(_job(ref), stream.value, offset):
            yield piece

    async def sweep(self, seconds: float = 30) -> tuple[str, ...]:
        """Cancel by name until Slurm has nothing of the run left."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        await self._host.ask("sweep", run=self.run, seconds=0)
        pause = 0.1
        while True:
            answered = await self._refresh()
            left = tuple(native for native, row in self._queue.rows.items() if not verdict.is_over(row.state))
            if answered and not left:
                return await self._unsettled(until)
            if loop.time() > until:
                return left if answered else ("whatever Slurm has: its controller does not answer",)
            if not answered or any(self._queue.rows[native].state != "COMPLETING" for native in left):
                await self._command(commands.cancel_run(self._settings, self.run, self._host.facts.user))
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    async def remove(self) -> None:
        """Remove the run's directory, and what is known of its jobs."""
        await self._host.ask("remove", run=self.run)
        for known in (self._over, self._known_since, self._ended_since):
            known.clear()
        self._started.clear()

    async def prune(self, seconds: float) -> int:
        """Make room on the shared file system."""
        return await self._login.prune(seconds)

    async def close(self) -> None:
        """Let go of the login host."""
        await self._login.close()

    async def _submit(self, jobs: Sequence[Job]) -> list[JobRef]:
        names = [_name(job) for job in jobs]
        token = _token(names)
        request: dict[str, Any] = {
            "run": self.run,
            "token": token,
            "jobs": [specification(job) for job in jobs],
            "argv": self._submit_command(token, jobs, names),
            "variables": [list(pair) for pair in commands.variables(self._settings)],
        }
        until = asyncio.get_running_loop().time() + self._settings.patience_seconds
        for pause in itertools.chain(_BACK_OFF, itertools.repeat(_BACK_OFF[-1])):
            answer, _ = await self._host.ask("batch", **request)
            if "missing" in answer:
                raise Lost(f"inputs of the job {jobs[0].name or names[0]} are not on {self._host.name}")
            native = str(answer.get("native", "")) or await self._recovered(token, names, answer)
            if native:
                self._batches.update(dict.fromkeys(names, token))
                return self._submitted(jobs, native)
            if asyncio.get_running_loop().time() + pause > until:
                break
            await asyncio.sleep(pause)
        raise Retryable("the controller of Slurm does not answer", "try again when it does")

    async def _recovered(self, token: str, names: Sequence[str], answer: dict[str, Any]) -> str:
        """The id of a batch that Slurm took without our hearing of it; if it did not, the batch may be submitted again."""
        if answer.get("busy"):
            return ""
        said = str(answer.get("said", ""))
        if "said" in answer:
            problem = answers.refusal(int(answer.get("code") or 0), said)
            if not isinstance(problem, Retryable):
                await self._host.ask("batch-forget", run=self.run, token=token)
                raise problem
            self._went_away(problem.message)
        if not await self._refresh():
            return ""
        comment = f"{self.run}:{token}"
        native = next((native.partition("_")[0] for native, row in self._queue.rows.items() if row.comment == comment), "")
        if native:
            await self._host.ask("batch-found", run=self.run, token=token, jobs=[*names], native=native)
        else:
            await self._host.ask("batch-forget", run=self.run, token=token)
        return native

    def _submit_command(self, token: str, jobs: Sequence[Job], names: Sequence[str]) -> tuple[str, ...]:
        facts = self._host.facts
        run = f"{facts.root}/runs/{self.run}"
        program = commands.Program(f"{facts.root}/agent/batch.sh", self._settings.python or facts.executable, facts.program)
        directories = tuple(f"{run}/jobs/{name}" for name in names)
        batch = commands.Batch(self.run, token, tuple(jobs), directories, f"{run}/batches/{token}/jobs")
        return commands.submit(self._settings, program, batch, nil=self._version >= (23, 2))

    def _submitted(self, jobs: Sequence[Job], native: str) -> list[JobRef]:
        if len(jobs) == 1:
            return [self._ref(jobs[0], native)]
        return [self._ref(job, f"{native}_{number}") for number, job in enumerate(jobs)]

    def _ref(self, job: Job, native: str) -> JobRef:
        ref = JobRef(deployment=self.deployment, run=self.run, key=job.key, attempt=job.attempt, native=native)
        self._known_since.setdefault(ref, asyncio.get_running_loop().time())
        return ref

    async def _look(self, refs: Sequence[JobRef], fresh_seconds: float) -> list[JobRef]:
        """Bring what is known of these jobs up to date, with no question to Slurm while nothing changes; returns those that go on."""
        now = asyncio.get_running_loop().time()
        open_ = [ref for ref in refs if ref not in self._over]
        if not open_:
            return []
        for ref in open_:
            self._known_since.setdefault(_checked(ref), now)
        asked, _ = await self._host.ask("wait", run=self.run, jobs=[_job(ref) for ref in open_], seconds=0)
        records = dict(zip(open_, asked, strict=True))
        oldest = min(self._known_since[ref] for ref in open_)
        for ref, record in records.items():
            if record["state"] == "absent":  # nobody submitted it, or its run was removed
                self._over[ref] = read_status(ref, record)
            elif record["state"] == "running":
                self._started.add(ref)
        vanished = any(record["state"] == "lost" for record in asked)
        if now - max(self._queue.at, oldest) >= (min(fresh_seconds, 1.0) if vanished else fresh_seconds):
            await self._refresh()
        await self._settle({ref: record for ref, record in records.items() if ref not in self._over})
        await self._give_up_on([ref for ref in open_ if ref not in self._over])
        return [ref for ref, record in records.items() if ref not in self._over and record["state"] in ("prepared", "running")]

    async def _unsettled(self, until: float) -> tuple[str, ...]:
        """Wait for the last word on all jobs that were asked for; returns those on which there is none."""
        refs = tuple(self._known_since)
        while any(ref not in self._over for ref in refs) and asyncio.get_running_loop().time() < until:
            await self._watch(await self._look(refs, self._settings.min_poll_seconds), _SETTLING_SECONDS)
        return tuple(ref.native for ref in refs if ref not in self._over)

    async def _settle(self, records: dict[JobRef, dict[str, Any]]) -> None:
        """Find the last word on jobs that have ended, or seem to: one question for all of them."""
        now = asyncio.get_running_loop().time()
        for ref, record in records.items():
            if record["state"] == "ended" or self._seems_over(ref):
                self._ended_since.setdefault(ref, now)
        # Slurm needs a moment after the job's own record.
        asked = [ref for ref in records if now - self._ended_since.get(ref, now) >= _SETTLING_SECONDS]
        own = {ref: read_status(ref, records[ref]) for ref in asked if records[ref]["state"] == "ended"}
        rows = await self._last_words(asked, own, self._settling_seconds(len(records))) if asked else {}
        for ref in asked:
            row = _of_this_start(rows.get(ref.native), records[ref])
            status = self._verdict(ref, row, own.get(ref), now - self._ended_since[ref])
            if status is not None:
                self._over[ref] = status if ref in own else await self._explained(status)
        await self._disown([ref for ref in asked if ref in self._over and ref not in own])
        if again := [ref.native for ref in asked if ref in self._over and ref in own and self._waits(ref)]:
            await self._insist(commands.cancel(self._settings, self.run, again))

    async def _disown(self, refs: Sequence[JobRef]) -> None:
        """See that jobs without a record end: what Slurm has given up may run on, on a node that it does not reach."""
        if refs:
            await self._host.ask("cancel", run=self.run, jobs=[_job(ref) for ref in refs])

    def _verdict(self, ref: JobRef, row: AccountingRow | None, own: JobStatus | None, seconds: float) -> JobStatus | None:
        if row is not None and verdict.is_over(row.state):
            if own is None and row.state in ("COMPLETED", "FAILED") and seconds < _RECORD_SECONDS:
                return None  # its record is on its way through the file system
            return verdict.ended(ref, row, own)
        patience = _DISBELIEF_SECONDS if own or row is None else _STALE_SECONDS
        unknown = self._row(ref) is None or (own is not None and self._waits(ref))
        if unknown and not self._away and seconds > patience:
            return own or JobStatus(ref=ref, state=JobState.LOST, cause=Cause.LOST, reason="Slurm does not know this job")
        return None

    def _seems_over(self, ref: JobRef) -> bool:
        """Whether the queue, asked since we know the job, has it as ended or not at all."""
        row = self._row(ref)
        return verdict.is_over(row.state) if row else self._queue.at > self._known_since[ref]

    def _waits(self, ref: JobRef) -> bool:
        """Whether the controller has yet to start a job, or has forgotten that it did."""
        row = self._row(ref)
        return row is not None and row.state in verdict.WAITING

    def _row(self, ref: JobRef) -> QueueRow | None:
        """What the controller has on a job."""
        return None if self._has_lost_its_id(ref) else self._queue.rows.get(ref.native)

    def _has_lost_its_id(self, ref: JobRef) -> bool:
        """Whether the controller, which goes on from what it had saved after it was killed, has given the id to another job of the run.

        A task of an array is known by its batch: another array of the run has tasks of the same numbers.
        """
        row = self._queue.rows.get(ref.native)
        token = self._batches.get(_job(ref), "") if "_" in ref.native else _token([_job(ref)])
        if row is None or not token:
            return False
        return row.comment.startswith(f"{self.run}:") and row.comment != f"{self.run}:{token}"

    async def _learn_batches(self, rows: Mapping[str, QueueRow]) -> None:
        """In which batches tasks were submitted that another client submitted; their directories say so."""
        tasks = (ref for ref in self._known_since if "_" in ref.native and ref.native in rows)
        asked = [name for name in map(_job, tasks) if name not in self._batches]
        if asked:
            tokens, _ = await self._host.ask("batches", run=self.run, jobs=asked)
            self._batches.update(zip(asked, tokens, strict=True))

    def _settling_seconds(self, going: int) -> float:
        """How long Slurm is left alone between two questions about jobs that have ended, while so many have not been settled."""
        longest = min(self._settings.min_poll_seconds, _LONGEST_WATCH_SECONDS)
        return max(_SETTLING_SECONDS, min(going * _SETTLING_SECONDS_PER_JOB, longest))

    async def _last_words(self, refs: Sequence[JobRef], own: Mapping[JobRef, JobStatus], pause: float) -> dict[str, AccountingRow]:
        """Slurm's last word on these jobs, with at most one question to each of its daemons in every `pause`.

        The controller knows first, and its queue is one question for all of them, which is enough for a job that wrote down its
        own end. Accounting is asked about the others, and where the queue does not tell for a while.
        """
        now = asyncio.get_running_loop().time()
        if now - self._queue.at >= pause:
            await self._refresh()
        found: dict[str, AccountingRow] = {}
        late: list[JobRef] = []
        for ref in refs:
            row = self._row(ref)
            word = verdict.last_word(row, own.get(ref)) if row else None
            if word is not None:
                found[ref.native] = word
            elif self._has_lost_its_id(ref):
                continue
            elif self._queue.at - self._ended_since[ref] >= (0 if row is None or verdict.is_over(row.state) else _RELUCTANCE_SECONDS):
                late.append(ref)
        if late and now - self._accounting_at >= pause:
            self._accounting_at = now
            words = await self._accounted([ref.native for ref in late])
            found.update(await self._of_these_jobs(words, [ref for ref in late if ref not in own]))
        return found

    async def _of_these_jobs(self, words: dict[str, AccountingRow], unrecorded: Sequence[JobRef]) -> dict[str, AccountingRow]:
        """What accounting says without what it says of jobs that had the ids before: those that a killed controller forgot, and gave again.

        The controller, asked once more, has the new ones by now.
        """
        if any(ref.native in words for ref in unrecorded):
            await self._refresh()
        rows = ((ref.native, self._row(ref)) for ref in unrecorded)
        going = {native for native, row in rows if row is not None and not verdict.is_over(row.state)}
        return {native: word for native, word in words.items() if native not in going}

    async def _accounted(self, natives: Sequence[str]) -> dict[str, AccountingRow]:
        """What accounting has on these jobs; where it has nothing yet, or does not work, what the controller has."""
        found: dict[str, AccountingRow] = {}
        if natives and self._accounting_works:
            done = await self._command(commands.accounting(self._settings, self.run, natives))
            self._accounting_works = b"accounting storage is disabled" not in done.stderr
            if done.exit_code == 0:
                found = answers.read_accounting(_text(done.stdout))
        for native in natives:
            row = self._queue.rows.get(native)
            if row is not None and verdict.is_over(row.state) and not (native in found and verdict.is_over(found[native].state)):
                done = await self._command(commands.show(self._settings, native))
                word = answers.read_job(native, _text(done.stdout)) if done.exit_code == 0 else None
                if word is not None:
                    found[native] = word
        return found

    async def _give_up_on(self, refs: Sequence[JobRef]) -> None:
        """End jobs that wait for what will not come."""
        for ref in refs:
            row = self._row(ref)
            status = verdict.hopeless(ref, row) if row else None
            if status is not None:
                await self.cancel([ref])
                self._over[ref] = status

    async def _explained(self, status: JobStatus) -> JobStatus:
        """A job without a record may have told Slurm why it could not start."""
        said = b"".join([piece async for piece in self._host.log(_job(status.ref), "scheduler", 0)])
        tail = plain(_text(said[-4000:]), 300)
        return replace(status, reason=f"{status.reason}: {tail}") if tail else status

    async def _watch(self, refs: Sequence[JobRef], seconds: float) -> None:
        """Wait until one of these jobs writes down its end; not for long while any job only lacks Slurm's last word."""
        if refs and not self._ended_since.keys() - self._over.keys():
            await self._host.ask("wait", run=self.run, jobs=[_job(ref) for ref in refs], seconds=seconds)
        else:
            await asyncio.sleep(min(seconds, _SETTLING_SECONDS))

    def _statuses(self, refs: Sequence[JobRef]) -> tuple[JobStatus, ...]:
        return tuple(self._over.get(ref) or verdict.live(ref, self._row(ref), started=ref in self._started) for ref in refs)

    async def _refresh(self) -> bool:
        """Ask for the whole queue of the run; false when the controller does not answer."""
        now = asyncio.get_running_loop().time()
        done = await self._command(commands.queue(self._settings, self.run, self._host.facts.user))
        if done.exit_code:
            self._queue = self._queue._replace(at=now)
            self._went_away(plain(_text(done.stderr), 200))
            return False
        rows = answers.read_queue(_text(done.stdout))
        await self._learn_batches(rows)
        self._queue = _Queue(rows, now)
        if self._away:
            self._away = False
            self._observe(PlaceEvent(self.deployment, "connected", "the controller of Slurm answers again"))
        return True

    def _went_away(self, why: str) -> None:
        if not self._away:
            self._away = True
            self._observe(PlaceEvent(self.deployment, "away", why))

    async def _insist(self, argv: tuple[str, ...]) -> None:
        """Run a command until the controller has taken it."""
        for pause in _BACK_OFF:
            done = await self._command(argv)
            if done.exit_code == 0 or not answers.is_away(_text(done.stderr)):
                return
            await asyncio.sleep(pause)
        raise Retryable("the controller of Slurm does not answer", "try again when it does")

    async def _command(self, argv: tuple[str, ...]) -> Completed:
        """Run one of Slurm's commands; all but `sbatch` may be run twice, so that a broken connection is no matter."""
        self.questions += 1
        for pause in _BACK_OFF:
            with contextlib.suppress(Retryable):
                return await self._host.exec(argv, b"", commands.variables(self._settings), _COMMAND_SECONDS)
            await asyncio.sleep(pause)
        return await self._host.exec(argv, b"", commands.variables(self._settings), _COMMAND_SECONDS)


class _Queue(NamedTuple):
    """What the controller said last, and when it was asked."""

    rows: dict[str, QueueRow]
    at: float


def _name(job: Job) -> str:
    return f"{job.key}.{job.attempt}"


def _job(ref: JobRef) -> str:
    return f"{ref.key}.{ref.attempt}"


def _of_this_start(row: AccountingRow | None, record: Mapping[str, Any]) -> AccountingRow | None:
    """What Slurm says of a job that had ended before is of no account: a killed controller forgot that, and started or ended it again."""
    ended = record.get("ended")
    if row is None or not ended:
        return row
    started_again = row.start is not None and ended < row.start
    ended_again = row.state in verdict.ENDED_BY_OTHERS and row.end is not None and ended < row.end
    return row._replace(forgotten=True) if started_again or ended_again else row


def _token(names: Sequence[str]) -> str:
    """What Slurm's comment says of the jobs that were submitted together."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def _checked(ref: JobRef) -> JobRef:
    """The reference, if its id may be a word of a command."""
    if not NATIVE.fullmatch(ref.native):
        raise Fatal(f"{plain(ref.native, 50)!r} is not the id of a Slurm job")
    return ref


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
