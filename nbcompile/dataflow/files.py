"""Versions of files: which cells wrote what another reads, and what the run is given.

A directory stands for everything below it, and `./` for the whole working directory. A cell that may write a file need not do
so, and then whoever reads it finds what was there before: a reader needs what every writer before it has made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nbcompile.model.facts import CellFacts, Effect, StatementId
from nbcompile.model.graph import FILE, Edge, EdgeKind, Version

GIVEN = -1
_EVERYTHING = "./"


class Files:
    """The cells that wrote and read each file that was named so far."""

    def __init__(self) -> None:
        self._written: dict[str, list[int]] = {}
        self._readers: dict[str, list[int]] = {}
        self._moved = False
        self.of_statements: dict[StatementId, dict[Version, None]] = {}

    def cell(self, cell: CellFacts) -> tuple[list[Version], list[Version], list[Edge]]:
        """The file versions a cell needs and makes, and the edges to it."""
        needs: dict[Version, None] = {}
        makes: dict[Version, None] = {}
        edges: dict[Edge, None] = {}
        self._moved = self._moved or any(effect.channel == "cwd" and effect.mode != "read" for effect in cell.effects)
        for effect in cell.effects:
            if effect.channel == "files" and effect.statement is not None:
                self._need(cell.index, self._subject(effect), True, self.of_statements.setdefault(effect.statement, {}), edges)
        touched = [(self._subject(effect), effect.mode) for effect in cell.effects if effect.channel == "files"]
        for path, mode in touched:
            reads = mode != "write" or path.endswith("/")
            self._need(cell.index, path, reads, needs, edges)
            if mode != "read":
                makes[Version(FILE + path, cell.index)] = None
                edges.update(dict.fromkeys(self._after_others(cell.index, path)))
        for path, mode in touched:
            known = self._written if mode != "read" else self._readers
            if cell.index not in (makers := known.setdefault(path, [])):
                makers.append(cell.index)
        return list(needs), list(makes), list(edges)

    def _subject(self, effect: Effect) -> str:
        """The path as seen from where the notebook began; once a cell has gone elsewhere, nobody can tell."""
        return _EVERYTHING if self._moved and not _is_absolute(effect.subject) else effect.subject

    def _need(self, cell: int, path: str, reads: bool, needs: dict[Version, None], edges: dict[Edge, None]) -> None:
        for other in overlapping(path, self._written):
            # Whoever writes a file needs the directory that it goes to.
            if reads or (other != path and ("/" in path if other == _EVERYTHING else _is_above(other, path))):
                for maker in self._written[other]:
                    if maker != cell:
                        edges[Edge(maker, cell, FILE + path, EdgeKind.FILE)] = None
                        if not _is_absolute(path):
                            needs[Version(FILE + other, maker)] = None
        if reads and not _is_absolute(path):
            needs[Version(FILE + path, GIVEN)] = None

    def _after_others(self, cell: int, path: str) -> Iterator[Edge]:
        """A writer comes after those who read what was there: a step keeps one version of a path, the last.

        Of what lies outside the steps' own directories there is only one, so it comes after those who wrote it, too.
        """
        for known in (self._readers, self._written) if _is_absolute(path) else (self._readers,):
            for other in overlapping(path, known):
                yield from (Edge(one, cell, FILE + path, EdgeKind.FILE) for one in known[other] if one != cell)


def overlapping(path: str, known: Iterable[str]) -> list[str]:
    """The known paths that are, hold or are held by a path."""
    if path == _EVERYTHING:
        return [other for other in known if not _is_absolute(other)]
    relative = not _is_absolute(path)
    return [
        other
        for other in known
        if other.rstrip("/") == path.rstrip("/") or _is_above(other, path) or _is_above(path, other) or (other == _EVERYTHING and relative)
    ]


def _is_above(directory: str, path: str) -> bool:
    return path.startswith(directory.rstrip("/") + "/") and path.rstrip("/") != directory.rstrip("/")


def _is_absolute(path: str) -> bool:
    """Whether a path means the same wherever a step runs, so that steps do not get copies of it."""
    return path.startswith(("/", "~"))
