"""What the cells of a notebook really do, seen while all of them run in one process: what a profile is made of."""

from __future__ import annotations

import dis
import os
import sys
import threading
import time
import types
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple

from .fingerprint import fingerprint
from .frames import write_frame
from .memory import peak_kib, reset_peak
from .value_writer import Scope

_READING = frozenset(("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS", "DELETE_NAME", "DELETE_GLOBAL"))
# Places that every program looks into.
_SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGING_EVENTS = {"os.remove": (0,), "os.rename": (0, 1), "os.mkdir": (0,), "os.rmdir": (0,), "os.truncate": (0,), "os.link": (1,)}
_LOOKING_EVENTS = ("os.listdir", "os.scandir", "glob.glob")
_OUTSIDE = {"socket.connect": "network", "subprocess.Popen": "process", "os.system": "process", "os.posix_spawn": "process"}
_TOOL = 4


class Tracer:
    """Looks at one cell after the other: `start` before it runs, `stop` after it, which says what it did."""

    def __init__(self, kernel: Any, scope: Scope) -> None:
        self._namespace, self._scope = kernel.namespace, scope
        self._hidden = frozenset(kernel.namespace)
        self._codes = _CodeWatch(self._namespace)
        self._accesses = _AccessWatch()
        self._bound: Dict[str, Any] = {}
        self._digests: Dict[str, str] = {}
        self._states: Dict[str, str] = {}

    def start(self) -> None:
        """The cell is about to run."""
        self._bound = self._variables()
        self._states = dict(_channel_states())
        reset_peak()
        self._accesses.start()
        self._codes.start()

    def stop(self, cell: int) -> Dict[str, Any]:
        """The cell has run."""
        names = self._codes.stop()
        accesses = self._accesses.stop()
        peak = peak_kib()
        before, now = self._bound, self._variables()
        binds = [name for name, value in now.items() if name not in before or before[name] is not value]
        digests = {name: fingerprint(value).digest for name, value in now.items()}
        changes = [name for name in now if name not in binds and digests[name] != self._digests.get(name)]
        self._digests = digests
        states = dict(_channel_states())
        return {
            "reads": sorted(names & before.keys()),
            "binds": binds,
            "deletes": [name for name in before if name not in now],
            "changes": changes,
            "values": {name: self._described(f"{name}@{cell}", now[name]) for name in (*binds, *changes)},
            "files": accesses.files,
            "channels": sorted({*accesses.outside, *(name for name, state in states.items() if self._states.get(name, state) != state)}),
            "peak_kib": peak,
        }

    def _variables(self) -> Dict[str, Any]:
        return {name: value for name, value in self._namespace.items() if not name.startswith("_") and name not in self._hidden}

    def _described(self, version: str, value: Any) -> Dict[str, Any]:
        started = time.perf_counter()
        frame = write_frame(version, value, self._scope)
        seconds = round(time.perf_counter() - started, 4)
        size = len(frame.content) + sum(extent.length for extent in frame.extents.extents)
        why = frame.failures[0].reason if frame.failures else ""
        return {"type": fingerprint(value).type, "bytes": size, "stuck": why, "seconds": seconds}


class _CodeWatch:
    """Which code runs in the notebook's namespace: what its global names are is what the cell may have read."""

    def __init__(self, namespace: Dict[str, Any]) -> None:
        self._namespace = namespace
        self._codes: Set[types.CodeType] = set()
        self._kept: Any = None

    def start(self) -> None:
        """Begin to look."""
        self._codes = set()
        monitoring: Any = getattr(sys, "monitoring", None)
        if monitoring is None:
            self._kept = sys.gettrace()
            threading.settrace(self._called)
            sys.settrace(self._called)
            return
        monitoring.use_tool_id(_TOOL, "nbcompile")
        monitoring.register_callback(_TOOL, monitoring.events.PY_START, self._started)
        monitoring.set_events(_TOOL, monitoring.events.PY_START)
        monitoring.restart_events()

    def stop(self) -> Set[str]:
        """End, and say which names the code mentions."""
        monitoring: Any = getattr(sys, "monitoring", None)
        if monitoring is None:
            sys.settrace(self._kept)
            threading.settrace(None)
        else:
            monitoring.set_events(_TOOL, 0)
            monitoring.free_tool_id(_TOOL)
        return {name for code in self._codes for name in _names_read(code)}

    def _called(self, frame: types.FrameType, event: str, argument: Any) -> Optional[Callable[..., Any]]:
        if frame.f_globals is self._namespace:
            self._codes.add(frame.f_code)
        return None

    def _started(self, code: types.CodeType, offset: int) -> Any:
        if sys._getframe(1).f_globals is self._namespace:
            self._codes.add(code)
        monitoring: Any = getattr(sys, "monitoring", None)
        return monitoring.DISABLE


def _names_read(code: types.CodeType) -> Iterator[str]:
    return (str(one.argval) for one in dis.get_instructions(code) if one.opname in _READING)


class _Accesses:
    """What a cell touched outside its process: files as mode and path, and channels."""

    def __init__(self) -> None:
        self.files: List[Tuple[str, str]] = []
        self.outside: Set[str] = set()


class _AccessWatch:
    """Hears of files, connections and processes from Python's audit events. A hook stays for ever, so it is there once."""

    def __init__(self) -> None:
        self._found: Optional[_Accesses] = None
        self._home = ""
        sys.addaudithook(self._hear)

    def start(self) -> None:
        """Begin to listen."""
        self._home = os.getcwd()
        self._found = _Accesses()

    def stop(self) -> _Accesses:
        """What was heard, each access once."""
        found, self._found = self._found or _Accesses(), None
        found.files = sorted(set(found.files))
        return found

    def _hear(self, event: str, arguments: Tuple[Any, ...]) -> None:
        found = self._found
        if found is None:
            return
        if event == "open":
            path, _, flags = arguments
            self._add(found, "write" if isinstance(flags, int) and flags & _WRITING else "read", path)
        elif event in _LOOKING_EVENTS:
            self._add(found, "read", arguments[0] if arguments[0] is not None else ".")
        elif event in _CHANGING_EVENTS:
            for place in _CHANGING_EVENTS[event]:
                self._add(found, "write", arguments[place])
        elif event in _OUTSIDE:
            found.outside.add(_OUTSIDE[event])

    def _add(self, found: _Accesses, mode: str, path: Any) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        full = os.path.join(self._home, os.fsdecode(path))
        if full.startswith((*_SYSTEM, sys.prefix, sys.base_prefix)) or full.endswith((".pyc", ".py")):
            return
        relative = os.path.relpath(full, self._home)
        # Where else a file lies is a matter of this machine.
        found.files.append((mode, relative if not relative.startswith("..") else "(outside)"))


def _channel_states() -> Iterator[Tuple[str, str]]:
    """Digests of the state that is no variable, as far as it exists."""
    yield "os.environ", fingerprint(dict(os.environ)).digest
    yield "cwd", os.getcwd()
    yield "sys.path", fingerprint(list(sys.path)).digest
    for name, module, ask in (
        ("random", "random", "getstate"),
        ("numpy.random", "numpy.random", "get_state"),
        ("torch.random", "torch.random", "get_rng_state"),
    ):
        asked = getattr(sys.modules.get(module), ask, None)
        if asked is not None:
            yield name, fingerprint(asked()).digest
    settings = getattr(sys.modules.get("matplotlib"), "rcParams", None)
    if settings is not None:
        yield "matplotlib", fingerprint(dict(settings)).digest
