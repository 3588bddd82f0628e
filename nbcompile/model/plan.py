"""Which cells run together, what flows between the steps, and where each step runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, NewType

from nbcompile.model.facts import StatementId
from nbcompile.model.graph import Version
from nbcompile.model.workflow import Serializer

StepId = NewType("StepId", str)


class Granularity(str, Enum):
    """How finely a notebook is cut into steps."""

    CELL = "cell"
    AUTO = "auto"
    NOTEBOOK = "notebook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a step asks of a place; `None` leaves the choice to the place."""

    cpus: int | None = None
    memory_mib: int | None = None
    gpus: int = 0
    gpu_type: str = ""
    minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Versions of one alias class that leave a step together, saved just after `cell` ran. `id` names its file.

    `carries` are the names of those whose values are paths, and whose files go with them. `packed` is
    the notebook's own code that packed what is in it, which is one version then.
    """

    id: str
    cell: int
    versions: tuple[Version, ...]
    carries: tuple[str, ...] = ()
    packed: Serializer | None = None


class Unpacking(NamedTuple):
    """A version that a step is sent packed, in the payload `source`: `outer` packed it; `inner`, if any, does so again, and undoes it."""

    version: Version
    source: str
    outer: Serializer
    inner: Serializer | None = None


class Cut(NamedTuple):
    """A version that leaves a step in shards, saved just after its cell ran. `id` is the stem of their files.

    There are `num` shards, or, where `num` is 0, as many as it takes for `size` items each. `carries` says that the
    items are paths, and that each shard brings the files of its own.
    """

    id: str
    version: Version
    size: int = 1
    num: int = 0
    carries: bool = False


class ShardPort(NamedTuple):
    """A name that is bound to a shard: `source` is the id of the cut, or of a payload that is itself made in shards."""

    name: str
    version: Version
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepScatter:
    """A step that runs once for each combination of shards, and then gathers what the shards made.

    Ports of one axis go in step; every shard of an axis meets every one of the next, and the last axis goes round
    fastest. Versions of names in `kept` are alike in all shards, of those in `last` only the last shard's counts, those in
    `alike` must turn out to be the same in all, and all others are joined in order: those in `paths` stand for files, one or a
    list, and what those in `joined` have under one key is what the last shard has there. `shows` says that the cell ends
    with an expression, whose value, called `_`, is joined and shown once.
    """

    axes: tuple[tuple[ShardPort, ...], ...]
    kept: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    shows: bool = False

    @property
    def ports(self) -> tuple[ShardPort, ...]:
        """The ports of all axes."""
        return tuple(port for axis in self.axes for port in axis)


class Binding(NamedTuple):
    """What must be bound when `cell` starts."""

    cell: int
    needs: tuple[Version, ...]
    replays: tuple[StatementId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A convex set of cells that run in notebook order in one process.

    `inputs` come from other steps (variables, channels and files alike); `replays` are the definition statements the
    step runs again. `files_in` are the paths the run is given from outside, `files_out` those the step may write; all
    paths are relative to the notebook's directory, a directory ends with `/`, and `./` is the whole working directory. The
    directories `folders` are there for it to write to, without what is in them.
    `target` is the deployment it runs at, on `locations` nodes of its `service`; `interpreter` and `workdir` are empty
    where the deployment chooses them.
    """

    id: StepId
    cells: tuple[int, ...]
    bindings: tuple[Binding, ...]
    replays: tuple[StatementId, ...] = ()
    inputs: tuple[Version, ...] = ()
    payloads: tuple[Payload, ...] = ()
    files_in: tuple[str, ...] = ()
    files_out: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    cuts: tuple[Cut, ...] = ()
    scatter: StepScatter | None = None
    unpacks: tuple[Unpacking, ...] = ()
    target: str = "local"
    environment: str = ""
    service: str = ""
    locations: int = 1
    interpreter: str = ""
    workdir: str = ""
    resources: Resources = Resources()
    label: str = ""
    doc: str = ""
    why: str = ""

    @property
    def outputs(self) -> tuple[Version, ...]:
        """Every version that leaves the step."""
        return tuple(version for payload in self.payloads for version in payload.versions)


class Link(NamedTuple):
    """Step `target` waits for step `source`. `payload` is the id of what is sent, a payload or a cut, empty for mere order.

    `shards` says that the source is scattered and that its shards go to the target's one by one.
    """

    source: StepId
    target: StepId
    payload: str
    versions: tuple[Version, ...]
    shards: bool = False


class WarmImport(NamedTuple):
    """An import statement of code cell `cell` that may be executed before the steps' processes start.

    The cells that it is `seen_by` must not find it done.
    """

    cell: int
    text: str
    seen_by: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """How fast a plan can be: what all cells take, by estimate, and what the longest way through the steps does.

    `hints` say what in the notebook would have to be otherwise for cells to run side by side.
    """

    cell_seconds: float = 0.0
    path_seconds: float = 0.0
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All steps, each before those that need it; every code cell is in exactly one step.

    `profile` is a digest of the measurements that the plan was made from, empty where there were none. In the directories of
    `module_path` every step looks for modules of the notebook's project, after all others. `directory` is what the notebook's own is
    called, if cells ask which directory they are in.
    """

    granularity: Granularity
    steps: tuple[Step, ...]
    links: tuple[Link, ...] = ()
    critical_path: tuple[StepId, ...] = ()
    bound: Bound = Bound()
    profile: str = ""
    module_path: tuple[str, ...] = ()
    directory: str = ""
