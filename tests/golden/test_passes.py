"""Small cases in `fixtures/passes/PASS/NAME.txt`: a reason, cells, then `# --- STAGE`, then the stage as text.

Files that lie beside the notebook stand above the cells, each below `# === NAME`.
"""

import re
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from nbcompile import api
from nbcompile.model import text
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from tests.golden.compare import difference
from tests.golden.notebooks import notebook_bytes

PASSES = Path(__file__).parents[2] / "fixtures" / "passes"
CASES = sorted(PASSES.rglob("*.txt"))
SEPARATOR = "# --- "
STAGES = {
    "facts": lambda program: text.facts_text(program.facts),
    "graph": lambda program: text.graph_text(program.graph),
    "plan": lambda program: text.plan_text(api.plan(program, Settings(granularity=Granularity.CELL))),
}


def read_case(path):
    """The cells with their reason, the stage, and what is expected of it."""
    cells, _, rest = path.read_text("utf-8").partition(SEPARATOR)
    stage, _, expected = rest.partition("\n")
    return cells, stage, expected


def produce(cells, stage, name):
    """The stage of a case's cells as text."""
    head, mark, body = cells.partition("# %%")
    notebook, beside = notebook_bytes(mark + body), re.split(r"(?m)^# === (\S+)\n", head)[1:]
    if not beside:
        return STAGES[stage](api.analyze_bytes(notebook, name))
    with TemporaryDirectory() as folder:
        for file, text in zip(beside[::2], beside[1::2], strict=True):
            (path := Path(folder, file)).parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        (path := Path(folder, f"{name}.ipynb")).write_bytes(notebook)
        return STAGES[stage](api.analyze(path))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.relative_to(PASSES).with_suffix("").as_posix())
def test_pass(path, accept):
    cells, stage, expected = read_case(path)
    produced = produce(cells, stage, path.stem)
    if accept:
        path.write_text(f"{cells}{SEPARATOR}{stage}\n{produced}", "utf-8")
    elif found := difference(path.name, expected.encode(), produced.encode()):
        pytest.fail("\n".join(found), pytrace=False)


def test_every_case_has_a_reason_that_no_other_has():
    reasons = {path: path.read_text("utf-8").partition("\n")[0] for path in CASES}
    without = [
        path.name for path, reason in reasons.items() if not reason.startswith("# ") or reason.startswith("# %%") or reason[-1] != "."
    ]
    twice = [reason for reason, count in Counter(reasons.values()).items() if count > 1]
    assert not without
    assert not twice


def test_no_two_cases_have_the_same_cells():
    cells = Counter((read_case(path)[0].partition("\n")[2], read_case(path)[1]) for path in CASES)
    assert not [text for text, count in cells.items() if count > 1]
