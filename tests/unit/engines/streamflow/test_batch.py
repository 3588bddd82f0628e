"""Shards that come one by one go to the place together."""

import asyncio
import sys

import pytest

from nbcompile.backend import Fatal, Job, Lease, Opening, RunId
from nbcompile.engines.streamflow.batch import Batch
from nbcompile.testing import ReferenceSession
from nbcompile.testing.place import new_key
from nbcompile.testing.reference import ReferenceSettings


async def nothing(*_):
    return ()


class CountingSession(ReferenceSession):
    """Takes many jobs as one."""

    calls = ()
    refuses = False

    async def submit_many(self, jobs):
        self.calls = (*self.calls, len(jobs))
        if self.refuses:
            raise Fatal("there are too many")
        return await super().submit_many(jobs)


@pytest.fixture
def session(tmp_path):
    opening = Opening(
        deployment="here", run=RunId("tests"), settings=ReferenceSettings(str(tmp_path)), lease=Lease("here", nothing, nothing)
    )
    return CountingSession(tmp_path, opening)


async def submit_slowly(session, count):
    batch, tasks = Batch(session), []
    jobs = [Job(key=new_key(), argv=(sys.executable, "-c", "")) for _ in range(count)]
    for job in jobs:
        tasks.append(asyncio.ensure_future(batch.submit(job)))
        await asyncio.sleep(0.02)
    found = await asyncio.gather(*tasks, return_exceptions=True)
    return jobs, found


def test_every_job_gets_its_own_reference(session):
    jobs, refs = asyncio.run(submit_slowly(session, 8))
    assert [ref.key for ref in refs] == [job.key for job in jobs]
    assert session.calls == (8,)


def test_all_are_told_when_the_place_refuses(session):
    session.refuses = True
    _, found = asyncio.run(submit_slowly(session, 3))
    assert [str(error) for error in found] == ["there are too many"] * 3
