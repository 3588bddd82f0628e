"""One question for all jobs of a place, however many wait for an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from nbcompile.backend import JobRef, JobStatus, Session
from nbcompile.model.errors import NbcompileError

_LONGEST_SECONDS = 2.0

Tell = Callable[[JobStatus], None]


@dataclass(slots=True)
class _Waiting:
    """Who waits for a job, and whoever wants to know of it meanwhile."""

    end: asyncio.Future[JobStatus]
    tell: list[Tell] = field(default_factory=list)


class JobWatch:
    """Waits for the jobs of one Session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: dict[JobRef, _Waiting] = {}
        self._more = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def refs(self) -> tuple[JobRef, ...]:
        """The jobs that somebody waits for."""
        return tuple(self._waiting)

    async def end_of(self, ref: JobRef, tell: Tell) -> JobStatus:
        """The final status of a job; `tell` is called with every other one on the way."""
        waiting = self._waiting.setdefault(ref, _Waiting(asyncio.get_running_loop().create_future()))
        waiting.tell.append(tell)
        self._more.set()
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._watch())
        # Whoever is cancelled must not take the answer from the others.
        return await asyncio.shield(waiting.end)

    async def close(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while self._waiting:
            self._more.clear()
            try:
                found = await self._ask(self.refs)
            except NbcompileError as error:
                self._fail(error)
                return
            for status in found:
                self._take(status)

    async def _ask(self, refs: tuple[JobRef, ...]) -> tuple[JobStatus, ...]:
        """Wait until one job is final, time is up, or there are more jobs to wait for."""
        asking = asyncio.ensure_future(self._session.wait(refs, _LONGEST_SECONDS))
        more = asyncio.ensure_future(self._more.wait())
        try:
            await asyncio.wait((asking, more), return_when=asyncio.FIRST_COMPLETED)
            return await asking if asking.done() else ()
        finally:
            for task in (asking, more):
                task.cancel()
            await asyncio.gather(asking, more, return_exceptions=True)

    def _take(self, status: JobStatus) -> None:
        waiting = self._waiting.get(status.ref)
        if waiting is None:
            return
        for tell in waiting.tell:
            tell(status)
        if status.state.is_final:
            del self._waiting[status.ref]
            if not waiting.end.done():
                waiting.end.set_result(status)

    def _fail(self, error: NbcompileError) -> None:
        for waiting in self._waiting.values():
            if not waiting.end.done():
                waiting.end.set_exception(error)
        self._waiting.clear()
