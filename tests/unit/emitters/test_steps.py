"""What a step document says."""

import json

from nbcompile import api
from nbcompile.emitters.steps import step_files
from nbcompile.model.plan import Granularity
from nbcompile.model.run import Account
from nbcompile.model.settings import Settings
from tests.golden.notebooks import notebook_bytes


def test_only_what_can_be_replayed_is_a_definition():
    program = api.analyze_bytes(
        notebook_bytes("# %% a\nimport math\n# %% b\nvalue = open('x').read()\nalias = value\n# %% c\nprint(alias)\n"), "demo"
    )
    made = api.plan(program, Settings(granularity=Granularity.CELL))
    last = json.loads(step_files(made, program.facts, program.graph, program.notebook)[-1].content)
    assert [one["binds"] for one in last["definitions"]] == [["math"]]


def test_a_name_that_was_bound_anew_is_not_brought_by_the_statement_that_needed_it():
    cells = "# %% a\nlimit = 3\nother = 4\n# %% b\ndef f(x=limit, y=other): return x\n# %% c\nlimit = 5\n# %% d\nf()\n"
    program = api.analyze_bytes(notebook_bytes(cells), "demo")
    made = api.plan(program, Settings(granularity=Granularity.CELL))
    last = json.loads(step_files(made, program.facts, program.graph, program.notebook)[-1].content)["cells"][0]
    assert (last["replays"], last["outdated"]) == (["0.0", "0.1", "1.0"], ["limit"])


def test_a_generator_that_is_only_moved_on_is_left_alone_for_nobody():
    cells = "# %% a\nx = 1\n# %% b\nfrom sklearn.svm import SVC\nSVC().fit([[x], [2]], [0, 1])\n"
    program = api.analyze_bytes(notebook_bytes(cells), "demo")
    made = api.plan(program, Settings(granularity=Granularity.CELL))
    first = json.loads(step_files(made, program.facts, program.graph, program.notebook)[0].content)["cells"][0]
    assert "channel:numpy.random" not in first["watches"]


def test_names_that_nobody_has_bound_yet_should_stay_so():
    cells = "# %% a\nx = 1\n# %% b\ndel x\n# %% c\npass\n# %% d\nx, nowhere, len\n# %% e\npass\n"
    program = api.analyze_bytes(notebook_bytes(cells), "demo")
    made = api.plan(program, Settings(granularity=Granularity.CELL))
    steps = [json.loads(one.content)["cells"][0] for one in step_files(made, program.facts, program.graph, program.notebook)]
    assert [[name for name in ("x", "nowhere") if name in one["watches"]] for one in steps] == [
        ["nowhere"],
        ["nowhere"],
        *[["x", "nowhere"]] * 2,
        [],
    ]


def test_what_a_cell_binds_perhaps_may_be_final_after_an_earlier_one():
    cells = "# %% a\nx, y, z = [1], 2, 3\n# %% b\nx.append(2)\n# %% c\nif input_given: x = 4; z = 5\n# %% d\nz = 6\n"
    program = api.analyze_bytes(notebook_bytes(cells), "demo")
    made = api.plan(program, Settings(granularity=Granularity.CELL))
    files = step_files(made, program.facts, program.graph, program.notebook, account=Account(values=True))
    assert [json.loads(one.content)["cells"][0].get("describes", []) for one in files] == [["y"], ["x"], ["x"], ["z"]]
