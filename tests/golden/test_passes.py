"""Small cases in `fixtures/passes/STAGE/NAME.txt`: cells, then `# ---`, then the stage as text."""

from pathlib import Path

import pytest

from nbcompile import api
from nbcompile.model import text
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from tests.golden.compare import difference
from tests.golden.notebooks import notebook_bytes

PASSES = Path(__file__).parents[2] / "fixtures" / "passes"
SEPARATOR = "# ---\n"
STAGES = {
    "facts": lambda program: text.facts_text(program.facts),
    "graph": lambda program: text.graph_text(program.graph),
    "plan": lambda program: text.plan_text(api.plan(program, Settings(granularity=Granularity.CELL))),
}


@pytest.mark.parametrize("path", sorted(PASSES.rglob("*.txt")), ids=lambda path: path.relative_to(PASSES).with_suffix("").as_posix())
def test_pass(path, accept):
    cells, _, expected = path.read_text("utf-8").partition(SEPARATOR)
    program = api.analyze_bytes(notebook_bytes(cells[cells.index("# %%") :]), path.stem)
    produced = STAGES[path.parent.name](program)
    if accept:
        path.write_text(cells + SEPARATOR + produced, "utf-8")
    elif found := difference(path.name, expected.encode(), produced.encode()):
        pytest.fail("\n".join(found), pytrace=False)
