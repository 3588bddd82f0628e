"""What StreamFlow believes to be the file system of a place: names in memory, for contents that are in the place's store."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterator
from typing import NamedTuple, Union

from nbcompile.backend import Fatal


class Content(NamedTuple):
    """A file's content, as stores and CWL name it."""

    sha256: str
    sha1: str
    size: int


Node = Union[Content, "dict[str, Node]"]


class Tree:
    """Directories and files by their absolute paths. Nothing is ever changed but by adding and removing names."""

    def __init__(self) -> None:
        self._root: dict[str, Node] = {}
        self._links: set[str] = set()

    def find(self, path: str) -> Node | None:
        """What is there."""
        node: Node = self._root
        for part in _parts(path):
            if not isinstance(node, dict) or part not in node:
                return None
            node = node[part]
        return node

    def make_directory(self, path: str) -> dict[str, Node]:
        """The directory, made with those above it unless it is there."""
        node = self._root
        for part in _parts(path):
            below = node.setdefault(part, {})
            if not isinstance(below, dict):
                raise Fatal(f"{path} goes through a file")
            node = below
        return node

    def put(self, path: str, node: Node) -> None:
        """Give a name to a content, or to a directory of contents as it is now; the name may be given anew, as that of a link."""
        self.make_directory(posixpath.dirname(path))[posixpath.basename(path)] = _copy(node)
        self._links.add(_plain(path))

    def takes_in(self, path: str) -> bool:
        """Whether what is brought to this path goes below it: to a directory that was made, and not to one that is but a name."""
        return isinstance(self.find(path), dict) and _plain(path) not in self._links

    def remove(self, path: str) -> None:
        """Forget a name and those below it."""
        above = self.find(posixpath.dirname(path))
        if isinstance(above, dict):
            above.pop(posixpath.basename(path), None)
        self._links.discard(_plain(path))

    def match(self, directory: str, pattern: str) -> list[str]:
        """The paths below a directory that a pattern of names fits, sorted."""
        found = [directory.rstrip("/")]
        for part in _parts(pattern):
            found = [f"{above}/{name}" for above in found for name in self._names(above) if fnmatch.fnmatchcase(name, part)]
        return sorted(found)

    def _names(self, path: str) -> tuple[str, ...]:
        node = self.find(path)
        return tuple(node) if isinstance(node, dict) else ()


def contents(node: Node, path: str = "") -> Iterator[tuple[str, Content]]:
    """All files of a node with their paths, relative to it and empty for a file itself."""
    if isinstance(node, Content):
        yield path, node
        return
    for name in sorted(node):
        yield from contents(node[name], posixpath.join(path, name))


def _copy(node: Node) -> Node:
    """A directory of its own: what is added to it later is in no other."""
    return {name: _copy(below) for name, below in node.items()} if isinstance(node, dict) else node


def _plain(path: str) -> str:
    return "/".join(_parts(path))


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
