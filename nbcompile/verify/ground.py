"""A copy of a notebook's directory and of what cells read above it, in which a plain run may write, and what it wrote there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from nbcompile.runtime.files import UNSEEN

# What lies beside a notebook and no cell reads: version control, environments, caches, and the results of our own runs.
_LEFT_OUT = ("__pycache__", "node_modules", "venv", ".ipynb_checkpoints")
# Larger files are linked: a notebook that changed one in place would change it for everybody.
_COPIED_BYTES = 64 << 20
_CHUNK = 1 << 20


def copy_ground(source: Path, target: Path, above: Iterable[str] = ()) -> dict[str, str]:
    """Copy what lies beside a notebook, and what cells read `above` it; returns the digests of what was copied, by name."""
    target.mkdir(parents=True)
    found: dict[str, str] = {}
    for path in (*_walk(source, source), *(path for name in above for path in _walk(source, source / name))):
        place = Path(os.path.normpath(target / path))
        if (source / path).is_dir():
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        # Another program may take a file away meanwhile; one that cannot be read, cells could not read either.
        with contextlib.suppress(FileNotFoundError, PermissionError):
            if _put(source / path, place):
                found[_name(path)] = _digest(place)
    return found


def _put(file: Path, place: Path) -> bool:
    """Copy a file, or link it if it is large; whether it was copied."""
    if file.stat().st_size > _COPIED_BYTES:
        place.symlink_to(file.absolute())
        return False
    shutil.copy2(file, place)
    return True


def written_below(top: Path, ground: Path, before: dict[str, str]) -> dict[str, str]:
    """The digests of the files below `top` that are new or not as they were, named as the ground's cells know them."""
    paths = [ground / path for path in _walk(ground, top, lambda folder: folder.name in UNSEEN)]
    now = {_name(path.relative_to(ground)): digest for path in paths if (digest := _digest_of_file(path))}
    return {path: digest for path, digest in sorted(now.items()) if before.get(path) != digest}


def _digest_of_file(path: Path) -> str:
    """Empty for what is no file, or has gone meanwhile; a word for what nobody may read."""
    try:
        return _digest(path) if path.is_file() and not path.is_symlink() else ""
    except PermissionError:
        return "unreadable"
    except FileNotFoundError:
        return ""


def _name(path: Path) -> str:
    """As runs name it: that of `../x` is `above/x`."""
    return "/".join("above" if part == ".." else part for part in path.parts)


def _is_left_out(folder: Path) -> bool:
    return folder.name.startswith(".") or folder.name in _LEFT_OUT or ".run" in folder.suffixes or (folder / "pyvenv.cfg").exists()


def _walk(base: Path, start: Path, is_left_out: Callable[[Path], bool] = _is_left_out) -> Iterator[Path]:
    """Every directory and file below `start`, or the file that it is, under its path relative to `base`."""
    if start.is_file():
        yield Path(os.path.relpath(start, base))
    for folder, folders, names in os.walk(start):
        folders[:] = sorted(name for name in folders if not is_left_out(Path(folder, name)))
        yield Path(os.path.relpath(folder, base))
        yield from (Path(os.path.relpath(Path(folder, name), base)) for name in sorted(names) if Path(folder, name).is_file())


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
