"""A reply of a kernel that came unseen is found."""

import asyncio
import queue

import pytest

from nbcompile.verify import kernel_run


class Unwoken:
    """A channel whose waiting nothing ends: a message is seen only by who looks anew, and there from the third look on."""

    def __init__(self):
        self.looks = 0

    async def get_msg(self, timeout=None):
        self.looks += 1
        if self.looks > 2:
            return "reply"
        await asyncio.sleep(1e9 if timeout is None else timeout)
        raise queue.Empty


@pytest.fixture
def channel(monkeypatch):
    monkeypatch.setattr(kernel_run, "_LOOK_SECONDS", 0.01)
    channel = Unwoken()
    kernel_run.keep_looking(channel)
    return channel


@pytest.mark.parametrize("timeout", [None, 3600.0])
def test_a_reply_that_came_unseen_is_found(channel, timeout):
    assert asyncio.run(asyncio.wait_for(channel.get_msg(timeout=timeout), 60)) == "reply"


def test_time_that_is_up_is_told(channel):
    with pytest.raises(queue.Empty):
        asyncio.run(channel.get_msg(timeout=0.0))
    assert channel.looks == 1


class Kernel:
    """A kernel that has used so much processor time whenever somebody looks, and answers so many questions."""

    def __init__(self, answers):
        self.kc = self.control_channel = self.session = self
        self.answers = answers

    def msg(self, kind):
        return kind

    def send(self, message):
        assert message == "kernel_info_request"

    async def get_msg(self, timeout):
        self.answers -= 1
        if self.answers < 0:
            raise queue.Empty
        return "reply"


@pytest.fixture
def idle(monkeypatch):
    monkeypatch.setattr(kernel_run, "_PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(kernel_run, "_cpu_seconds", lambda _: 5.0)


@pytest.mark.usefixtures("idle")
def test_a_cell_that_waits_is_left_alone_as_long_as_its_kernel_answers():
    asyncio.run(asyncio.wait_for(kernel_run.watched(Kernel(1_000_000), asyncio.sleep(0.2)), 60))


@pytest.mark.usefixtures("idle")
def test_a_kernel_that_does_nothing_and_does_not_answer_is_given_up():
    with pytest.raises(kernel_run.KernelBroken, match="does not answer"):
        asyncio.run(asyncio.wait_for(kernel_run.watched(Kernel(2), asyncio.sleep(3600)), 60))
