"""A job starts, runs, ends, and says how."""

from __future__ import annotations

import asyncio
import time

import pytest

from nbcompile.backend import Cause, Environment, JobRef, JobState
from nbcompile.model.plan import Resources
from nbcompile.testing.place import PlaceUnderTest, new_key, promise

SLEEP = "import time; time.sleep(120)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(120)"


class Lifecycle:
    """From submit to the end."""

    @pytest.mark.parametrize("code", [0, 1, 3, 126, 255])
    @promise
    async def test_exit_code_is_the_commands_own(self, place: PlaceUnderTest, code: int) -> None:
        """Zero is finished, everything else is failed, and the number is the command's."""
        async with place.visit() as visit:
            status = await visit.result(visit.job(f"raise SystemExit({code})"))
        expected = (JobState.FINISHED, Cause.NONE) if code == 0 else (JobState.FAILED, Cause.EXIT)
        assert (status.state, status.cause, status.exit_code) == (*expected, code)
        assert bool(status.reason) == bool(code)

    @pytest.mark.parametrize("number", [6, 9, 15])
    @promise
    async def test_a_signal_is_a_failure(self, place: PlaceUnderTest, number: int) -> None:
        """A command that a signal ended failed, and never finished."""
        async with place.visit() as visit:
            status = await visit.result(visit.job(f"import os; os.kill(os.getpid(), {number})"))
        assert status.state is JobState.FAILED
        assert status.cause in (Cause.SIGNAL, Cause.OUT_OF_MEMORY)
        assert status.reason

    @promise
    async def test_a_program_that_is_not_there_is_a_failure_with_its_name(self, place: PlaceUnderTest) -> None:
        """The reason says which program there is not."""
        async with place.visit() as visit:
            status = await visit.result(visit.command("no-such-program-anywhere"))
        assert status.state is JobState.FAILED
        assert "no-such-program-anywhere" in status.reason

    @promise
    async def test_a_running_job_is_running(self, place: PlaceUnderTest) -> None:
        """A job that runs says so, and has no exit code."""
        async with place.visit() as visit:
            ref = await visit.session.submit(visit.job(SLEEP))
            await visit.until_running(ref)
            (status,) = await visit.session.poll([ref])
            assert (status.state, status.exit_code, status.ref) == (JobState.RUNNING, None, ref)

    @promise
    async def test_a_cancelled_job_is_cancelled(self, place: PlaceUnderTest) -> None:
        """Cancelling a running job ends it as cancelled, never as finished or failed."""
        async with place.visit() as visit:
            ref = await visit.session.submit(visit.job(SLEEP))
            await visit.until_running(ref)
            await visit.session.cancel([ref])
            (status,) = await visit.end(ref)
        assert (status.state, status.cause) == (JobState.CANCELLED, Cause.CANCELLED)

    @promise
    async def test_a_job_that_ends_well_when_told_to_end_is_still_cancelled(self, place: PlaceUnderTest) -> None:
        """A command that answers the end with exit code 0 did not do its work."""
        code = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print(1, flush=True); time.sleep(120)"
        async with place.visit() as visit:
            ref = await visit.session.submit(visit.job(code))
            await visit.until_printed(ref)
            await visit.session.cancel([ref])
            (status,) = await visit.end(ref)
        assert status.state is JobState.CANCELLED

    @promise
    async def test_a_stubborn_job_is_cancelled(self, place: PlaceUnderTest) -> None:
        """A command that ignores SIGTERM is ended all the same."""
        async with place.visit() as visit:
            ref = await visit.session.submit(visit.job(STUBBORN))
            await visit.until_printed(ref)
            await visit.session.cancel([ref])
            (status,) = await visit.end(ref)
        assert status.state is JobState.CANCELLED

    @promise
    async def test_cancelling_at_once_leaves_nothing_running(self, place: PlaceUnderTest) -> None:
        """A job cancelled right after submit ends as cancelled, whether it had started or not."""
        async with place.visit() as visit:
            ref = await visit.session.submit(visit.job(SLEEP))
            await visit.session.cancel([ref])
            (status,) = await visit.end(ref)
        assert status.state is JobState.CANCELLED

    @promise
    async def test_cancelling_what_has_ended_changes_nothing(self, place: PlaceUnderTest) -> None:
        """A finished job stays finished, however often it is cancelled."""
        async with place.visit() as visit:
            ref = await visit.session.submit(visit.job("pass"))
            await visit.end(ref)
            await visit.session.cancel([ref])
            await visit.session.cancel([ref])
            assert (await visit.session.poll([ref]))[0].state is JobState.FINISHED

    @promise
    async def test_a_time_limit_ends_the_job(self, place: PlaceUnderTest) -> None:
        """A job over its time failed, with the cause timeout."""
        async with place.visit() as visit:
            status = await visit.result(visit.job(SLEEP, seconds=1))
        assert (status.state, status.cause) == (JobState.FAILED, Cause.TIMEOUT)

    @promise
    async def test_a_job_that_nobody_asks_for_ends_with_its_lease(self, place: PlaceUnderTest) -> None:
        """A job whose client went away for longer than the lease does not run for ever."""
        async with place.visit() as visit:
            ref = await visit.session.submit(visit.job(SLEEP, lease_seconds=2))
            await visit.until_running(ref)
            await asyncio.sleep(5)
            (status,) = await visit.end(ref)
        assert (status.state, status.cause) == (JobState.CANCELLED, Cause.LEASE)

    @promise
    async def test_a_job_that_nobody_knows_is_lost(self, place: PlaceUnderTest) -> None:
        """Asking for a job that never was is answered, not raised."""
        async with place.visit() as visit:
            known = await visit.session.submit(visit.job("pass"))
            unknown = JobRef(deployment=known.deployment, run=visit.run, key=new_key(), attempt=1, native=known.native)
            await visit.end(known)
            first, second = await visit.session.poll([unknown, known])
        assert (first.state, second.state) == (JobState.LOST, JobState.FINISHED)

    @promise
    async def test_waiting_ends_when_a_job_does(self, place: PlaceUnderTest) -> None:
        """`wait` does not sleep through the end of a job, although others go on."""
        async with place.visit() as visit:
            long, short = await visit.session.submit_many([visit.job(SLEEP), visit.job("pass")])
            started = time.monotonic()
            statuses = await visit.session.wait([long, short], 4 * place.patience_seconds)
            assert time.monotonic() - started < 3 * place.patience_seconds
            assert [status.state.is_final for status in statuses] == [False, True]

    @promise
    async def test_waiting_ends_when_time_is_up(self, place: PlaceUnderTest) -> None:
        """`wait` gives the present status when nothing ends."""
        async with place.visit() as visit:
            ref = await visit.session.submit(visit.job(SLEEP))
            started = time.monotonic()
            (status,) = await visit.session.wait([ref], 1)
            assert 0.9 < time.monotonic() - started < 10
            assert not status.state.is_final

    @promise
    async def test_many_jobs_are_polled_at_once_and_in_order(self, place: PlaceUnderTest) -> None:
        """Statuses come in the order in which they were asked for."""
        async with place.visit() as visit:
            refs = await visit.session.submit_many([visit.job(f"raise SystemExit({number})") for number in range(31, 51)])
            await visit.end(*refs)
            order = [*reversed(refs[::2]), *refs[1::2]]
            statuses = await visit.session.poll(order)
        assert [status.ref for status in statuses] == order
        assert {status.ref: status.exit_code for status in statuses} == {ref: number for number, ref in enumerate(refs, 31)}

    @promise
    async def test_an_environment_that_is_not_there_is_a_failure(self, place: PlaceUnderTest) -> None:
        """A job whose environment is missing fails with that cause and the path, before its command runs."""
        async with place.visit() as visit:
            status = await visit.result(visit.job("print(1)", environment=Environment(name="gone", prefix="/no/such/prefix")))
            printed = await visit.printed(status.ref)
        assert (status.state, status.cause, printed) == (JobState.FAILED, Cause.ENVIRONMENT, b"")
        assert "/no/such/prefix" in status.reason

    @promise
    async def test_memory_limits_are_kept_where_they_are_claimed(self, place: PlaceUnderTest) -> None:
        """A place that claims memory limits ends a job that exceeds its own, and says so."""
        async with place.visit() as visit:
            if not (await visit.session.capabilities()).memory_limits:
                return
            status = await visit.result(visit.job("b'x' * (600 << 20)", resources=Resources(memory_mib=60)))
        assert (status.state, status.cause) == (JobState.FAILED, Cause.OUT_OF_MEMORY)
