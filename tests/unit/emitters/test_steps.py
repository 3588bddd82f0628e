"""What a step document says."""

import json

from nbcompile import api
from nbcompile.emitters.steps import step_files
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from tests.golden.notebooks import notebook_bytes


def test_only_what_can_be_replayed_is_a_definition():
    program = api.analyze_bytes(
        notebook_bytes("# %% a\nimport math\n# %% b\nvalue = open('x').read()\nalias = value\n# %% c\nprint(alias)\n"), "demo"
    )
    made = api.plan(program, Settings(granularity=Granularity.CELL))
    last = json.loads(step_files(made, program.facts, program.graph, program.notebook)[-1].content)
    assert [one["binds"] for one in last["definitions"]] == [["math"]]
