"""The StreamFlow program: where it is, and a process of it that ends when we do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from nbcompile.engines.streamflow.host import Hosting
from nbcompile.model.errors import PlaceFailed, UsageError

_VARIABLE = "NBCOMPILE_STREAMFLOW"

# `python -m streamflow` ends with 0 whatever happens to the workflow.
_MAIN = "import sys; from streamflow.main import run; sys.exit(run())"


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
    """A running StreamFlow."""

    def __init__(self, python: str, words: Sequence[str], hosting: Hosting, desk: Desk, log: Path) -> None:
        """Start it in the run's own directories. It has the other end of a pipe that closes with us, however we end."""
        theirs, self._lifeline = os.pipe()
        home = hosting.notes.parent
        ours = {**desk.variables(), **replace(hosting, lifeline=theirs).variable(), "HOME": str(home), "TMPDIR": str(home / "tmp")}
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        try:
            with log.open("ab") as output:
                self._process = subprocess.Popen(  # noqa: S603 - an argv of an interpreter the person chose
                    (python, "-c", _MAIN, "run", *words),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=home,
                    env={**os.environ, **ours},
                    pass_fds=(theirs, desk.descriptor),
                    start_new_session=True,
                )
        except OSError as error:
            os.close(self._lifeline)
            raise PlaceFailed(f"cannot start {python}: {error.strerror}", f"see {_VARIABLE}") from None
        finally:
            os.close(theirs)

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
        """See that it has ended."""
        os.close(self._lifeline)
        if self._process.poll() is None:
            self.abandon()
        self._process.wait()

    def _signal(self, number: int) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)
