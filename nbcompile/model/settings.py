"""What a person asked for, on the command line and in the project's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbcompile.model.plan import Granularity
from nbcompile.model.sizes import DEFAULT_MAX_TRANSFER

if TYPE_CHECKING:
    # Ten dataclasses that `check` of a notebook without a project would load for nothing.
    from nbcompile.model.project import ProjectSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of a build or a run. At most `max_transfer` bytes may go between places.

    `python` is the interpreter that runs the cells, empty to choose by the notebook; `on` is the deployment that all cells
    run at, empty to place each as it asks. `cached` says that results of earlier runs may be used, and are kept;
    `divide_threads` that libraries use fewer threads, so that steps side by side share the cores.
    """

    granularity: Granularity = Granularity.AUTO
    python: str = ""
    jobs: int = 0
    keep_going: bool = False
    strict: bool = False
    cached: bool = True
    divide_threads: bool = False
    on: str = ""
    max_transfer: int = DEFAULT_MAX_TRANSFER
    project: ProjectSettings | None = None
