"""An open place, as the steps of one run use it."""

from __future__ import annotations

import asyncio
import contextlib
import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from nbcompile.backend import Environment, Job, JobRef, JobState, JobStatus, Lease, Opening, PlaceEvent, RunId, Session
from nbcompile.backend.plugins import load
from nbcompile.engines.streamflow.allowance import Allowance, Parcel, name_of_files
from nbcompile.engines.streamflow.batch import Batch
from nbcompile.engines.streamflow.command import Manner
from nbcompile.engines.streamflow.questions import Answer, answer
from nbcompile.engines.streamflow.transfer import Receiver, Sender
from nbcompile.engines.streamflow.tree import Content, Node, Tree, contents
from nbcompile.engines.streamflow.watch import JobWatch, Tell
from nbcompile.model.errors import NbcompileError, UsageError
from nbcompile.model.placement import PlacedStep
from nbcompile.model.plan import Resources

_END_SECONDS = 20.0
_HERE = "local"


class Opened(Protocol):
    """What a broker hands out for a deployment's name."""

    @property
    def session(self) -> Session:
        """The open place."""

    def options(self, service: str = "") -> object:
        """What jobs of a service ask for."""

    def resources(self, asked: Resources) -> Resources:
        """What a step asks for, and what its place's jobs do usually."""

    def environment(self, name: str = "") -> Environment:
        """Software by name."""


@dataclass(frozen=True, slots=True)
class Here:
    """This machine, which has neither services nor software by name."""

    session: Session

    def options(self, service: str = "") -> object:
        """Nothing."""
        if service:
            raise UsageError(f"this machine has no service `{service}`", "place the cells at a deployment that has it")
        return None

    def resources(self, asked: Resources) -> Resources:
        """What the step asks for."""
        return asked

    def environment(self, name: str = "") -> Environment:
        """What is there anyway."""
        if name:
            raise UsageError(f"this machine has no environment `{name}`", "place the cells at a deployment that has it")
        return Environment()


async def open_here(run: str, root: Path, *, slots: int = 0, observe: Callable[[PlaceEvent], None] = lambda _: None) -> Here:
    """This machine as a place of a run; everything of it is below `root`. Close its `session` when done."""

    async def nothing(*_: object) -> tuple[()]:
        return ()

    backend = load("local")
    settings = backend.Settings(work_root=str(root), slots=slots)
    lease = Lease("local", nothing, nothing)
    return Here(await backend.open(Opening(deployment="local", run=RunId(run), settings=settings, lease=lease, observe=observe)))


@dataclass(slots=True, eq=False)
class Place:
    """A place, what StreamFlow believes of its files, and the jobs that run there.

    `arrays` says that it takes many jobs as one; `allowance` is what the run may move from and to it.
    """

    name: str
    opened: Opened
    manner: Manner = Manner()
    arrays: bool = False
    allowance: Allowance = field(default_factory=Allowance)
    tree: Tree = field(default_factory=Tree)
    sender: Sender = field(init=False)
    receiver: Receiver = field(init=False)
    watch: JobWatch = field(init=False)
    batch: Batch = field(init=False)

    def __post_init__(self) -> None:
        self.sender = Sender(self.session, self.allowance)
        self.receiver = Receiver(self.session, self.allowance)
        self.watch = JobWatch(self.session)
        self.batch = Batch(self.session)

    @property
    def session(self) -> Session:
        """The open place itself."""
        return self.opened.session

    def manner_of(self, step: PlacedStep) -> Manner:
        """How the jobs of a step run here. Raises `UsageError` for software or a service that the deployment does not have."""
        base = self.manner
        return replace(
            base,
            environment=self.opened.environment(step.environment),
            options=self.opened.options(step.service),
            resources=self.opened.resources(step.resources),
        )

    def ask(self, command: Sequence[str]) -> Answer:
        """Answer a question about files."""
        return answer(self.tree, command)

    async def bring(self, source: Path, target: str, name: str = "") -> None:
        """Take a file or a directory of this machine under the name `target`. One that a person calls `name` is counted."""
        parcel = Parcel(name, _HERE, self.name) if name and self.name != _HERE else None
        self._name(target, source.name, await self.sender.take(source, parcel))

    async def bring_from(self, other: Place, source: str, target: str, name: str = "") -> None:
        """Take a file or a directory of another place, which a person calls `name`, or give one of this place another name."""
        node = other.tree.find(source)
        if node is None:
            raise FileNotFoundError(source)
        if other is not self:
            name = name_of_files([path for path, _ in contents(node)]) if isinstance(node, dict) else name
            await self.sender.take_from(other.session, node, Parcel(name or source, other.name, self.name))
        self._name(target, posixpath.basename(source), node)

    async def hand_back(self, source: str, target: Path) -> None:
        """Write a file or a directory to this machine."""
        node = self.tree.find(source)
        if node is None:
            raise FileNotFoundError(source)
        target = target / posixpath.basename(source) if target.is_dir() else target
        wanted = [(content, target / relative if relative else target) for relative, content in contents(node)]
        await self.receive(wanted, name_of_files([path for path, _ in contents(node)]) if isinstance(node, dict) else "")
        if isinstance(node, dict):
            target.mkdir(parents=True, exist_ok=True)

    async def receive(self, wanted: Sequence[tuple[Content, Path]], name: str = "") -> None:
        """Bring contents to files of this machine. What a person calls by a `name` is counted; what cells show has none."""
        parcel = Parcel(name, self.name, _HERE) if name and self.name != _HERE else None
        await self.receiver.bring(wanted, parcel)

    async def run(self, job: Job, tell: Tell, *, shard: bool = False) -> JobStatus:
        """Run a job to its end, or find it where it was started before."""
        ref = await (self.batch.submit(job) if shard and self.arrays else self.session.submit(job))
        tell(JobStatus(ref=ref, state=JobState.PENDING))
        return await self.watch.end_of(ref, tell)

    def present(self, directory: str, status: JobStatus) -> None:
        """Let StreamFlow find what a job wrote."""
        self.tree.make_directory(directory)
        for output in status.outputs:
            self.tree.put(posixpath.join(directory, output.path), Content(output.sha256, output.sha1, output.size))

    async def cancel(self, refs: Sequence[JobRef]) -> None:
        """Ask for the end of jobs, if the place can be asked."""
        if refs:
            await self.session.cancel(refs)

    async def stop(self) -> None:
        """End the jobs that somebody still waits for."""
        # Where that takes too long, whoever started us sweeps the place.
        with contextlib.suppress(NbcompileError, asyncio.TimeoutError):
            await asyncio.wait_for(self._stop(), _END_SECONDS)

    async def close(self, *, remove: bool = False) -> None:
        """Let go of the place, and `remove` what the run left there."""
        await self.watch.close()
        with contextlib.suppress(NbcompileError):
            if remove:
                await self.session.remove()
        await self.session.close()

    async def _stop(self) -> None:
        refs = self.watch.refs
        await self.cancel(refs)
        while refs:
            refs = tuple(status.ref for status in await self.session.wait(refs, 1) if not status.state.is_final)

    def _name(self, target: str, name: str, node: Node) -> None:
        self.tree.put(posixpath.join(target, name) if self.tree.takes_in(target) else target, node)
