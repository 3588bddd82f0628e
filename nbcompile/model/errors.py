"""Problems in the world. Every message says what happened; `advice` says what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbcompile.model.diagnostic import Diagnostic

_SIGINT = 2


class ExitCode(IntEnum):
    """The exit codes of the command line."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    CELL_FAILED = 3
    DENIED = 4
    PLACE_FAILED = 5
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


class NbcompileError(Exception):
    """Base of all errors that nbcompile raises on purpose. `findings` say where in a notebook it went wrong, and how to mend it.

    `code` is that of the rule that explains it, where one does; the message names it as well.
    """

    exit_code = ExitCode.USAGE
    usual_advice = ""
    code = ""

    def __init__(self, message: str, advice: str = "", findings: Sequence[Diagnostic] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice or self.usual_advice
        self.findings = tuple(findings)


class UsageError(NbcompileError):
    """The command or the configuration asks for something that cannot be."""


class NotebookError(NbcompileError):
    """The notebook has errors, so that the stage asked for does not exist."""

    exit_code = ExitCode.FINDINGS


class CellFailed(NbcompileError):
    """A cell of the notebook raised."""

    exit_code = ExitCode.CELL_FAILED


class Denied(NbcompileError):
    """Policy does not allow what was asked for."""

    exit_code = ExitCode.DENIED


class PlaceFailed(NbcompileError):
    """A place (an interpreter, an engine, a host) could not do its part; trying again may help. `deployment` is its name, if it has one."""

    exit_code = ExitCode.PLACE_FAILED
    deployment = ""


class DiskRefuses(PlaceFailed):
    """A disk of this machine does not take what a run has to write. `cells` are those that are concerned, as far as is known."""

    code = "NB596"

    def __init__(self, what: str, advice: str, cells: Sequence[int] = ()) -> None:
        """`what` is the path and what the system says."""
        where = f"cell{'' if len(cells) == 1 else 's'} {', '.join(map(str, sorted(cells)))}: " if cells else ""
        super().__init__(f"{self.code}: {where}{what}", advice)
        self.what, self.cells = what, tuple(cells)

    def at(self, cells: Sequence[int]) -> DiskRefuses:
        """The same, with the cells that are concerned."""
        return DiskRefuses(self.what, self.advice, cells)


class Interrupted(NbcompileError):
    """A signal ended what was asked for before it was done."""

    exit_code = ExitCode.TERMINATED

    def __init__(self, number: int) -> None:
        """The number of the signal."""
        super().__init__("ended before it was done", "run it again")
        if number == _SIGINT:
            self.exit_code = ExitCode.INTERRUPTED
