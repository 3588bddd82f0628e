"""Arguments to notebooks: a directory stands for the notebooks below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from nbcompile.model.errors import UsageError

_SKIPPED = ("node_modules", "__pycache__")


def find_notebooks(arguments: Iterable[Path]) -> tuple[Path, ...]:
    """The notebooks named, in order and once each; directories in sorted order, without hidden ones and run results."""
    return tuple(dict.fromkeys(notebook for argument in arguments for notebook in _below(argument)))


def _below(argument: Path) -> Iterator[Path]:
    if not argument.is_dir():
        yield argument
        return
    found = [path for path in sorted(argument.rglob("*.ipynb")) if _is_source(path.relative_to(argument))]
    if not found:
        raise UsageError(f"there is no notebook below {argument}", "name a .ipynb file or a directory that holds some")
    yield from found


def _is_source(path: Path) -> bool:
    folders = path.parts[:-1]
    is_ours = (
        any(folder.endswith(".run") or ".run-" in folder for folder in folders)
        or ".executed" in path.suffixes
        or ".template" in path.suffixes
    )
    return not is_ours and not any(folder.startswith(".") or folder in _SKIPPED for folder in folders)
