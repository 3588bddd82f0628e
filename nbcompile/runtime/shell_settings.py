"""How the shell reads cells and shows results: what `%config`, `%precision`, `%pprint`, `%xmode` and assignments to it set."""

from __future__ import annotations

from typing import Any, Dict

_OF_SHELL = ("ast_node_interactivity", "autoawait", "autocall", "automagic", "colors")
_OF_TEXTS = ("float_precision", "max_seq_length", "max_width", "newline", "pprint")


def take_settings(shell: Any) -> Any:
    """The settings as plain values; `None` where there is no shell."""
    if shell is None:
        return None
    texts = shell.display_formatter.formatters["text/plain"]
    return {"shell": _values(shell, _OF_SHELL), "texts": _values(texts, _OF_TEXTS), "errors": shell.InteractiveTB.mode}


def set_settings(shell: Any, state: Dict[str, Any]) -> None:
    """Make the settings those of another shell."""
    if shell is None:
        return
    for owner, values in ((shell, state["shell"]), (shell.display_formatter.formatters["text/plain"], state["texts"])):
        for name, value in values.items():
            if getattr(owner, name, value) != value:
                setattr(owner, name, value)
    if shell.InteractiveTB.mode != state["errors"]:
        shell.InteractiveTB.set_mode(state["errors"])


def tools_of(shell: Any) -> Dict[Any, int]:
    """What cells have given the shell: ways to show objects, magics, functions to be called after each cell.

    What pyplot registers for its figures, it registers in every process.
    """
    found: Dict[Any, int] = {}
    for mime, formatter in shell.display_formatter.formatters.items():
        for kind, show in (*formatter.type_printers.items(), *formatter.deferred_printers.items()):
            if getattr(kind, "__module__", "") != "matplotlib.figure":
                found[mime, kind] = id(show)
    for kind, magics in shell.magics_manager.magics.items():
        for name, magic in magics.items():
            if type(magic).__name__ == "MagicAlias" or getattr(magic, "__module__", "") == "__main__":
                found["magic", kind, name] = id(magic)
    for event, callbacks in shell.events.callbacks.items():
        for number, callback in enumerate(callbacks):
            if getattr(callback, "__module__", "") == "__main__":
                found["event", event, number] = id(callback)
    return found


def _values(owner: Any, names: Any) -> Dict[str, Any]:
    return {name: getattr(owner, name) for name in names if hasattr(owner, name)}
