"""What `nbcompile doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Standing(str, Enum):
    """Whether somebody must act. A note is worth knowing, and nothing to act upon."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


class Equipment(NamedTuple):
    """What an environment has: versions of distributions by name, and programs besides the system's."""

    environment: str
    distributions: tuple[tuple[str, str], ...]
    programs: tuple[str, ...]


class Check(NamedTuple):
    """One thing that was looked at; `advice` is the next action where there is one."""

    subject: str
    standing: Standing
    text: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """All that was looked at, of a deployment or, without a name, of this machine."""

    deployment: str = ""
    checks: tuple[Check, ...] = ()
    equipment: tuple[Equipment, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return all(check.standing is not Standing.PROBLEM for check in self.checks)
