"""Values for the notebook's parameters that come as words, from somebody who runs the workflow."""

from __future__ import annotations

import pathlib
from typing import Any, Callable, Dict, Iterable, List, Sequence

from .document import ParameterEntry
from .own import json_loads


def _any(text: str) -> Any:
    try:
        return json_loads(text)
    except ValueError:
        return text


_READERS: Dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "string": str,
    "boolean": lambda text: True,
    "path": pathlib.Path,
    "any": _any,
}


def given_values(entries: Iterable[ParameterEntry], words: Sequence[str]) -> Dict[str, Any]:
    """The values by name, from words like `int:n=3`. Of what is false, empty or null there is no word."""
    texts: Dict[str, List[str]] = {}
    for word in words:
        name, _, text = word.partition(":")[2].partition("=")
        texts.setdefault(name, []).append(text)
    return {entry.name: _value(entry, texts.get(entry.name, ())) for entry in entries if entry.name in texts or not entry.computed}


def _value(entry: ParameterEntry, texts: Sequence[str]) -> Any:
    read = _READERS[entry.kind]
    if entry.array and entry.kind != "any":
        return [read(text) for text in texts] if texts or not entry.optional else None
    if texts:
        return read(texts[-1])
    return False if entry.kind == "boolean" and not entry.optional else None


def as_the_cell_has_it(own: Any, value: Any) -> Any:
    """The value as the notebook would write it; its own object where that is equal."""
    if isinstance(own, tuple) and isinstance(value, list):
        value = tuple(value)
    return own if isinstance(own, bool) == isinstance(value, bool) and own == value else value
