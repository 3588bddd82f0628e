"""Starts the warm parent of a run before the notebook is analysed: it makes a kernel while we are still planning.

Whether it has the right interpreter is known only with the plan; if not, it is ended, and nothing is lost but its work.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from nbcompile.engines.local.interpreter import choose_interpreter
from nbcompile.engines.local.kept_runtime import keep_runtime
from nbcompile.engines.local.workers import WarmParent, environ_of_steps
from nbcompile.model.errors import NbcompileError


class EarlyParent:
    """A warm parent that no run has taken over yet."""

    def __init__(self, python: str, runtime: Path, environ: Mapping[str, str]) -> None:
        self._python = python
        self._directory = Path(tempfile.mkdtemp(prefix="nbcompile-kernel-"))
        self._parent: WarmParent | None = WarmParent(python, runtime, environ_of_steps(environ), self._directory / "log")
        self._parent.remove_at_end([self._directory])
        self._parent.warm_up(self._directory)

    def take(self, python: str, log: Path) -> WarmParent | None:
        """The parent, for a run whose cells this interpreter runs; `None`, and it ends, where that is another one."""
        if self._parent is None or python != self._python:
            self.close()
            return None
        parent, self._parent = self._parent, None
        parent.print_to(log)
        return parent

    def close(self) -> None:
        """End it, unless a run has taken it over: that is over, too, by now."""
        if self._parent is not None:
            self._parent.close()
            self._parent = None
        # What is no Python removes nothing.
        shutil.rmtree(self._directory, ignore_errors=True)


def start_early(notebook: Path, python: str, environ: Mapping[str, str], runtime: str) -> EarlyParent | None:
    """A warm parent with the interpreter that will probably run the notebook; `None` where that cannot be told."""
    try:
        choice = choose_interpreter(python, _kernel(notebook), environ)
        return EarlyParent(choice.path, keep_runtime(runtime), environ)
    except (NbcompileError, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # The run meets it again, and says what is wrong.
        return None


def _kernel(notebook: Path) -> str:
    """The kernel that the notebook names; what is no JSON names none that we know of yet."""
    if notebook.suffix != ".ipynb" or not notebook.is_file():
        return ""
    metadata = json.loads(notebook.read_bytes()).get("metadata", {})
    return str(metadata.get("kernelspec", {}).get("name", ""))
