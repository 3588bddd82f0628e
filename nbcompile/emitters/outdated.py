"""Names that a statement binds which a cell runs again, and that are something else by then.

A statement is run again with those it needs: `def f(x=LIMIT)` with `LIMIT = 3`. Where a later cell has bound `LIMIT` anew, the cell that
only calls `f` is to find that, or nothing at all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from nbcompile.model.facts import CellFacts, StatementId
from nbcompile.model.graph import DataflowGraph


class Outdated:
    """When each name of a notebook was bound to something else, and by which statement."""

    def __init__(self, graph: DataflowGraph, facts: Sequence[CellFacts]) -> None:
        replayable = set(graph.replayable)
        statements = [statement for cell in facts for statement in cell.statements if statement.id in replayable]
        self._binds = {statement.id: statement.binds for statement in statements}
        self._changes: dict[str, list[tuple[int, StatementId | None]]] = {}
        for cell, flow in zip(facts, graph.cells, strict=True):
            bound_by = {made.name: made.statement for made in cell.definitions if made.certain}
            made = (version.name for group in flow.makes for version in group)
            for name in dict.fromkeys((*flow.defines, *flow.deletes, *flow.mutates, *made)):
                self._changes.setdefault(name, []).append((cell.index, bound_by.get(name)))

    def names(self, cell: int, replays: Sequence[StatementId]) -> list[str]:
        """The names that these statements bind and that another cell or statement has bound last, before this cell."""
        run = set(replays)
        found = dict.fromkeys(name for one in replays for name in self._binds.get(one, ()))
        return [name for name in found if self._last(name, cell) not in run]

    def _last(self, name: str, cell: int) -> StatementId | None:
        changes = self._changes.get(name, [])
        place = bisect_left(changes, cell, key=lambda change: change[0])
        return changes[place - 1][1] if place else None
