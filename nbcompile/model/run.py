"""What happens when a plan runs: the interpreter, the steps' fates, and the events on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from nbcompile.model.diagnostic import Diagnostic
from nbcompile.model.plan import StepId


class Interpreter(NamedTuple):
    """The Python that runs the cells, and why this one."""

    path: str
    version: str
    why: str


class StepState(str, Enum):
    """How a step ended, or that it did not start."""

    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NOT_STARTED = "not-started"


class RunState(str, Enum):
    """How a run ended. One that is detached goes on at its places, without us."""

    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DETACHED = "detached"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRecord:
    """One cell that ran. Seconds are wall clock unless named otherwise. `trace` is what it did, where the run was asked to look.

    `shard` is the label of the shard in which a scattered cell failed.
    """

    index: int
    id: str
    state: str
    seconds: float | None = None
    cpu_seconds: float | None = None
    trace: Mapping[str, Any] = field(default_factory=dict)
    shard: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One step of a run.

    Times are seconds since the run started, and seconds of wall clock unless named otherwise; `exit_code` is the step
    process's. `start` says how its process came to be (forked or spawned).
    """

    step: StepId
    cells: tuple[int, ...]
    state: StepState = StepState.NOT_STARTED
    exit_code: int | None = None
    started_seconds: float | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_memory_mib: float | None = None
    place: str = "local"
    start: str = ""
    cached: bool = False
    why: str = ""
    cell_records: tuple[CellRecord, ...] = ()


class Value(NamedTuple):
    """What a variable holds at the end: its type, and its content as nbcompile/runtime/fingerprint.py describes it."""

    type: str
    digest: str
    shape: str = ""
    floats: tuple[int, float, float] = (0, 0.0, 0.0)
    opaque: tuple[str, ...] = ()


class Variable(Protocol):
    """A variable as the run left it: the name of its type, and the size in bytes and the digest of what was written of it."""

    @property
    def name(self) -> str:
        """The notebook's name for it."""

    @property
    def type(self) -> str:
        """The name of its type."""

    @property
    def bytes(self) -> int:
        """The size of what was written."""

    @property
    def sha256(self) -> str:
        """The digest of what was written."""

    def load(self, *, trust: bool = False) -> Any:  # noqa: ANN401 - whatever the notebook made
        """A copy of the value. Unpickles, so without `trust` only what a run of this process has written on this machine.

        Raises `Denied` for other values, `UsageError` for one that could not be written, or that this Python cannot read.
        """


class Account(NamedTuple):
    """What a run should tell besides what its cells show: what final variables hold (`values`), and what each cell really did (`trace`).

    With `keeps`, final variables are written down, too; with `repairs`, whoever runs the steps repairs what guards find.

    With `plain`, nothing is bound, unbound or checked between the cells of a step: they run as in a kernel.
    """

    values: bool = False
    trace: bool = False
    plain: bool = False
    keeps: bool = False
    repairs: bool = False


KEPT = "kept"
"""How a step starts that need not start: it had finished before its run was resumed."""


class Failure(NamedTuple):
    """Why a step did not end well: the exception of a cell, or what became of its process (`cell` is -1 where none had begun).

    `lost` says that the place and not the notebook is to blame: trying again may help. `shard` is the label of the shard of
    a scattered step in which it happened, and `code` that of the rule which the run broke.
    """

    step: StepId
    cell: int
    name: str
    message: str
    traceback: tuple[str, ...] = ()
    lost: bool = False
    shard: str = ""
    code: str = ""


class OutputFile(NamedTuple):
    """A file of the run directory, under its path relative to it."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run that ended. `directory` holds the executed notebook, run.json, report.html and the notebook's files.

    `signal` is what ended it early, and `reason` says why that came, where it is known.
    `values` describe the final variables, and `variables` can read them, if the run was asked for that.
    """

    id: str
    notebook: Path
    directory: Path
    state: RunState
    interpreter: Interpreter
    started: str
    seconds: float
    steps: tuple[StepRecord, ...]
    engine: str = "local"
    jobs: int = 1
    cells: int = 0
    links: tuple[tuple[StepId, StepId], ...] = ()
    critical_path: tuple[StepId, ...] = ()
    outputs: tuple[OutputFile, ...] = ()
    failures: tuple[Failure, ...] = ()
    signal: int | None = None
    reason: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)
    variables: Mapping[str, Variable] = field(default_factory=dict)

    @property
    def executed(self) -> Path:
        """The executed notebook."""
        return next((self.directory / file.path for file in self.outputs if file.path.endswith(".executed.ipynb")), self.directory)

    @property
    def cpu_seconds(self) -> float:
        """What the steps used of all cores."""
        return sum(step.cpu_seconds or 0.0 for step in self.steps if not step.cached)

    @property
    def cell_seconds(self) -> float:
        """What the cells would have taken one after the other; for cells from the cache, what they once took."""
        return sum(cell.seconds or 0.0 for step in self.steps for cell in step.cell_records)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownStep:
    """What the journal of a run knows of a step.

    `parts` says what its key is made of, `result` where its result is kept, `job` what an engine finds it by.
    """

    step: StepId
    state: str
    key: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    result: str = ""
    job: Mapping[str, Any] | None = None
    record: StepRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRun:
    """A run as its journal tells it, while it goes on and after.

    `state` is that of a `RunState`, `running`, or `died` when its client ended without a word; `reason` says why, where that is
    known. `request` is what is needed to start it again.
    """

    id: str
    notebook: str
    engine: str
    started: str
    state: str
    step_count: int
    directory: Path = Path()
    request: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[KnownStep, ...] = ()
    reason: str = ""


class RunStarted(NamedTuple):
    """The steps are known, and the interpreter is there to run them."""

    directory: Path
    interpreter: Interpreter
    steps: int
    jobs: int


class RunRepaired(NamedTuple):
    """Assumptions of the plan did not hold, and another plan is run from here on; what is the same in it does not run again."""

    broken: int
    steps: int


class RunEnded(NamedTuple):
    """The record is complete and everything is on disk."""

    record: RunRecord


class StepStarted(NamedTuple):
    """A step's process runs, or its result was found in the cache."""

    step: StepId
    cells: tuple[int, ...]
    seconds: float
    start: str


class StepWaits(NamedTuple):
    """What a place says of a step that has not ended: `state` is pending or running, `native` the place's own word.

    `reason` is the place's explanation, and `start` its estimate of when the step starts, in seconds since 1970.
    """

    step: StepId
    place: str
    state: str
    native: str = ""
    reason: str = ""
    start: float | None = None


class CellStarted(NamedTuple):
    """A step has come to this cell."""

    step: StepId
    cell: int


class StreamText(NamedTuple):
    """A cell wrote to its standard output or error."""

    step: StepId
    cell: int
    stream: str
    text: str


class StepEnded(NamedTuple):
    """A step ended, however it did."""

    record: StepRecord
    seconds: float


class Found(NamedTuple):
    """A finding about the notebook, made before or while it runs."""

    diagnostic: Diagnostic


class LoginAsked(NamedTuple):
    """A place asks the person something at the terminal, or has its answer."""

    host: str
    answered: bool


class Notice(NamedTuple):
    """Something a person should know now; `detail` is for `--verbose` only."""

    text: str
    detail: bool = False


RunEvent = (
    RunStarted | RunRepaired | RunEnded | StepStarted | StepWaits | CellStarted | StreamText | StepEnded | Found | LoginAsked | Notice
)
