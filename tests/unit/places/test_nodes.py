"""What a node has beside what is where one logs in, asked by one small job."""

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nbcompile.backend import Environment, JobState, JobStatus, Lease, Opening
from nbcompile.model.checkup import Standing
from nbcompile.model.plan import Resources
from nbcompile.model.software import SoftwareQuestion
from nbcompile.places.checkup import check_place
from nbcompile.places.nodes import check_node
from nbcompile.places.software import STEP_MODULES, look_into
from nbcompile.testing.reference import ReferenceSession, ReferenceSettings

HERE = Environment(name="default", prefix=str(Path(sys.executable).parent.parent))
EMPTY = Environment()


class Node(ReferenceSession):
    """This machine, which says that its jobs run elsewhere, in the same Python unless `prefix` names another."""

    prefix = HERE.prefix

    async def variables(self, environment):
        return (("PATH", f"{HERE.prefix}/bin:/usr/bin:/bin"),)

    async def capabilities(self):
        return replace(await super().capabilities(), nodes=True)

    async def submit(self, job):
        return await super().submit(replace(job, argv=(f"{self.prefix}/bin/{job.argv[0]}", *job.argv[1:]), environment=EMPTY))


class Full(Node):
    """All nodes are taken, for good."""

    cancelled = ()

    async def submit(self, job):
        return replace(await super().submit(replace(job, argv=("true",))), native="17")

    async def wait(self, refs, seconds):
        await asyncio.sleep(min(seconds, 0.05))
        return tuple(JobStatus(ref=ref, state=JobState.PENDING, reason="Resources") for ref in refs)

    async def cancel(self, refs):
        self.cancelled = tuple(refs)


async def nothing(*_):
    return ()


@pytest.fixture
def session(tmp_path):
    def make(kind):
        settings = ReferenceSettings(str(tmp_path))
        return kind(tmp_path, Opening(deployment="x", run="visit", settings=settings, lease=Lease("x", nothing, nothing)))

    return make


async def checked(place, change=lambda found: found, seconds=60):
    here = change(await look_into(place, HERE, SoftwareQuestion(modules=STEP_MODULES)))
    return await check_node("default", place, HERE, here, None, Resources(), seconds)


def test_a_node_with_the_same_is_well_and_only_one_was_looked_at(session):
    check = asyncio.run(checked(session(Node)))
    assert (check.standing, "other nodes were not looked at" in check.text) == (Standing.OK, True), check


@pytest.mark.parametrize(
    ("change", "standing", "words"),
    [
        (lambda found: replace(found, python="3.7.1"), Standing.PROBLEM, "3.7.1 is where one logs in"),
        (
            lambda found: replace(found, versions={**found.versions, "ipython": "1.0", "gone": "2"}),
            Standing.NOTE,
            "gone absent instead of 2",
        ),
    ],
)
def test_what_differs_is_told(session, change, standing, words):
    check = asyncio.run(checked(session(Node), change))
    assert (check.standing, words in check.text) == (standing, True), check


def test_a_node_without_ipython_is_a_problem(session, tmp_path):
    bare = session(Node)
    bare.prefix = tmp_path / "bare"
    (bare.prefix / "bin").mkdir(parents=True)
    (bare.prefix / "bin" / "python3").write_text(f'#!/bin/sh\nexec {sys._base_executable} -S "$@"\n')
    (bare.prefix / "bin" / "python3").chmod(0o755)
    check = asyncio.run(checked(bare))
    assert (check.standing, "cannot import IPython" in check.text) == (Standing.PROBLEM, True), check


def test_a_job_that_waits_too_long_is_ended_and_what_was_not_looked_at_is_told(session):
    full = session(Full)
    check = asyncio.run(checked(full, seconds=0.2))
    assert (check.standing, check.advice) == (Standing.NOTE, "try again when a node is free")
    assert "not looked at: a job that only looks is still pending (Resources)" in check.text
    assert [ref.native for ref in full.cancelled] == ["17"]


def test_doctor_looks_at_nodes_where_there_are_such(session):
    for kind, expected in ((Node, ["environment default", "nodes, environment default"]), (ReferenceSession, ["environment default"])):
        checkup = asyncio.run(check_place("x", session(kind), {"default": HERE if kind is Node else EMPTY}, {}))
        assert [one.subject for one in checkup.checks if "environment" in one.subject] == expected, json.dumps(checkup.checks)
