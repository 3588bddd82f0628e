"""What happens to the steps of a run, as lines of JSON in one file.

Written where StreamFlow runs, read by whoever watches the run, and by the next client when this one dies: from it, and from the
places themselves, a run is resumed.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

Note = dict[str, Any]
# The first note of a client: what stands above it is of earlier ones, which may have failed, or run by another plan.
BEGAN = "began"


class Reason(NamedTuple):
    """Why a step failed that its place did not end: in words, what to do, and the code of the rule that explains it, if one does."""

    reason: str
    advice: str = ""
    code: str = ""

    @classmethod
    def of(cls, error: Exception, what: str = "") -> Reason:
        """That of an error, after `what` did not go well; one with a code says all by itself."""
        advice, code = getattr(error, "advice", ""), getattr(error, "code", "")
        return cls(f"{what}: {error}" if what and not code else str(error), advice, code)


class NoteWriter:
    """Appends notes; each is in the file as a whole when the call returns, on a line of its own whatever was written before."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._torn = path.read_bytes()[-1:] not in (b"", b"\n")

    def write(self, what: str, **facts: object) -> None:
        """Write one note. Raises `OSError` where the disk does not take all of it."""
        line = json.dumps({"note": what, "at": time.time(), **facts}).encode("ascii") + b"\n"
        rest = b"\n" + line if self._torn else line
        self._torn = True
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._torn = False

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


class NoteReader:
    """Reads on where it stopped. What a writer could not write to its end, because the disk was full, is no note."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._rest = b""

    def news(self) -> Iterator[Note]:
        """The notes since the last time."""
        if self._file is None:
            try:
                self._file = self._path.open("rb")
            except FileNotFoundError:
                return
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
                yield json.loads(line)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()


def of_last_client(notes: Sequence[Note]) -> Sequence[Note]:
    """What the client that began last has noted."""
    began = max((number for number, note in enumerate(notes, 1) if note["note"] == BEGAN), default=0)
    return notes[began:]
