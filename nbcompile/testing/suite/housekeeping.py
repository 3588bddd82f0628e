"""Nothing is left behind, there or here."""

from __future__ import annotations

import asyncio
import os

from nbcompile.backend import JobState
from nbcompile.testing.place import PlaceUnderTest, Visit, promise

TREE = "import subprocess, time, sys; c = subprocess.Popen(['sleep', '120']); print(c.pid, flush=True); time.sleep({})"


class Housekeeping:
    """Sweep, remove, close."""

    @promise
    async def test_sweeping_ends_all_jobs_of_the_run(self, place: PlaceUnderTest) -> None:
        """Running and waiting jobs end as cancelled; nothing is left to name."""
        async with place.visit() as visit:
            refs = await visit.session.submit_many([visit.job("import time; time.sleep(120)") for _ in range(5)])
            await visit.until_running(refs[0])
            assert await visit.session.sweep() == ()
            assert {status.state for status in await visit.session.poll(refs)} == {JobState.CANCELLED}

    @promise
    async def test_a_run_that_is_removed_is_gone(self, place: PlaceUnderTest) -> None:
        """Its jobs are lost, its directory is not there, and to remove it again changes nothing."""
        async with place.visit() as outer, place.visit(outer.run) as visit:
            status = await visit.result(visit.job("import os; os.mkdir('d'); os.chmod('d', 0); print(os.getcwd())"))
            where = (await visit.printed(status.ref)).decode().strip()
            await visit.session.remove()
            assert (await visit.session.exec(["test", "-e", where])).exit_code == 1
            assert (await visit.session.poll([status.ref]))[0].state is JobState.LOST
            await outer.session.remove()

    @promise
    async def test_what_a_job_started_ends_with_it(self, place: PlaceUnderTest) -> None:
        """A process left in the background does not outlive the job."""
        async with place.visit() as visit:
            status = await visit.result(visit.job(TREE.format(0)))
            child = (await visit.printed(status.ref)).decode().strip()
            assert status.state is JobState.FINISHED
            assert await _ends(visit, child)

    @promise
    async def test_what_a_job_started_is_cancelled_with_it(self, place: PlaceUnderTest) -> None:
        """Cancelling ends the whole tree."""
        async with place.visit() as visit:
            ref = await visit.session.submit(visit.job(TREE.format(120)))
            await visit.until_running(ref)
            while not (child := (await visit.printed(ref)).decode().strip()):
                await asyncio.sleep(0.05)
            await visit.session.cancel([ref])
            await visit.end(ref)
            assert await _ends(visit, child)

    @promise
    async def test_a_closed_session_holds_nothing_here(self, place: PlaceUnderTest) -> None:
        """Opening, using and closing leaves no descriptor and no task in this process."""
        async with place.visit() as outer:
            held = []
            for _ in range(3):
                async with place.visit(outer.run) as visit:
                    await visit.fetched(await visit.put(b"some bytes"))
                await asyncio.sleep(0.1)
                held.append((len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())))  # noqa: PTH208 - a handful
            assert held[2] == held[1]

    @promise
    async def test_the_place_says_what_it_is(self, place: PlaceUnderTest) -> None:
        """Capabilities are plausible."""
        async with place.visit() as visit:
            facts = await visit.session.capabilities()
        assert facts.cpus >= 1
        assert facts.slots >= 1
        assert facts.memory_mib > 0
        assert facts.host


async def _ends(visit: Visit, pid: str) -> bool:
    for _ in range(100):
        state = await visit.session.exec(["sh", "-c", 'cut -d" " -f3 /proc/"$1"/stat 2>/dev/null || echo gone', "state", pid])
        if state.stdout.strip() in (b"gone", b"Z"):
            return True
        await asyncio.sleep(0.05)
    return False
