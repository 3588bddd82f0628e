"""Lets a run go on in a process of its own, after the command has ended and its terminal is closed.

The command has the terminal until the run has begun, and puts to the person what hosts ask at the login.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import click

from nbcompile.cli.errors import tell_bug, tell_error
from nbcompile.cli.following import exit_code
from nbcompile.engines.home import state_directory
from nbcompile.model.errors import ExitCode, NbcompileError
from nbcompile.model.run import RunEvent, RunRecord, RunStarted
from nbcompile.reporting.run_summary import summary
from nbcompile.tenancy.asking import TerminalAsk
from nbcompile.tenancy.relay import VARIABLE, QuestionDesk


def run_detached(run: Callable[[Callable[[RunEvent], None]], RunRecord]) -> NoReturn:
    """Start a run and exit when it has begun. What keeps it from beginning is told as ever, with its exit code."""
    log = _new_log()
    ours, theirs = os.pipe()
    questions, answers = socket.socketpair()
    child = os.fork()
    if child == 0:
        os.close(ours)
        questions.close()
        os.environ[VARIABLE] = str(answers.fileno())
        _leave_terminal(log)
        _run(run, theirs)
    os.close(theirs)
    with closing(QuestionDesk(TerminalAsk(), (questions, answers))), os.fdopen(ours, encoding="utf-8") as begun:
        try:
            directory = begun.readline().strip()
        except BaseException:  # Ctrl-C: what nobody has been told of does not go on
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
            raise
    if directory:
        see, end = (f"`nbcompile runs {word} {shlex.quote(directory)}`" for word in ("show", "cancel"))
        click.echo(f"the run goes on in {directory}; see {see}, end it with {end}", err=True)
        raise SystemExit(0)
    _, status = os.wait()
    click.echo(log.read_text("utf-8", "replace"), err=True, nl=False)
    raise SystemExit(os.waitstatus_to_exitcode(status))


def _run(run: Callable[[Callable[[RunEvent], None]], RunRecord], begun: int) -> NoReturn:
    """In the process that goes on. It leaves without what the command would still do."""
    code, waits = 1, True

    def tell(event: RunEvent) -> None:
        nonlocal waits
        if isinstance(event, RunStarted) and waits:  # a run that repairs itself starts again
            os.write(begun, f"{event.directory}\n".encode())
            os.close(begun)
            waits = False

    try:
        record = run(tell)
        # Nobody sees this but where the run has ended before it had begun.
        click.echo(summary(record, colour=False), err=True, nl=False)
        code = exit_code(record)
    except NbcompileError as error:
        tell_error("nbcompile", error)
        code = int(error.exit_code)
    except Exception as error:  # noqa: BLE001 - whatever comes here is a bug of ours, and is told as one
        tell_bug(error)
        code = int(ExitCode.BUG)
    finally:
        sys.stderr.flush()
        os._exit(code)


def _new_log() -> Path:
    folder = state_directory() / "detached"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, path = tempfile.mkstemp(".log", dir=folder)
    os.close(descriptor)
    return Path(path)


def _leave_terminal(log: Path) -> None:
    """A session of its own, nothing to read, and what is printed goes to a file."""
    os.setsid()
    nothing, output = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_APPEND)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
