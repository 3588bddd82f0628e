"""The process as a kernel's cells find it: `__main__`, environment variables, `sys.argv`, `sys.path`, standard input."""

from __future__ import annotations

import builtins
import os
import sys
import tempfile
import types
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from typing import Any, Callable, Iterable, Optional

# Set for every cell by ipykernel: colours in tools that support them, and no pagers.
KERNEL_VARIABLES = {
    "CLICOLOR": "1",
    "CLICOLOR_FORCE": "1",
    "FORCE_COLOR": "1",
    "GIT_PAGER": "cat",
    "PAGER": "cat",
    "PYDEVD_USE_FRAME_EVAL": "NO",
    "TERM": "xterm-color",
}
INLINE_BACKEND = "module://matplotlib_inline.backend_inline"
# Modules of a kernel that libraries look for in `sys.modules`.
KERNEL_MODULES = ("ipykernel", "ipykernel.zmqshell", "ipykernel.iostream", "ipykernel.kernelapp", "ipykernel.displayhook")
MAIN_DOC = "Automatically created module for IPython interactive environment"


class _Main(types.ModuleType):
    """`__main__`. Who asks it for a name that the cell does not have, as pickle does, is given what a definition binds."""

    find: Callable[[str], Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return _Main.find(name)
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None


# Nobody is to tell it from a module.
_Main.__name__, _Main.__qualname__, _Main.__module__ = "module", "module", "builtins"


def make_main_module() -> types.ModuleType:
    """A fresh `__main__`, without a file or a spec, as a kernel has it."""
    module = types.ModuleType("__main__", MAIN_DOC)
    # Those of the process: whoever executes code in a namespace that names none gives it their own.
    vars(module)["__builtins__"] = builtins
    sys.modules["__main__"] = module
    return module


def find_in_main(find: Callable[[str], Any]) -> None:
    """Let `__main__` have more than the names of the cell; what is given raises KeyError for what it has not, either."""
    _Main.find = staticmethod(find)
    sys.modules["__main__"].__class__ = _Main


def enter_kernel_environment() -> None:
    """Set the variables, arguments and search path that a kernel's cells see."""
    os.environ.update(KERNEL_VARIABLES)
    if not os.environ.get("MPLBACKEND"):
        os.environ["MPLBACKEND"] = INLINE_BACKEND
    connection = os.path.join(tempfile.gettempdir(), "kernel.json")
    launcher = PathFinder.find_spec("ipykernel_launcher")
    sys.argv = [(launcher and launcher.origin) or "ipykernel_launcher.py", "-f", connection, "--HistoryManager.hist_file=:memory:"]
    _put_directory_on_path()
    _close_standard_input()
    _announce_kernel()


def extend_search_path(directory: str, places: Iterable[str]) -> None:
    """Look for modules in these places, told from a directory, after everywhere else: there lies the project that is installed."""
    sys.path += [os.path.normpath(os.path.join(directory, place)) for place in places]


def hidden_variable(name: str, value: Optional[str]) -> None:
    """Set a variable, or remove it again with `None`."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _put_directory_on_path() -> None:
    """The working directory comes after the standard library, not first, and not where this file is."""
    here = os.path.dirname(os.path.abspath(globals().get("__file__") or ""))
    if sys.path and sys.path[0] and os.path.abspath(sys.path[0]) == here:
        del sys.path[0]
    if "" in sys.path:
        return
    for place, entry in enumerate(sys.path):
        if os.path.basename(entry) in ("site-packages", "dist-packages"):
            sys.path.insert(place, "")
            return
    sys.path.append("")


def _close_standard_input() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _announce_kernel() -> None:
    """Put the modules of a kernel into `sys.modules`, to be loaded when they are used."""
    package = PathFinder.find_spec("ipykernel")
    places = package.submodule_search_locations if package is not None else None
    for name in KERNEL_MODULES if places is not None else ():
        spec = package if name == "ipykernel" else PathFinder.find_spec(name, places)
        if spec is not None and spec.loader is not None and name not in sys.modules:
            _announce(spec)


def _announce(spec: ModuleSpec) -> None:
    module = module_from_spec(spec)
    module.__class__ = _AnnouncedModule
    sys.modules[spec.name] = module
    parent, _, name = spec.name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], name, module)


# Of the names with two underscores; Python asks every module in `sys.modules` for some others.
_ASKED_BY_CELLS = ("__version__", "__author__", "__all__")


class _AnnouncedModule(types.ModuleType):
    """A module that is loaded when something of it is asked for that an empty module does not have."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in _ASKED_BY_CELLS:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        self.__class__ = types.ModuleType  # type: ignore[assignment]
        spec = self.__spec__
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module(self)
        return getattr(self, name)
