"""What a library remembers in numbers, texts and counters of its modules and classes: ids it has given out, options, modes."""

from __future__ import annotations

import itertools
import sys
from typing import Any, Dict, Iterator, Tuple

# Truth values and None are left out: most say only that something was loaded.
_REMEMBERED = (int, float, str)


def library_state(library: str) -> Dict[Tuple[str, str], Any]:
    """By module or class, and name. What is loaded later is not in an earlier state, so compare only what is in both."""
    found: Dict[Tuple[str, str], Any] = {}
    for place, names in _places_of(library):
        for name, value in list(names.items()):
            if type(value) in _REMEMBERED and not name.startswith("__"):
                found[place, name] = value
            elif type(value) is itertools.count:
                found[place, name] = repr(value)
    return found


def changed_state(before: Dict[Tuple[str, str], Any], now: Dict[Tuple[str, str], Any]) -> str:
    """The first thing that is another one now; empty where there is none."""
    return next((".".join(key) for key, value in before.items() if key in now and now[key] != value), "")


def _places_of(library: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
    for name, module in list(sys.modules.items()):
        if name == library or name.startswith(library + "."):
            names = getattr(module, "__dict__", {})
            yield name, names
            for value in list(names.values()):
                if isinstance(value, type) and value.__module__ == name:
                    yield f"{name}.{value.__qualname__}", dict(vars(value))
