"""Functions that numba compiles when they are called.

It pickles them with those globals that are there by then. Here the function goes by itself, and finds its names where it is called.
"""

from __future__ import annotations

import sys
from typing import Any, Dict, Optional


def parts_of_compiled(value: Any) -> Optional[Dict[str, Any]]:
    """What such a function is made of; `None` if it is none, or one that was compiled: that keeps the globals of then."""
    kind: Any = getattr(sys.modules.get("numba.core.dispatcher"), "Dispatcher", None)
    if kind is None or not isinstance(value, kind) or not getattr(value, "_can_compile", False) or getattr(value, "overloads", None):
        return None
    parts: Dict[str, Any] = value._reduce_states()
    return parts


def make_compiled(kind: Any, parts: Dict[str, Any]) -> Any:
    """The same function again; in one process it is one object."""
    return kind._rebuild(**parts)
