"""Backends with one fault each, and the promise that each breaks: the proof that the suite notices."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbcompile.backend import Cause, Completed, Fatal, Job, JobRef, JobState, JobStatus, Opening, Output, Stream
from nbcompile.testing import reference
from nbcompile.testing.reference import ReferenceSession

_held: list[int] = []


class FalseSuccess(ReferenceSession):
    """A cancelled job counts as finished when its command ended with 0."""

    def _status(self, ref: JobRef) -> JobStatus:
        found = super()._status(ref)
        return replace(found, state=JobState.FINISHED) if found.state is JobState.CANCELLED and found.exit_code == 0 else found


class AnyFailureIsOne(ReferenceSession):
    """Small exit codes are all alike."""

    def _status(self, ref: JobRef) -> JobStatus:
        found = super()._status(ref)
        return replace(found, exit_code=1) if found.exit_code in range(20) and found.exit_code else found


class SignalIsSuccess(ReferenceSession):
    """A command that a signal ended counts as finished."""

    def _status(self, ref: JobRef) -> JobStatus:
        found = super()._status(ref)
        return replace(found, state=JobState.FINISHED, cause=Cause.NONE) if found.cause is Cause.SIGNAL else found


class RunsAgain(ReferenceSession):
    """A job is started at each submission, after its end."""

    async def submit(self, job: Job) -> JobRef:
        # A quick job may end while it is submitted, which is no reason to start it again.
        known = self._knows(job)
        ref = await super().submit(job)
        if known and self._status(ref).state is JobState.FINISHED:
            for name in ("pid", "exit"):
                (self._directory(ref) / name).unlink()
            self._start(self._directory(ref), job)
        return ref


class RetriesUnasked(ReferenceSession):
    """A failed job is started again when it is submitted again."""

    async def submit(self, job: Job) -> JobRef:
        known = self._knows(job)
        ref = await super().submit(job)
        if known and self._status(ref).state is JobState.FAILED:
            for name in ("pid", "exit"):
                (self._directory(ref) / name).unlink()
            self._start(self._directory(ref), job)
        return ref


class ForgetsAttempts(ReferenceSession):
    """All attempts at a key are one job."""

    def _directory(self, ref: JobRef) -> Path:
        return super()._directory(replace(ref, attempt=1))


class RaisesForTheUnknown(ReferenceSession):
    """Asking for a job that never was raises."""

    async def poll(self, refs: Sequence[JobRef]) -> tuple[JobStatus, ...]:
        if self._run.exists() and not all(self._directory(ref).exists() for ref in refs):
            raise Fatal("there is no such job")
        return await super().poll(refs)


class Unordered(ReferenceSession):
    """Statuses come in an order of their own."""

    async def poll(self, refs: Sequence[JobRef]) -> tuple[JobStatus, ...]:
        return tuple(sorted(await super().poll(refs), key=lambda status: status.ref.key)) if len(refs) > 10 else await super().poll(refs)


class ThroughAShell(ReferenceSession):
    """Arguments pass through a shell in double quotes."""

    def _start(self, directory: Path, job: Job) -> None:
        words = job.argv if len(job.argv) < 10 else ("sh", "-c", " ".join(f'"{word}"' for word in job.argv))
        super()._start(directory, replace(job, argv=words))


class VariablesThroughAShell(ReferenceSession):
    """Variables are set by lines of shell."""

    def _start(self, directory: Path, job: Job) -> None:
        if job.variables and not job.secrets:
            lines = [f'export {name}="{value}"' for name, value in job.variables]
            job = replace(job, variables=(), argv=("sh", "-c", "\n".join([*lines, "exec " + shlex.join(job.argv)])))
        super()._start(directory, job)


class InheritsTheEnvironment(ReferenceSession):
    """Jobs see the client's variables."""

    def _start(self, directory: Path, job: Job) -> None:
        inherited = tuple((name, value) for name, value in os.environ.items() if name.startswith(("NBC_", "SBATCH_", "SLURM_")))
        super()._start(directory, replace(job, variables=inherited + job.variables))


class Decodes(ReferenceSession):
    """Logs are decoded and encoded again."""

    async def logs(self, ref: JobRef, stream: Stream = Stream.STDERR, offset: int = 0) -> AsyncIterator[bytes]:
        async for piece in super().logs(ref, stream, offset):
            yield piece.decode("utf-8", "replace").encode()


class IgnoresTheOffset(ReferenceSession):
    """Logs always start at their beginning."""

    async def logs(self, ref: JobRef, stream: Stream = Stream.STDERR, offset: int = 0) -> AsyncIterator[bytes]:  # noqa: ARG002 - the fault
        async for piece in super().logs(ref, stream):
            yield piece


