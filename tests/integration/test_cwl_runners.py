"""`nbcompile run --engine`: another program runs the bundle, and the results look the same."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import nbformat
import pytest

from tests.integration.test_local_engine import NBCOMPILE, SCHEMA, alive, eventually, texts

pytestmark = pytest.mark.slow


@pytest.fixture
def notebook(tmp_path):
    def write(*cells):
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, id=f"c{n}") for n, source in enumerate(cells)])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(made, tmp_path / "demo.ipynb")
        return tmp_path / "demo.ipynb"

    return write


def run(path, *words):
    return subprocess.run([NBCOMPILE, "run", path, "-o", "out", *words], check=False, capture_output=True, text=True, cwd=path.parent)


def read_record(path):
    record = json.loads((path.parent / "out" / "run.json").read_text("utf-8"))
    jsonschema.validate(record, SCHEMA)
    return record


@pytest.mark.parametrize("engine", ["cwltool", "toil-cwl-runner"])
def test_a_runner_gives_the_executed_notebook(notebook, engine):
    path = notebook("import sys\nprint(sys.executable)", "print('two')")
    done = run(path, "--engine", engine, "--python", sys.executable)
    assert done.returncode == 0, done.stderr
    shown = texts(path.parent / "out" / "demo.executed.ipynb")
    assert (Path(shown[0].strip()).parent, shown[1]) == (Path(sys.executable).parent, "two\n")
    record = read_record(path)
    assert (record["engine"], record["state"], {step["state"] for step in record["steps"]}) == (engine, "finished", {"finished"})
    assert not (path.parent / "out" / ".nbcompile" / "tmp").is_dir() or not list((path.parent / "out" / ".nbcompile" / "tmp").iterdir())


def test_a_bundle_can_be_named(notebook):
    path = notebook("print(1)")
    subprocess.run([NBCOMPILE, "build", path], check=True, cwd=path.parent, capture_output=True)
    assert run(path.parent / "build" / "demo", "--engine", "cwltool").returncode == 0
    assert texts(path.parent / "build" / "out" / "demo.executed.ipynb") == ["1\n"]
    given = run(path.parent / "build" / "demo", "--engine", "cwltool", "-p", "n", "5")
    assert (given.returncode, "inputs.yml" in given.stderr) == (2, True)


@pytest.mark.parametrize("words", [("--jobs", "2"), ("--keep-going",), ("--threads", "divide")])
def test_what_a_runner_does_not_hear_of_is_refused(notebook, words):
    path = notebook("print(1)")
    done = run(path, "--engine", "cwltool", *words)
    assert (done.returncode, f"does not hear of {' '.join(words[:1])}" in done.stderr, (path.parent / "out").exists()) == (2, True, False)


def test_a_failed_cell_is_told(notebook):
    path = notebook("raise ValueError('no luck')")
    done = run(path, "--engine", "cwltool")
    assert done.returncode != 0
    assert "ValueError: no luck" in done.stderr
    assert read_record(path)["state"] == "failed"


def test_a_runner_that_is_not_there_is_a_usage_error(notebook):
    path = notebook("pass")
    assert (run(path, "--engine", "no-such-runner").returncode, (path.parent / "out").exists()) == (2, False)
    assert run(path.parent, "--engine", "cwltool").returncode == 2


@pytest.mark.parametrize("script", ["echo 'usage: [OPTION]... FILE'", "exit 3"])
def test_a_program_that_is_no_runner_is_a_usage_error(notebook, tmp_path, script):
    """It is asked for its help and nothing else: it is not given a workflow, and there is no run."""
    path, program = notebook("pass"), tmp_path / "programs" / "no-runner"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$*" = --help ] || touch {tmp_path}/was-run\n{script}\n', "utf-8")
    program.chmod(0o755)
    done = run(path, "--engine", str(program))
    assert (done.returncode, "is no CWL runner" in done.stderr, "cwltool" in done.stderr) == (2, True, True), done.stderr
    assert not (path.parent / "out").exists()
    assert not (tmp_path / "was-run").exists()


def test_a_runner_that_nobody_has_heard_of_is_used(notebook, tmp_path):
    path, program = notebook("print(1)"), tmp_path / "my-runner"
    program.write_text(f'#!/bin/sh\nexec "{Path(sys.executable).parent}/cwltool" "$@"\n', "utf-8")
    program.chmod(0o755)
    done = run(path, "--engine", str(program), "--python", sys.executable)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_an_interrupted_runner(notebook, number):
    marker = f"2{time.monotonic_ns() % 10**6}.5"
    path = notebook(f"import subprocess\nsubprocess.run(['sleep', '{marker}'])")
    running = subprocess.Popen([NBCOMPILE, "run", path, "-o", "out", "--engine", "cwltool"], cwd=path.parent, stderr=subprocess.DEVNULL)
    assert eventually(lambda: alive(marker))
    running.send_signal(number)
    running.wait(60)
    assert eventually(lambda: not alive(marker))
