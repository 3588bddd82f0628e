"""The journal outlives its writer, and has one writer at a time."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest

from nbcompile.engines.directory import claim_directory
from nbcompile.engines.journal import Journal
from nbcompile.engines.registry import DIED, RUNNING, find_run, known_runs, load_run, register
from nbcompile.model.errors import PlaceFailed, UsageError
from nbcompile.model.run import CellRecord, KnownRun, KnownStep, StepRecord, StepState

RUN = KnownRun(
    id="demo-1",
    notebook="/n/demo.ipynb",
    engine="local",
    started="2026-01-01T00:00:00Z",
    state="running",
    step_count=2,
    request={"jobs": 2},
)
STEP = StepRecord(step="a", cells=(0, 1), state=StepState.FINISHED, seconds=1.5, cell_records=(CellRecord(index=0, id="x", state="ok"),))


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("NBCOMPILE_STATE_DIR", str(tmp_path / "state"))


def test_what_is_noted_is_read_back(tmp_path):
    directory = claim_directory(tmp_path / "run", "demo")
    with Journal(directory.journal, writes=True) as journal:
        journal.begin(RUN)
        journal.note(KnownStep(step="a", state="running"))
        journal.note(KnownStep(step="b", state="running", job={"pid": 3}))
        journal.note(KnownStep(step="a", state="finished", key="k", parts={"cells": "1"}, result="r", record=STEP))
        journal.end("finished")
    found = load_run(directory)
    assert (found.request, found.state) == ({"jobs": 2}, "finished")
    assert [step.step for step in found.steps] == ["a", "b"]
    assert (found.steps[0].record, found.steps[0].parts, found.steps[1].job) == (STEP, {"cells": "1"}, {"pid": 3})


CLIENT = """
import sys
from pathlib import Path
from nbcompile.engines.directory import claim_directory
from nbcompile.engines.journal import Journal
from nbcompile.model.run import KnownRun
directory = claim_directory(Path(sys.argv[1]), "demo")
journal = Journal(directory.journal, writes=True)
journal.begin(KnownRun(id="demo-2", notebook="n", engine="local", started="s", state="running", step_count=1))
print("ready", flush=True)
sys.stdin.read()
"""


SETTLE = """
journal.settle("cancelled", "its time is over")
print("settled", flush=True)
import time
time.sleep(600)
"""


def test_a_directory_belongs_to_one_living_run(tmp_path):
    path = tmp_path / "run"
    client = subprocess.Popen([sys.executable, "-c", CLIENT, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert client.stdout.readline() == "ready\n"
    with pytest.raises(UsageError, match=f"process {client.pid} on "):
        claim_directory(path, "demo")
    client.kill()
    client.wait()
    register("demo-2", claim_directory_of(path))
    assert find_run("demo-2").state == DIED
    claim_directory(path, "demo")


def test_a_run_that_was_settled_ended_so_though_its_client_was_killed_before_it_was_through(tmp_path):
    path = tmp_path / "run"
    client = subprocess.Popen([sys.executable, "-c", CLIENT + SETTLE, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert client.stdout.readline() == "ready\n"
    client.stdin.close()
    assert client.stdout.readline() == "settled\n"
    assert load_run(claim_directory_of(path)).state == RUNNING
    client.kill()
    client.wait()
    found = load_run(claim_directory_of(path))
    assert (found.state, found.reason) == ("cancelled", "its time is over")


def test_a_journal_without_reasons_is_read_and_written(tmp_path):
    directory = claim_directory(tmp_path / "run", "demo")
    with Journal(directory.journal, writes=True) as journal:
        journal.begin(RUN)
        journal.end("finished")
    with contextlib.closing(sqlite3.connect(directory.journal)) as before:
        before.execute("ALTER TABLE run DROP COLUMN reason")
        before.execute("PRAGMA user_version = 1")
    assert (load_run(directory).state, load_run(directory).reason) == ("finished", "")
    with Journal(directory.journal, writes=True) as journal:
        journal.settle("cancelled", "why")
        journal.end("cancelled")
    assert load_run(directory).reason == "why"


def claim_directory_of(path):
    from nbcompile.engines.directory import RunDirectory

    return RunDirectory(path)


def test_runs_are_found_by_directory_id_and_beginning(tmp_path):
    for name in ("demo-1", "demo-22"):
        directory = claim_directory(tmp_path / name, "demo")
        with Journal(directory.journal, writes=True) as journal:
            journal.begin(KnownRun(id=name, notebook="n", engine="local", started="s", state="finished", step_count=0))
            journal.end("finished")
        register(name, directory)
        os.utime(tmp_path / "state" / "runs" / name, (len(name), len(name)))
    assert [run.id for run in known_runs()] == ["demo-22", "demo-1"]
    assert find_run(str(tmp_path / "demo-1")).id == "demo-1"
    assert (find_run("demo-2").id, find_run("last").id) == ("demo-22", "demo-22")
    for unknown in ("demo", "nothing", "a/b"):
        with pytest.raises(UsageError, match="run"):
            find_run(unknown)


def test_a_file_that_is_no_journal_is_told(tmp_path):
    directory = claim_directory(tmp_path / "run", "demo")
    directory.journal.write_bytes(b"not a database, but longer than a header")
    with pytest.raises(PlaceFailed, match="cannot be used"):
        load_run(directory)


def test_a_full_disk_is_told_as_one_and_the_journal_stays_whole(tmp_path):
    directory = claim_directory(tmp_path / "run", "demo")
    with Journal(directory.journal, writes=True) as journal:
        journal.begin(RUN)
        pages = journal._database.execute("PRAGMA page_count").fetchone()[0]
        journal._database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(PlaceFailed, match="full") as told:
            journal.begin(replace(RUN, request={"large": "x" * 100_000}))
        assert "free some space, then go on with `nbcompile runs resume" in told.value.advice
        assert journal.run().request == {"jobs": 2}
