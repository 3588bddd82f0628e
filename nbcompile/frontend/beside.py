"""Which files beside a notebook its cells mention: they are staged for the cells even where no call could be resolved."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from nbcompile.model.notebook import Cell, Notebook
from nbcompile.model.surroundings import Surroundings

# What may stand around a path in Python, in a shell line or in a format string.
_WORD = re.compile(r"[^\s'\"`()\[\]{},;:=<>|&*?]+")
_MOST_ENTRIES = 20_000
_DEEPEST = 6
_IMPORT = re.compile(r"(?m)^\s*(?:from|import)\s+([A-Za-z_][\w.]*)")


def look_beside(notebook: Notebook, given: Iterable[str], directory: Path) -> Surroundings:
    """The files in `directory` that cells mention, and which of the paths `given` (those no cell writes) are not there.

    Only names are compared: nothing is read, and links that lead out of the directory are left alone.
    """
    entries = dict(_entries(directory))
    by_name: dict[str, list[str]] = {}
    for path in entries:
        by_name.setdefault(path.rstrip("/").rsplit("/", 1)[-1], []).append(path)
    mentions = tuple((cell.index, path) for cell in notebook.code_cells for path in _mentioned(cell, entries, by_name))
    missing = tuple(path for path in given if path != "./" and not (directory / path).exists())
    mentioned = dict.fromkeys(path for _, path in mentions)
    return Surroundings(
        mentions=mentions,
        missing=missing,
        directories=tuple(path for path in given if not path.endswith("/") and (directory / path).is_dir()),
        modules=tuple(path for path in mentioned if _holds_modules(path, entries)),
    )


def _holds_modules(path: str, entries: dict[str, None]) -> bool:
    """Whether a path is a Python module or a directory of some."""
    if not path.endswith("/"):
        return path.endswith(".py")
    return any(other.startswith(path) and other.endswith(".py") and "/" not in other.removeprefix(path) for other in entries)


def _mentioned(cell: Cell, entries: dict[str, None], by_name: dict[str, list[str]]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for word in dict.fromkeys(_WORD.findall(cell.source)):
        path = word.removeprefix("./").rstrip("/.")
        for candidate in (path, f"{path}/"):
            if candidate in entries:
                found[candidate] = None
        # `os.path.join(DATA, "x.csv")` mentions the file by its last part.
        if "." in path and path not in entries:
            found.update(dict.fromkeys(by_name.get(path.rsplit("/", 1)[-1], ())))
    for module in _IMPORT.findall(cell.source):
        top = module.split(".")[0]
        found.update(dict.fromkeys(path for path in (f"{top}.py", f"{top}/") if path in entries))
    return tuple(found)


def _entries(directory: Path) -> Iterator[tuple[str, None]]:
    """Relative paths of files and (with a final slash) directories, hidden ones and our own runs left out."""
    root, count = os.path.realpath(directory), 0
    for folder, folders, names in os.walk(root):
        relative = os.path.relpath(folder, root)
        prefix = "" if relative == "." else relative.replace(os.sep, "/") + "/"
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")) and not _is_ours(Path(folder, name)))
        if prefix.count("/") >= _DEEPEST:
            folders.clear()
        for name in [*sorted(names), *(f"{folder}/" for folder in folders)]:
            if name.startswith(".") or name.endswith((".ipynb", ".nbcompile.json")):
                continue
            count += 1
            if count > _MOST_ENTRIES:
                return
            yield prefix + name, None


def _is_ours(directory: Path) -> bool:
    """Whether a directory holds a run or bundles, which no cell means when it reads everything."""
    if re.fullmatch(r".+\.run(-\d+)?", directory.name) is not None or (directory / ".nbcompile").is_dir():
        return True
    return (directory / "workflow.cwl").is_file() or (directory.name == "build" and any(directory.glob("**/workflow.cwl")))
