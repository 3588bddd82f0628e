"""The directories of the step that comes next, and the files it opens first, made while others run.

Some file systems take most of a millisecond to make one, and a step has six directories and three files that are the same for every step.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from nbcompile.engines.directory import PRIVATE, RunDirectory
from nbcompile.runtime.files import make_fresh


class NextPlace:
    """A directory as a step wants it, with another name until it is known which step that is."""

    def __init__(self, directory: RunDirectory) -> None:
        self._path = directory.next_work
        self._made = False

    def make(self) -> None:
        """Make it, if it is not there."""
        if not self._made:
            self.remove()
            make_fresh(str(self._path / PRIVATE))
            self._made = True

    def give(self, work: Path) -> None:
        """Let `work` be a directory in which nothing has happened."""
        shutil.rmtree(work, ignore_errors=True)
        if self._made:
            self._path.rename(work)
            self._made = False
        else:
            work.mkdir(parents=True)

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self._path, ignore_errors=True)
        self._made = False
