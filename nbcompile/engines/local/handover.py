"""Where steps hand payloads to each other: in memory while there is plenty, else on disk. Private to the run."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbcompile.engines.filesystem import file_system, free_bytes
from nbcompile.engines.journal import process_birth
from nbcompile.engines.local.machine import free_memory_mib
from nbcompile.model.errors import PlaceFailed

_GIB = 2**30
_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it
# A memory file system with less room is someone's small allowance; and what lies in it is missing from the cells' memory.
_LEAST_MEMORY_BYTES = _GIB
_SHARE_OF_MEMORY = 0.25
_LEAST_DISK_BYTES = 64 * 2**20
_NAME = re.compile(r"nbcompile-(\d+)-(\d+)-[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class HandOver:
    """The directories of one run, the quickest first, and the room each may take."""

    directories: tuple[Path, ...]
    in_memory: bool

    def place(self, expected_bytes: int = 0) -> Path:
        """The first directory with room for what a step is expected to write and as much again.

        Raises `PlaceFailed` when there is none.
        """
        for directory in self.directories:
            least = _LEAST_MEMORY_BYTES if self.in_memory and directory is self.directories[0] else _LEAST_DISK_BYTES
            with contextlib.suppress(OSError):
                if free_bytes(directory) >= max(least, 2 * expected_bytes):
                    return directory
        tried = ", ".join(str(directory.parent) for directory in self.directories)
        raise PlaceFailed(f"no room for what steps hand to each other in {tried}", "free some space, or set TMPDIR to a larger disk")

    def remove(self) -> None:
        """Remove everything."""
        for directory in self.directories:
            shutil.rmtree(directory, ignore_errors=True)


def make_hand_over(state: Path, environ: Mapping[str, str]) -> HandOver:
    """Make the directories of a run whose state lies in `state`; what dead runs left behind is removed."""
    name = f"nbcompile-{os.getpid()}-{process_birth(os.getpid())}-{secrets.token_hex(4)}"
    in_memory = _memory_has_room()
    places = [_MEMORY] if in_memory else []
    places += [Path(environ.get("TMPDIR") or tempfile.gettempdir()), state]
    made: list[Path] = []
    for place in dict.fromkeys(places):
        _remove_left_behind(place)
        with contextlib.suppress(OSError):
            (place / name).mkdir(mode=0o700)
            made.append(place / name)
    if not made:
        raise PlaceFailed(f"cannot make a directory in {places[-1]}", "set TMPDIR to a directory that can be written")
    return HandOver(tuple(made), in_memory and made[0].parent == _MEMORY)


def _memory_has_room() -> bool:
    try:
        if file_system(_MEMORY) != "tmpfs" or not os.access(_MEMORY, os.W_OK | os.X_OK):
            return False
        return free_bytes(_MEMORY) >= _LEAST_MEMORY_BYTES and free_memory_mib() * 2**20 * _SHARE_OF_MEMORY >= _LEAST_MEMORY_BYTES
    except OSError:
        return False


def _remove_left_behind(place: Path) -> None:
    """Remove our own directories of runs whose process is gone."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(place):
            found = _NAME.fullmatch(entry.name)
            if not found or not entry.is_dir(follow_symlinks=False) or entry.stat(follow_symlinks=False).st_uid != os.getuid():
                continue
            if process_birth(int(found.group(1))) != int(found.group(2)):
                shutil.rmtree(entry.path, ignore_errors=True)
