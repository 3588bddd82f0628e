"""What keeps a plan from being faster."""

from nbcompile import api
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from tests.golden.notebooks import notebook_bytes


def plan_of(*cells):
    program = api.analyze_bytes(notebook_bytes("".join(f"# %% c{n}\n{cell}\n" for n, cell in enumerate(cells))), "demo")
    return api.plan(program, Settings(granularity=Granularity.CELL))


SLOW = "for i in range(9):\n    {}"


def test_cells_that_share_a_generator_would_be_parallel_with_one_each():
    made = plan_of("import numpy as np\nnp.random.seed(1)", SLOW.format("a = np.random.rand()"), SLOW.format("b = np.random.rand()"))
    assert made.bound.hints == (
        "cells 1 and 2 would be parallel if each drew from a generator of its own, such as `numpy.random.default_rng(seed)`",
    )
    assert made.bound.path_seconds == made.bound.cell_seconds


def test_cells_that_need_each_other_and_short_ones_get_no_hint():
    assert plan_of(SLOW.format("a = i"), SLOW.format("b = a")).bound.hints == ()
    assert plan_of("import numpy as np\nnp.random.seed(1)", "np.random.seed(2)", "np.random.seed(3)").bound.hints == ()


def test_every_step_says_why_it_is_one():
    assert {step.why for step in plan_of("x = 1", "print(x)").steps} == {"every cell is to be a step"}
