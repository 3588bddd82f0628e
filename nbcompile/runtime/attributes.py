"""What an object carries in its `__dict__` while the way it is pickled comes from a type written in C, which knows nothing of it."""

from __future__ import annotations

import types
from typing import Any, Dict, Optional, Tuple


def forgotten_attributes(value: Any, reduced: Tuple[Any, ...]) -> Optional[Dict[str, Any]]:
    """The attributes that would be lost, if there are any: those of an instance of a subclass whose base reduces itself."""
    attributes = getattr(value, "__dict__", None)
    if not attributes or type(attributes) is not dict or len(reduced) > 5:
        return None
    way: Any = type(value).__reduce_ex__
    if way is object.__reduce_ex__:
        way = type(value).__reduce__
    if way is object.__reduce__ or isinstance(way, types.FunctionType):
        return None
    state = reduced[2] if len(reduced) > 2 else None
    parts = state if isinstance(state, tuple) else (state,)
    return None if any(isinstance(part, dict) for part in parts) else attributes


def set_attributes(value: Any, state: Tuple[Any, Dict[str, Any]]) -> None:
    """Give an object what its base saved, and its attributes."""
    of_base, attributes = state
    if of_base is not None:
        value.__setstate__(of_base)
    value.__dict__.update(attributes)
