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

    from nbcompile.engines.job import RunJob
    from nbcompile.model.guard import GuardBreak
    from nbcompile.model.profile import Profile
    from nbcompile.model.run import RunEvent


def profile(
    path: str | Path, settings: Settings | None = None, *, once: bool = False, on_event: Callable[[RunEvent], None] | None = None
) -> Profile:
    """Run a notebook in one process, look at what each cell does, and run it again to see what analysis does not foresee.

    The second run, left out if the notebook shall run `once`, has a step for every cell, and is repaired as every local run is. Keeps no
    files; `write_profile` does.

    Raises `NotebookError` when the notebook has errors, `CellFailed` when it ends early, `UsageError` and `PlaceFailed` when
    it cannot be run here.
    """
    from tempfile import TemporaryDirectory

    from nbcompile.engines.local.run import run_job
    from nbcompile.profiling.profile import make_profile

    path, settings = Path(path), replace(settings or Settings(), granularity=Granularity.NOTEBOOK, on="local", cached=False)
    tell = on_event or (lambda _: None)
    with TemporaryDirectory(prefix="nbcompile-profile-") as folder:
        program = analyze(path)
        job = own_job(path, settings, Path(folder) / "run", Account(trace=True, plain=True))
        record = completed(run_job(job, tell))
        lessons = list(program.profile.lessons) if program.profile else []
        if not (record.failures or once):
            again = own_job(path, replace(settings, granularity=Granularity.CELL), Path(folder) / "cells", Account())
            completed(run_job(_noting(again, lessons), tell))
    if record.failures:
        failure = record.failures[0]
        raise CellFailed(f"cell {failure.cell}: {failure.name}: {failure.message}", "a profile is one of a whole run; see `nbcompile run`")
    cells = [cell for step in record.steps for cell in step.cell_records]
    return replace(make_profile(program.notebook, record.interpreter.version, cells), lessons=tuple(dict.fromkeys(lessons)))


def _noting(job: RunJob, lessons: list[GuardBreak]) -> RunJob:
    """The job, and those that it is repaired by, with what guards find noted down."""

    def repair(breaks: tuple[GuardBreak, ...]) -> RunJob | None:
        lessons.extend(breaks)
        repaired = job.repair(breaks) if job.repair else None
        return _noting(repaired, lessons) if repaired else None

    return replace(job, repair=repair)


def write_profile(made: Profile, path: str | Path) -> Path:
    """Write a profile beside its notebook, where `plan`, `run` and `build` find it."""
    from nbcompile.emitters.write import write_whole
    from nbcompile.profiling.profile import profile_json, profile_name

    place = Path(path).with_name(profile_name(Path(path).stem))
    write_whole(place, profile_json(made).encode())
    return place
