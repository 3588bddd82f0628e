"""The one StreamFlow connector: any place that a backend opens, as StreamFlow needs to see it.

Loaded by StreamFlow through the entry point `unito.streamflow.plugin`. Its configuration names a tenant, a deployment and a run;
what these stand for is asked of `api` when the first step is ready. What an engine adds comes in environment variables.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, MutableSequence, Sequence
from functools import cache, cached_property
from pathlib import Path, PurePath
from types import FrameType
from typing import ClassVar, NoReturn
from weakref import WeakSet

from streamflow import main
from streamflow.core.context import StreamFlowContext
from streamflow.core.deployment import Connector, ExecutionLocation
from streamflow.core.exception import WorkflowExecutionException
from streamflow.core.scheduling import AvailableLocation
from streamflow.ext.plugin import StreamFlowPlugin
from streamflow.scheduling.scheduler import DefaultScheduler

from nbcompile.api.deployments import broker_of_run
from nbcompile.api.visits import take_visited
from nbcompile.backend import PlaceEvent, RunId, Secret
from nbcompile.emitters.streamflow import CONNECTOR, SCHEDULER, WORKDIR
from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.streamflow.allowance import Allowance, moved_before
from nbcompile.engines.streamflow.command import RUNTIME, Manner
from nbcompile.engines.streamflow.conductor import Conductor, Policy
from nbcompile.engines.streamflow.deliver import Delivery
from nbcompile.engines.streamflow.host import Hosting, read_hosting
from nbcompile.engines.streamflow.notes import Note, NoteReader, NoteWriter, Reason
from nbcompile.engines.streamflow.past import FILE_NAME, PlacedPast, read_facts
from nbcompile.engines.streamflow.place import Opened, Place, open_here
from nbcompile.model.errors import NbcompileError
from nbcompile.model.placement import Placement, read_placement
from nbcompile.tenancy.broker import Broker

_SWEEP_SECONDS = 8.0
# Small files that are sent at a time, so that a distant place is not waited for once for each.
_LANES = 8
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$(?!\n)"


class Plugin(StreamFlowPlugin):
    """What StreamFlow loads."""

    def register(self) -> None:
        """Make the connector known."""
        self.register_connector(CONNECTOR, SessionConnector)
        self.register_scheduler(SCHEDULER, SessionScheduler)
        hosting = read_hosting(os.environ)
        if hosting is not None:
            # StreamFlow has chosen its own places by now; deployments and keys are those of the person.
            os.environ["HOME"] = hosting.home


async def run_workflow(words: Sequence[str]) -> int:
    """`streamflow run` with these words, in the loop in which places were opened before: its own `main` would make another."""
    await main._async_run(main.parser.parse_args(["run", *words]))
    return 0


class SessionScheduler(DefaultScheduler):
    """StreamFlow's own, which can be told to look again for room."""

    # Those of this process; there is one to a workflow.
    known: ClassVar[WeakSet[SessionScheduler]] = WeakSet()

    def __init__(self, context: StreamFlowContext, retry_delay: int | None = None) -> None:
        super().__init__(context, retry_delay)
        self.known.add(self)

    @classmethod
    async def look_again(cls) -> None:
        """Let all jobs that wait for a slot ask for one again."""
        for scheduler in tuple(cls.known):
            async with scheduler.wait_queue:
                scheduler.wait_queue.notify_all()


