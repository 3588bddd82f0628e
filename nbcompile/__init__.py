"""Notebook in, distributed workflow out, same results.

`analyze` reads a notebook and says what its cells do, `check` also compares its lock, `plan` cuts it into steps, `build`
compiles it to a workflow, `run` (in an event loop: `arun`) runs it, and `verify` compares that with a plain run. Names load
what they need when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbcompile.api import Build, Program, analyze, arun, build, check, plan, run, verify
    from nbcompile.model.diagnostic import Diagnostic, Severity
    from nbcompile.model.errors import NbcompileError
    from nbcompile.model.plan import Granularity
    from nbcompile.model.run import RunRecord
    from nbcompile.model.settings import Settings

_HOMES = {
    "Build": "nbcompile.api",
    "Diagnostic": "nbcompile.model.diagnostic",
    "Granularity": "nbcompile.model.plan",
    "NbcompileError": "nbcompile.model.errors",
    "Program": "nbcompile.api",
    "RunRecord": "nbcompile.model.run",
    "Settings": "nbcompile.model.settings",
    "Severity": "nbcompile.model.diagnostic",
    "analyze": "nbcompile.api",
    "arun": "nbcompile.api",
    "build": "nbcompile.api",
    "check": "nbcompile.api",
    "plan": "nbcompile.api",
    "run": "nbcompile.api",
    "verify": "nbcompile.api",
}

__all__ = [
    "Build",
    "Diagnostic",
    "Granularity",
    "NbcompileError",
    "Program",
    "RunRecord",
    "Settings",
    "Severity",
    "analyze",
    "arun",
    "build",
    "check",
    "plan",
    "run",
    "verify",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module 'nbcompile' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
