"""A placed run that finds results of earlier runs at its places: what is run again, what is not, and that it shows the same."""

import json
import os
import re
import subprocess
import sys

import pytest

from nbcompile import api
from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.registry import load_run
from nbcompile.engines.why import why_run
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from tests.integration.placed import PERSON, host, shown, write_deployments
from tests.integration.streamflow_environment import STREAMFLOW
from tests.services import sshd
from tests.services.ground import ROOT, run

CELLS = [
    "import numpy as np\n\ndef double(x):\n    return x * 2",
    "a = np.arange(10)\nprint('made a')",
    "b = double(a).sum()\nb",
    "open('out.txt', 'w').write(str(b))\n",
    "print(open('given.txt').read(), open('out.txt').read())",
    "import time\nnow = time.time()",
]


@pytest.fixture
def project(ssh_hosts, calm, tmp_path, monkeypatch):
    monkeypatch.setenv("NBCOMPILE_STREAMFLOW", str(STREAMFLOW))
    monkeypatch.setenv("NBCOMPILE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml")))
    (tmp_path / "given.txt").write_text("given")
    return Project(tmp_path)


class Project:
    """A notebook that runs at a host."""

    def __init__(self, directory):
        self.directory = directory
        self.runs = 0

    def write(self, *cells):
        made = [
            {"cell_type": "code", "outputs": [], "execution_count": None, "metadata": {}, "id": f"c{n}", "source": source}
            for n, source in enumerate(cells)
        ]
        document = {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (self.directory / "demo.ipynb").write_text(json.dumps(document), "utf-8")

    def run(self, *, on="host1", **more):
        """The cells whose steps ran, and what the executed notebook shows."""
        self.runs += 1
        self.output = self.directory / f"out{self.runs}"
        record = api.run(self.directory / "demo.ipynb", Settings(granularity=Granularity.CELL, on=on, **more), output=self.output)
        assert record.failures == ()
        self.record = record
        return sorted(cell for step in record.steps if not step.cached for cell in step.cells), shown(self.output)

    def why(self, cell):
        known = load_run(RunDirectory(self.output))
        (step,) = [step.step for step in self.record.steps if cell in step.cells]
        return list(why_run(known, step))


@pytest.mark.ssh
def test_only_what_changed_and_what_cannot_be_kept_runs_again(project):
    project.write(*CELLS)
    first, before = project.run()
    assert first == [0, 1, 2, 3, 4, 5]
    again, after = project.run()
    assert (again, after[:5]) == ([5], before[:5])
    assert (project.output / "out.txt").read_text() == "90"
    assert "its result was kept by an earlier run" in project.why(1)[0]
    assert "runs every time: it asks for the time" in project.why(5)[0]
    # A remark changes nothing; another function changes what was made with it, and what comes after it where that is another value.
    project.write(CELLS[0].replace("x * 2", "x * 3"), f"{CELLS[1]}\n# a remark", *CELLS[2:])
    changed, shows = project.run()
    assert changed == [0, 2, 3, 4, 5]
    assert any("double" in line for line in project.why(2)), project.why(2)
    assert shows[4] == [5, ["given 135\n"]]
    (project.directory / "given.txt").write_text("another")
    assert project.run()[0] == [4, 5]
    assert project.run(cached=False)[0] == [0, 1, 2, 3, 4, 5]


@pytest.mark.full
@pytest.mark.ssh
def test_what_the_place_no_longer_has_is_made_again(project):
    project.write("import numpy as np\na = np.arange(100_000)", "print(a.sum())")
    _, before = project.run()
    assert project.run()[0] == []
    for path in ROOT.glob(f"home/{PERSON}/nbcompile/store/*/*"):
        if path.is_file() and path.stat().st_size > 500_000:
            path.unlink()
    ran, after = project.run()
    assert (ran, after) == ([0], before)


@pytest.mark.ssh
@pytest.mark.full
def test_shards_are_kept_one_by_one(project):
    cells = ["numbers = list(range(4))", "# nbc: scatter=numbers\nsquares = [n * n for n in numbers]", "print(sum(squares))"]
    project.write(*cells)
    _, before = project.run()
    assert project.run() == ([], before)
    notes = (project.output / ".nbcompile" / "streamflow" / "notes.jsonl").read_text().splitlines()
    assert [note for note in map(json.loads, notes) if note["note"] == "submitted"] == []


@pytest.mark.full
@pytest.mark.ssh
def test_another_host_has_results_of_its_own(project):
    project.write("a = 1", "print(a)")
    project.run()
    assert project.run(on="login")[0] == [0, 1]


@pytest.mark.full
@pytest.mark.ssh
def test_steps_of_this_machine_are_found_beside_those_of_a_host(project):
    project.write("a = list(range(1000))", "# nbc: target=host1\nb = [x * 2 for x in a]", "c = sum(b)\nprint(c)")
    first, before = project.run(on="")
    assert first == [0, 1, 2]
    assert project.run(on="") == ([], before)
    assert {step.place for step in project.record.steps} == {"local", "host1"}
    project.write("a = list(range(2000))", "# nbc: target=host1\nb = [x * 2 for x in a]", "c = sum(b)\nprint(c)")
    assert project.run(on="") == ([0, 1, 2], [[1], [2], [3, ["3998000\n"]]])


@pytest.mark.full
@pytest.mark.ssh
def test_what_a_place_keeps_is_removed_when_nobody_has_used_it_for_long(project, tmp_path):
    root = ROOT / "home" / PERSON / f"pruned-{os.getpid()}"
    write_deployments(tmp_path / "deployments.yml", own={**host(sshd.HOST1), "workRoot": str(root)})
    project.write("import numpy as np\na = np.arange(100_000)", "print(a.sum())")
    try:
        _, before = project.run(on="own")
        assert "freed 0.0 MiB at own" in free("--on", "own", "--max-age", "1d")
        assert project.run(on="own") == ([], before)
        freed = re.search(r"freed ([0-9.]+) MiB at own", free("--on", "own", "--max-age", "0s"))
        assert freed
        assert float(freed[1]) > 0.5
        assert project.run(on="own") == ([0, 1], before)
    finally:
        run("rm", "-rf", root)


def free(*words):
    """What `runs gc` says."""
    done = subprocess.run([sys.executable, "-m", "nbcompile", "runs", "gc", *words], capture_output=True, text=True, check=True)
    return done.stderr
