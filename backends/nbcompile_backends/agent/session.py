"""A Session over one host, or several that share the work, each behind an agent."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence

from nbcompile.backend import Capabilities, Completed, Environment, Fatal, Job, JobRef, JobStatus, Lost, RunId, Session, Stream, Survey
from nbcompile_backends.agent.client import Host, specification
from nbcompile_backends.agent.status import read_status

_LONGEST_WAIT_SECONDS = 25.0
_UNENFORCED = (
    "no scheduler holds jobs to the processors and the memory that they ask for",
    "no scheduler holds anybody to a number of jobs at a time; `slots` of the deployment does",
)


class AgentSession(Session):
    """Jobs are processes of the hosts; `native` of a reference is the host's name."""

    def __init__(self, deployment: str, run: RunId, hosts: Sequence[Host], *, slots: int = 0) -> None:
        self.deployment = deployment
        self.run = run
        self.hosts = tuple(hosts)
        self._slots = slots
        self._load: Counter[str] = Counter()
        self._running: set[tuple[str, int]] = set()
        self._closed = False

    async def open(self) -> None:
        """Reach all hosts."""
        await asyncio.gather(*(host.open() for host in self.hosts))

    async def capabilities(self) -> Capabilities:
        """What the first host says, and the processors of all."""
        facts = [host.facts for host in self.hosts]
        cpus = sum(one.cpus for one in facts)
        return Capabilities(
            host=facts[0].host,
            user=facts[0].user,
            python=facts[0].python,
            cpus=cpus,
            memory_mib=sum(one.memory_mib for one in facts),
            slots=self._slots or cpus,
        )

    async def exec(
        self, argv: Sequence[str], *, stdin: bytes = b"", variables: Sequence[tuple[str, str]] = (), seconds: float = 60
    ) -> Completed:
        """Run a quick command on the first host."""
        return await self.hosts[0].exec(argv, stdin, variables, seconds)

    async def survey(self) -> Survey:
        """Hosts without a scheduler: what they have is in their capabilities, and nobody limits it."""
        facts = self.hosts[0].facts
        return Survey(system=f"{facts.system} {facts.machine}", unenforced=_UNENFORCED)

    async def variables(self, environment: Environment) -> tuple[tuple[str, str], ...]:
        """Have the first host load it."""
        return await self.hosts[0].variables(environment)

    async def has(self, digests: Sequence[str]) -> frozenset[str]:
        """Which of these files any host has."""
        found = await asyncio.gather(*(host.has(digests) for host in self.hosts))
        return frozenset().union(*found)

    async def put(self, content: AsyncIterator[bytes], *, sha256: str, size: int) -> None:  # noqa: ARG002 - the digest says all
        """Put a file on the first host, unless any has it; others get it from there when a job needs it."""
        if not await self.has([sha256]):
            await self.hosts[0].put(content, sha256)

    async def get(self, sha256: str) -> AsyncIterator[bytes]:
        """Read a file from the first host that has it."""
        host = self.hosts[0] if len(self.hosts) == 1 else await self._owner(sha256)
        async for piece in host.get(sha256):
            yield piece

    async def submit(self, job: Job) -> JobRef:
        """Start the job on the host with the least to do."""
        name = f"{job.key}.{job.attempt}"
        host = await self._home(name)
        for _ in range(2):
            missing, _blob = await host.ask("submit", run=self.run, jobs=[specification(job)])
            if not missing:
                break
            await self._bring(missing, host)
        else:
            raise Lost(f"inputs of the job {job.name or name} are not on {host.name}")
        if (job.key, job.attempt) not in self._running:
            self._running.add((job.key, job.attempt))
            self._load[host.name] += 1
        return JobRef(deployment=self.deployment, run=self.run, key=job.key, attempt=job.attempt, native=host.name)

    async def poll(self, refs: Sequence[JobRef]) -> tuple[JobStatus, ...]:
        """Ask each host once for all its jobs."""
        return await self.wait(refs, 0)

    async def wait(self, refs: Sequence[JobRef], seconds: float) -> tuple[JobStatus, ...]:
        """Have the hosts answer as soon as something ends."""
        if not refs:
            return ()
        by_host = {name: [ref for ref in refs if ref.native == name] for name in dict.fromkeys(ref.native for ref in refs)}
        asked = [asyncio.ensure_future(self._ask_host(name, of_host, seconds)) for name, of_host in by_host.items()]
        try:
            if len(asked) > 1 and seconds > 0:
                await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
                late = [task for task in asked if not task.done()]
                for task in late:
                    task.cancel()
                if late:
                    return await self.poll(refs)
            answers = {(status.ref.key, status.ref.attempt): status for found in await asyncio.gather(*asked) for status in found}
        finally:
            for task in asked:
                task.cancel()
        return tuple(answers[ref.key, ref.attempt] for ref in refs)

    async def cancel(self, refs: Sequence[JobRef]) -> None:
        """Ask each host for the end of its jobs."""
        for name in dict.fromkeys(ref.native for ref in refs):
            await self._host(name).ask("cancel", run=self.run, jobs=[_job(ref) for ref in refs if ref.native == name])

    async def logs(self, ref: JobRef, stream: Stream = Stream.STDERR, offset: int = 0) -> AsyncIterator[bytes]:
        """What the job has printed so far."""
        async for piece in self._host(ref.native).log(_job(ref), stream.value, offset):
            yield piece

    async def sweep(self, seconds: float = 30) -> tuple[str, ...]:
        """End the run's jobs on all hosts."""
        left = await asyncio.gather(*(host.ask("sweep", run=self.run, seconds=seconds) for host in self.hosts))
        return tuple(f"{host.name}:{job}" for host, (jobs, _) in zip(self.hosts, left, strict=True) for job in jobs)

    async def remove(self) -> None:
        """Remove the run's directory on all hosts."""
        await asyncio.gather(*(host.ask("remove", run=self.run) for host in self.hosts))

    async def prune(self, seconds: float) -> int:
        """Have every host make room."""
        freed = await asyncio.gather(*(host.ask("prune", before=time.time() - seconds) for host in self.hosts))
        return sum(int(size) for size, _ in freed)

    def share(self) -> Session | None:
        """A Session on the same connections."""
        if self._closed:
            return None
        for host in self.hosts:
            host.users += 1
        return AgentSession(self.deployment, self.run, self.hosts, slots=self._slots)

    async def close(self) -> None:
        """Let go of all hosts."""
        if not self._closed:
            self._closed = True
            await asyncio.gather(*(host.close() for host in self.hosts))

    async def _ask_host(self, name: str, refs: Sequence[JobRef], seconds: float) -> list[JobStatus]:
        # A long poll is asked again in the middle, so that a silent network is noticed.
        patience = min(seconds, _LONGEST_WAIT_SECONDS)
        found, _ = await self._host(name).ask("wait", run=self.run, jobs=[_job(ref) for ref in refs], seconds=patience)
        statuses = [read_status(ref, one) for ref, one in zip(refs, found, strict=True)]
        for status in statuses:
            if status.state.is_final:
                self._settled(name, status.ref)
        return statuses

    def _settled(self, name: str, ref: JobRef) -> None:
        if (ref.key, ref.attempt) in self._running:
            self._running.discard((ref.key, ref.attempt))
            self._load[name] -= 1

    async def _home(self, job: str) -> Host:
        """The host that has the job already, else the one with the least to do for its size."""
        if len(self.hosts) > 1:
            looks = await asyncio.gather(*(host.ask("wait", run=self.run, jobs=[job], seconds=0) for host in self.hosts))
            for host, (found, _) in zip(self.hosts, looks, strict=True):
                if found[0]["state"] != "absent":
                    return host
        return min(self.hosts, key=lambda host: self._load[host.name] / host.facts.cpus)

    async def _bring(self, digests: Sequence[str], host: Host) -> None:
        """Copy files from other hosts of the pool, through here."""
        for digest in digests:
            owner = await self._owner(digest)
            if owner is not host:
                await host.put(owner.get(digest), digest)

    async def _owner(self, sha256: str) -> Host:
        for host in self.hosts:
            if await host.has([sha256]):
                return host
        raise Lost(f"the file {sha256[:12]}… is not on {self.deployment} any more")

    def _host(self, name: str) -> Host:
        for host in self.hosts:
            if host.name == name:
                return host
        raise Fatal(f"{self.deployment} has no host {name!r}; it has {', '.join(host.name for host in self.hosts)}")


def _job(ref: JobRef) -> str:
    return f"{ref.key}.{ref.attempt}"
