"""A step that cannot be opened: where it ran, and what to do instead."""

from dataclasses import replace

import pytest

from nbcompile.engines.local.opening import open_step
from nbcompile.model.errors import UsageError
from nbcompile.model.plan import StepId
from nbcompile.model.run import KnownRun, KnownStep, StepRecord

STEP = StepId("train-c1")
RUN = KnownRun(id="r-1", notebook="/n b.ipynb", engine="streamflow", started="", state="finished", step_count=1)


@pytest.mark.parametrize(
    ("step", "where"),
    [
        (KnownStep(step=STEP, state="finished", record=StepRecord(step=STEP, cells=(1,), place="hpc")), "ran at `hpc`"),
        (KnownStep(step=STEP, state="pending", job={"place": "hpc", "ref": {}}), "runs at `hpc`"),
        (KnownStep(step=STEP, state="finished", record=StepRecord(step=STEP, cells=(1,))), "ran here, as a part of a workflow"),
    ],
)
def test_a_placed_step_says_where_it_ran_and_how_to_look_into_it(step, where):
    with pytest.raises(UsageError, match=where) as told:
        open_step(replace(RUN, steps=(step,)), "train")
    assert "`nbcompile runs logs r-1 train-c1`" in told.value.advice
    assert "`nbcompile run '/n b.ipynb' --on local`" in told.value.advice
