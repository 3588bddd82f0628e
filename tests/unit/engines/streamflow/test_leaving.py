"""Ctrl-C while jobs run elsewhere is a question, at a terminal."""

import fcntl
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from nbcompile.engines.signals import SignalWatch
from nbcompile.engines.streamflow.leaving import asks_to_leave

PROGRAM = """
from nbcompile.engines.signals import SignalWatch
from nbcompile.engines.streamflow.leaving import asks_to_leave
with SignalWatch() as signals:
    print(asks_to_leave(["hpc"], signals), flush=True)
"""


@pytest.mark.parametrize(("keys", "leaves"), [(b"d\n", "True"), (b"c\n", "False"), (b"\n", "False"), (b"\x03", "False")])
def test_the_answer_is_taken_from_the_terminal(keys, leaves):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - one system call
    )
    os.close(theirs)
    asked = b""
    while not asked.endswith(b"? "):
        asked += os.read(ours, 1000)
    os.write(ours, keys)
    assert process.communicate(timeout=20)[0].decode().strip() == leaves
    os.close(ours)
    assert b"Jobs run at hpc." in asked


def test_where_nobody_can_be_asked_nothing_is_left(monkeypatch):
    with Path(os.devnull).open() as nobody, SignalWatch() as signals:
        monkeypatch.setattr("sys.stdin", nobody)
        assert asks_to_leave(["hpc"], signals) is False