class _Run:
    """What the connectors of one run share."""

    def __init__(self, directory: Path, run: str) -> None:
        self.run, self.bundle = run, directory
        self.hosting = read_hosting(os.environ)
        self.placement = _placement(directory)
        self._brokers: dict[str, Broker] = {}
        path = self.hosting.notes if self.hosting else Path(os.devnull)
        before = tuple(NoteReader(path).news())
        self.notes = NoteWriter(path)
        self.allowance = self._allowance(before)
        delivery = Delivery(RunDirectory(self.hosting.directory) if self.hosting else None)
        policy = self.hosting.policy if self.hosting else Policy()
        not_ours = "" if self.hosting else "local"
        past, make_room = self._past(), SessionScheduler.look_again
        self.conductor = Conductor(self.placement, self.notes, policy, delivery, before, not_ours, past=past, make_room=make_room)

    def _allowance(self, before: Sequence[Note]) -> Allowance:
        """What may still go between places. Whoever starts StreamFlow by hand has set no limit."""
        if self.hosting is None:
            return Allowance()
        return Allowance(
            self.hosting.max_transfer,
            str(self.hosting.directory),
            before=moved_before(before),
            tell=lambda size: self.notes.write("moved", bytes=size),
        )

    def _past(self) -> PlacedPast | None:
        """What earlier runs made, where the engine wants that used."""
        if self.hosting is None or not (path := self.hosting.notes.with_name(FILE_NAME)).exists():
            return None
        return PlacedPast(read_facts(path.read_bytes()), RunId(self.run), self.bundle, RunDirectory(self.hosting.directory))

    def name_of(self, path: PurePath) -> str:
        """What a person calls a file that goes between places; nothing for what steps are made of."""
        if path.name == RUNTIME or path.parent == self.bundle / "steps":
            return ""
        return self._values.get(path.name, path.name)

    @cached_property
    def _values(self) -> Mapping[str, str]:
        """The names of the values in each file that steps send."""
        found = {}
        for placed in self.placement.steps:
            for cell in json.loads((self.bundle / f"steps/{placed.step}.json").read_bytes())["cells"]:
                for saved in cell["saves"]:
                    found[f"{saved['payload']}.nbc"] = ", ".join(dict.fromkeys(one.rpartition("@")[0] for one in saved["versions"]))
        return found

    async def open(self, tenant: str, deployment: str) -> Place:
        """Reach a deployment. Raises what keeps us from it, after noting that."""
        try:
            opened, manner = await self._opened(tenant, deployment)
            capabilities = await opened.session.capabilities()
        except NbcompileError as error:
            why = {"reason": error.message, "advice": error.advice, "rule": error.code}
            self.notes.write("not-opened", place=deployment, code=int(error.exit_code), **why)
            raise
        facts = {"host": capabilities.host, "user": capabilities.user, "python": capabilities.python, "slots": capabilities.slots}
        self.notes.write("opened", place=deployment, **facts)
        return Place(deployment, opened, manner, capabilities.arrays, self.allowance)

    async def _opened(self, tenant: str, deployment: str) -> tuple[Opened, Manner]:
        if deployment == "local" and self.hosting:
            here = await open_here(self.run, self.hosting.place, slots=self.hosting.jobs, observe=self._observe)
            secrets = tuple((name, Secret(value)) for name, value in self.hosting.step_variables(os.environ).items())
            return here, Manner(python=self.hosting.python, secrets=secrets)
        there = take_visited(deployment, self._observe) or await self._broker(tenant).open(deployment)
        return there, Manner(variables=tuple(Hosting.travelling_variables(os.environ).items()))

    def _broker(self, tenant: str) -> Broker:
        """Opens what was not visited before: of one tenant, whose deployments may share a login."""
        if tenant not in self._brokers:
            self._brokers[tenant] = broker_of_run(self.run, tenant=tenant, observe=self._observe)
        return self._brokers[tenant]

    def _observe(self, event: PlaceEvent) -> None:
        self.notes.write("place", place=event.deployment, state=event.kind, reason=event.text)


@cache
def _run_of(directory: Path, run: str) -> _Run:
    return _Run(directory, run)


