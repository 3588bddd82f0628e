"""Which cells must run in one process: what they share cannot be sent from one to the other."""

from __future__ import annotations

from collections.abc import Mapping

from nbcompile.model.facts import CellFacts
from nbcompile.model.graph import EdgeKind, Fusion


class Fusions:
    """The fusions found so far, and what later cells may have to be fused with."""

    def __init__(self) -> None:
        self.found: dict[Fusion, None] = {}
        self._stuck: dict[str, str] = {}
        self._live: list[tuple[int, frozenset[str], str]] = []
        self._views: dict[int, int] = {}

    def _add(self, first: int, second: int, reason: str) -> None:
        if first != second:
            self.found[Fusion(first, second, reason)] = None

    def use(self, name: str, made_in: int, used_in: int) -> None:
        """A cell needs a version as a value."""
        if name in self._stuck:
            self._add(made_in, used_in, f"`{name}` cannot be sent: {self._stuck[name]}")

    def take(self, cell: CellFacts, needed: Mapping[str, EdgeKind | None]) -> tuple[str, ...]:
        """Look at one more cell; returns what goes on beside it and so may read at any time."""
        touched = {*needed, *(made.name for made in cell.definitions)}
        beside: dict[str, None] = {}
        for started, names, reason in self._live:
            if names & touched:
                self._add(started, cell.index, reason)
                beside.update(dict.fromkeys(sorted(names)))
        self._live += [(cell.index, frozenset(live.names), live.reason) for live in cell.live]
        if cell.fuse:
            self._add(cell.index - 1 if cell.index else 0, cell.index, "its author asks for one step with the cell before it")
        for number in cell.history:
            self._add(number, cell.index, "it reads the result of an earlier cell as `_` or `Out`")
        self._see_views(cell)
        for made in cell.definitions:
            if made.certain:
                self._stuck.pop(made.name, None)
        self._stuck.update((stuck.name, stuck.reason) for stuck in cell.stuck)
        return tuple(beside)

    def _see_views(self, cell: CellFacts) -> None:
        """Views of one buffer show each other's changes only in one process."""
        for shared in cell.sharing:
            if not shared.views:
                continue
            formed = self._views.setdefault(shared.object, cell.index)
            if shared.changed:
                names = ", ".join(f"`{name}`" for name in shared.names[:4])
                self._add(formed, cell.index, f"{names} may show the same memory, which is changed here")
