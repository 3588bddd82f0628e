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