class CutsLogs(ReferenceSession):
    """Only the first part of a long log is kept."""

    async def logs(self, ref: JobRef, stream: Stream = Stream.STDERR, offset: int = 0) -> AsyncIterator[bytes]:
        async for piece in super().logs(ref, stream, offset):
            yield piece
            return


class BelievesDigests(ReferenceSession):
    """What arrives is stored under whatever digest it claims."""

    async def put(self, content: AsyncIterator[bytes], *, sha256: str, size: int) -> None:  # noqa: ARG002 - the fault
        (self._store / sha256).write_bytes(b"".join([piece async for piece in content]))


class NothingIsEmpty(ReferenceSession):
    """A file that is not there is an empty one."""

    async def get(self, sha256: str) -> AsyncIterator[bytes]:
        if (self._store / sha256).exists():
            async for piece in super().get(sha256):
                yield piece


class FollowsLinks(ReferenceSession):
    """A symbolic link among the outputs brings what it points to."""

    def _outputs(self, directory: Path) -> tuple[Output, ...]:
        for link in [path for path in (directory / "work").rglob("*") if path.is_symlink() and path.is_file()]:
            content = link.read_bytes()
            link.unlink()
            link.write_bytes(content)
        return super()._outputs(directory)


class KeepsEverything(ReferenceSession):
    """The patterns for outputs are ignored."""

    def _outputs(self, directory: Path) -> tuple[Output, ...]:
        (directory / "outputs.json").write_text('["*"]')
        return super()._outputs(directory)


class HidesFailedOutputs(ReferenceSession):
    """Only finished jobs have outputs."""

    def _status(self, ref: JobRef) -> JobStatus:
        found = super()._status(ref)
        return replace(found, outputs=()) if found.state is JobState.FAILED else found


class SharesInputs(ReferenceSession):
    """Inputs are links to the store, unprotected."""

    async def submit(self, job: Job) -> JobRef:
        fresh = not self._run.joinpath(f"{job.key}.{job.attempt}").exists()
        ref = await super().submit(replace(job, argv=("true",))) if fresh and job.inputs else await super().submit(job)
        if fresh and job.inputs:
            directory = self._directory(ref)
            while not (directory / "exit").exists():
                pass
            for one in job.inputs:
                (directory / "in" / one.name).unlink()
                (directory / "in" / one.name).hardlink_to(self._store / one.sha256)
            for name in ("pid", "exit"):
                (directory / name).unlink()
            self._start(directory, job)
        return ref

    async def get(self, sha256: str) -> AsyncIterator[bytes]:
        yield (self._store / sha256).read_bytes() if (self._store / sha256).exists() else await anext(super().get(sha256))


class SweepsEverybody(ReferenceSession):
    """Sweeping one run ends those of others."""

    async def sweep(self, seconds: float = 30) -> tuple[str, ...]:
        for run in self._run.parent.iterdir():
            for directory in run.glob("*.*"):
                (directory / "cancel").touch()
        return await super().sweep(seconds)


class SweepsNothing(ReferenceSession):
    """Sweeping leaves jobs running and says that it did not."""

    async def sweep(self, seconds: float = 30) -> tuple[str, ...]:  # noqa: ARG002 - the fault
        return ()


class RemovesNothing(ReferenceSession):
    """A removed run is still there."""

    async def remove(self) -> None:
        return None


class WritesSecretsDown(ReferenceSession):
    """Secrets are kept in the job's document."""

    def _start(self, directory: Path, job: Job) -> None:
        (directory / "secrets.json").write_text(str([(name, secret.reveal()) for name, secret in job.secrets]))
        super()._start(directory, job)


class OpenToAll(ReferenceSession):
    """Others may look into a job's directory."""

    def _start(self, directory: Path, job: Job) -> None:
        directory.chmod(0o755)
        super()._start(directory, job)


class EndsJobsOnClose(ReferenceSession):
    """Closing a Session cancels what it started."""

    async def close(self) -> None:
        await self.cancel([self._ref(directory) for directory in self._directories()])


class NoTimeLimit(ReferenceSession):
    """Jobs run for as long as they like."""

    def _start(self, directory: Path, job: Job) -> None:
        super()._start(directory, replace(job, seconds=None, lease_seconds=job.lease_seconds))


class NoLease(ReferenceSession):
    """Jobs run on when nobody asks for them any more."""

    def _start(self, directory: Path, job: Job) -> None:
        super()._start(directory, replace(job, lease_seconds=86_400))


class Polite(ReferenceSession):
    """Cancelling only asks."""

    def _start(self, directory: Path, job: Job) -> None:
        before, reference._GRACE_SECONDS = reference._GRACE_SECONDS, 12.0
        try:
            super()._start(directory, job)
        finally:
            reference._GRACE_SECONDS = before


