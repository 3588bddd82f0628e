"""Frees what nobody needs any more: results in the cache, and what ended runs keep to be resumed or opened."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.filesystem import told_as_place_failure
from nbcompile.engines.home import cache_directory
from nbcompile.engines.store import Store
from nbcompile.model.run import KnownRun

# Where steps worked; as a place of a run that had others besides, this machine has a store of its own.
_KEPT = ("work", "here")


class Freed(NamedTuple):
    """Bytes that were freed in the cache and in runs, and what is left in the cache."""

    cache_bytes: int
    run_bytes: int
    left_bytes: int


def free(runs: Iterable[KnownRun], *, most_bytes: int | None, most_seconds: float | None) -> Freed:
    """Remove results by age and size, and by age the working directories of runs that have ended; their results stay."""
    run_bytes = (
        sum(_free_run(RunDirectory(run.directory), most_seconds) for run in runs if run.state != "running")
        if most_seconds is not None
        else 0
    )
    with told_as_place_failure(cache_directory(), "try again"):
        cache_bytes, left = Store(cache_directory()).collect(most_bytes=most_bytes, most_seconds=most_seconds)
    return Freed(cache_bytes, run_bytes, left)


def _free_run(directory: RunDirectory, most_seconds: float) -> int:
    kept = [path for path in (directory.state / name for name in _KEPT) if path.is_dir()]
    if not kept or time.time() - directory.journal.stat().st_mtime < most_seconds:
        return 0
    freed = sum(map(_bytes_below, kept))
    for path in kept:
        shutil.rmtree(path, ignore_errors=True)
    return freed - sum(_bytes_below(path) for path in kept if path.exists())


def _bytes_below(directory: Path) -> int:
    paths = (Path(folder, name) for folder, _, names in os.walk(directory) for name in names)
    return sum(path.lstat().st_size for path in paths)
