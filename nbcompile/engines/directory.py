"""The directory of a run: results a person looks for on top, what the run itself needs in `.nbcompile` below."""

from __future__ import annotations

import contextlib
import errno
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import count
from pathlib import Path

from nbcompile.engines.filesystem import remedy
from nbcompile.engines.journal import Journal
from nbcompile.model.errors import NbcompileError, PlaceFailed, UsageError
from nbcompile.model.plan import StepId

STATE = ".nbcompile"
# In the directory of a step: what it has for itself while it runs.
PRIVATE = "OUTPUTS.json.work"
# What another directory is the answer to.
_UNFIT = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
# What moving a directory to a name that another one has meanwhile ends in.
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Where everything of one run lies."""

    path: Path

    @property
    def state(self) -> Path:
        """What the run itself needs."""
        return self.path / STATE

    @property
    def runtime(self) -> Path:
        """The step runtime."""
        return self.state / "nbcompile_runtime.py"

    @property
    def journal(self) -> Path:
        """What became of every step (nbcompile/engines/journal.py)."""
        return self.state / "journal.sqlite"

    @property
    def source(self) -> Path:
        """The notebook as it was when the run began."""
        return self.state / "notebook.ipynb"

    @property
    def template(self) -> Path:
        """The notebook without outputs."""
        return self.state / "template.ipynb"

    @property
    def parent_log(self) -> Path:
        """What the warm parent printed."""
        return self.state / "logs" / "parent.log"

    @property
    def kernel(self) -> Path:
        """For the files of the kernel that the warm parent makes; empty otherwise."""
        return self.state / "kernel"

    def document(self, step: StepId) -> Path:
        """The step's document."""
        return self.state / "steps" / f"{step}.json"

    def log(self, step: StepId) -> Path:
        """What the step's process printed besides what its cells show."""
        return self.state / "logs" / f"{step}.log"

    def work(self, step: StepId) -> Path:
        """The directory that the step runs in."""
        return self.state / "work" / step

    @property
    def next_work(self) -> Path:
        """The directory of a step that has no name yet."""
        return self.state / "next"

    def events(self, step: StepId) -> Path:
        """What happens in the step while it runs (docs/reference/step.md)."""
        return self.work(step) / PRIVATE / "journal"

    def outputs(self, step: StepId) -> Path:
        """What the step's cells showed, `nbcompile/outputs/1`."""
        return self.work(step) / "OUTPUTS.json"

    def files(self, step: StepId) -> Path:
        """The files that the step's cells wrote."""
        return self.work(step) / f"{step}.files"


def new_run_id(name: str) -> str:
    """An id for a run: readable, sortable by time for each notebook, and its own."""
    now = datetime.now(timezone.utc)
    return f"{name}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def claim_directory(wanted: Path | None, name: str) -> RunDirectory:
    """Make the directory of a new run: `wanted`, else the first of NAME.run, NAME.run-2, … that is not taken.

    Raises `UsageError` for one that another run has or that nobody can write to, and `PlaceFailed` where the disk takes no more.
    """
    path = wanted or Path()
    try:
        if wanted is not None:
            wanted.mkdir(parents=True, exist_ok=True)
            return _with_state(wanted)
        for path in _names(name):
            with contextlib.suppress(FileExistsError):
                path.mkdir()
                break
        return _with_state(path)
    except OSError as error:
        raise _refused(path, error) from None


def _refused(path: Path, error: OSError) -> NbcompileError:
    kind = UsageError if error.errno in _UNFIT else PlaceFailed
    return kind(f"cannot begin a run in {path}: {error.strerror or error}", f"{remedy(error)}, or name another directory with -o")


def _names(name: str) -> Iterator[Path]:
    yield Path(f"{name}.run")
    for number in count(2):
        yield Path(f"{name}.run-{number}")


def _with_state(path: Path) -> RunDirectory:
    """Make the run's state beside its place and move it there, so that of two runs that want one directory one gets it."""
    directory = RunDirectory(path.absolute())
    if directory.journal.exists():
        with Journal(directory.journal, writes=True):
            pass  # raises where another run is at work
    new, old = (path / f"{STATE}.{word}-{secrets.token_hex(4)}" for word in ("new", "old"))
    try:
        for folder in ("steps", "logs", "work", "kernel"):
            (new / folder).mkdir(parents=True)
        new.chmod(0o700)
        with Journal(new / directory.journal.name, writes=True):
            pass  # from here on it is known whose this is
        _put(new, directory.state, old)
    finally:
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)
    return directory


def _put(new: Path, state: Path, old: Path) -> None:
    """Give the run's state its place, and what an earlier run had there the name `old`, unless another run is quicker."""
    taken = UsageError(f"another run has just begun in {state.parent}", "name another directory with -o")
    if state.exists():
        try:
            state.rename(old)
        except FileNotFoundError:
            raise taken from None
    try:
        new.rename(state)
    except OSError as error:
        if error.errno in _TAKEN:
            raise taken from None
        with contextlib.suppress(OSError):
            old.rename(state)  # the earlier run is as it was
        raise
