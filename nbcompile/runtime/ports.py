"""What a cell declares of itself as a step: names and variables it is given, and names for what it leaves."""

from __future__ import annotations

import glob
import os
from typing import Any, Callable, Collection, Dict, Iterator, List

from .document import PortEntry, StepCell
from .environment import hidden_variable
from .namespace import Namespace
from .payloads import UNBOUND


class Ports:
    """Binds the ports of one cell, before it runs and after."""

    def __init__(self, cell: StepCell, namespace: Namespace) -> None:
        self._cell, self._namespace = cell, namespace
        self._variables: Dict[str, Any] = {}

    def enter(self) -> None:
        """Bind what the cell is given."""
        for port, value in [(port, self._value(port)) for port in self._cell.inputs]:
            if port.kind != "env":
                self._namespace.bind(port.name, value)
            elif value is not UNBOUND:
                self._variables[port.name] = os.environ.get(port.name)
                os.environ[port.name] = str(value)

    def leave(self, written: Callable[[], Collection[str]]) -> None:
        """Bind what the cell leaves, and take back what only it was given. `written` tells which paths the cell has written."""
        for port, value in [(port, self._left(port, written)) for port in self._cell.outputs]:
            self._namespace.bind(port.name, value)
        for port in self._cell.inputs:
            if port.kind != "env" and port.name not in self._cell.defines:
                self._namespace.unbind(port.name)
        for name, before in self._variables.items():
            hidden_variable(name, before)

    def _left(self, port: PortEntry, written: Callable[[], Collection[str]]) -> Any:
        """What an output has after the cell. Of the files that a pattern finds these are the cell's own, if there are such."""
        if port.kind != "file" or not isinstance(port.value, str):
            return self._value(port)
        found = found_paths(port.value)
        own = {above for path in written() for above in _with_those_above(path)}
        return paths_of([path for path in found if path in own] or found)

    def _value(self, port: PortEntry) -> Any:
        if port.kind == "file" and isinstance(port.value, str):
            return paths_of(found_paths(port.value))
        return self._namespace.value(port.source) if port.value is None else port.value


def found_paths(pattern: str) -> List[str]:
    """The paths that a pattern finds where the cell runs, in the order of their names."""
    return sorted(os.path.normpath(path) for path in glob.glob(pattern, recursive=True))


def _with_those_above(path: str) -> Iterator[str]:
    """A path, and the directories that it lies in: who writes below a directory has written it."""
    path = path.rstrip("/")
    while path:
        yield path
        path = os.path.dirname(path)


def paths_of(found: List[str]) -> Any:
    """What a name is bound to that stands for these paths: one stands for itself."""
    return found[0] if len(found) == 1 else found
