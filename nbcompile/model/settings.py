"""What a person asked for, from the command line and the project's configuration."""

from __future__ import annotations

from dataclasses import dataclass

from nbcompile.model.plan import Granularity


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of a build or a run. `python` is the interpreter that runs the cells, empty to choose by the notebook."""

    granularity: Granularity = Granularity.AUTO
    python: str = ""
    jobs: int = 0
    keep_going: bool = False
    strict: bool = False
