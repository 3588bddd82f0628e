"""The files below a directory of the person that belong to a notebook's data: what `./` stands for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_RUN = re.compile(r".+\.run(-\d+)?")


def given_files(directory: Path) -> Iterator[Path]:
    """Relative paths, in order: no hidden files, no runs and bundles of ours, and no links that lead out of the directory."""
    root = directory.resolve()
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if _is_data(here / name))
        for name in sorted(names):
            path = here / name
            if not name.startswith(".") and path.resolve().is_relative_to(root) and path.is_file():
                yield path.relative_to(root)


def empty_directories(directory: Path) -> Iterator[Path]:
    """Relative paths of the directories below it, or itself, that hold none of these files: cells may list them, or write there."""
    root = directory.resolve()
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if _is_data(here / name))
        if not folders and all(name.startswith(".") for name in names):
            yield here.relative_to(root)


def given_bytes(path: Path) -> int:
    """The size of a file, or of all of these below a directory."""
    return sum((path / file).stat().st_size for file in given_files(path)) if path.is_dir() else path.stat().st_size


def _is_data(folder: Path) -> bool:
    is_bundle = (folder / "workflow.cwl").is_file() and (folder / "nbcompile_runtime.py").is_file()
    return not (folder.name.startswith(".") or folder.name == "__pycache__" or _RUN.fullmatch(folder.name) or is_bundle)
