"""Which cells run together, what flows between the steps, and where each step runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, NewType

from nbcompile.model.facts import StatementId
from nbcompile.model.graph import Version

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
    """Versions of one alias class that leave a step together, saved just after `cell` ran. `id` names its file."""

    id: str
    cell: int
    versions: tuple[Version, ...]


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
    paths are relative to the notebook's directory, a directory ends with `/`, and `./` is the whole working directory.
    """

    id: StepId
    cells: tuple[int, ...]
    bindings: tuple[Binding, ...]
    replays: tuple[StatementId, ...] = ()
    inputs: tuple[Version, ...] = ()
    payloads: tuple[Payload, ...] = ()
    files_in: tuple[str, ...] = ()
    files_out: tuple[str, ...] = ()
    target: str = "local"
    resources: Resources = Resources()
    label: str = ""
    doc: str = ""
    why: str = ""

    @property
    def outputs(self) -> tuple[Version, ...]:
        """Every version that leaves the step."""
        return tuple(version for payload in self.payloads for version in payload.versions)


class Link(NamedTuple):
    """Step `target` waits for step `source`. `payload` is the id of what is sent, empty for mere order."""

    source: StepId
    target: StepId
    payload: str
    versions: tuple[Version, ...]


class WarmImport(NamedTuple):
    """An import statement of code cell `cell` that may be executed before the steps' processes start."""

    cell: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All steps, each before those that need it; every code cell is in exactly one step."""

    granularity: Granularity
    steps: tuple[Step, ...]
    links: tuple[Link, ...] = ()
    critical_path: tuple[StepId, ...] = ()
