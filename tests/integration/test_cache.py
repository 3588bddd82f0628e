"""Runs that find results of earlier runs: what is run again, what is not, and that nobody can tell the difference."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

NBCOMPILE = Path(sys.executable).parent / "nbcompile"
pytestmark = pytest.mark.slow

CELLS = ("import numpy as np", "a = np.arange(10)\nprint('made a')", "b = a.sum()\nb", "import time\nnow = time.time()")


class Project:
    """A notebook with a cache of its own."""

    def __init__(self, directory):
        self.directory = directory
        self.environ = {**os.environ, "NBCOMPILE_CACHE_DIR": str(directory / "cache"), "PYTHONPATH": str(directory / "lib")}

    def write(self, *cells):
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, id=f"c{n}") for n, source in enumerate(cells)])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(made, self.directory / "demo.ipynb")

    def call(self, *words):
        return subprocess.run([NBCOMPILE, *words], check=False, capture_output=True, text=True, cwd=self.directory, env=self.environ)

    def run(self, *words, code=0):
        """The cells that were run and not found, and the texts that the executed notebook shows."""
        done = self.call("run", "demo.ipynb", "-o", "out", "--granularity", "cell", *words)
        assert done.returncode == code, done.stderr
        record = json.loads((self.directory / "out" / "run.json").read_text("utf-8"))
        ran = [step["cells"][0] for step in record["steps"] if not step["cached"]]
        shown = [cell.outputs for cell in nbformat.read(self.directory / "out" / "demo.executed.ipynb", as_version=4).cells]
        return sorted(ran), shown


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    made.write(*CELLS)
    return made


def test_only_what_changed_and_what_cannot_be_kept_runs_again(project):
    ran, first = project.run()
    assert ran == [0, 1, 2, 3]
    ran, second = project.run()
    assert (ran, second[:3]) == ([3], first[:3])
    project.write(CELLS[0], f"# a remark instead of nothing\n{CELLS[1]}", "b = a.max()\nb", CELLS[3])
    assert project.run()[0] == [1, 2, 3]
    assert project.run("--no-cache")[0] == [0, 1, 2, 3]


@pytest.mark.parametrize("damage", [lambda path: os.truncate(path, 5), lambda path: path.write_bytes(b"x" * path.stat().st_size)])
def test_a_damaged_entry_is_noticed_and_made_again(project, damage):
    _, first = project.run()
    for path in (project.directory / "cache").glob("v1/*/*/*"):
        if path.is_file():
            path.chmod(0o600)
            damage(path)
    ran, second = project.run()
    assert (ran, second[:3]) == ([0, 1, 2, 3], first[:3])


def test_a_distribution_matters_to_the_steps_that_import_it(project):
    lib = project.directory / "lib"
    for name in ("ours", "theirs"):
        (lib / f"{name}-1.0.dist-info").mkdir(parents=True)
        (lib / f"{name}-1.0.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (lib / f"{name}-1.0.dist-info" / "RECORD").write_text(f"{name}.py,,\n")
        (lib / f"{name}.py").write_text(f"VALUE = '{name}'\n")
    project.write("import ours", "import theirs", "print(ours.VALUE)", "print(theirs.VALUE)")
    project.run()
    assert project.run()[0] == []
    metadata = lib / "theirs-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.0", "2.0"))
    assert project.run()[0] == [1, 3]
    (lib / "ours.py").write_text("VALUE = 'changed'\n")
    assert project.run()[0] == [0, 2]


def test_two_runs_in_one_directory_do_not_disturb_each_other(project):
    words = [NBCOMPILE, "run", "demo.ipynb", "--granularity", "cell", "-q"]
    runs = [subprocess.Popen(words, cwd=project.directory, env=project.environ, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [run.communicate()[1] and run.returncode for run in runs] == ["", ""]
    found = sorted(path.name for path in project.directory.glob("demo.run*"))
    assert found == ["demo.run", "demo.run-2"]
    assert all((project.directory / name / "demo.executed.ipynb").exists() for name in found)


def test_threads_are_divided_only_when_asked(project):
    project.write("import os\nprint(os.environ.get('OMP_NUM_THREADS'))")
    project.environ.pop("OMP_NUM_THREADS", None)
    assert project.run("--jobs", "1000")[1][0][0].text == "None\n"
    done = project.call("run", "demo.ipynb", "-o", "out", "--threads", "divide", "--jobs", "1000")
    assert "sums may differ in their last digits" in done.stderr
    assert project.run("--threads", "divide", "--jobs", "1000")[1][0][0].text == "1\n"


def test_what_steps_took_is_known_to_later_runs_that_want_no_results(project):
    project.write("import time\ntime.sleep(0.1)\na = 1", "import time\ntime.sleep(0.4)\nb = 2")
    firsts = []
    for _ in range(2):
        project.run("--no-cache", "--jobs", "1")
        steps = json.loads((project.directory / "out" / "run.json").read_text("utf-8"))["steps"]
        firsts.append(min(steps, key=lambda step: step["started_seconds"])["cells"][0])
    assert firsts == [0, 1]
