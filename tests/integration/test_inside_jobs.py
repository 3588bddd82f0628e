"""nbcompile itself as a job of Slurm: it submits jobs of its own, and what its own job has set is in none of them."""

import os
import signal
import sqlite3
import sys
from contextlib import closing

import pytest

from nbcompile import api
from nbcompile.engines.registry import find_run
from tests.integration.placed import HELD_SHOWN, Client, Held, left_behind, shown, write_deployments
from tests.integration.streamflow_environment import STREAMFLOW
from tests.services import slurm
from tests.services.ground import run

CELLS = """\
# %%
# nbc: target=cluster
import os
print(os.environ["SLURM_JOB_ID"], os.environ["SLURM_JOB_PARTITION"], os.environ.get("FOO"))

# %%
print(os.environ["SLURM_JOB_ID"])
"""
SCRIPT = '#!/bin/sh\nexport FOO=leak SBATCH_PARTITION=nosuch SBATCH_RESERVATION=nosuch SLURM_EXPORT_ENV=ALL\nexec "$@"\n'
NAME = f"inside-{os.getpid()}"

pytestmark = pytest.mark.slurm


@pytest.fixture
def inside(slurm_facility, calm, tmp_path, monkeypatch):
    """A client as a job of one core, which is not bound to it."""
    monkeypatch.setenv("NBCOMPILE_STREAMFLOW", str(STREAMFLOW))
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml")))
    for name, value in slurm.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    script = tmp_path / "batch.sh"
    script.write_text(SCRIPT)
    asked = ("--partition=long", "--ntasks=1", "--cpus-per-task=1", "--mem=1500M", f"--output={tmp_path / 'said'}", f"--job-name={NAME}")

    class Inside(Client):
        PROGRAM = ("sbatch", "--quiet", "--wait", "--export=ALL", *asked, str(script), sys.executable, "-m", "nbcompile")

    yield lambda *words: Inside(tmp_path, *words)
    run("scancel", f"--name={NAME}")


def test_its_jobs_are_jobs_beside_its_own(inside, tmp_path):
    (tmp_path / "cells.py").write_text(CELLS)
    client = inside("run", "cells.py", "--granularity", "cell", "-o", "out")
    code, said = client.end()
    assert code == 0, said + (tmp_path / "said").read_text()
    (_, [there]), (_, [here]) = shown(client.output)
    job, partition, foo = there.split()
    assert (partition, foo) == ("cpu", "None")
    assert job != here.strip()
    assert client.record()["jobs"] == 1


@pytest.mark.parametrize(("number", "state"), [pytest.param(signal.SIGTERM, "cancelled", marks=pytest.mark.full), (signal.SIGKILL, "died")])
def test_at_the_end_of_its_time_it_leaves_a_run_that_goes_on(inside, tmp_path, number, state):
    """Slurm terminates what a job runs, and kills it some seconds later."""
    held = Held(tmp_path / "held.py")
    client = inside("run", "held.py", "--granularity", "cell", "-o", "out", "--on", "cluster")
    native = client.until_running("os-")["ref"]["native"]
    client.until_ended(1)
    before = {note["step"] for note in client.notes() if note["note"] == "ended"}
    os.kill(client_of(client.output), number)
    client.end()
    assert find_run(str(client.output)).state == state
    if state == "cancelled":
        assert left_behind(client) == []
    held.let_go()
    assert api.resume(str(client.output)).state.value == "finished"
    assert shown(client.output) == HELD_SHOWN
    submitted = [note for note in client.notes() if note["note"] == "submitted"]
    natives = {note["step"]: {one["ref"]["native"] for one in submitted if one["step"] == note["step"]} for note in submitted}
    assert all(len(natives[step]) == 1 for step in (before if state == "cancelled" else natives)), natives
    assert any(native in found for found in natives.values())


@pytest.mark.full
def test_at_its_time_limit_the_run_is_cancelled_and_says_why(inside, tmp_path):
    """Slurm tells all processes of the job at once, and kills them three seconds later here."""
    held = Held(tmp_path / "held.py")
    client = inside("run", "held.py", "--granularity", "cell", "-o", "out", "--on", "cluster")
    client.until_running("os-")
    client.until_ended(1)
    job = run("squeue", "-h", f"--name={NAME}", "-o", "%i", env=slurm.ENVIRONMENT).strip()
    run("scontrol", "update", f"JobId={job}", "TimeLimit=1", env=slurm.ENVIRONMENT)
    client.end(240)
    assert slurm.sacct(job, "state") == "TIMEOUT"
    found = find_run(str(client.output))
    assert (found.state, found.reason) == ("cancelled", f"the Slurm job {job}, in which nbcompile runs, has reached its time limit")
    assert left_behind(client) == []
    held.let_go()
    assert api.resume(str(client.output)).state.value == "finished"
    assert shown(client.output) == HELD_SHOWN


def client_of(output):
    """The process that writes the run's journal."""
    with closing(sqlite3.connect(output / ".nbcompile" / "journal.sqlite")) as journal:
        return journal.execute("SELECT pid FROM owner").fetchone()[0]
