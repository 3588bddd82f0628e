"""What an engine is asked to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbcompile.engines.directory import RunDirectory
from nbcompile.model.plan import Plan, StepId


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJob:
    """A plan with all that its steps read, and how it is to be run.

    `source` is the notebook file as it was read, `documents` are the step documents and `template` is the notebook
    without outputs; `kernel` is the one the notebook names and `python` the interpreter asked for. `request` is what
    makes the same job again from `source`. `seconds` are guesses of how long the steps take; `imports` are statements
    that may be executed before the first step.
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
    request: Mapping[str, Any] = field(default_factory=dict)
    jobs: int = 0
    keep_going: bool = False
    imports: tuple[str, ...] = ()
    seconds: Mapping[StepId, float] = field(default_factory=dict)
