"""Where things are below the work root, and which names are allowed there.

ROOT/agent/AGENT.zip                  this package
ROOT/store/ab/abcd...                 files by their sha256, read-only
ROOT/store/partial/abcd....SENDER     files on their way in
ROOT/runs/RUN/lease                   touched while a client is there
ROOT/runs/RUN/jobs/KEY.ATTEMPT/       job.json, in/, work/, tmp/, stdout, stderr, cancel, pid, exit, native, scheduler
"""

import os
import re
import stat
import threading
from typing import List, Pattern

DIGEST = re.compile("[0-9a-f]{64}")
SENDER = re.compile("[0-9a-f]{16}")
RUN = re.compile("[a-z0-9][a-z0-9-]{0,62}")
JOB = re.compile("[0-9a-f]{64}[.][0-9]{1,4}")


class Refused(Exception):
    """The request cannot be granted; the message says why."""


def to_bytes(text: str) -> bytes:
    """A path, argument or variable as the system knows it; every byte but NUL survives the trip."""
    raw = text.encode("utf-8", "surrogateescape")
    if b"\0" in raw:
        raise Refused("a NUL byte cannot be part of a path, an argument or a variable")
    return raw


def to_text(raw: bytes) -> str:
    """The inverse of `to_bytes`."""
    return raw.decode("utf-8", "surrogateescape")


def checked(pattern: Pattern[str], text: object) -> str:
    """The text, if the whole of it is of this form."""
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise Refused(f"{text!r} is not of the form {pattern.pattern}")
    return text


def relative(name: str) -> bytes:
    """A relative path that stays below where it is joined to."""
    raw = to_bytes(name)
    if not raw or any(part in (b"", b".", b"..") for part in raw.split(b"/")):
        raise Refused(f"{name!r} is not a relative path without empty and dotted parts")
    return raw


def private_directory(path: str) -> None:
    """Make a directory for us alone, or accept one that is exactly that: anybody may have been here before."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode):
        raise Refused(f"{path} is not a directory")
    if found.st_uid != os.geteuid():
        raise Refused(f"{path} belongs to somebody else")
    if found.st_mode & 0o022:
        raise Refused(f"{path} can be written by others")


class Root:
    """The work root of one person on one place."""

    def __init__(self, path: str) -> None:
        self.path = path

    def jobs(self, run: str) -> str:
        """The directory with the jobs of a run."""
        return os.path.join(self.run(run), "jobs")

    def run(self, run: str) -> str:
        """The directory of a run."""
        return os.path.join(self.path, "runs", checked(RUN, run))

    def job(self, run: str, job: str) -> str:
        """The directory of one attempt at a job."""
        return os.path.join(self.jobs(run), checked(JOB, job))

    def prepare(self, run: str) -> None:
        """Make what a run needs; refuses directories that somebody else made."""
        for part in ("", "store", "store/partial", "runs", os.path.join("runs", run), os.path.join("runs", run, "jobs")):
            private_directory(os.path.join(self.path, part) if part else self.path)
        touch(os.path.join(self.run(run), "lease"))

    def runs(self) -> List[str]:
        """The runs that have a directory."""
        try:
            return sorted(name for name in os.listdir(os.path.join(self.path, "runs")) if RUN.fullmatch(name))
        except FileNotFoundError:
            return []


def touch(path: str) -> None:
    """Make the file's time now."""
    with open(path, "ab"):
        os.utime(path)


def beside(path: str) -> str:
    """Where a file is written before it gets its name: a name that no other process or thread uses meanwhile."""
    return f"{path}.{os.getpid()}.{threading.get_ident()}"


def write_whole(path: str, content: bytes) -> None:
    """Write a file such that it is there as a whole or not at all, even when the machine stops."""
    staging = beside(path)
    with open(staging, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    os.rename(staging, path)
