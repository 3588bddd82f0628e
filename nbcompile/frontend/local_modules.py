"""The source of the modules that lie beside a notebook and that its cells import: analysis reads what their functions do.

Of a package everything below its directory is read, and of each module what it imports in turn, as far as that lies there, too.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from nbcompile.model.notebook import Notebook

# Nothing can be read in two ways, so that a long line takes no more than its length.
_IMPORT = re.compile(r"(?m)(?:^|;)[ \t]*(?:from[ \t]+([A-Za-z_]\w*)(?:\.[\w.]*)?[ \t]+import\b|import[ \t]+([A-Za-z_][\w., \t]*))")
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
    # As Python: a directory without `__init__.py` stands behind a file of the same name.
    single, package = directory / f"{top}.py", directory / top
    kinds = [_kind(path) for path in (package / "__init__.py", single, package)]
    if stat.S_ISREG(kinds[1]) and not stat.S_ISREG(kinds[0]):
        yield top, single
    elif stat.S_ISDIR(kinds[2]):
        yield from _below(package, top)


def _kind(path: Path) -> int:
    """The mode of what has this path, or 0 when nothing can have it, as a name that is too long."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _below(package: Path, top: str) -> Iterator[tuple[str, Path]]:
    for folder, folders, names in os.walk(package):
        parts = (top, *Path(folder).relative_to(package).parts)
        folders[:] = sorted(name for name in folders if name.isidentifier() and len(parts) < _DEEPEST)
        for name in sorted(names):
            stem, _, extension = name.rpartition(".")
            if extension == "py" and stem.isidentifier():
                yield ".".join(parts if stem == "__init__" else (*parts, stem)), Path(folder, name)


def _text(path: Path) -> str | None:
    """What a file holds, unless it is too long; a pipe or a device may have no end, or never begin."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            data = file.read(_LARGEST + 1)
        return data.decode("utf-8") if len(data) <= _LARGEST else None
    except (OSError, UnicodeDecodeError):
        return None


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for another end, which a pipe may never get."""
    return os.open(path, flags | os.O_NONBLOCK)
