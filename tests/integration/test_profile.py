"""`nbcompile profile` runs a notebook, and what it writes is used as long as the cells stay as they are."""

import json

import click.testing
import pytest

from nbcompile import api
from nbcompile.cli import cli
from nbcompile.model.errors import CellFailed
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from nbcompile.profiling.profile import profile_json

pytestmark = pytest.mark.slow
# A module that is too long for analysis to follow.
LONG = "#" * 2**18 + "\n"
NOTEBOOK = "# %%\nimport time\nx = [1]\n# %%\ny = x\ntime.sleep(0.2)\n# %%\ny.append(2)\n# %%\nprint(x)\n"


def test_a_profile_is_written_and_used(tmp_path):
    path = tmp_path / "nb.py"
    path.write_text(NOTEBOOK, "utf-8")
    done = click.testing.CliRunner().invoke(cli, ["profile", str(path)])
    assert done.exit_code == 0, done.output
    assert "4 cells took" in done.stdout
    cells = json.loads((tmp_path / "nb.profile.json").read_text("utf-8"))["cells"]
    assert cells[1]["seconds"] > 0.2
    assert cells[2]["changes"] == ["x", "y"]
    assert sorted(tmp_path.iterdir()) == [tmp_path / "nb.profile.json", path]
    program = api.analyze(path)
    assert api.plan(program, Settings(granularity=Granularity.CELL)).profile
    path.write_text(NOTEBOOK + "# %%\nz = 1\n", "utf-8")
    assert api.analyze(path).profile is not None
    path.write_text(NOTEBOOK.replace("0.2", "0.3"), "utf-8")
    changed = api.analyze(path)
    assert changed.profile is None
    assert "NB331" in [found.rule.code for found in changed.diagnostics]


def test_a_change_that_only_the_profile_sees_is_planned(tmp_path):
    path, library = tmp_path / "nb.py", tmp_path / "shelf.py"
    library.write_text(LONG + "def look(rows):\n    rows[0]['seen'] = True\n", "utf-8")
    path.write_text("# %%\nimport shelf\nrows = [{'a': 1}]\n# %%\nshelf.look(rows)\n# %%\nprint(rows)\n", "utf-8")
    settings = Settings(granularity=Granularity.CELL)
    unaware = api.run(path, settings, output=tmp_path / "before")
    assert [found.rule.code for found in unaware.diagnostics if found.rule.code.startswith("NB50")] == ["NB501"]
    made = api.profile(path)
    assert [(lesson.code, lesson.cell, lesson.name) for lesson in made.lessons] == [("NB501", 1, "rows")]
    api.write_profile(made, path)
    assert "mutation" in {edge.kind.value for edge in api.analyze(path).graph.edges}
    aware = api.run(path, settings, output=tmp_path / "after")
    assert [found.rule.code for found in aware.diagnostics if found.rule.code.startswith("NB50")] == []
    assert len(aware.steps) == 3


def test_what_a_thread_changes_is_no_change_of_the_cells_beside_it(tmp_path):
    path = tmp_path / "nb.py"
    thread = "import threading, time\nlog = []\nt = threading.Timer(0.02, log.append, args=(1,)); t.start()\n"
    path.write_text(f"# %%\n{thread}# %%\ntime.sleep(0.2)\na = 1\n# %%\nprint(a)\n# %%\nt.join()\nprint(log)\n", "utf-8")
    made = api.profile(path)
    assert "log" in made.cells[1].changes
    api.write_profile(made, path)
    steps = api.plan(api.analyze(path), Settings(granularity=Granularity.CELL)).steps
    assert [step.cells for step in steps] == [(0, 3), (1,), (2,)]


def test_what_guards_find_is_planned(tmp_path):
    path, library = tmp_path / "nb.py", tmp_path / "noise.py"
    library.write_text(LONG + "import random\ndef last():\n    return random.random()\n", "utf-8")
    path.write_text("# %%\nimport random, noise\nrandom.seed(1)\n# %%\nnoise.last()\n# %%\nprint(random.random())\n", "utf-8")
    made = api.profile(path)
    once = api.profile(path, once=True)
    assert (bool(made.lessons), once.lessons) == (True, ())
    api.write_profile(made, path)
    assert api.analyze(path).profile == made
    again = api.run(path, Settings(granularity=Granularity.CELL, strict=True), output=tmp_path / "out")
    assert again.state.value == "finished"


@pytest.mark.parametrize(
    "lesson", [{"code": "NB001"}, {"cell": 9}, {"code": "NB506", "name": "x@y"}, {"cell": "one"}, {"name": None, "cell": None}]
)
def test_a_lesson_that_no_guard_gives_spoils_the_profile(tmp_path, lesson):
    path = tmp_path / "nb.py"
    path.write_text(NOTEBOOK, "utf-8")
    made = json.loads(profile_json(api.profile(path, once=True)))
    made["lessons"] = [{"code": "NB501", "cell": 1, "name": "x", "message": "", "remedy": "", **lesson}]
    path.with_suffix(".profile.json").write_text(json.dumps(made), "utf-8")
    program = api.analyze(path)
    assert program.profile is None
    assert "NB331" in [found.rule.code for found in program.diagnostics]


def test_a_run_that_fails_gives_no_profile(tmp_path):
    path = tmp_path / "nb.py"
    path.write_text("# %%\n1 / 0\n", "utf-8")
    with pytest.raises(CellFailed, match="ZeroDivisionError"):
        api.profile(path)
