"""What an engine is asked to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.signals import Cancellation
from nbcompile.model.environment import Environment
from nbcompile.model.guard import GuardBreak
from nbcompile.model.plan import Plan, StepId, WarmImport
from nbcompile.model.reuse import Reuse
from nbcompile.model.run import KnownStep


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJob:
    """A plan with all that its steps read, and how it is to be run.

    `source` is the notebook file as it was read, `documents` are the step documents and `template` is the notebook
    without outputs; `kernel` is the one the notebook names, `python_version` the one it was last run with, `python` the
    interpreter asked for, and `environment` what its cells ask of it. `request` is what makes the same job again from
    `source`. `seconds` are guesses of how long the steps take; `imports` are statements that may be executed before the
    first step. `cell_ids` are those of the code cells; `repair` makes a job that foresees what guards found, if there is one.
    `streams` asks for what cells write, while they run. `reuse` says which results other runs may use, and
    `cached` whether this run uses, and keeps, any; `finished` are steps that an earlier start of the same run had finished.
    `divide_threads` shares the cores among the threads of the steps that run at a time. `cancellation` lets another thread end the run,
    and `keeps` says that the documents ask steps to keep final variables.
    """

    id: str
    directory: RunDirectory
    notebook: Path
    source: bytes
    name: str
    plan: Plan
    documents: Mapping[StepId, bytes]
    template: bytes
    runtime: str
    kernel: str = ""
    python: str = ""
    python_version: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    jobs: int = 0
    divide_threads: bool = False
    keep_going: bool = False
    streams: bool = False
    cached: bool = True
    keeps: bool = False
    reuse: Mapping[StepId, Reuse] = field(default_factory=dict)
    finished: Mapping[StepId, KnownStep] = field(default_factory=dict)
    imports: tuple[WarmImport, ...] = ()
    environment: Environment = field(default_factory=Environment)
    seconds: Mapping[StepId, float] = field(default_factory=dict)
    cell_ids: tuple[str, ...] = ()
    repair: Callable[[tuple[GuardBreak, ...]], RunJob | None] | None = None
    cancellation: Cancellation | None = None
