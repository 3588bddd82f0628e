"""What `nbcompile runs show` prints of steps that are elsewhere."""

from pathlib import Path

from nbcompile.model.plan import StepId
from nbcompile.model.run import KnownRun, KnownStep
from nbcompile.reporting.known_runs import steps_table


def table(*steps, state="running"):
    run = KnownRun(id="r", notebook="n", engine="", started="", state=state, step_count=2, directory=Path("/r"), steps=steps)
    return [line.split() for line in steps_table(run).splitlines()]


def test_a_step_in_a_queue_says_where_and_why_it_waits():
    waits = KnownStep(step=StepId("fit"), state="pending", job={"ref": {"native": "4711"}, "place": "hpc", "reason": "Priority"})
    head, row = table(waits)
    assert head == ["STEP", "CELLS", "STATE", "SECONDS", "CPU", "PEAK", "PLACE", "JOB"]
    assert row == ["fit", "pending", "(Priority)", "hpc", "4711"]


def test_a_run_of_this_machine_has_no_columns_for_places():
    assert table(KnownStep(step=StepId("fit"), state="running"))[0][-1] == "PEAK"


def test_no_step_of_a_cancelled_run_runs():
    assert table(KnownStep(step=StepId("fit"), state="running"), state="cancelled")[1] == ["fit", "cancelled"]