class LeaksDescriptors(ReferenceSession):
    """Each Session holds a descriptor for ever."""

    def __init__(self, root: Path, opening: Opening) -> None:
        super().__init__(root, opening)
        _held.append(os.open(os.devnull, os.O_RDONLY))


class WaitsToTheEnd(ReferenceSession):
    """`wait` sleeps for as long as it may."""

    async def wait(self, refs: Sequence[JobRef], seconds: float) -> tuple[JobStatus, ...]:
        import asyncio  # noqa: PLC0415 - only the fault needs it

        await asyncio.sleep(seconds)
        return await self.poll(refs)


class QuickCommandsThroughAShell(ReferenceSession):
    """`exec` joins its words."""

    async def exec(
        self, argv: Sequence[str], *, stdin: bytes = b"", variables: Sequence[tuple[str, str]] = (), seconds: float = 60
    ) -> Completed:
        joined = ("sh", "-c", " ".join(f'"{word}"' for word in argv)) if len(argv) > 10 else argv
        return await super().exec(joined, stdin=stdin, variables=variables, seconds=seconds)


class Impatient(ReferenceSession):
    """A quick command that is late counts as one that ended well."""

    async def exec(
        self, argv: Sequence[str], *, stdin: bytes = b"", variables: Sequence[tuple[str, str]] = (), seconds: float = 60
    ) -> Completed:
        if seconds < 5:
            return Completed(0, b"", b"")
        return await super().exec(argv, stdin=stdin, variables=variables, seconds=seconds)


FAULTS: dict[type[ReferenceSession], tuple[str, tuple[Any, ...]]] = {
    FalseSuccess: ("test_a_job_that_ends_well_when_told_to_end_is_still_cancelled", ()),
    AnyFailureIsOne: ("test_exit_code_is_the_commands_own", (3,)),
    SignalIsSuccess: ("test_a_signal_is_a_failure", (9,)),
    RunsAgain: ("test_another_session_submits_what_already_ran", ()),
    RetriesUnasked: ("test_a_failed_job_is_not_run_again_unasked", ()),
    ForgetsAttempts: ("test_another_attempt_runs_again", ()),
    RaisesForTheUnknown: ("test_a_job_that_nobody_knows_is_lost", ()),
    Unordered: ("test_many_jobs_are_polled_at_once_and_in_order", ()),
    ThroughAShell: ("test_arguments_arrive_byte_for_byte", ()),
    VariablesThroughAShell: ("test_variables_arrive_byte_for_byte", ()),
    InheritsTheEnvironment: ("test_nothing_of_the_clients_environment_arrives", ()),
    Decodes: ("test_both_streams_are_kept_byte_for_byte", ()),
    IgnoresTheOffset: ("test_a_log_is_read_on_from_where_one_was", ()),
    CutsLogs: ("test_a_long_log_arrives_whole", ()),
    BelievesDigests: ("test_a_file_that_is_not_what_its_digest_says_is_refused", ()),
    NothingIsEmpty: ("test_a_file_that_is_not_there_is_lost", ()),
    FollowsLinks: ("test_links_and_pipes_are_not_outputs", ()),
    KeepsEverything: ("test_only_the_outputs_that_were_asked_for_are_kept", ()),
    HidesFailedOutputs: ("test_a_failed_job_has_outputs", ()),
    SharesInputs: ("test_a_job_that_changes_its_input_changes_it_for_nobody_else", ()),
    SweepsEverybody: ("test_runs_do_not_share_jobs", ()),
    SweepsNothing: ("test_sweeping_ends_all_jobs_of_the_run", ()),
    RemovesNothing: ("test_a_run_that_is_removed_is_gone", ()),
    WritesSecretsDown: ("test_a_secret_is_a_variable_and_nowhere_else", ()),
    OpenToAll: ("test_a_jobs_files_are_its_owners_alone", ()),
    EndsJobsOnClose: ("test_a_job_outlives_its_session_and_is_found_again", ()),
    NoTimeLimit: ("test_a_time_limit_ends_the_job", ()),
    NoLease: ("test_a_job_that_nobody_asks_for_ends_with_its_lease", ()),
    Polite: ("test_a_stubborn_job_is_cancelled", ()),
    LeaksDescriptors: ("test_a_closed_session_holds_nothing_here", ()),
    WaitsToTheEnd: ("test_waiting_ends_when_a_job_does", ()),
    QuickCommandsThroughAShell: ("test_quick_commands_take_words_and_bytes_as_they_are", ()),
    Impatient: ("test_a_quick_command_that_is_not_quick_is_ended", ()),
}
"""For each fault, the test that notices it, with the test's own parameters."""
