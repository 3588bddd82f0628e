"""A run that goes on by itself: what the command says and how it ends."""

import os
import subprocess
import sys
import time

import nbformat

TWICE = """
import sys
from pathlib import Path
from nbcompile.cli.detach import run_detached
from nbcompile.model.run import Interpreter, RunRecord, RunStarted, RunState

here = Path(sys.argv[1])

def run(tell):
    for _ in range(2):  # a placed run whose guards were broken
        tell(RunStarted(here, Interpreter("python3", "3", ""), 1, 1))
    record = RunRecord(id="r", notebook=here, directory=here, state=RunState.FINISHED, interpreter=Interpreter("python3", "3", ""),
                       started="", seconds=0.0, steps=(), engine="streamflow", jobs=1, cells=0)
    (here / "ended").touch()
    return record

run_detached(run)
"""

BROKEN = """
from nbcompile.cli.detach import run_detached

run_detached(lambda tell: {}["nothing"])
"""


def environ(tmp_path, **more):
    return {**os.environ, "NBCOMPILE_STATE_DIR": str(tmp_path / "state"), **more}


def test_a_run_that_begins_twice_goes_on(tmp_path):
    done = subprocess.run([sys.executable, "-c", TWICE, tmp_path], capture_output=True, text=True, env=environ(tmp_path), check=False)
    assert (done.returncode, f"the run goes on in {tmp_path}" in done.stderr) == (0, True), done.stderr
    assert f"`nbcompile runs cancel {tmp_path}`" in done.stderr
    deadline = time.monotonic() + 60
    while not (tmp_path / "ended").exists():
        assert time.monotonic() < deadline, "it did not go on"
        time.sleep(0.05)


def test_a_run_that_ends_before_it_has_begun_is_told_and_no_success(tmp_path):
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")]), tmp_path / "n.ipynb")
    program = tmp_path / "environment" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    words = [sys.executable, "-m", "nbcompile", "run", "n.ipynb", "--engine", "streamflow", "--detach"]
    variables = environ(tmp_path, NBCOMPILE_STREAMFLOW=str(program.parents[1]))
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env=variables, check=False)
    assert (done.returncode, "StreamFlow ended with exit code 1" in done.stderr) == (5, True), done.stderr


def test_what_is_wrong_with_a_notebook_is_told_with_its_lines(tmp_path):
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = (")]), tmp_path / "n.ipynb")
    words = [sys.executable, "-m", "nbcompile", "run", "n.ipynb"]
    plain, detached = (
        subprocess.run([*words, *more], cwd=tmp_path, capture_output=True, text=True, env=environ(tmp_path), check=False)
        for more in ((), ("--detach",))
    )
    assert "n.ipynb: cell 0 line 1: error NB006" in plain.stderr
    assert (detached.returncode, detached.stderr) == (plain.returncode, plain.stderr)


def test_a_bug_before_a_run_has_begun_is_told_as_one(tmp_path):
    variables = environ(tmp_path, TMPDIR=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", BROKEN], capture_output=True, text=True, env=variables, check=False)
    assert (done.returncode, "a bug in nbcompile: KeyError" in done.stderr) == (70, True), done.stderr
    assert str(next(tmp_path.glob("nbcompile-crash-*.json"))) in done.stderr
