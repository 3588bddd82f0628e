"""Versions of files: which cell wrote what another reads, and what the run is given.

A directory stands for everything below it, and `./` for the whole working directory.
"""

from __future__ import annotations

from nbcompile.model.facts import CellFacts
from nbcompile.model.graph import FILE, Edge, EdgeKind, Version

GIVEN = -1


class Files:
    """The newest version of every file that was named so far."""

    def __init__(self) -> None:
        self._written: dict[str, int] = {}
        self._readers: dict[str, list[int]] = {}

    def cell(self, cell: CellFacts) -> tuple[list[Version], list[Version], list[Edge]]:
        """The file versions a cell needs and makes, and the edges to it."""
        needs: dict[Version, None] = {}
        makes: dict[Version, None] = {}
        edges: dict[Edge, None] = {}
        touched = [effect for effect in cell.effects if effect.channel == "files"]
        for effect in touched:
            if effect.mode != "write" or effect.subject.endswith("/"):
                self._read(cell.index, effect.subject, needs, edges)
            else:
                self._enter(cell.index, effect.subject, needs, edges)
        for effect in touched:
            if effect.mode != "read":
                makes[Version(FILE + effect.subject, cell.index)] = None
                for other in self._overlapping(effect.subject, self._readers):
                    for reader in self._readers.pop(other) if _outside(other) else ():
                        if reader != cell.index:
                            edges[Edge(reader, cell.index, FILE + effect.subject, EdgeKind.FILE)] = None
        for version in makes:
            self._written[version.name.removeprefix(FILE)] = cell.index
        return list(needs), list(makes), list(edges)

    def _read(self, cell: int, path: str, needs: dict[Version, None], edges: dict[Edge, None]) -> None:
        found = False
        for other in self._overlapping(path, self._written):
            maker = self._written[other]
            if maker != cell:
                needs[Version(FILE + other, maker)] = None
                edges[Edge(maker, cell, FILE + path, EdgeKind.FILE)] = None
            found = found or (other == path and not path.endswith("/"))
        if not found:
            needs[Version(FILE + path, GIVEN)] = None
        self._readers.setdefault(path, []).append(cell)

    def _enter(self, cell: int, path: str, needs: dict[Version, None], edges: dict[Edge, None]) -> None:
        """A file that is written needs the directory that an earlier cell made for it."""
        for other in self._overlapping(path, self._written):
            maker = self._written[other]
            if other.endswith("/") and other != "./" and maker != cell:
                needs[Version(FILE + other, maker)] = None
                edges[Edge(maker, cell, FILE + path, EdgeKind.FILE)] = None

    def _overlapping(self, path: str, known: dict[str, int] | dict[str, list[int]]) -> list[str]:
        """The known paths that may be, hold or be held by a path; for a file the directories above it."""
        if path.endswith("/"):
            return [other for other in known if path == "./" or other.startswith(path) or path.startswith(other) or other == "./"]
        found = [path] if path in known else []
        if "./" in known:
            found.append("./")
        head = path.rpartition("/")[0]
        while head:
            if head + "/" in known:
                found.append(head + "/")
            head = head.rpartition("/")[0]
        return found


def _outside(path: str) -> bool:
    """Whether a path is not below the step's own directory, so that steps do not get copies of it."""
    return path.startswith(("/", "~", "../"))
