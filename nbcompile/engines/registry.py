"""Where the runs of this person are: a small file per run, so that a run is found from any directory."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.home import state_directory
from nbcompile.engines.journal import Journal
from nbcompile.model.errors import NbcompileError, PlaceFailed, UsageError
from nbcompile.model.run import KnownRun, RunRecord, RunState

_ID = re.compile(r"[^/\0]{1,200}")
RUNNING, DIED = "running", "died"
_END_SECONDS = 30.0


def register(identifier: str, directory: RunDirectory) -> None:
    """Remember where a run is. A home that cannot be written keeps no list; the run itself needs none."""
    folder = state_directory() / "runs"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / identifier).write_text(str(directory.path), "utf-8")


def journalled(
    directory: RunDirectory,
    work: Callable[[Journal], RunRecord],
    *,
    identifier: str,
    notebook: Path,
    engine: str,
    step_count: int,
    request: Mapping[str, Any],
) -> RunRecord:
    """Do the work of a run; its journal, which it is given, says before that it runs, and afterwards how it ended.

    `request` is what `runs resume` needs to know. Work that raises has failed.
    """
    run = KnownRun(
        id=identifier,
        notebook=str(notebook.absolute()),
        engine=engine,
        started=f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
        state=RUNNING,
        step_count=step_count,
        request=request,
    )
    with Journal(directory.journal, writes=True) as journal:
        journal.begin(run)
        register(identifier, directory)
        try:
            record = work(journal)
        except BaseException:
            # Where it cannot be noted either, why it failed is still what matters.
            with contextlib.suppress(NbcompileError):
                journal.end(RunState.FAILED.value)
            raise
        journal.end(record.state.value)
    return record


def known_runs() -> Iterator[KnownRun]:
    """All runs whose directory is still there, the newest first; those that are gone are forgotten."""
    folder = state_directory() / "runs"
    entries = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True) if folder.is_dir() else []
    for path in entries:
        directory = RunDirectory(Path(path.read_text("utf-8")))
        if not directory.journal.exists():
            path.unlink(missing_ok=True)
            continue
        with contextlib.suppress(NbcompileError):
            found = load_run(directory)
            # Another run may have taken over the directory.
            if found.id == path.name:
                yield found


def load_run(directory: RunDirectory) -> KnownRun:
    """What the journal in a run's directory tells. Raises `UsageError` for one of a version that we cannot read."""
    with Journal(directory.journal, writes=False) as journal:
        try:
            run, owner = journal.run(), journal.owner()
        except (KeyError, TypeError, ValueError):
            raise UsageError(f"{directory.path} is of another version of nbcompile", "look at it with that version") from None
        if owner is None or (run.state != RUNNING and not owner.lives()):
            return run
        return replace(run, state=RUNNING if owner.lives() else DIED)


def find_run(named: str) -> KnownRun:
    """The run with this directory, id, or unique beginning of an id; `last` is the newest.

    Raises `UsageError` when there is none, or more than one.
    """
    directory = RunDirectory(Path(named).absolute())
    if directory.journal.exists():
        return load_run(directory)
    if not _ID.fullmatch(named):
        raise UsageError(f"`{named}` is no run", "name its directory or its id, see `nbcompile runs list`")
    found, run = [], None
    for run in known_runs():
        if named in ("last", run.id):
            return run
        if run.id.startswith(named):
            found.append(run)
    if run is None:
        raise UsageError(f"no run is called `{named}`: there are no runs yet", "`nbcompile run NOTEBOOK` makes one")
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} runs begin with `{named}`" if found else f"no run is called `{named}`"
    raise UsageError(what, "name its directory or its id, see `nbcompile runs list`")


def cancel_run(run: KnownRun) -> None:
    """End a run that is going on, and wait until it has ended what it started.

    Raises `UsageError` when it is not going on, `PlaceFailed` when it cannot be reached from here or does not end.
    """
    with Journal(RunDirectory(run.directory).journal, writes=False) as journal:
        owner = journal.owner()
    if owner is None or not owner.lives():
        raise UsageError(f"{run.id} is not running, but {run.state}", f"see `nbcompile runs show {shlex.quote(run.id)}`")
    if owner.host != socket.gethostname():
        raise PlaceFailed(f"{run.id} runs on {owner.host}", "cancel it there")
    os.kill(owner.pid, signal.SIGTERM)
    deadline = time.monotonic() + _END_SECONDS
    while owner.lives():
        if time.monotonic() > deadline:
            advice = "try again, or end it with `kill -9` and cancel the run once more, which ends what it left at places"
            raise PlaceFailed(f"process {owner.pid} does not end", advice)
        time.sleep(0.05)
