"""Digests of files and directories that a run is given, remembered for as long as a file has not been touched."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import stat
import time
from pathlib import Path

_CHUNK = 1 << 20
# A file written to just now may be written to again without a newer time.
_SETTLED_SECONDS = 2.0
_WORTH_REMEMBERING = 1 << 20
ABSENT = "absent"


class FileDigests:
    """Digests, the larger ones remembered in `root` from run to run."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def digest(self, path: Path) -> str:
        """The digest of a file's bytes, or of the names and bytes of all files below a directory."""
        if not path.is_dir():
            return self._file(path)
        whole = hashlib.sha256()
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                one = Path(folder, name)
                whole.update(f"{one.relative_to(path).as_posix()}\0{self._file(one)}\n".encode("utf-8", "surrogateescape"))
        return whole.hexdigest()

    def _file(self, path: Path) -> str:
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                return ABSENT
            stamp = f"{status.st_dev}-{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"
            if status.st_size < _WORTH_REMEMBERING or time.time() - status.st_mtime < _SETTLED_SECONDS:
                return sha256_of(path)
            place = self._root / hashlib.sha256(os.fsencode(path.absolute())).hexdigest()
            known = self._known(place)
            if known.get("stamp") != stamp:
                known = {"stamp": stamp, "sha256": sha256_of(path)}
                self._remember(place, known)
            return known["sha256"]
        except OSError:
            return ABSENT

    def _known(self, place: Path) -> dict[str, str]:
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(place.read_bytes())
            return found if isinstance(found, dict) else {}
        return {}

    def _remember(self, place: Path, known: dict[str, str]) -> None:
        # Without a place to remember it, it is computed again.
        with contextlib.suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
            temporary.write_text(json.dumps(known), "utf-8")
            temporary.replace(place)


def sha256_of(path: Path) -> str:
    """The digest of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
