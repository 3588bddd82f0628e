"""A channel to this machine: the agent as a process of our own."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process

from nbcompile_backends.agent.client import LinkLost
from nbcompile_backends.agent.package import BOOT

_CHUNK = 1 << 20


class LocalPipe:
    """The standard streams of an agent process."""

    def __init__(self, process: Process) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise LinkLost("the agent has no streams")
        self._process = process
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr

    async def read(self, size: int) -> bytes:
        """Exactly so many bytes."""
        try:
            return await self._stdout.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise LinkLost("the agent on this machine has ended") from None

    async def write(self, content: bytes) -> None:
        """Send all of it."""
        try:
            self._stdin.write(content)
            await self._stdin.drain()
        except ConnectionError:
            raise LinkLost("the agent on this machine has ended") from None

    async def complaint(self) -> str:
        """What it said on standard error, once it has ended."""
        return (await self._stderr.read(4096)).decode("utf-8", "replace")

    async def close(self) -> None:
        """End the agent; it ends by itself when its input does. What it still says must be read, or its end is never seen."""
        self._stdin.close()
        await asyncio.gather(_drain(self._stdout), _drain(self._stderr), self._process.wait())


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(_CHUNK):
        pass


async def local_pipe(python: str = "") -> LocalPipe:
    """Start an agent here, in a session of its own so that Ctrl-C does not reach it."""
    argv = (python or sys.executable, "-IBS", "-c", BOOT)
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    process = await asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, start_new_session=True)
    return LocalPipe(process)
