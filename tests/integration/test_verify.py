"""`nbcompile verify` with a real kernel and the real local engine."""

import json
import subprocess
import sys
import time
from pathlib import Path

import click.testing
import jsonschema
import pytest

from nbcompile import api
from nbcompile.cli import cli
from nbcompile.model.errors import NotebookError, PlaceFailed, UsageError
from nbcompile.model.settings import Settings
from nbcompile.model.verification import Verdict

pytestmark = pytest.mark.slow
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "reference" / "verify.schema.json").read_text("utf-8"))
NOTEBOOK = """\
# %%
import numpy as np
x = [1, 2]
def double(one): return [2 * part for part in one]
# %%
y = double(x)
print(y)
display(y)
print("after what is displayed")
# %%
x.append(5)
# %%
z = np.array(x).sum() + len(y)
z
"""


def write(directory, text, name="nb.py"):
    path = directory / name
    path.write_text(text, "utf-8")
    return path


def run(path, *arguments):
    done = click.testing.CliRunner().invoke(cli, ["verify", str(path), *arguments])
    return done.exit_code, done.stdout


def test_equal(tmp_path):
    code, shown = run(write(tmp_path, NOTEBOOK), "--format", "json")
    found = json.loads(shown)
    jsonschema.validate(found, SCHEMA)
    assert (code, found["verdict"], found["silent_differences"]) == (0, "equal", 0)
    assert [run["name"] for run in found["runs"]][:2] == ["plain", "cell"]
    assert found["runs"][0]["variables"] == found["runs"][1]["variables"] == 5
    assert sorted(tmp_path.iterdir()) == [tmp_path / "nb.py"]


RUNS_A_SCRIPT = """\
# %%
open("tools.py", "w").write("def twice(n):\\n    return 2 * n\\n")
open("script.py", "w").write("from tools import twice\\nnever_used, used = twice(1), twice(2)\\n")
# %%
%run script.py
# %%
print(used)
"""


def test_what_a_script_binds_is_compared_though_no_cell_mentions_it(tmp_path):
    code, shown = run(write(tmp_path, RUNS_A_SCRIPT), "--format", "json")
    found = json.loads(shown)
    assert (code, found["verdict"]) == (0, "equal"), shown
    assert [one["variables"] for one in found["runs"]] == [3, 3, 3]


ABOVE = """\
# %%
import os
print(os.getcwd(), os.path.abspath("../data"))
# %%
text = open("../data/x.csv").read()
# %%
open("results/here.txt", "w").write(text)
open("../data/there.txt", "w").write(text * 2)
"""


def test_what_cells_read_and_write_above_the_directory(tmp_path):
    for folder in ("data", "notebooks", "notebooks/results"):
        (tmp_path / folder).mkdir()
    (tmp_path / "data" / "x.csv").write_text("1,2")
    code, shown = run(write(tmp_path / "notebooks", ABOVE), "--format", "json")
    found = json.loads(shown)
    assert (code, found["verdict"], found["runs"][0]["files"]) == (0, "equal", 2), shown
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["x.csv"]


PROJECT = """\
# %%
import os
from pathlib import Path
if Path.cwd().name == "notebooks":
    os.chdir("..")
# %%
print(open("data/x.csv").read(), os.path.basename(os.getcwd()) == "notebooks")
# %%
open("results/y.csv", "w").write("z")
# %%
print(open("results/y.csv").read())
"""
ROOT = """\
# %%
import os
from pathlib import Path
HERE, ROOT = os.getcwd(), Path.cwd().parent
# %%
text = (ROOT / "data" / "x.csv").read_text()
# %%
(ROOT / "results" / "more").mkdir()
(ROOT / "results" / "more" / "y.csv").write_text(text)
# %%
print(os.path.basename(HERE), [path.name for path in sorted((ROOT / "results").rglob("*"))], os.path.samefile(HERE, "."))
"""


@pytest.mark.parametrize("text", [PROJECT, ROOT])
def test_notebooks_that_ask_where_they_lie(tmp_path, text):
    for folder in ("data", "notebooks", "results"):
        (tmp_path / folder).mkdir()
    (tmp_path / "data" / "x.csv").write_text("1,2")
    code, shown = run(write(tmp_path / "notebooks", text), "--format", "json")
    found = json.loads(shown)
    assert (code, found["verdict"], found["runs"][0]["files"], found["failed_cell"], found["unsteady"]) == (0, "equal", 1, None, []), shown


def test_what_the_last_cell_that_reads_a_variable_changes_unforeseen(tmp_path):
    (tmp_path / "scores.py").write_text("class Model:\n    seen = 0\ndef score(rows, model):\n    model.seen = len(rows)\n")
    path = write(tmp_path, "# %%\nimport scores\nmodel = scores.Model()\n# %%\nscores.score([1, 2], model)\n")
    found = api.verify(path)
    assert (found.verdict, found.runs[1].steps) == (Verdict.EQUAL, 2)


