"""The process that reaches places, seen from here: what it says, what it fails to say, and that it ends."""

import os
import signal
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from nbcompile.engines.streamflow import program
from nbcompile.engines.streamflow.program import Program
from nbcompile.model.errors import Denied, PlaceFailed, UsageError
from nbcompile.model.software import Site, SoftwareQuestion

ASKED = {Site("hpc"): SoftwareQuestion(modules=("numpy",))}


class Nobody:
    """A desk at which nobody asks."""

    descriptor = 2

    def variables(self):
        return {}


@pytest.fixture
def started(tmp_path):
    def start(script):
        path = tmp_path / "python"
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)
        return closing(Program(str(path), Nobody()))

    return start


def test_an_answer_is_given(started):
    with started('read -r line <&$NBCOMPILE_VISIT; echo "{\\"found\\": [], \\"nodes\\": {}}" >&$NBCOMPILE_VISIT') as reached:
        assert reached.visit("a-run", ASKED) == {"found": [], "nodes": {}}


@pytest.mark.parametrize(("code", "kind"), [(2, UsageError), (4, Denied), (5, PlaceFailed)])
def test_what_keeps_it_from_a_place_is_raised_here(started, code, kind):
    problem = f'{{\\"problem\\": {{\\"exit_code\\": {code}, \\"message\\": \\"no\\", \\"advice\\": \\"wait\\"}}}}'
    with started(f'echo "{problem}" >&$NBCOMPILE_VISIT') as reached, pytest.raises(kind, match="no") as caught:
        reached.visit("a-run", ASKED)
    assert caught.value.advice == "wait"


def test_one_that_cannot_start_says_why(started):
    with started("echo no module named nbcompile >&2; exit 1") as reached, pytest.raises(PlaceFailed, match="no module named nbcompile"):
        reached.visit("a-run", ASKED)


def test_one_that_still_logs_in_is_ended_at_once(started, monkeypatch):
    monkeypatch.setattr(program, "_VISIT_SECONDS", 0.5)
    monkeypatch.setattr(program, "_LEAVE_SECONDS", 3600)
    with started("sleep 3600") as reached:
        with pytest.raises(PlaceFailed, match="do not answer"):
            reached.visit("a-run", ASKED)
        pid = reached._process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_it_can_be_interrupted_where_we_were_started_in_the_background(monkeypatch):
    """A shell has such commands ignore Ctrl-C, and so all that they start."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        reached = Program(sys.executable, Nobody())
    finally:
        signal.signal(signal.SIGINT, before)
    with closing(reached):
        deadline = time.monotonic() + 60
        while not _catches(reached._process.pid, signal.SIGINT):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _catches(process, number):
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    caught = next(line.split()[1] for line in lines if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (number - 1) & 1)
