"""The nouns and verbs of a place."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, NamedTuple, NewType

from nbcompile.backend.credentials import Lease, Secret
from nbcompile.backend.errors import Fatal, Unsupported
from nbcompile.backend.survey import Survey
from nbcompile.model.output import Output
from nbcompile.model.plan import Resources

API_VERSION = 1

RunId = NewType("RunId", str)
"""Lower-case letters, digits and dashes, at most 63 of them."""

JobKey = NewType("JobKey", str)
"""The sha256, in hexadecimal digits, of all that decides what a job computes."""

_RUN = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_KEY = re.compile(r"[0-9a-f]{64}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_POLL_SECONDS = (0.1, 2.0)


def run_id(name: str) -> RunId:
    """What places call the run of that name: readable, and another one for every name."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if plain == name and _RUN.fullmatch(name):
        return RunId(name)
    return RunId(f"{plain[:50]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}".lstrip("-"))


class Stream(str, Enum):
    """What a job prints, where."""

    STDOUT = "stdout"
    STDERR = "stderr"


class JobState(str, Enum):
    """Where a job is. The last four are final."""

    PENDING = "pending"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"

    @property
    def is_final(self) -> bool:
        """Whether the job will not change any more."""
        return self not in (JobState.PENDING, JobState.RUNNING)


class Cause(str, Enum):
    """Why a job did not finish. It decides who must act: the notebook's author, the person, the place, or nobody (try again)."""

    NONE = ""
    EXIT = "exit"
    SIGNAL = "signal"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out-of-memory"
    NODE_FAILURE = "node-failure"
    PREEMPTED = "preempted"
    CANCELLED = "cancelled"
    LEASE = "lease"
    UNSCHEDULABLE = "unschedulable"
    ENVIRONMENT = "environment"
    OUTPUTS = "outputs"
    LOST = "lost"


class JobInput(NamedTuple):
    """A file of the place's store that the job finds as `../in/NAME`, seen from where it runs."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Software of a deployment that jobs choose by name: modules to load, and a venv or conda prefix to put in front."""

    name: str = ""
    modules: tuple[str, ...] = ()
    modules_init: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A command to run once, in a directory of its own that holds nothing at first.

    The directory is `HOME` and the working directory; `TMPDIR` is beside it. The environment holds `variables`, what `environment`
    brings, and what the scheduler sets, and nothing else. `outputs` are patterns for the first part of the paths to keep.
    `secrets` become variables that are in no file, log, argument or listing. After `seconds` it is ended; so it is when no client
    has asked for it during `lease_seconds`.
    """

    key: JobKey
    argv: tuple[str, ...]
    name: str = ""
    attempt: int = 1
    inputs: tuple[JobInput, ...] = ()
    outputs: tuple[str, ...] = ("*",)
    variables: tuple[tuple[str, str], ...] = ()
    secrets: tuple[tuple[str, Secret], ...] = ()
    environment: Environment = Environment()
    resources: Resources = Resources()
    seconds: int | None = None
    options: object = None
    lease_seconds: int = 86_400

    def __post_init__(self) -> None:
        """Refuse what no place may be asked: no backend needs to look at it again."""
        names = [*self.variables, *self.secrets]
        texts = (*self.argv, *(value for _, value in self.variables), *(one.name for one in self.inputs))
        if not _KEY.fullmatch(self.key) or self.attempt < 1:
            raise Fatal(f"the job {self.name!r} has no key of 64 hexadecimal digits, or no attempt")
        if not self.argv or any("\0" in text for text in texts):
            raise Fatal(f"the job {self.name!r} has no command, or a NUL character in its words")
        if not all(_VARIABLE.fullmatch(name) for name, _ in names):
            raise Fatal(f"the job {self.name!r} sets variables whose names are not letters, digits and underscores")
        for one in self.inputs:
            if any(part in ("", ".", "..") for part in one.name.split("/")) or not _KEY.fullmatch(one.sha256):
                raise Fatal(f"the input {one.name!r} of the job {self.name!r} is not a relative path with a sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRef:
    """All that another process needs to find a job again. `native` is what the place calls it."""

    deployment: str
    run: RunId
    key: JobKey
    attempt: int
    native: str

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps({"deployment": self.deployment, "run": self.run, "key": self.key, "attempt": self.attempt, "native": self.native})

    @classmethod
    def from_json(cls, text: str) -> JobRef:
        """The inverse of `to_json`; raises `Fatal` for anything else."""
        try:
            found = json.loads(text)
            ref = cls(**found)
        except (ValueError, TypeError) as error:
            raise Fatal(f"not a job's reference: {error}") from None
        if not _RUN.fullmatch(ref.run) or not _KEY.fullmatch(ref.key) or not isinstance(ref.attempt, int):
            raise Fatal("not a job's reference: its run, key or attempt is not of the right form")
        return ref


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """What is known of a job. `native` is the place's own word for the state, `reason` its own explanation, `start` its estimate."""

    ref: JobRef
    state: JobState
    cause: Cause = Cause.NONE
    exit_code: int | None = None
    native: str = ""
    reason: str = ""
    start: float | None = None
    host: str = ""
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_memory_mib: float | None = None
    outputs: tuple[Output, ...] = ()


