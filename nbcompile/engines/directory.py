"""The directory of a run: results a person looks for on top, what the run itself needs in `.nbcompile` below."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import count
from pathlib import Path

from nbcompile.engines.journal import Journal
from nbcompile.model.errors import UsageError
from nbcompile.model.plan import StepId

STATE = ".nbcompile"


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

    def events(self, step: StepId) -> Path:
        """What happens in the step while it runs (docs/reference/step.md)."""
        return self.work(step) / "OUTPUTS.json.work" / "journal"

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
    """Make the directory of a new run: `wanted`, else the first of NAME.run, NAME.run-2, … that is not taken."""
    if wanted is not None:
        try:
            wanted.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot make {wanted}: {error.strerror}", "name another directory with -o") from None
        return _with_state(wanted)
    for candidate in _names(name):
        try:
            candidate.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"cannot make {candidate}: {error.strerror}", "name a directory with -o") from None
        return _with_state(candidate)
    raise AssertionError("there is always a next number")


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
    for folder in ("steps", "logs", "work", "kernel"):
        (new / folder).mkdir(parents=True)
    new.chmod(0o700)
    with Journal(new / directory.journal.name, writes=True):
        pass  # from here on it is known whose this is
    try:
        if directory.state.exists():
            directory.state.rename(old)
        new.rename(directory.state)
    except OSError:
        shutil.rmtree(new, ignore_errors=True)
        raise UsageError(f"another run has just begun in {path}", "name another directory with -o") from None
    finally:
        shutil.rmtree(old, ignore_errors=True)
    return directory
