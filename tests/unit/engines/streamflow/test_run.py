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


@pytest.mark.parametrize("code", [0, 1])
def test_an_engine_that_does_nothing_is_no_success(notebook, tmp_path, monkeypatch, code):
    program = tmp_path / "environment" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\nexit {code}\n")
    program.chmod(0o755)
    monkeypatch.setenv("NBCOMPILE_STREAMFLOW", str(tmp_path / "environment"))
    record = api.run(notebook, engine="streamflow", output=tmp_path / "out")
    assert record.state is RunState.FAILED
    assert [(failure.name, failure.lost) for failure in record.failures] == [("StreamFlowFailed", True)]
