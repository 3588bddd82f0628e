"""A host that is reached again: with agents of this machine that end when they should not."""

import asyncio
import hashlib
import os

import pytest

from nbcompile.backend import Environment, Fatal, Retryable, RunId
from nbcompile_backends.agent import AgentSession
from nbcompile_backends.agent.client import Host, NotStarted
from nbcompile_backends.agent.local import local_pipe


def host(tmp_path, events, *pythons):
    """A host whose agents are started by these programs, one after the other; by a good one where the text is empty."""
    left = list(pythons)
    return Host("here", lambda: local_pipe(left.pop(0)), str(tmp_path / "root"), RunId("tests"), "place", events.append)


def test_an_agent_that_does_not_start_yet_on_a_host_that_comes_back_is_waited_for(tmp_path):
    events = []

    async def scenario():
        one = host(tmp_path, events, "", "/bin/false", "/bin/false", "")
        await one.open()
        with pytest.raises(Retryable):  # nobody knows whether it ran: the agent is gone
            await one.exec(["/bin/sh", "-c", "kill -9 $PPID"], b"", (), 30)
        done = await asyncio.wait_for(one.exec(["/bin/echo", "back"], b"", (), 30), 60)
        await one.close()
        return done.stdout

    assert asyncio.run(scenario()) == b"back\n"
    assert [event.kind for event in events] == ["away", "away", "connected"]
    assert "does not start" in events[1].text


def test_an_agent_that_does_not_start_on_a_host_that_nobody_has_used_is_an_error(tmp_path):
    async def scenario():
        await host(tmp_path, [], "/bin/false").open()

    with pytest.raises(NotStarted) as problem:
        asyncio.run(scenario())
    assert isinstance(problem.value, Fatal)


def test_a_work_root_that_cannot_be_made_is_told_in_a_line(tmp_path):
    (tmp_path / "file").touch()
    one = Host("here", local_pipe, str(tmp_path / "file" / "root"), RunId("tests"), "place", lambda _: None)
    with pytest.raises(NotStarted) as problem:
        asyncio.run(one.open())
    assert "the work root cannot be made ready" in str(problem.value)
    assert "Traceback" not in str(problem.value)
    assert "workRoot" in problem.value.advice


def test_a_work_root_that_cannot_be_written_when_the_agent_runs_is_an_error_of_the_place(tmp_path):
    for name in ("", "runs", "runs/tests", "runs/tests/jobs"):
        (tmp_path / "root" / name).mkdir(mode=0o700)
    (tmp_path / "root" / "runs" / "tests" / "lease").mkdir()  # where a file belongs
    with pytest.raises(Fatal, match="directory"):
        asyncio.run(host(tmp_path, [], "").open())


class Counting(Host):
    """Notes the verbs of its requests."""

    verbs = []  # noqa: RUF012 - one test at a time

    async def ask(self, verb, blob=b"", **more):
        self.verbs.append(verb)
        return await super().ask(verb, blob, **more)


@pytest.mark.parametrize(
    ("size", "sends", "reads"),
    [(0, {"accept"}, {"has", "read"}), (1000, {"put"}, {"has", "read"}), ((3 << 20) + 7, {"write", "accept"}, {"has", "read"})],
)
def test_a_small_file_is_one_request_on_its_way_there_and_two_on_its_way_back(tmp_path, size, sends, reads):
    content = os.urandom(size)
    digest = hashlib.sha256(content).hexdigest()

    async def pieces():
        yield content

    async def scenario():
        one = Counting("here", local_pipe, str(tmp_path / "root"), RunId("tests"), "place", lambda _: None)
        one.verbs.clear()
        await one.open()
        await one.put(pieces(), digest)
        sent = list(one.verbs)
        one.verbs.clear()
        read = b"".join([piece async for piece in one.get(digest)])
        await one.close()
        return sent, read

    sent, read = asyncio.run(scenario())
    assert read == content
    assert set(sent) == sends
    assert set(Counting.verbs) == reads
    if size < 1 << 20:
        assert (len(sent), len(Counting.verbs)) == (1, 2)


def test_an_environment_that_cannot_be_loaded_is_to_be_corrected(tmp_path):
    async def scenario():
        one = host(tmp_path, [], "")
        await one.open()
        try:
            await one.variables(Environment(name="default", prefix=str(tmp_path / "nowhere")))
        finally:
            await one.close()

    with pytest.raises(Fatal, match="has no bin directory here") as problem:
        asyncio.run(scenario())
    assert "`environments` of the deployment" in problem.value.advice


def test_a_connection_that_is_shared_lasts_until_its_last_user_has_gone(tmp_path):
    async def scenario():
        one = AgentSession("place", RunId("tests"), [host(tmp_path, [], "")])
        await one.open()
        other = one.share()
        await one.close()
        await one.close()  # twice is as good as once
        assert one.share() is None
        done = await other.exec(["/bin/echo", "here"])
        await other.close()
        with pytest.raises(Retryable, match="closed"):
            await asyncio.wait_for(other.exec(["/bin/echo", "gone"]), 60)
        return done.stdout

    assert asyncio.run(scenario()) == b"here\n"
