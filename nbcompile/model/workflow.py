"""What a notebook declares of itself as a workflow: the metadata of jupyter-workflow, resolved for each cell.

The notebook's own declarations are already merged in, names of deployments and serializers looked up, and short
spellings written out. What the declarations ask for and a person must allow are `questions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, TypeAlias

from nbcompile.model.diagnostic import Span

KeyPath: TypeAlias = tuple[str | int, ...]


class PortKind(str, Enum):
    """What a port carries: a variable, the files a variable names, a variable of the environment, or mere order."""

    NAME = "name"
    FILE = "file"
    ENV = "env"
    CONTROL = "control"


class ScatterMethod(str, Enum):
    """How the shards of several names are combined: every one with every other, or the first with the first."""

    CARTESIAN = "cartesian"
    DOTPRODUCT = "dotproduct"


class Permission(str, Enum):
    """What a notebook may ask for only where the person's own file allows it."""

    INLINE_DEPLOYMENTS = "inline-deployments"
    INTERPRETER = "interpreter"
    SERIALIZERS = "serializers"
    WORKDIR = "workdir"


@dataclass(frozen=True, slots=True, kw_only=True)
class Serializer:
    """Python code that makes `y` of `x` before a value is sent and after it came; `kind` is FILE where `y` is a path."""

    predump: str = ""
    postload: str = ""
    kind: PortKind = PortKind.NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One declared input or output.

    `value_from` is the variable the value comes from. `value`, where it is given, comes first: for files it is a
    pattern of paths relative to where the cell runs, else the value itself, as JSON. `at` is where it is declared.
    """

    name: str
    kind: PortKind = PortKind.NAME
    value_from: str = ""
    value: object = None
    serializer: Serializer | None = None
    at: KeyPath = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One name is cut into `num` shards whose sizes differ by at most one, or, where `num` is 0, into shards of `size` items."""

    name: str
    size: int = 1
    num: int = 0
    at: KeyPath = field(default=(), compare=False)

    def shards(self, length: int) -> int:
        """How many shards so many items are cut into: at least one, which may be empty."""
        return max(1, min(self.num, length) if self.num else -(-length // self.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """A cell that runs once for each combination of shards; an inner scatter counts as one item."""

    items: tuple[Split | Scatter, ...]
    method: ScatterMethod = ScatterMethod.CARTESIAN

    @property
    def splits(self) -> tuple[Split, ...]:
        """The names that are cut, in the order of the declaration."""
        return tuple(split for item in self.items for split in (item.splits if isinstance(item, Scatter) else (item,)))


class Doubt(NamedTuple):
    """Why the shards of a cell, together, may not give what the whole cell gives."""

    span: Span
    reason: str


class ScatterProposal(NamedTuple):
    """That a cell may be scattered over a name that it goes through at `span`, or what speaks against it."""

    name: str
    span: Span
    against: tuple[Doubt, ...] = ()


class Gathering(NamedTuple):
    """What becomes of the names that a scattered cell binds.

    Parts of `joined` are put together in the order of the shards, `kept` are alike in all of them, and of `last` only the
    last shard has what the whole cell would leave. Those in `alike` may have been changed, by what nobody knows: they count only if all
    shards leave the same. Other names are not known: they are joined as well. Of `torn` names no shard has what the whole cell leaves,
    nor have all together. `rebound` are those of `last` that have a value before the rounds, which a
    shard without rounds leaves. `unseen` says that the cell runs commands, of which nothing is known,
    and `shows` that it ends with an expression.
    """

    joined: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    torn: tuple[str, ...] = ()
    rebound: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    unseen: bool = False
    shows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CellScatter:
    """A code cell that runs once for each combination of shards.

    The names of one axis are cut in step. Every shard of an axis meets every one of the next; the last axis goes round
    fastest, and that is the order of the shards.
    """

    cell: int
    axes: tuple[tuple[Split, ...], ...]
    gathering: Gathering = Gathering()

    @property
    def names(self) -> tuple[str, ...]:
        """The names that are cut, axis by axis."""
        return tuple(split.name for axis in self.axes for split in axis)


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineDeployment:
    """A place that the notebook itself describes."""

    name: str
    type: str
    config: Mapping[str, object] = field(default_factory=dict)
    external: bool = False
    workdir: str = ""
    at: KeyPath = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDeclaration:
    """Where a cell runs. `inline` is the notebook's own description of the deployment, where it has one."""

    deployment: str
    inline: InlineDeployment | None = None
    service: str = ""
    locations: int = 1
    workdir: str = ""
    at: KeyPath = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDeclaration:
    """A cell that is a step of its own. `autoin` adds the names that the cell reads to the declared inputs."""

    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    autoin: bool = True
    background: bool = False
    scatter: Scatter | None = None
    workdir: str = ""
    at: KeyPath = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellDeclaration:
    """What code cell `cell` declares. A cell without `step` runs in order, between the steps around it."""

    cell: int
    step: StepDeclaration | None = None
    target: TargetDeclaration | None = None
    interpreter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something that only the person's own file can allow; `cell` is -1 for the whole notebook."""

    permission: Permission
    subject: str
    cell: int
    at: KeyPath


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowDeclaration:
    """The declarations of a notebook, cells in notebook order; empty for a notebook that is no workflow."""

    cells: tuple[CellDeclaration, ...] = ()
    questions: tuple[Question, ...] = ()

    def of(self, cell: int) -> CellDeclaration | None:
        """What a code cell declares."""
        return next((declared for declared in self.cells if declared.cell == cell), None)
