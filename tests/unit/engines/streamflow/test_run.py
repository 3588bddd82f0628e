"""A run is finished when all its steps are, whatever the program says that runs them."""

import nbformat
import pytest

from nbcompile import api
from nbcompile.model.run import RunState


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "n.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1"), nbformat.v4.new_code_cell("print(x)")]), path)
    return path


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Has a script stand for the program that runs StreamFlow."""

    def use(script):
        program = tmp_path / "environment" / "bin" / "python"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("NBCOMPILE_STREAMFLOW", str(tmp_path / "environment"))

    return use


@pytest.mark.parametrize("code", [0, 1])
def test_an_engine_that_does_nothing_is_no_success(notebook, tmp_path, engine, code):
    engine(f"exit {code}")
    record = api.run(notebook, engine="streamflow", output=tmp_path / "out")
    assert record.state is RunState.FAILED
    assert [(failure.name, failure.lost) for failure in record.failures] == [("StreamFlowFailed", True)]


@pytest.mark.parametrize("by_the_last", [False, True])
def test_only_the_client_that_began_last_says_that_all_is_done(notebook, tmp_path, engine, by_the_last):
    engine("exit 1")
    api.run(notebook, engine="streamflow", output=tmp_path / "out")
    path = tmp_path / "out" / ".nbcompile" / "streamflow" / "notes.jsonl"
    done, notes = '{"note": "done", "at": 0}\n', path.read_text()
    path.write_text(notes + done if by_the_last else done + notes)
    api.resume(str(tmp_path / "out"))
    assert path.read_text().count('"began"') == (1 if by_the_last else 2)