def test_not_deterministic(tmp_path):
    code, shown = run(write(tmp_path, "# %%\nimport random\nx = random.random()\n# %%\nprint(x)\n# %%\ny = 1\n"), "--format", "json")
    found = json.loads(shown)
    jsonschema.validate(found, SCHEMA)
    assert (code, found["verdict"], found["differences"]) == (0, "unsteady", [])
    assert [(one["cell"], one["subject"]) for one in found["unsteady"]] == [(0, "x"), (1, "stdout")]


def test_equal_up_to_a_failure(tmp_path):
    code, shown = run(write(tmp_path, "# %%\nx = 1\n# %%\n1 / 0\n# %%\nprint(x)\n"))
    assert code == 3
    assert "the plain run ends in cell 1: ZeroDivisionError" in shown


def test_without_a_kernel_the_plain_run_is_one_step(tmp_path, monkeypatch):
    monkeypatch.setattr("nbcompile.verify.observe.find_client", lambda python: "")
    found = api.verify(write(tmp_path, NOTEBOOK))
    assert found.verdict is Verdict.EQUAL
    assert found.runs[0].how == "1 steps of the local engine"


def test_what_is_recorded_is_compared_with(tmp_path, monkeypatch):
    path = write(tmp_path, "# %%\nimport os\nx = [0.5]\n# %%\nprint(os.environ['SHOWN'])\nx\n")
    monkeypatch.setenv("SHOWN", "this")
    assert run(path, "--record")[0] == 0
    assert (tmp_path / "nb.verify.json").is_file()
    monkeypatch.setenv("SHOWN", "that")
    code, shown = run(path)
    assert code == 1
    assert "cell 1, stdout (recorded)" in shown
    assert run(path, "--accept")[0] == 0
    path.write_text(path.read_text("utf-8") + "y = 1\n", "utf-8")
    with pytest.raises(UsageError, match="of other cells"):
        api.verify(path)


CLASSES = """\
# %%
class Base:
    shared = []
    def __init__(self, x): self.x = x
    def put(self, y): self.x.append(y); return self
# %%
Base.__len__ = lambda self: len(self.x)
# %%
class Derived(Base):
    def put(self, y): return super().put(y + 1)
def collect(found):
    return lambda x: x in found
# %%
one = Derived([1])
has = collect((1, 2))
# %%
print(one.put(4).x, len(one), has(2), isinstance(one, Base))
"""


def test_classes_that_no_step_can_run_again(tmp_path):
    found = api.verify(write(tmp_path, CLASSES))
    assert found.verdict is Verdict.EQUAL, found.differences


def test_a_run_that_is_ended_is_no_difference(tmp_path):
    # In a kernel the cell ends at once; in a step it waits.
    waiting = tmp_path / "waiting"
    waits = f"open({str(waiting)!r}, 'w').close(); time.sleep(600)"
    source = f"# %%\nimport os, time\nif 'JPY_PARENT_PID' not in os.environ:\n    {waits}\n"
    argv = [sys.executable, "-m", "nbcompile", "verify", str(write(tmp_path, source))]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not waiting.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    process.terminate()
    shown, _ = process.communicate(timeout=60)
    assert (process.returncode, shown) == (143, b"")


def test_a_notebook_that_breaks_its_kernel(tmp_path):
    path = write(tmp_path, "# %%\nimport json\n# %%\njson.dumps = lambda *words, **named: 'nothing'\n# %%\nprint(1)\n")
    with pytest.raises(NotebookError, match="no plain run to compare with") as told:
        api.verify(path)
    (found,) = told.value.findings
    assert (found.rule.code, found.place.cell_index, found.path) == ("NB597", 1, str(path))
    assert told.value.exit_code == 1


def test_a_kernel_that_cannot_start_is_started_once_more(tmp_path):
    started = tmp_path / "started"
    python = tmp_path / "python"
    python.write_text(
        f"""#!/bin/sh
case "$*" in
*ipykernel_launcher*) echo >> {started}; if [ "$(wc -l < {started})" -le "$FAILS" ]; then exit 1; fi ;;
esac
exec {sys.executable} "$@"
""",
        "utf-8",
    )
    python.chmod(0o755)
    path = write(tmp_path, "# %%\nprint(1)\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAILS", "1")
        assert api.verify(path, Settings(python=str(python))).verdict is Verdict.EQUAL
        assert len(started.read_text("utf-8")) == 2
        patch.setenv("FAILS", "9")
        with pytest.raises(PlaceFailed, match="cannot run"):
            api.verify(path, Settings(python=str(python)))
