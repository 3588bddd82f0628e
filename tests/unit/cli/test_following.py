"""How a command ends after a run: by who must act, the notebook's author first."""

from pathlib import Path

import pytest

from nbcompile.cli.following import exit_code
from nbcompile.model.errors import ExitCode
from nbcompile.model.run import Failure, Interpreter, RunRecord, RunState

# An exception of the notebook is one, whatever its author calls it.
RAISED = Failure("s", 0, "GuardBroken", "no luck")
GUARD = Failure("s", 0, "GuardBroken", "NB509 the cell wrote to `log`", code="NB509")
REFUSED = Failure("s", -1, "TransferRefused", "NB326 `rows` would be too much", code="NB326")
LOST = Failure("s", -1, "StepLost", "gone", lost=True)


@pytest.mark.parametrize(
    ("failures", "code"),
    [
        ((), ExitCode.OK),
        ((LOST,), ExitCode.PLACE_FAILED),
        ((LOST, REFUSED), ExitCode.USAGE),
        ((REFUSED, GUARD), ExitCode.FINDINGS),
        ((GUARD, RAISED), ExitCode.CELL_FAILED),
    ],
)
def test_the_exit_code_says_who_must_act(failures, code):
    record = RunRecord(
        id="run",
        notebook=Path("n.ipynb"),
        directory=Path("n.run"),
        state=RunState.FAILED if failures else RunState.FINISHED,
        interpreter=Interpreter("python", "3.11", ""),
        started="2026-01-01T00:00:00Z",
        seconds=1.0,
        steps=(),
        failures=failures,
    )
    assert exit_code(record) == code
