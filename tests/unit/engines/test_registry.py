"""Runs are found again, and those that another version of nbcompile wrote are passed over."""

import sqlite3

import nbformat
import pytest

from nbcompile import api
from nbcompile.engines.registry import cancel_run, find_run, known_runs
from nbcompile.model.errors import UsageError


def test_a_run_of_another_version_is_passed_over(tmp_path):
    path = tmp_path / "n.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(1)")]), path)
    record = api.run(path, output=tmp_path / "run")
    assert record.id in [run.id for run in known_runs()]
    with sqlite3.connect(tmp_path / "run" / ".nbcompile" / "journal.sqlite") as journal:
        journal.execute("UPDATE step SET record = json_set(record, '$.of_the_future', 1)")
    assert record.id not in [run.id for run in known_runs()]
    with pytest.raises(UsageError, match="of another version of nbcompile"):
        find_run(str(tmp_path / "run"))


def test_what_does_not_run_is_not_cancelled_and_can_be_looked_at(tmp_path):
    path = tmp_path / "n.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(1)")]), path)
    record = api.run(path, output=tmp_path / "run")
    with pytest.raises(UsageError, match="is not running, but finished") as told:
        cancel_run(find_run(record.id))
    assert told.value.advice == f"see `nbcompile runs show {record.id}`"


def test_who_has_no_runs_is_told_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setenv("NBCOMPILE_STATE_DIR", str(tmp_path))
    with pytest.raises(UsageError, match="there are no runs yet"):
        find_run("last")
