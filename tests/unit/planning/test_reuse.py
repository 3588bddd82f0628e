"""Which steps are made anew in every run."""

import pytest

from nbcompile import api
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from nbcompile.planning.reuse import reuse_of_steps
from tests.golden.notebooks import notebook_bytes


def reuse_of(*cells):
    program = api.analyze_bytes(notebook_bytes("".join(f"# %% c{n}\n{cell}\n" for n, cell in enumerate(cells))), "demo")
    made = api.plan(program, Settings(granularity=Granularity.CELL))
    by_cell = {
        step.cells[0]: reuse for step, reuse in zip(made.steps, reuse_of_steps(made, program.facts, program.notebook).values(), strict=True)
    }
    return by_cell[len(cells) - 1]


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["import numpy as np", "a = np.random.rand(3)"], "nobody seeded"),
        (["import numpy as np", "rng = np.random.default_rng()"], "nobody seeded"),
        (["import uuid", "print(uuid.uuid4())"], "it "),
        (["import time", "print(time.time())"], "the time"),
        (["def stamp():\n    return datetime.now()", "print(stamp())"], "the time"),
        (["name = input()"], "input"),
        (["!ls"], "names are not known"),
        (["%pip install numpy"], "installs"),
        (["import sys", "exec(sys.argv[1])"], "cannot be seen"),
        (["import pandas as pd", "pd.read_csv('https://example.org/a.csv')"], "hosts"),
        (["open('/tmp/elsewhere', 'w').write('x')"], "outside its own directory"),
    ],
)
def test_chance_the_moment_and_the_world_are_not_repeated(cells, why):
    assert why in reuse_of(*cells).volatile


@pytest.mark.parametrize(
    "cells",
    [
        ["import numpy as np\nnp.random.seed(1)", "a = np.random.rand(3)"],
        ["import numpy as np", "rng = np.random.default_rng(7)"],
        ["print(1 + 1)"],
        ["import pandas as pd", "pd.read_csv('beside.csv')"],
        ["open('out.txt', 'w').write('x')"],
    ],
)
def test_all_else_is(cells):
    assert reuse_of(*cells).volatile == ""
