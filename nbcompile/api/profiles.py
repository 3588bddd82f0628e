"""Profiles: made by running a notebook once, kept beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompile.api.jobs import completed, own_job
from nbcompile.api.programs import analyze
from nbcompile.model.errors import CellFailed
from nbcompile.model.plan import Granularity
from nbcompile.model.run import Account
from nbcompile.model.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbcompile.model.profile import Profile
    from nbcompile.model.run import RunEvent


def profile(path: str | Path, settings: Settings | None = None, *, on_event: Callable[[RunEvent], None] | None = None) -> Profile:
    """Run a notebook once in one process, and look at what each cell does. Keeps no files; `write_profile` does.

    Raises `NotebookError` when the notebook has errors, `CellFailed` when it ends early, `UsageError` and `PlaceFailed` when
    it cannot be run here.
    """
    from tempfile import TemporaryDirectory

    from nbcompile.engines.local.run import run_job
    from nbcompile.profiling.profile import make_profile

    path, settings = Path(path), replace(settings or Settings(), granularity=Granularity.NOTEBOOK, on="local", cached=False)
    with TemporaryDirectory(prefix="nbcompile-profile-") as folder:
        program = analyze(path)
        job = own_job(path, settings, Path(folder) / "run", Account(trace=True, plain=True))
        record = completed(run_job(job, on_event or (lambda _: None)))
    if record.failures:
        failure = record.failures[0]
        raise CellFailed(f"cell {failure.cell}: {failure.name}: {failure.message}", "a profile is one of a whole run; see `nbcompile run`")
    cells = [cell for step in record.steps for cell in step.cell_records]
    return make_profile(program.notebook, record.interpreter.version, cells)


def write_profile(made: Profile, path: str | Path) -> Path:
    """Write a profile beside its notebook, where `plan`, `run` and `build` find it."""
    from nbcompile.emitters.write import write_whole
    from nbcompile.profiling.profile import profile_json, profile_name

    place = Path(path).with_name(profile_name(Path(path).stem))
    write_whole(place, profile_json(made).encode())
    return place
