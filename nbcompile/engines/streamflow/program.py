"""The StreamFlow program: where it is, and a process of it that ends when we do."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from nbcompile.engines.streamflow.host import Hosting
from nbcompile.model.errors import Denied, ExitCode, NbcompileError, PlaceFailed, UsageError
from nbcompile.model.software import Site, SoftwareQuestion

_VARIABLE = "NBCOMPILE_STREAMFLOW"

CHANNEL = "NBCOMPILE_VISIT"
"""Names the descriptor through which the process is told what to do."""

# StreamFlow chooses places of its own when it is imported, which must be those of the run.
# A shell that starts a command in the background has it ignore the signal that ends this process.
_MAIN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from nbcompile.api.visits import serve

def workflow():
    from nbcompile.streamflow_plugin import run_workflow
    return run_workflow

sys.exit(serve(workflow))
"""
_VISIT_SECONDS = 1800
_LEAVE_SECONDS = 10
_LAST_WORDS = 500


def find_streamflow(environ: Mapping[str, str]) -> str:
    """The Python that has StreamFlow: of the environment that NBCOMPILE_STREAMFLOW names, else our own. Raises `UsageError`."""
    named = environ.get(_VARIABLE)
    if named:
        python = Path(named) / "bin" / "python"
        if not os.access(python, os.X_OK):
            raise UsageError(f"{_VARIABLE} is {named}, which has no bin/python", "name an environment with `nbcompile[streamflow]`")
        return str(python)
    if find_spec("streamflow") is None:
        raise UsageError(
            "steps that are placed elsewhere need StreamFlow, which is not installed",
            f"install `nbcompile[streamflow]`, here or in an environment that {_VARIABLE} names",
        )
    return sys.executable


class Desk(Protocol):
    """Where a process without a terminal has the questions of a login answered."""

    @property
    def descriptor(self) -> int:
        """What the other process inherits."""

    def variables(self) -> dict[str, str]:
        """What the other process finds in its environment."""


class Program:
    """A process that reaches the places of one run, and runs its workflow there when it is told to (nbcompile/api/visits.py)."""

    def __init__(self, python: str, desk: Desk) -> None:
        """Start it. It has the other end of a socket that closes with us, however we end."""
        self._python, self._busy = python, False
        self._channel, theirs = socket.socketpair()
        self._early = tempfile.TemporaryFile()  # noqa: SIM115 - what it prints before it has a log; `close` closes it
        ours = {**desk.variables(), CHANNEL: str(theirs.fileno())}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - an argv of an interpreter the person chose
                (python, "-c", _MAIN),
                stdin=subprocess.DEVNULL,
                stdout=self._early,
                stderr=self._early,
                env={**os.environ, **ours},
                pass_fds=(theirs.fileno(), desk.descriptor),
                start_new_session=True,
            )
        except OSError as error:
            self._channel.close()
            raise PlaceFailed(f"cannot start {python}: {error.strerror}", f"see {_VARIABLE}") from None
        finally:
            theirs.close()

    def visit(self, run: str, questions: Mapping[Site, SoftwareQuestion]) -> Mapping[str, Any]:
        """Have it log in to the deployments of these sites, and ask there; its answer. Raises what keeps it from that."""
        asked = [[site.deployment, site.environment, asdict(question)] for site, question in questions.items()]
        self._send({"run": run, "visit": asked})
        self._busy = True
        self._channel.settimeout(_VISIT_SECONDS)
        try:
            with self._channel.makefile("rb") as answers:
                line = answers.readline()
        except ConnectionResetError:
            line = b""  # it ended before it had read the question
        except TimeoutError:
            raise PlaceFailed(f"the places do not answer within {_VISIT_SECONDS} s", "see `nbcompile doctor`") from None
        finally:
            self._channel.settimeout(None)
        if not line.endswith(b"\n"):
            self._early.seek(0)
            said = self._early.read().decode("utf-8", "replace").strip()[-_LAST_WORDS:]
            raise PlaceFailed(f"{self._python} cannot reach the places: {said}", "see `nbcompile doctor`")
        self._busy = False
        answer: Mapping[str, Any] = json.loads(line)
        if "problem" in answer:
            raise _problem(answer["problem"])
        return answer

    def go(self, words: Sequence[str], hosting: Hosting, log: Path) -> None:
        """Have it run the workflow, in the run's own directories."""
        home = hosting.notes.parent
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        variables = {**hosting.variable(), "HOME": str(home), "TMPDIR": str(home / "tmp")}
        self._send({"words": [*words], "variables": variables, "directory": str(home), "log": str(log)})

    @property
    def code(self) -> int | None:
        """How it ended, if it has."""
        return self._process.poll()

    def interrupt(self) -> None:
        """Ask it to end everything it started."""
        self._signal(signal.SIGINT)

    def abandon(self) -> None:
        """End it at once. What runs at the places goes on."""
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """See that it has ended. One that was never told to go leaves the places first."""
        self._channel.close()
        if self._busy:
            self.abandon()  # it would log in to the end
        try:
            self._process.wait(_LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self.abandon()
            self._process.wait()
        self._early.close()

    def _send(self, message: Mapping[str, Any]) -> None:
        # One that has ended already says so by its exit code.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._channel.sendall(json.dumps(message).encode() + b"\n")

    def _signal(self, number: int) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)


def _problem(found: Mapping[str, Any]) -> NbcompileError:
    kinds = {ExitCode.USAGE: UsageError, ExitCode.DENIED: Denied}
    if kind := kinds.get(ExitCode(found["exit_code"])):
        return kind(found["message"], found["advice"])
    problem = PlaceFailed(found["message"], found["advice"])
    problem.deployment = found.get("deployment", "")
    return problem