class Completed(NamedTuple):
    """How a quick command ended."""

    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a place is and can do. What is claimed here is tested.

    `arrays` says that many jobs are best submitted at once, `memory_limits` that a job which exceeds its memory is ended, and
    `nodes` that jobs run on other hosts than where one logs in.
    """

    host: str
    user: str
    python: str
    cpus: int
    memory_mib: int
    slots: int
    arrays: bool = False
    memory_limits: bool = False
    nodes: bool = False


class PlaceEvent(NamedTuple):
    """Something that a person who waits should see: `kind` is connected, away or waiting-for-login."""

    deployment: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """All that a backend is given to open a Session. `settings` is an instance of its `Settings`.

    `hops` are places of the same backend to go through, the first one first; `via` is an open place of another backend to work on.
    """

    deployment: str
    run: RunId
    settings: object
    lease: Lease
    hops: tuple[Opening, ...] = ()
    via: Session | None = None
    observe: Callable[[PlaceEvent], None] = field(default=lambda _: None)


class Session(ABC):
    """An open place, for one run. It reconnects by itself and says so to `observe`; only what nobody can mend is raised.

    Every method raises only the errors of `nbcompile.backend.errors`.
    """

    @abstractmethod
    async def capabilities(self) -> Capabilities:
        """What the place is and can do."""

    @abstractmethod
    async def exec(
        self, argv: Sequence[str], *, stdin: bytes = b"", variables: Sequence[tuple[str, str]] = (), seconds: float = 60
    ) -> Completed:
        """Run a quick command where one logs in. Raises `Retryable` when nobody knows whether it ran."""

    @abstractmethod
    async def put(self, content: AsyncIterator[bytes], *, sha256: str, size: int) -> None:
        """Put a file into the store, unless it is there. Raises `Fatal` when the content is not what its digest says."""

    @abstractmethod
    def get(self, sha256: str) -> AsyncIterator[bytes]:
        """Read a file of the store. Raises `Lost` when it is not there, `Fatal` when its content is not what its digest says."""

    @abstractmethod
    async def submit(self, job: Job) -> JobRef:
        """Start the job, unless this attempt at this key was started before: the same job gives the same reference.

        Raises `Lost` when an input is not in the store.
        """

    @abstractmethod
    async def poll(self, refs: Sequence[JobRef]) -> tuple[JobStatus, ...]:
        """The status of each job, in order; of one that nobody knows, `LOST`."""

    @abstractmethod
    async def cancel(self, refs: Sequence[JobRef]) -> None:
        """Ask for the end of these jobs. To cancel twice, or after the end, changes nothing."""

    @abstractmethod
    def logs(self, ref: JobRef, stream: Stream = Stream.STDERR, offset: int = 0) -> AsyncIterator[bytes]:
        """What the job has printed so far, from `offset` on, as raw bytes that nobody has cleaned."""

    @abstractmethod
    async def sweep(self, seconds: float = 30) -> tuple[str, ...]:
        """End everything that this run started here, and wait for that; returns what could not be ended."""

    @abstractmethod
    async def remove(self) -> None:
        """Remove everything that this run left here, after `sweep`. The store stays."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the place. Jobs go on."""

    # What follows has a default over the methods above, and may be replaced by something quicker.

    def share(self) -> Session | None:
        """The same place for one more user, by the same login. Each closes its own. None where that cannot be, or not any more."""
        return None

    async def has(self, digests: Sequence[str]) -> frozenset[str]:  # noqa: ARG002 - the default knows nothing
        """Which of these files the store has. A place that cannot tell says none, and is sent them."""
        return frozenset()

    async def survey(self) -> Survey:
        """What the person may use here. A place without queues and accounts has nothing to tell."""
        return Survey()

    async def variables(self, environment: Environment) -> tuple[tuple[str, str], ...]:
        """What `environment` sets, for quick commands that ask what is in it. Raises `Fatal` where it cannot be loaded."""
        if environment != Environment():
            raise Unsupported("this place loads no environments for quick commands")
        return ()

    async def prune(self, seconds: float) -> int:  # noqa: ARG002 - the default keeps nothing
        """Remove what nobody has used for so long: files of the store, and what is left of runs that ended; the bytes that were freed."""
        return 0

    async def submit_many(self, jobs: Sequence[Job]) -> tuple[JobRef, ...]:
        """Submit jobs that differ only in key and inputs; a place with arrays takes them as one."""
        return tuple([await self.submit(job) for job in jobs])

    async def wait(self, refs: Sequence[JobRef], seconds: float) -> tuple[JobStatus, ...]:
        """The status of each job, as soon as one of them is final or time is up."""
        pause, longest = _POLL_SECONDS
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while True:
            found = await self.poll(refs)
            if loop.time() >= until or any(status.state.is_final for status in found):
                return found
            await asyncio.sleep(min(pause, max(0.0, until - loop.time())))
            pause = min(pause * 1.5, longest)


class Backend(ABC):
    """One kind of place. `Settings` and `Options` are frozen dataclasses whose fields are made by `option`.

    `Settings` is what the owner of a deployment writes; `Options` is what a job may ask for besides its resources,
    each field with the allow-key that it is checked against.
    """

    api_version: ClassVar[int] = API_VERSION
    name: ClassVar[str]
    Settings: ClassVar[type]
    Options: ClassVar[type]

    @abstractmethod
    async def open(self, opening: Opening) -> Session:
        """Reach the place and see that it can be used; raises what keeps it from that."""

    async def introduce(self, opening: Opening) -> Mapping[str, tuple[str, ...]]:  # noqa: ARG002 - the default knows nothing
        """What the place shows of itself before anybody logs in, by the keys of `Settings` that would pin it, such as `hostKeys`.

        The person is asked whether to believe it: nothing of it is trusted here, and nothing is sent.
        """
        return {}
