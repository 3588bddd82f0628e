"""A notebook of which every cell is a step of its own gives the notebook and the files that a kernel gives."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.integration.test_fixture_notebooks import (
    NAMES,
    NOTEBOOKS,
    SELDOM_CELLS,
    UNSTEADY_CELLS,
    UNSTEADY_FILES,
    differing,
    read_tree,
    run_plainly,
    shown,
)

NBCOMPILE = Path(sys.executable).parent / "nbcompile"
QUICK = ("epidemic", "pendulum")
# Files that hold pickles: what they hold is the same, but which equal strings in it are one object depends on the process.
PICKLES = {"house_prices": {"house_model.joblib"}}
CELLS_DIRECTORY = re.compile(r"/[^\s\"'\\]*/(?:OUTPUTS|[\w-]+\.outputs)\.json\.work(?:/above)*/cells")
OURS = ("run.json", "report.html")


def run_cut(name, directory, *words, project=""):
    """The code cells and the written files after a run in steps, and what the run found. `project` is an nbcompile.yml."""
    shutil.copytree(NOTEBOOKS, directory)
    if project:
        (directory / "nbcompile.yml").write_text(project, "utf-8")
    command = [NBCOMPILE, "run", f"{name}.ipynb", "-o", "out", *words]
    subprocess.run(
        command, check=True, cwd=directory, env={**os.environ, "PYTHONHASHSEED": "0", "XDG_CACHE_HOME": str(directory / "cache")}
    )
    executed = nbformat.read(directory / "out" / f"{name}.executed.ipynb", as_version=4)
    cells = {index: steady(shown(cell)) for index, cell in enumerate(cell for cell in executed.cells if cell.cell_type == "code")}
    files = {path: digest for path, digest in read_tree(directory / "out").items() if not path.startswith(".nbcompile/")}
    return cells, {path: digest for path, digest in files.items() if path not in (*OURS, f"{name}.executed.ipynb")}


def steady(text):
    return CELLS_DIRECTORY.sub("DIRECTORY", text)


def compare(name, tmp_path, *words, alike=lambda one, other: False, project=""):
    """Compare a run in steps with a plain one. `alike` says of two files that their difference means nothing."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    plain, plain_files = run_plainly(notebook, tmp_path / "plain", "0")
    plain = {index: text.replace(str(tmp_path / "plain"), "DIRECTORY") for index, text in plain.items()}
    cells, files = run_cut(name, tmp_path / "cut", *words, project=project)
    assert differing(plain, cells) <= UNSTEADY_CELLS.get(name, set()) | SELDOM_CELLS.get(name, set())
    different = {path for path in differing(plain_files, files) if not alike(tmp_path / "plain" / path, tmp_path / "cut" / "out" / path)}
    assert different <= UNSTEADY_FILES.get(name, set()) | PICKLES.get(name, set())


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_every_cell_a_step(name, tmp_path):
    compare(name, tmp_path, "--granularity", "cell")


@pytest.mark.full
@pytest.mark.parametrize("name", [name for name in NAMES if name not in QUICK])
@pytest.mark.parametrize("granularity", ["cell", "auto"])
def test_every_notebook(name, granularity, tmp_path):
    compare(name, tmp_path, "--granularity", granularity)


def notebook_of(*cells):
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, id=f"c{number}") for number, source in enumerate(cells)])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return made


# The author is wrong, and analysis believes it.
WRONG = ("import operator\na = [1]\nb = {'n': 1}", "operator.methodcaller('append', 2)(a)  # nbc: pure", "print(a)", "print(b)")


@pytest.mark.slow
def test_what_was_not_foreseen_is_repaired_and_told(tmp_path):
    nbformat.write(notebook_of(*WRONG), tmp_path / "wrong.ipynb")
    command = [NBCOMPILE, "run", "wrong.ipynb", "--granularity", "cell", "-o"]
    done = subprocess.run([*command, "out"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cell 1: warning NB501" in done.stderr
    executed = nbformat.read(tmp_path / "out" / "wrong.executed.ipynb", as_version=4)
    assert [cell.outputs[0].text for cell in executed.cells[2:]] == ["[1, 2]\n", "{'n': 1}\n"]
    record = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert [(one["code"], one["cell_index"]) for one in record["diagnostics"]] == [("NB501", 1)]
    strict = subprocess.run([*command, "strict", "--strict"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert strict.returncode == 1
    assert "NB501" in strict.stderr
