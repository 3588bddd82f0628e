"""Job directories: claim, start, look, cancel, sweep."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, Callable, Dict, List

from .layout import JOB, Refused, Root, checked, relative, write_whole
from .nursery import Nursery
from .process import claim, claimant, is_alive, is_here, read_record
from .store import Store

Status = Dict[str, Any]
_LEAST_ROOM = 1 << 20


class Jobs:
    """The jobs of all runs below one work root."""

    def __init__(self, root: Root, store: Store, program: str) -> None:
        self._root = root
        self._store = store
        self._program = program
        self._nursery = Nursery()

    def prepare(self, run: str, jobs: List[Dict[str, Any]]) -> List[str]:
        """Make a directory for each job that has none; returns the digests of inputs that are not here.

        A directory gets its name when everything is in it: that rename is the claim.
        """
        missing = [digest for spec in jobs for _, digest in spec["inputs"] if not self._store.has(digest)]
        if missing:
            return sorted(set(missing))
        for spec in jobs:
            final = self._root.job(run, spec["job"])
            if not os.path.isdir(final):
                self._claim(run, spec, final)
        return []

    def _claim(self, run: str, spec: Dict[str, Any], final: str) -> None:
        staging = tempfile.mkdtemp(prefix=".new-", dir=self._root.jobs(run))
        for name in ("in", "work", "tmp"):
            os.mkdir(os.path.join(staging, name), 0o700)
        for name, digest in spec["inputs"]:
            target = os.path.join(staging.encode(), b"in", relative(name))
            os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
            if not self._store.link(digest, target):
                raise Refused(f"the input {name} went away")
        secrets = spec.pop("secrets", [])
        if secrets:
            descriptor = os.open(os.path.join(staging, "secrets"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(json.dumps(secrets).encode())
        write_whole(os.path.join(staging, "job.json"), json.dumps(spec).encode())
        try:
            os.rename(staging, final)
        except OSError:  # another client claimed it meanwhile
            shutil.rmtree(staging, ignore_errors=True)

    def start(self, run: str, job: str) -> None:
        """Start the job's supervisor, unless one was started: a lost job is another attempt's business."""
        directory = self._root.job(run, job)
        if claimant(directory) is None and not self._nursery.start(directory):
            argv = [sys.executable, "-IBS", self._program, "supervise", directory]
            subprocess.Popen(  # noqa: S603 - our own program
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
            ).wait()

    def status(self, run: str, job: str) -> Status:
        """Where a job is: absent, prepared, running, ended or lost. On another host it runs for all that is known here."""
        directory = self._root.job(run, job)
        record = read_record(directory)
        if record:
            return {"state": "ended", **record}
        owner = claimant(directory)
        if owner is None:
            return {"state": "prepared" if os.path.isdir(directory) else "absent"}
        if is_alive(owner) or not is_here(owner):
            return {"state": "running"}
        record = read_record(directory)  # it may have ended between the two looks
        return {"state": "ended", **record} if record else {"state": "lost", "full": _is_full(directory)}

    def wait(self, run: str, jobs: List[str], seconds: float, abandoned: Callable[[], bool]) -> List[Status]:
        """The status of each job, as soon as one of them has ended, time is up, or nobody waits any more."""
        until = time.monotonic() + seconds
        pause, longest = 0.004, min(0.25, 0.08 + len(jobs) / 1000)
        while True:
            found = [self.status(run, job) for job in jobs]
            over = time.monotonic() >= until or abandoned()
            if over or any(one["state"] in ("ended", "lost", "absent") for one in found):
                return found
            time.sleep(min(pause, max(0.0, until - time.monotonic())))
            pause = min(pause * 1.5, longest)

    def cancel(self, run: str, jobs: List[str]) -> None:
        """Ask for the end of jobs; those that have not started will not."""
        for job in jobs:
            directory = self._root.job(run, job)
            with contextlib.suppress(FileNotFoundError):
                with open(os.path.join(directory, "cancel"), "ab"):
                    pass
                if claim(directory, cancelled=True):
                    record: Status = {"code": None, "signal": None, "cause": "cancelled", "error": "", "outputs": []}
                    write_whole(os.path.join(directory, "exit"), json.dumps(record).encode())
                else:
                    _wake(directory)

    def log(self, run: str, job: str, stream: str, offset: int, length: int) -> bytes:
        """A piece of what a job printed."""
        if stream not in ("stdout", "stderr", "scheduler"):
            raise Refused(f"{stream!r} is not a stream")
        try:
            with open(os.path.join(self._root.job(run, job), stream), "rb") as handle:
                handle.seek(offset)
                return handle.read(min(length, 1 << 20))
        except FileNotFoundError:
            return b""

    def of_run(self, run: str) -> List[str]:
        """The jobs of a run."""
        try:
            return sorted(name for name in os.listdir(self._root.jobs(run)) if JOB.fullmatch(name))
        except FileNotFoundError:
            return []

    def sweep(self, run: str, seconds: float) -> List[str]:
        """End every job of a run and wait for that; returns those that still run."""
        jobs = self.of_run(run)
        self.cancel(run, [job for job in jobs if self.status(run, job)["state"] in ("running", "prepared")])
        until = time.monotonic() + seconds
        while True:
            running = [job for job in jobs if self.status(run, job)["state"] == "running"]
            if not running or time.monotonic() > until:
                return running
            time.sleep(0.05)

    def remove(self, run: str) -> None:
        """Remove the directory of a run of which nothing runs."""
        if not os.path.isdir(self._root.run(run)):
            return
        if any(self.status(run, job)["state"] == "running" for job in self.of_run(run)):
            raise Refused(f"the run {run} has jobs that run")
        going = tempfile.mkdtemp(prefix=".gone-", dir=os.path.dirname(self._root.run(run)))
        with contextlib.suppress(FileNotFoundError):  # another host of a shared file system was quicker
            os.rename(self._root.run(run), going)
        _make_writable(going)
        shutil.rmtree(going)

    def prune(self, before: float) -> int:
        """Remove runs that no client has asked for since `before`, and of which nothing runs or waits; the bytes that only they had."""
        freed = 0
        for run in self._root.runs():
            with contextlib.suppress(FileNotFoundError, Refused):
                if os.stat(os.path.join(self._root.run(run), "lease")).st_mtime < before and not self._goes_on(run):
                    size = _own_bytes(self._root.run(run))
                    self.remove(run)
                    freed += size
        return freed

    def _goes_on(self, run: str) -> bool:
        """Whether a job of a run has not ended, for all that is known: one that a scheduler has may wait for long."""
        for job in self.of_run(run):
            state = self.status(run, job)["state"]
            waits = state == "prepared" and os.path.exists(os.path.join(self._root.job(run, job), "native"))
            if waits or state == "running":
                return True
        return False


def checked_spec(spec: Dict[str, Any]) -> Dict[str, Any]:
    """The job's document, if its shape is right."""
    checked(JOB, spec["job"])
    if not spec["argv"] or not all(isinstance(word, str) for word in spec["argv"]):
        raise Refused("a job needs a command")
    return spec


def _is_full(directory: str) -> bool:
    """Whether there is no room to write down how a job ended."""
    room = os.statvfs(directory)
    return room.f_bavail * room.f_frsize < _LEAST_ROOM


def _wake(directory: str) -> None:
    """Have the supervisor look at the `cancel` file."""
    owner = claimant(directory)
    if owner is not None and is_alive(owner):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(owner["pid"], signal.SIGTERM)


def _own_bytes(directory: str) -> int:
    """The bytes of files that have no name elsewhere."""
    found = (os.lstat(os.path.join(folder, name)) for folder, _, names in os.walk(directory) for name in names)
    return sum(one.st_size for one in found if one.st_nlink == 1)


def _make_writable(directory: str) -> None:
    """A job may leave directories that nobody can enter."""
    os.chmod(directory, 0o700)
    for folder, names, _ in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
