"""Which modules a step depends on, as far as processes can tell: what imports what, what a step loads, what its inputs are made of."""

from __future__ import annotations

import builtins
import contextlib
import os
import sys
import sysconfig
from functools import lru_cache
from typing import Any, Dict, Iterator, List, Tuple

_INSTALLED = ("site-packages", "dist-packages")
_STANDARD: Any = getattr(sys, "stdlib_module_names", ())


@lru_cache(maxsize=None)
def standard_places() -> Tuple[str, ...]:
    """The directories of the standard library. Finding them out takes Python longer than most steps, so a warm parent does it."""
    return tuple(os.path.join(sysconfig.get_path(kind), "") for kind in ("stdlib", "platstdlib"))


def is_local(path: Any) -> bool:
    """Whether the file of a module was installed by nobody."""
    return isinstance(path, str) and not any(one in path for one in _INSTALLED) and not os.path.abspath(path).startswith(standard_places())


def library_of(kind: Any) -> str:
    """The library that has made a class or function; empty for what says of itself that no module has it, as functions of SymPy do."""
    module = getattr(kind, "__module__", None)
    return module.partition(".")[0] if isinstance(module, str) else ""


def name_of_module(module: Any) -> str:
    """What a module calls itself; empty where its names were cleared, as `%run` does with those of a script."""
    name = getattr(module, "__name__", "")
    return name if isinstance(name, str) else ""


class LoadedModules:
    """The top-level modules of this process.

    The warm parent loads more than any one step imports, so it notes which module imports which.
    """

    def __init__(self) -> None:
        self.edges: Dict[str, Dict[str, None]] = {}
        self._before: Dict[str, None] = {}
        self._read: Dict[str, None] = {}

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Note who imports whom. Nobody may see a traceback meanwhile: our frame would be in it."""
        original = builtins.__import__

        def watched(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002
            importer = (globals or {}).get("__name__") if level == 0 else None
            if importer:
                self.edges.setdefault(importer.partition(".")[0], {})[name.partition(".")[0]] = None
            return original(name, globals, locals, fromlist, level)

        builtins.__import__ = watched
        try:
            yield
        finally:
            builtins.__import__ = original

    def forget(self) -> None:
        """What is loaded by now is of no interest."""
        self._before = dict.fromkeys(sys.modules)

    def reads(self, module: str) -> None:
        """An input is made of something of this module."""
        self._read[module.partition(".")[0]] = None

    def _new(self) -> List[str]:
        """What was loaded since. The modules of before are not even looked at: a fork would copy the memory that they lie in."""
        return [name for name in list(sys.modules) if name not in self._before]

    def names(self) -> List[str]:
        """What was loaded since, and what inputs are made of, without the standard library."""
        found = {name.partition(".")[0]: None for name in self._new()}
        return sorted(name for name in {**found, **self._read} if name not in _STANDARD and not name.startswith("__"))

    def sources(self, directory: str) -> Dict[str, List[str]]:
        """The files of what was loaded and no distribution installed, by top-level module; not what lies below `directory`."""
        ours = (os.path.join(directory, ""), *standard_places())
        found: Dict[str, List[str]] = {}
        for name in self._new():
            path = getattr(sys.modules.get(name), "__dict__", {}).get("__file__")
            if name == "__main__" or not isinstance(path, str) or any(one in path for one in _INSTALLED):
                continue
            if not os.path.abspath(path).startswith(ours):
                found.setdefault(name.partition(".")[0], []).append(os.path.abspath(path))
        return {name: sorted(paths) for name, paths in sorted(found.items())}


LOADED = LoadedModules()
