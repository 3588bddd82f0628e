"""A copy of a notebook's directory, in which a plain run may write, and what it wrote there."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

# What no cell reads: version control, environments, caches, and the results of our own runs.
_LEFT_OUT = ("__pycache__", "node_modules", "venv", ".ipynb_checkpoints")
# Larger files are linked: a notebook that changed one in place would change it for everybody.
_COPIED_BYTES = 64 << 20
_CHUNK = 1 << 20


def copy_ground(source: Path, target: Path) -> dict[str, str]:
    """Copy what lies beside a notebook; returns the digests of what was copied, by relative path."""
    found: dict[str, str] = {}
    for path in _files(source):
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if (source / path).stat().st_size > _COPIED_BYTES:
            place.symlink_to((source / path).absolute())
        else:
            shutil.copy2(source / path, place)
            found[path.as_posix()] = _digest(place)
    target.mkdir(parents=True, exist_ok=True)
    return found


def written_below(ground: Path, before: dict[str, str]) -> dict[str, str]:
    """The digests of the files that are new or not as they were."""
    paths = [path for path in _files(ground) if not (ground / path).is_symlink()]
    now = {path.as_posix(): _digest(ground / path) for path in paths}
    return {path: digest for path, digest in sorted(now.items()) if before.get(path) != digest}


def _files(directory: Path) -> Iterator[Path]:
    """Every file below a directory, under its path relative to it."""
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if not _is_left_out(Path(folder, name)))
        yield from (Path(folder, name).relative_to(directory) for name in sorted(names) if Path(folder, name).is_file())


def _is_left_out(folder: Path) -> bool:
    return folder.name.startswith(".") or folder.name in _LEFT_OUT or ".run" in folder.suffixes or (folder / "pyvenv.cfg").exists()


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
