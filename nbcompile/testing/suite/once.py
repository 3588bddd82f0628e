"""A job runs once, whoever submits it how often, and is found again by whoever comes later."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from nbcompile.backend import JobRef, JobState
from nbcompile.testing.place import PlaceUnderTest, promise

RECORD = "import sys; open(sys.argv[1], 'a').write('ran\\n')"


class Once:
    """Idempotent submission, re-attachment."""

    @promise
    async def test_the_same_job_submitted_twice_runs_once(self, place: PlaceUnderTest) -> None:
        """A second submission gives the same reference and starts nothing."""
        async with place.visit() as visit:
            scratch = await visit.scratch()
            job = visit.job(RECORD, f"{scratch}/runs")
            first = await visit.session.submit(job)
            second = await visit.session.submit(job)
            await visit.end(first)
            third = await visit.session.submit(job)
            assert (first, first) == (second, third)
            assert await visit.lines(f"{scratch}/runs") == ["ran"]
            await visit.discard(scratch)

    @promise
    async def test_a_failed_job_is_not_run_again_unasked(self, place: PlaceUnderTest) -> None:
        """The same attempt at a job that failed gives its failure."""
        async with place.visit() as visit:
            scratch = await visit.scratch()
            job = visit.job(RECORD + "; sys.exit(70)", f"{scratch}/runs")
            await visit.result(job)
            status = await visit.result(job)
            assert (status.exit_code, await visit.lines(f"{scratch}/runs")) == (70, ["ran"])
            await visit.discard(scratch)

    @promise
    async def test_another_attempt_runs_again(self, place: PlaceUnderTest) -> None:
        """The next attempt is a job of its own, and the first one keeps its end."""
        async with place.visit() as visit:
            scratch = await visit.scratch()
            job = visit.job(RECORD + "; sys.exit(7 if len(open(sys.argv[1]).readlines()) == 1 else 0)", f"{scratch}/runs")
            first = await visit.result(job)
            second = await visit.result(replace(job, attempt=2))
            (again,) = await visit.session.poll([first.ref])
            assert [first.state, second.state, again.state] == [JobState.FAILED, JobState.FINISHED, JobState.FAILED]
            await visit.discard(scratch)

    @promise
    async def test_two_clients_at_once_run_a_job_once(self, place: PlaceUnderTest) -> None:
        """Sessions that submit the same job at the same moment share it."""
        async with place.visit() as visit, place.visit(visit.run) as other:
            scratch = await visit.scratch()
            job = visit.job("import time; time.sleep(1);" + RECORD, f"{scratch}/runs")
            refs = await asyncio.gather(visit.session.submit(job), other.session.submit(job))
            await visit.end(*refs)
            await other.end(*refs)
            assert await visit.lines(f"{scratch}/runs") == ["ran"]
            await visit.discard(scratch)

    @promise
    async def test_a_job_outlives_its_session_and_is_found_again(self, place: PlaceUnderTest) -> None:
        """Closing a Session leaves its jobs alone; their reference, as JSON, is enough to find them."""
        async with place.visit() as visit:
            async with place.visit(visit.run) as first:
                ref = await first.session.submit(first.job("import time; time.sleep(2); open('made', 'w').write('x')"))
                await first.until_running(ref)
                text = ref.to_json()
            (status,) = await visit.end(JobRef.from_json(text))
        assert (status.state, [output.path for output in status.outputs]) == (JobState.FINISHED, ["made"])

    @promise
    async def test_another_session_submits_what_already_ran(self, place: PlaceUnderTest) -> None:
        """A later client that submits a finished job gets its result at once."""
        async with place.visit() as visit:
            scratch = await visit.scratch()
            job = visit.job(RECORD, f"{scratch}/runs")
            await visit.result(job)
            async with place.visit(visit.run) as later:
                status = await later.result(job)
            assert (status.state, await visit.lines(f"{scratch}/runs")) == (JobState.FINISHED, ["ran"])
            await visit.discard(scratch)
