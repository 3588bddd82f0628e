"""The journal of a run: what became of every step, on disk as it happens. One SQLite file a run, one writer.

It outlives its writer: a run whose client was killed is resumed from here. Every engine keeps the same journal; `job` is
whatever an engine needs to find a step's native job again.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from nbcompile.engines.filesystem import is_local
from nbcompile.model.errors import DiskRefuses, PlaceFailed, UsageError
from nbcompile.model.plan import StepId
from nbcompile.model.run import CellRecord, KnownRun, KnownStep, StepRecord, StepState

_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (
    id TEXT PRIMARY KEY, notebook TEXT NOT NULL, engine TEXT NOT NULL, started TEXT NOT NULL, state TEXT NOT NULL,
    steps INTEGER NOT NULL, request TEXT NOT NULL, reason TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS owner (
    one INTEGER PRIMARY KEY CHECK (one = 1), host TEXT NOT NULL, pid INTEGER NOT NULL, born INTEGER NOT NULL, user TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS step (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, key TEXT, parts TEXT, result TEXT, job TEXT, record TEXT
);
"""
_NOTE = """
INSERT INTO step VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
    state = excluded.state, key = excluded.key, parts = excluded.parts, result = excluded.result,
    job = excluded.job, record = excluded.record
"""
_ADD_REASON = "ALTER TABLE run ADD COLUMN reason TEXT NOT NULL DEFAULT ''"
_VERSION = 2
# What SQLite says of a disk that does not take a change; the journal itself is sound.
_REMEDIES = (
    ("disk is full", "free some space"),
    ("readonly database", "make it writable"),
    ("unable to open", "see that you may write there"),
    ("disk I/O error", "look into the disk"),
)
_REPLACED = "replaced"
_PATIENCE_SECONDS = 10.0
# Ended, but not yet waited for by its parent.
_DEAD = (b"Z", b"X")


class Owner(NamedTuple):
    """The process that writes a journal; `born` tells it from a later process with the same number."""

    host: str
    pid: int
    born: int
    user: str

    @classmethod
    def ourselves(cls) -> Owner:
        """This process."""
        return cls(socket.gethostname(), os.getpid(), process_birth(os.getpid()), _user())

    def lives(self) -> bool:
        """Whether the process is still there; one of another host is taken to be."""
        return self.host != socket.gethostname() or process_birth(self.pid) == self.born != 0


