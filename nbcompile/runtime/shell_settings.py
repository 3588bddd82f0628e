"""How the shell reads cells and shows results: what `%config`, `%precision`, `%pprint`, `%xmode` and assignments to it set."""

from __future__ import annotations

import types
from typing import Any, Container, Dict, Optional, Tuple

from .loaded import library_of

_OF_SHELL = ("ast_node_interactivity", "autoawait", "autocall", "automagic", "colors")
_OF_TEXTS = ("float_precision", "max_seq_length", "max_width", "newline", "pprint", "verbose")

# Functions and objects that get every cell before it runs.
_REWRITE = ("ast_transformers", "input_transformers_cleanup", "input_transformers_post")
_OVERRIDING = (types.FunctionType, types.MethodType)
_OURS = ("IPython", "ipykernel", "matplotlib_inline", "matplotlib", "traitlets", "nbcompile", "nbcompile_runtime", "builtins")


# What the shell works with, of which each process has its own; every kernel has them.
_PARTS = (
    "display_formatter",
    "display_pub",
    "displayhook",
    "events",
    "extension_manager",
    "magics_manager",
    "alias_manager",
    "prefilter_manager",
    "input_transformer_manager",
    "history_manager",
    "payload_manager",
    "kernel",
)


def path_in_shell(shell: Any, value: Any) -> Optional[Tuple[str, ...]]:
    """Where the shell has this object: itself, what it works with, or a formatter by its mime type; `None` if it does not."""
    if value is shell:
        return ()
    if shell is None or not library_of(type(value)).startswith(("IPython", "ipykernel", "nbcompile")):
        return None
    for mime, formatter in shell.display_formatter.formatters.items():
        if formatter is value:
            return ("display_formatter", "formatters", mime)
    return next(((name,) for name in _PARTS if getattr(shell, name, shell) is value), None)


def part_of_shell(shell: Any, path: Tuple[str, ...]) -> Any:
    """The object that another shell has there."""
    found = shell
    for name in path:
        found = found[name] if isinstance(found, dict) else getattr(found, name)
    return found


def take_settings(shell: Any) -> Any:
    """The settings as plain values; `None` where there is no shell."""
    if shell is None:
        return None
    formatters = shell.display_formatter.formatters
    return {
        "shell": _values(shell, _OF_SHELL),
        "texts": _values(formatters["text/plain"], _OF_TEXTS),
        "errors": shell.InteractiveTB.mode,
        "shown": {mime: formatter.enabled for mime, formatter in formatters.items()},
    }


def set_settings(shell: Any, state: Dict[str, Any]) -> None:
    """Make the settings those of another shell."""
    if shell is None:
        return
    for owner, values in ((shell, state["shell"]), (shell.display_formatter.formatters["text/plain"], state["texts"])):
        for name, value in values.items():
            if getattr(owner, name, value) != value:
                setattr(owner, name, value)
    for mime, formatter in shell.display_formatter.formatters.items():
        formatter.enabled = state["shown"].get(mime, formatter.enabled)
    if shell.InteractiveTB.mode != state["errors"]:
        shell.InteractiveTB.set_mode(state["errors"])


def tools_of(shell: Any, loaded: Container[str]) -> Dict[Any, int]:
    """What cells have given the shell: ways to show objects, magics, functions to be called around each cell, or that rewrite it.

    What IPython, pyplot and libraries that were not `loaded` yet register themselves, they register wherever they are imported. Magics of
    extensions count for those who use them.
    """
    extensions = shell.extension_manager.loaded
    found = _ways_to_show(shell)
    for kind, magics in shell.magics_manager.magics.items():
        for name, magic in magics.items():
            if type(magic).__name__ == "MagicAlias" or getattr(magic, "__module__", "") == "__main__":
                found["magic", kind, name] = id(magic)
    called = {f"event {event}": callbacks for event, callbacks in shell.events.callbacks.items()}
    called.update({name: getattr(shell, name, ()) for name in _REWRITE})
    called.update({name: (value,) for name, value in vars(shell).items() if isinstance(value, _OVERRIDING)})
    if shell.custom_exceptions:
        found["error", shell.custom_exceptions] = id(shell.CustomTB)
    for use, callbacks in called.items():
        for number, callback in enumerate(callbacks):
            home = _home(callback)
            if home.partition(".")[0] not in _OURS and (home in loaded or home in extensions):
                found[use, number] = id(callback)
    return found


def _ways_to_show(shell: Any) -> Dict[Any, int]:
    found: Dict[Any, int] = {}
    for mime, formatter in shell.display_formatter.formatters.items():
        for kind, show in (*formatter.type_printers.items(), *formatter.deferred_printers.items()):
            if getattr(kind, "__module__", "") != "matplotlib.figure":
                found[mime, _said(kind)] = id(show)
    return found


def _said(kind: Any) -> Any:
    """A type as it is told whose module nobody has to have imported: IPython puts the type in its place when it first shows one."""
    return (kind.__module__, kind.__name__) if isinstance(kind, type) and kind.__module__ != "__main__" else kind


def _home(callback: Any) -> str:
    """The module that a function, or the class of an object, is from."""
    return str(getattr(callback, "__module__", None) or type(callback).__module__)


def _values(owner: Any, names: Any) -> Dict[str, Any]:
    return {name: getattr(owner, name) for name in names if hasattr(owner, name)}
