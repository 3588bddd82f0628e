"""What an engine is asked to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbcompile.model.plan import Plan, StepId


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJob:
    """A plan with all that its steps read, and how it is to be run.

    `documents` are the step documents and `template` the notebook without outputs; `kernel` is the one the notebook
    names, `python` the interpreter asked for, and `output` the directory asked for. `seconds` are guesses of how long
    the steps take; `imports` are statements that may be executed before the first step.
    """

    notebook: Path
    name: str
    plan: Plan
    documents: Mapping[StepId, bytes]
    template: bytes
    runtime: str
    kernel: str = ""
    python: str = ""
    output: Path | None = None
    jobs: int = 0
    keep_going: bool = False
    imports: tuple[str, ...] = ()
    seconds: Mapping[StepId, float] = field(default_factory=dict)