class Journal:
    """An open journal. Every change is on disk when its method returns."""

    def __init__(self, path: Path, *, writes: bool) -> None:
        """Open the journal; to write, become its owner.

        Raises `UsageError` when there is none, or another process is writing it.
        """
        self._path = path
        if not writes and not path.is_file():
            raise UsageError(f"{path.parent.parent} is no run of nbcompile", "see `nbcompile runs list`")
        name = str(path) if writes else f"{path.absolute().as_uri()}?mode=ro"
        try:
            self._database = sqlite3.connect(name, uri=not writes, timeout=_PATIENCE_SECONDS, isolation_level=None)
        except sqlite3.DatabaseError as error:
            raise self._broken(error) from None
        if writes:
            self._prepare()

    def close(self) -> None:
        """Let go of the file, and of owning it."""
        self._database.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, run: KnownRun) -> None:
        """Note what is going to run."""
        values = (run.id, run.notebook, run.engine, run.started, run.state, run.step_count, json.dumps(dict(run.request), default=str))
        self._execute("INSERT OR REPLACE INTO run VALUES (?, ?, ?, ?, ?, ?, ?, '')", values)

    def plan(self, steps: Sequence[StepId]) -> None:
        """Note which steps the run has from here on; those of an earlier plan that are none of them are replaced."""
        with self._transaction():
            self._execute("UPDATE run SET steps = ?", (len(steps),))
            for known in self.steps():
                if known.step not in steps:
                    self._execute("UPDATE step SET state = ? WHERE id = ?", (_REPLACED, known.step))

    def settle(self, state: str, reason: str) -> None:
        """Note how the run will have ended, and why, if its owner should not come to say so."""
        self._execute("UPDATE run SET state = ?, reason = ?", (state, reason))

    def end(self, state: str) -> None:
        """Note how the run ended; nobody owns it any more."""
        with self._transaction():
            self._execute("UPDATE run SET state = ?", (state,))
            self._execute("DELETE FROM owner")

    def note(self, entry: KnownStep) -> None:
        """Note what is known of a step now, in place of what was."""
        values = (
            entry.step,
            entry.state,
            entry.key,
            json.dumps(dict(entry.parts)),
            entry.result,
            json.dumps(entry.job),
            json.dumps(entry.record and asdict(entry.record)),
        )
        self._execute(_NOTE, values)

    def run(self) -> KnownRun:
        """The run, with what is known of its steps; its state is what was written last, whoever may have died since."""
        reason = "reason" if self._version() > 1 else "''"
        row = self._execute(f"SELECT id, notebook, engine, started, state, steps, request, {reason} FROM run").fetchone()  # noqa: S608
        if row is None:
            raise UsageError(f"{self._path.parent.parent} holds a run that never began", "start it again with `nbcompile run`")
        return KnownRun(
            id=row[0],
            notebook=row[1],
            engine=row[2],
            started=row[3],
            state=row[4],
            step_count=row[5],
            directory=self._path.parent.parent,
            request=json.loads(row[6]),
            steps=self.steps(),
            reason=row[7],
        )

    def steps(self) -> tuple[KnownStep, ...]:
        """Everything known of the steps, in the order in which they were first noted."""
        rows = self._execute("SELECT id, state, key, parts, result, job, record FROM step ORDER BY rowid")
        return tuple(
            KnownStep(
                step=StepId(row[0]),
                state=row[1],
                key=row[2],
                parts=json.loads(row[3]),
                result=row[4],
                job=json.loads(row[5]),
                record=_step_record(json.loads(row[6])),
            )
            for row in rows
        )

    def owner(self) -> Owner | None:
        """The process that writes, or wrote last without ending."""
        row = self._execute("SELECT host, pid, born, user FROM owner").fetchone()
        return Owner(*row) if row else None

    def _execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        try:
            return self._database.execute(statement, values)
        except sqlite3.DatabaseError as error:
            raise self._broken(error) from None

    def _broken(self, error: sqlite3.DatabaseError) -> PlaceFailed:
        # Error codes are known only from Python 3.11 on.
        remedy = next((remedy for words, remedy in _REMEDIES if words in str(error)), "")
        what = f"the journal {self._path} cannot be used: {error}"
        if not remedy:
            return PlaceFailed(what, "start the run anew, in another directory")
        run = self._path.parent.parent
        return DiskRefuses(what, f"{remedy}, then go on with `nbcompile runs resume {run}`, or start the run anew if no step had begun")

    def _version(self) -> int:
        return int(self._execute("PRAGMA user_version").fetchone()[0])

    def _prepare(self) -> None:
        found = self._version()
        if found > _VERSION:
            raise UsageError(f"{self._path} was written by a later nbcompile", "use that version")
        # Write-ahead logs need shared memory, which network file systems do not have.
        self._execute(f"PRAGMA journal_mode = {'WAL' if is_local(self._path.parent) else 'DELETE'}")
        self._execute("PRAGMA synchronous = NORMAL")
        with self._transaction():
            for statement in filter(str.strip, _SCHEMA.split(";")):
                self._execute(statement)
            if found == 1:
                self._execute(_ADD_REASON)
            self._execute(f"PRAGMA user_version = {_VERSION}")
            owner, mine = self.owner(), Owner.ourselves()
            if owner and owner != mine and owner.lives():
                raise UsageError(f"process {owner.pid} on {owner.host} is writing {self._path.parent.parent}", "wait for it, or cancel it")
            self._execute("INSERT OR REPLACE INTO owner VALUES (1, ?, ?, ?, ?)", mine)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            # Where the disk is full, SQLite has done so itself.
            if self._database.in_transaction:
                self._execute("ROLLBACK")
            raise
        self._execute("COMMIT")


def _step_record(found: Any) -> StepRecord | None:  # noqa: ANN401 - JSON
    if found is None:
        return None
    cells = tuple(CellRecord(**cell) for cell in found["cell_records"])
    return StepRecord(**{**found, "cells": tuple(found["cells"]), "state": StepState(found["state"]), "cell_records": cells})


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def process_birth(pid: int) -> int:
    """When a process started, in the system's own units; 0 when there is none, 1 where the system does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return _birth_without_proc(pid)
    state, *fields = stat.rpartition(b")")[2].split()
    return 0 if state in _DEAD else int(fields[18])


def _birth_without_proc(pid: int) -> int:
    if Path("/proc/self/stat").exists():
        return 0
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return 0
    except PermissionError:
        return 1
    return 1
