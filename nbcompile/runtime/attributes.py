"""The attributes of an object: those that are only caches, and those that a base written in C forgets when it is pickled."""

from __future__ import annotations

import functools
import types
from typing import Any, Dict, Optional, Tuple


def is_cache(kind: type, name: Any) -> bool:
    """Whether an attribute holds what a `cached_property` of the type has worked out: it is there once somebody has looked."""
    return isinstance(name, str) and isinstance(getattr(kind, name, None), functools.cached_property)


def keeps_answers(kind: type, name: Any) -> bool:
    """Whether an attribute holds only what the object was asked before.

    pandas keeps answers of groups and windows in one dictionary, NumPy what it has made of a function that it calls for each element.
    """
    library = {"_cache": "pandas", "_ufunc": "numpy"}.get(name)
    return library is not None and any(base.__module__.partition(".")[0] == library for base in kind.__mro__)


def forgotten_attributes(value: Any, reduced: Tuple[Any, ...], way: Any) -> Optional[Dict[str, Any]]:
    """The attributes that this `way` to reduce a value lost, if any: those of an instance of a subclass whose base reduces itself."""
    attributes = getattr(value, "__dict__", None)
    if not attributes or type(attributes) is not dict or len(reduced) > 5:
        return None
    if way is object.__reduce__ or isinstance(way, types.FunctionType):
        return None
    state = reduced[2] if len(reduced) > 2 else None
    parts = state if isinstance(state, tuple) else (state,)
    return None if any(isinstance(part, dict) for part in parts) else attributes


def way_to_reduce(kind: Any) -> Any:
    """The function that pickle calls to reduce instances of a class."""
    return kind.__reduce__ if kind.__reduce_ex__ is object.__reduce_ex__ else kind.__reduce_ex__


def set_attributes(value: Any, state: Tuple[Any, Dict[str, Any]]) -> None:
    """Give an object what its base saved, and its attributes."""
    of_base, attributes = state
    if of_base is not None:
        value.__setstate__(of_base)
    value.__dict__.update(attributes)
