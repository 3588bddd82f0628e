"""Files that go with a value: those whose paths the value holds, where a cell has declared that they are files, and its modules."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Iterable
from typing import Any, Iterator, List, NamedTuple


class CarriedFile(NamedTuple):
    """A file below the cells' directory, or a directory that is sent whole (`path/`): its path there, and where it is.

    Of a module, `root` is the directory in which an import has to look for it.
    """

    path: str
    place: str
    root: str = ""

    def content(self) -> Any:
        """The bytes of the file, mapped where there are any."""
        if is_directory(self.path):
            return b""
        with open(self.place, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if os.path.getsize(self.place) else b""


def is_directory(path: str) -> bool:
    """Whether the path of something that is carried is that of a directory."""
    return path.endswith(("/", os.sep))


def content_of(place: str, root: str) -> Iterator[CarriedFile]:
    """A directory with all directories and files in it, by their paths from the root."""
    for folder, _, names in os.walk(place):
        if folder != root:
            yield CarriedFile(os.path.relpath(folder, root) + "/", folder)
        for name in sorted(names):
            inner = os.path.join(folder, name)
            yield CarriedFile(os.path.relpath(inner, root), inner)


def carried_files(value: Any, directory: str) -> List[CarriedFile]:
    """The files that a value stands for: a path, or several; all that is in a directory. Those from elsewhere stay where they are."""
    found = {file.path: file for path in _paths(value) for file in _below(os.path.join(directory, path), directory)}
    return list(found.values())


def _paths(value: Any) -> Iterator[str]:
    if isinstance(value, (str, os.PathLike)):
        yield os.fspath(value)
    elif isinstance(value, dict):
        yield from _paths(list(value.values()))
    elif isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray)):
        for one in value:
            if one is not value:
                yield from _paths(one)


def _below(place: str, directory: str) -> Iterator[CarriedFile]:
    path = os.path.relpath(place, directory)
    if path.split(os.sep)[0] == os.pardir:
        return
    if os.path.isfile(place):
        yield CarriedFile(path, place)
    yield from content_of(place, directory)


def carried_modules(names: Iterable[str], directory: str) -> List[CarriedFile]:
    """The files of all modules that were loaded from below the cells' directory, if one of these was: modules import each other."""
    if not any(_lies_at(name).startswith(directory + os.sep) for name in names):
        return []
    places = {_lies_at(name): name for name in list(sys.modules)}
    found = ((place, name) for place, name in places.items() if place.startswith(directory + os.sep) and os.path.isfile(place))
    return [
        CarriedFile(os.path.relpath(place, directory), place, os.path.relpath(_root_of(place, name), directory)) for place, name in found
    ]


def _root_of(place: str, name: str) -> str:
    """The directory in which an import of this name finds its file."""
    root = os.path.dirname(place) if os.path.basename(place).startswith("__init__.") else place
    for _ in name.split("."):
        root = os.path.dirname(root)
    return root


def _lies_at(name: str) -> str:
    """The file of a module, or the directory of a package without one. Asking some modules for an attribute would load others."""
    module = getattr(sys.modules.get(name), "__dict__", {})
    place = module.get("__file__") or next(iter(module.get("__path__") or ()), "")
    return os.path.realpath(place) if isinstance(place, str) and place else ""
