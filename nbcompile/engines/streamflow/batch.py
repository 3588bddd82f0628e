"""Shards come one by one, and are submitted together where the place takes many jobs as one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from nbcompile.backend import Job, JobRef, Session
from nbcompile.model.errors import NbcompileError

# StreamFlow makes a job ready about every thirtieth of a second.
_PAUSE_SECONDS = 0.4
_LONGEST_SECONDS = 3.0
_MOST = 500


@dataclass(slots=True, eq=False)
class Batch:
    """Collects jobs until no more come, for a while at most."""

    session: Session
    _waiting: list[tuple[Job, asyncio.Future[JobRef]]] = field(default_factory=list)
    _since: float = 0.0
    _timer: asyncio.TimerHandle | None = None
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    async def submit(self, job: Job) -> JobRef:
        """Submit the job with others that come soon."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[JobRef] = loop.create_future()
        if not self._waiting:
            self._since = loop.time()
        self._waiting.append((job, future))
        if self._timer is not None:
            self._timer.cancel()
        late = len(self._waiting) >= _MOST or loop.time() - self._since > _LONGEST_SECONDS
        self._timer = loop.call_later(0 if late else _PAUSE_SECONDS, self._send)
        return await future

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        task = asyncio.ensure_future(self._submit([(job, future) for job, future in waiting if not future.done()]))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _submit(self, waiting: list[tuple[Job, asyncio.Future[JobRef]]]) -> None:
        try:
            refs = await self.session.submit_many([job for job, _ in waiting])
        except NbcompileError as error:
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), ref in zip(waiting, refs, strict=True):
            if not future.done():
                future.set_result(ref)
