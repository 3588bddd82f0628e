"""What happened when a plan ran."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from nbcompile.model.diagnostic import Diagnostic
from nbcompile.model.plan import StepId


class StepState(str, Enum):
    """How a step ended, or that it did not start."""

    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NOT_STARTED = "not-started"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One step of a run. Seconds are wall clock unless named otherwise; `exit_code` is the step process's."""

    step: StepId
    cells: tuple[int, ...]
    state: StepState
    exit_code: int | None = None
    started_seconds: float | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_memory_mib: float | None = None
    place: str = "local"
    cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A finished run: `directory` holds the executed notebook, run.json and report.html."""

    notebook: Path
    directory: Path
    steps: tuple[StepRecord, ...]
    seconds: float
    python: str
    failed_cell: int | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
