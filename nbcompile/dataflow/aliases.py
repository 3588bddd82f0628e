"""Which names must travel together after each cell: the alias classes, each with one linear history.

A cell that lets two names share an object is a writer of both if the object is changed later: whoever changes it then
must find the names still sharing it. Where nothing is changed later, each may get a copy and nothing has to wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nbcompile.model.facts import CellFacts, Sharing


def _changed_somewhere(cell: CellFacts) -> Iterable[str]:
    """The names of which the cell changes something, and nobody knows what."""
    return (change.name for change in cell.changes if change.whole)


class Aliases:
    """The sharing known after the cells so far.

    Who can tell an object from a copy needs it shared as who changes it does, and makes no new version of it.
    """

    def __init__(self, facts: Sequence[CellFacts]) -> None:
        self._last_change: dict[int, int] = {}
        self._names: dict[int, tuple[str, ...]] = {}
        self._objects: dict[str, set[int]] = {}
        for cell in facts:
            for made in cell.definitions:
                self.forget(made.name)
            self.learn(cell)
            changed = {number for name in _changed_somewhere(cell) for number in self._objects.get(name, ())}
            changed.update(shared.object for shared in cell.sharing if shared.changed or shared.compared)
            self._last_change.update(dict.fromkeys(changed, cell.index))
        self._names, self._objects = {}, {}

    def forget(self, name: str) -> None:
        """The name is bound to something else now."""
        self._objects.pop(name, None)

    def learn(self, cell: CellFacts) -> None:
        """Take in what names share at the end of a cell."""
        for shared in cell.sharing:
            self._names[shared.object] = shared.names
            for name in shared.names:
                self._objects.setdefault(name, set()).add(shared.object)

    def matters(self, shared: Sharing, cell: int) -> bool:
        """Whether the object is changed in this cell or later."""
        return shared.changed or self._last_change.get(shared.object, -1) > cell

    def written(self, cell: CellFacts) -> list[str]:
        """The names of which the cell makes a new version by changing or by sharing, in a fixed order."""
        found: dict[str, None] = {change.name: None for change in cell.changes}
        for shared in cell.sharing:
            if self.matters(shared, cell.index):
                found.update(dict.fromkeys(shared.names))
        for name in _changed_somewhere(cell):
            for number in sorted(self._objects.get(name, ())):
                found.update((other, None) for other in self._names[number] if number in self._objects.get(other, ()))
        todo = list(found)
        while todo:
            for name in self._partners(todo.pop(), cell.index):
                if name not in found:
                    found[name] = None
                    todo.append(name)
        return list(found)

    def _partners(self, name: str, cell: int) -> Iterable[str]:
        """The names that share with this one an object that is changed later."""
        for number in sorted(self._objects.get(name, ())):
            if self._last_change.get(number, -1) > cell:
                for other in self._names[number]:
                    if number in self._objects.get(other, ()):
                        yield other

    def groups(self, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """The names, those that may share anything together, in the order of the first of each."""
        place = {name: at for at, name in enumerate(names)}
        root = list(range(len(names)))

        def find(at: int) -> int:
            while root[at] != at:
                root[at] = root[root[at]]
                at = root[at]
            return at

        for name, at in place.items():
            for number in self._objects.get(name, ()):
                for other in self._names[number]:
                    if other in place and number in self._objects.get(other, ()):
                        one, two = sorted((find(at), find(place[other])))
                        root[two] = one
        found: dict[int, list[str]] = {}
        for name, at in place.items():
            found.setdefault(find(at), []).append(name)
        return tuple(tuple(group) for _, group in sorted(found.items()))
