"""What can go wrong with a step that is not the notebook's own doing, and the exit codes of a step."""

from __future__ import annotations

FINISHED = 0
CELL_FAILED = 3
GUARD_BROKEN = 8
ENVIRONMENT_BROKEN = 9


class StepProblem(Exception):
    """The environment cannot run the step. `code` is the finding's, `advice` says what to do."""

    def __init__(self, code: str, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f"\n  {self.advice}" if self.advice else "")