class SessionConnector(Connector):
    """A deployment of ours."""

    def __init__(
        self,
        deployment_name: str,
        config_dir: str,
        transferBufferSize: int = 2**18,
        *,
        tenant: str,
        deployment: str,
        run: str,
    ) -> None:
        super().__init__(deployment_name, config_dir, transferBufferSize)
        self._tenant, self._deployment = tenant, deployment
        directory = Path(config_dir)
        self._run = _run_of(directory if directory.is_dir() else directory.parent, run)
        self._opened: Place | None = None
        self._early: asyncio.Task[None] | None = None

    @classmethod
    def get_schema(cls) -> str:
        """What streamflow.yml may say of us."""
        names = ("tenant", "deployment", "run")
        return json.dumps(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "$id": "https://nbcompile.example/schema/streamflow/session.json",
                "type": "object",
                "properties": {name: {"type": "string", "pattern": _NAME} for name in names},
                "required": [*names],
                "additionalProperties": False,
            }
        )

    @property
    def place(self) -> Place:
        """The open place."""
        if self._opened is None:
            raise WorkflowExecutionException(f"{self.deployment_name} is not open")
        return self._opened

    async def deploy(self, external: bool) -> None:
        """Reach the place."""
        self._listen()
        try:
            self._opened = await self._run.open(self._tenant, self._deployment)
        except NbcompileError as error:
            raise _failed(error) from None
        self._early = asyncio.ensure_future(self._send_early())

    async def undeploy(self, external: bool) -> None:
        """End what still runs, and let go of the place. StreamFlow calls this first when anything goes wrong."""
        if self._opened is None:
            return
        opened, self._opened = self._opened, None
        if self._early is not None:
            self._early.cancel()
        self._run.conductor.end()
        await opened.stop()
        # Asked once: what is delivered from now on may make a run complete that was told to end, and that goes on here later.
        done = self._run.conductor.is_done
        if not done:
            await self._sweep(opened)
        await self._run.conductor.finish()
        if done:
            self._run.notes.write("done")
        await opened.close(remove=done)

    async def _sweep(self, opened: Place) -> None:
        """End what the run has left there, without another login; where that fails, whoever started us does it."""
        with contextlib.suppress(NbcompileError, asyncio.TimeoutError):
            left = await asyncio.wait_for(opened.session.sweep(_SWEEP_SECONDS), 2 * _SWEEP_SECONDS)
            self._run.notes.write("swept", place=self._deployment, left=left)

    async def get_available_locations(self, service: str | None = None) -> MutableMapping[str, AvailableLocation]:
        """One location with as many slots as the place takes jobs, and one for each that only waits for others to end."""
        capabilities = await self.place.session.capabilities()
        slots = capabilities.slots + self._run.conductor.held(self.place)
        location = AvailableLocation(
            name="place", deployment=self.deployment_name, hostname=capabilities.host, service=service, slots=slots
        )
        return {"place": location}

    async def run(
        self,
        location: ExecutionLocation,
        command: MutableSequence[str],
        environment: MutableMapping[str, str] | None = None,
        workdir: str | None = None,
        stdin: int | str | None = None,
        stdout: int | str = asyncio.subprocess.STDOUT,
        stderr: int | str = asyncio.subprocess.STDOUT,
        capture_output: bool = False,
        timeout: int | None = None,
        job_name: str | None = None,
    ) -> tuple[str, int]:
        """Run a step, or answer a question about files."""
        try:
            if job_name is None:
                return self.place.ask(command)
            if stdin is not None or isinstance(stdout, str) or isinstance(stderr, str) or not workdir:
                raise WorkflowExecutionException(f"{job_name} redirects its streams, which steps of nbcompile do not")
            return await self._run.conductor.run_step(self.place, job_name, command, workdir, WORKDIR)
        except NbcompileError as error:
            raise _failed(error) from None

    async def copy_local_to_remote(
        self,
        src: str,
        dst: str,
        locations: MutableSequence[ExecutionLocation],
        read_only: bool = False,
    ) -> None:
        """Bring a file of this machine to the place."""
        await self._moved(self.place.bring(Path(src), dst, self._run.name_of(Path(src))), src)

    async def copy_remote_to_local(
        self,
        src: str,
        dst: str,
        location: ExecutionLocation,
        read_only: bool = False,
    ) -> None:
        """Bring a file of the place here."""
        await self._moved(self.place.hand_back(src, Path(dst)), src, back=True)

    async def copy_remote_to_remote(
        self,
        src: str,
        dst: str,
        locations: MutableSequence[ExecutionLocation],
        source_location: ExecutionLocation,
        source_connector: Connector | None = None,
        read_only: bool = False,
    ) -> None:
        """Give a file of this place another name, or bring one of another place of ours."""
        source = source_connector or self
        if not isinstance(source, SessionConnector):
            raise WorkflowExecutionException(f"files of {source.deployment_name} cannot be brought to {self.deployment_name}")
        await self._moved(self.place.bring_from(source.place, src, dst, self._run.name_of(PurePath(src))), src)

    async def get_shell(self, command: MutableSequence[str], location: ExecutionLocation) -> NoReturn:
        """There is no shell."""
        raise WorkflowExecutionException(f"{self.deployment_name} has no shell")

    async def get_stream_reader(self, command: MutableSequence[str], location: ExecutionLocation) -> NoReturn:
        """Other connectors cannot read here."""
        raise WorkflowExecutionException(f"only deployments of nbcompile can take files from {self.deployment_name}")

    async def get_stream_writer(self, command: MutableSequence[str], location: ExecutionLocation) -> NoReturn:
        """Workflows that make files themselves are not ours; their files would be missing from what decides a job's key."""
        raise WorkflowExecutionException(f"{self.deployment_name} takes no files that the workflow makes itself")

    async def _moved(self, work: Awaitable[None], path: str, *, back: bool = False) -> None:
        """Move a file, `back` to this machine or to the place; when that fails, so does a step."""
        try:
            await work
        except (NbcompileError, OSError) as error:
            name, conductor = PurePath(path).name, self._run.conductor
            tell = conductor.cannot_hand_back if back else conductor.cannot_move
            await tell(self.place, name, Reason.of(error, f"`{name}` cannot be moved"))
            raise _failed(error) from None

    async def _send_early(self) -> None:
        """Send what every step of the place needs while the first ones wait."""
        names = [f"steps/{step.step}.json" for step in self._run.placement.steps if step.target == self._deployment]
        lanes, sender = asyncio.Semaphore(_LANES), self.place.sender

        async def send(name: str) -> None:
            async with lanes:
                with contextlib.suppress(NbcompileError, OSError):
                    await sender.take(self._run.bundle / name)

        await asyncio.gather(*map(send, ("nbcompile_runtime.py", *names)))

    def _listen(self) -> None:
        """StreamFlow ends its deployments after Ctrl-C, and after no other signal. A second one would end what ends them.

        A batch job that is terminated tells all its processes, and then the engine tells us once more.
        """
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, signal.raise_signal, signal.SIGINT)
        interrupt = signal.getsignal(signal.SIGINT)
        if callable(interrupt):  # it is not, once it was called
            signal.signal(signal.SIGINT, lambda number, frame: _once(interrupt, number, frame))


def _once(handler: Callable[[int, FrameType | None], object], number: int, frame: FrameType | None) -> None:
    """Handle a signal now, and not again. Who cannot wait kills this process."""
    signal.signal(number, signal.SIG_IGN)
    handler(number, frame)


def _failed(error: Exception) -> WorkflowExecutionException:
    advice = getattr(error, "advice", "")
    return WorkflowExecutionException(f"{error}{f' ({advice})' if advice else ''}")


def _placement(directory: Path) -> Placement:
    try:
        return read_placement(json.loads((directory / "placement.json").read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkflowExecutionException(f"{directory} has no placement.json that can be read ({error}): build it again") from None
