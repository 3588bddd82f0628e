"""What the conformance suite needs of a place, and what its tests do there again and again."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from nbcompile.backend import Job, JobInput, JobKey, JobRef, JobStatus, RunId, Session, Stream

F = TypeVar("F", bound=Callable[..., Awaitable[None]])
_LONGEST_TEST_SECONDS = 180


def promise(test: F) -> Callable[..., None]:
    """A promise of the contract, written as a coroutine and run as a plain test."""

    @functools.wraps(test)
    def run(*arguments: Any, **keywords: Any) -> None:  # noqa: ANN401 - whatever fixtures the test takes
        asyncio.run(asyncio.wait_for(test(*arguments, **keywords), _LONGEST_TEST_SECONDS))

    return run


@dataclass(slots=True)
class PlaceUnderTest:
    """How the suite reaches a place: `open_session` opens it for a run. `python` is a Python there; `patience` bounds each wait."""

    open_session: Callable[[RunId], Awaitable[Session]]
    python: str = "python3"
    patience_seconds: float = 30

    @contextlib.asynccontextmanager
    async def visit(self, run: RunId | None = None) -> AsyncIterator[Visit]:
        """A Session for a run of its own that is swept and removed at the end, or one more Session for `run`."""
        name = run or RunId(f"suite-{uuid.uuid4().hex[:20]}")
        session = await self.open_session(name)
        visit = Visit(self, session, name)
        try:
            yield visit
        finally:
            if run is None:
                await session.sweep()
                await session.remove()
            await session.close()


@dataclass(slots=True)
class Visit:
    """An open Session, and shorthands."""

    place: PlaceUnderTest
    session: Session
    run: RunId

    def job(self, code: str, *arguments: str, **more: Any) -> Job:  # noqa: ANN401 - the other fields of Job
        """A job that runs Python code."""
        return self.command(self.place.python, "-c", code, *arguments, **more)

    def command(self, *argv: str, **more: Any) -> Job:  # noqa: ANN401 - the other fields of Job
        """A job that runs a command, with a key of its own."""
        return Job(key=new_key(), argv=argv, **more)

    async def end(self, *refs: JobRef) -> tuple[JobStatus, ...]:
        """Wait until all of them are final."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.place.patience_seconds
        found = dict(zip(refs, await self.session.poll(refs), strict=True))
        while missing := [ref for ref, status in found.items() if not status.state.is_final]:
            assert loop.time() < until, f"not final in time: {[found[ref] for ref in missing][:3]}"  # noqa: S101 - a test
            found.update(zip(missing, await self.session.wait(missing, until - loop.time()), strict=True))
        return tuple(found[ref] for ref in refs)

    async def result(self, job: Job) -> JobStatus:
        """Submit a job and wait for its end."""
        return (await self.end(await self.session.submit(job)))[0]

    async def until_running(self, ref: JobRef) -> None:
        """Wait until a job runs."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.place.patience_seconds
        while (await self.session.poll([ref]))[0].state.value != "running":
            assert loop.time() < until, "the job does not start"  # noqa: S101 - a test
            await asyncio.sleep(0.05)

    async def until_printed(self, ref: JobRef) -> str:
        """Wait until a job has printed a line; returns it."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.place.patience_seconds
        while not (printed := await self.printed(ref)).endswith(b"\n"):
            assert loop.time() < until, "the job prints nothing"  # noqa: S101 - a test
            await asyncio.sleep(0.05)
        return printed.decode().strip()

    async def printed(self, ref: JobRef, stream: Stream = Stream.STDOUT, offset: int = 0) -> bytes:
        """All that a job printed."""
        return b"".join([piece async for piece in self.session.logs(ref, stream, offset)])

    async def put(self, content: bytes) -> str:
        """Put a file into the store; returns its digest."""
        digest = hashlib.sha256(content).hexdigest()
        await self.session.put(pieces(content), sha256=digest, size=len(content))
        return digest

    async def given(self, name: str, content: bytes) -> JobInput:
        """A file as a job's input."""
        return JobInput(name, await self.put(content))

    async def fetched(self, digest: str) -> bytes:
        """A file of the store."""
        return b"".join([piece async for piece in self.session.get(digest)])

    async def scratch(self) -> str:
        """A new directory on the place, in the person's home: jobs and quick commands see the same one."""
        made = await self.session.exec(["sh", "-c", 'mktemp -d "$HOME/nbcompile-suite-XXXXXX"'])
        return made.stdout.decode().strip()

    async def discard(self, scratch: str) -> None:
        """Remove such a directory."""
        await self.session.exec(["rm", "-rf", scratch])

    async def lines(self, path: str) -> list[str]:
        """The lines of a file on the place; none when there is no file."""
        return (await self.session.exec(["cat", path])).stdout.decode().split()


async def pieces(content: bytes, size: int = 300_000) -> AsyncIterator[bytes]:
    """Content as it comes from a file."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


def new_key(seed: Sequence[object] = ()) -> JobKey:
    """A key that no other job has."""
    return JobKey(hashlib.sha256(repr((uuid.uuid4(), *seed)).encode()).hexdigest())
