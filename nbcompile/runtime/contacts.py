"""What cells have to do with besides their inputs: other hosts and programs, as Python's audit events tell, and chance."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Callable, Dict, Iterator, Tuple

from .recorder import NO_CELL, Recorder

_NETWORK = ("socket.connect", "socket.sendto", "socket.bind")
_PROCESS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn")
# Programs by which libraries learn about the machine.
_HARMLESS = frozenset(("cc", "fc-list", "gcc", "ld", "ldconfig", "lscpu", "objdump", "uname"))


class Contacts:
    """Notes contacts while a cell runs."""

    def __init__(self) -> None:
        self._recorder: Any = None
        self._found: Dict[str, None] = {}

    def start(self, recorder: Recorder) -> None:
        """Watch the cells of a step; an audit hook stays for the life of the process, so it is added once."""
        if self._recorder is None:
            sys.addaudithook(self._hear)
        self._recorder, self._found = recorder, {}

    @contextlib.contextmanager
    def cell(self) -> Iterator[None]:
        """Watch what one cell does to the global random generators."""
        before = _generators()
        try:
            yield
        finally:
            self._found.update(dict.fromkeys(name for name, state in _generators().items() if state != before.get(name, state)))

    def found(self) -> Tuple[str, ...]:
        """`network`, `process`, and the random generators that cells moved."""
        return tuple(sorted(self._found))

    def _hear(self, event: str, arguments: Tuple[Any, ...]) -> None:
        kind = _KINDS.get(event)
        if kind is not None and self._recorder.cell != NO_CELL and kind[1](arguments):
            self._found[kind[0]] = None


def _generators() -> Dict[str, Any]:
    """The states of the global generators of modules that are loaded."""
    states: Dict[str, Any] = {}
    # A module of the notebook's own may be called `random`, too.
    standard, numpy = (getattr(sys.modules.get(name), get, None) for name, get in (("random", "getstate"), ("numpy.random", "get_state")))
    if standard is not None:
        states["random"] = standard()
    if numpy is not None:
        kind, keys, *rest = numpy()
        states["numpy.random"] = (kind, keys.tobytes(), *rest)
    return states


def _leads_out(arguments: Tuple[Any, ...]) -> bool:
    """Whether an address is one of the Internet; those of this machine's own sockets are paths."""
    return isinstance(arguments[1], tuple)


def _runs_a_program(arguments: Tuple[Any, ...]) -> bool:
    return os.path.basename(os.fsdecode(arguments[0] or "")) not in _HARMLESS if isinstance(arguments[0], (str, bytes)) else True


_KINDS: Dict[str, Tuple[str, Callable[[Tuple[Any, ...]], bool]]] = {
    **dict.fromkeys(_NETWORK, ("network", _leads_out)),
    **dict.fromkeys(_PROCESS, ("process", _runs_a_program)),
}
CONTACTS = Contacts()
