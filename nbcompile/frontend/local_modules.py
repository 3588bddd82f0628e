"""The source of the modules that lie beside a notebook and that its cells import: analysis reads what their functions do.

Of a package everything below its directory is read, and of each module what it imports in turn, as far as that lies there, too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from nbcompile.model.notebook import Notebook

_IMPORT = re.compile(r"(?m)(?:^|;)[ \t]*(?:from[ \t]+([A-Za-z_]\w*)[\w.]*[ \t]+import\b|import[ \t]+([A-Za-z_][\w., \t]*))")
_MOST = 100
_LARGEST = 128 * 2**10
_ALL = 512 * 2**10
_DEEPEST = 3


def read_modules(notebook: Notebook, directory: Path) -> Mapping[str, str]:
    """The text of each module by its dotted name."""
    waiting = [name for cell in notebook.code_cells for name in _imported(cell.source)]
    looked: set[str] = set()
    found: dict[str, str] = {}
    size = 0
    while waiting:
        top = waiting.pop()
        if top in looked:
            continue
        looked.add(top)
        for name, path in _files(directory, top):
            text = _text(path)
            if text is not None:
                found[name] = text
                size += len(text)
                waiting += _imported(text)
            if len(found) >= _MOST or size > _ALL:
                return found
    return found


def _imported(text: str) -> Iterator[str]:
    """The top-level modules that lines of a text import."""
    for source, several in _IMPORT.findall(text) if "import" in text else ():
        for part in (source or several).split(","):
            yield part.strip().partition(" ")[0].partition(".")[0]


def _files(directory: Path, top: str) -> Iterator[tuple[str, Path]]:
    if not top:
        return
    single, package = directory / f"{top}.py", directory / top
    if package.is_dir():
        yield from _below(package, top)
    elif single.is_file():
        yield top, single


def _below(package: Path, top: str) -> Iterator[tuple[str, Path]]:
    for folder, folders, names in os.walk(package):
        parts = (top, *Path(folder).relative_to(package).parts)
        folders[:] = sorted(name for name in folders if name.isidentifier() and len(parts) < _DEEPEST)
        for name in sorted(names):
            stem, _, extension = name.rpartition(".")
            if extension == "py" and stem.isidentifier():
                yield ".".join(parts if stem == "__init__" else (*parts, stem)), Path(folder, name)


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8") if path.stat().st_size <= _LARGEST else None
    except (OSError, UnicodeDecodeError):
        return None
