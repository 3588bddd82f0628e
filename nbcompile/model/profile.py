"""What the cells of a notebook took and did in one plain run: NAME.profile.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from nbcompile.model.guard import GuardBreak

PROFILE_SCHEMA = "nbcompile/profile/1"


class ProfiledValue(NamedTuple):
    """A variable that a cell bound or changed: its bytes where it is stored, and the seconds to bring it into them.

    `stuck` says why it cannot leave its process, if it cannot.
    """

    type: str
    bytes: int
    stuck: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfiledCell:
    """One cell. `sha256` is that of its source; `files` are pairs of `read` or `write` and a path.

    `reads` are names that code which ran mentions, also in called functions; `changes` are names of objects that are not
    what they were, through whatever name they were changed.
    """

    index: int
    sha256: str
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mib: float = 0.0
    reads: tuple[str, ...] = ()
    binds: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    values: Mapping[str, ProfiledValue] = field(default_factory=dict)
    files: tuple[tuple[str, str], ...] = ()
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile. Cells that the run did not come to, and empty ones, are missing.

    `lessons` are what a second run, with a step for every cell, found that analysis does not foresee.
    """

    notebook: str
    python: str
    cells: tuple[ProfiledCell, ...]
    lessons: tuple[GuardBreak, ...] = ()

    @property
    def seconds(self) -> float:
        """What the cells took one after the other."""
        return sum(cell.seconds for cell in self.cells)


class MissedFlow(NamedTuple):
    """A cell read what another made or changed, and the graph knows of no such edge."""

    source: int
    target: int
    name: str
    changed: bool
