"""Arrays of Arrow, in which pandas keeps texts, travel as they lie in memory: how much they take is shown by `info` and `memory_usage`."""

from __future__ import annotations

import sys
from typing import Any

from .own_paths import OwnPaths

_UNKNOWN = -1
_TEXTS = ("string", "large_string", "string_view")


def with_own_memory(value: Any, kind: type, paths: OwnPaths, reduced: Any) -> Any:
    """How to make it again with all its memory.

    A pickle loses what says which values are there, once all are; columns of pandas join their parts before they are pickled.
    Texts that name one of `paths` travel one by one.
    """
    arrow = sys.modules.get("pyarrow")
    if arrow is None:
        return reduced
    if isinstance(value, arrow.Array):
        if str(value.type) in _TEXTS and any(one is not None and paths.are_in_memory(one) for one in value.buffers()):
            return arrow.array, (value.to_pylist(), value.type)
        return _from_buffers(arrow, value) or reduced
    parts = getattr(getattr(value, "__dict__", {}).get("_pa_array"), "chunks", None)
    if parts and kind.__module__.startswith("pandas.") and isinstance(reduced, tuple) and len(reduced) > 2 and type(reduced[2]) is dict:
        return (*reduced[:2], {**reduced[2], "_pa_array": parts}, *reduced[3:])
    return reduced


def _from_buffers(arrow: Any, value: Any) -> Any:
    is_plain = not value.type.num_fields and not isinstance(value, (arrow.DictionaryArray, arrow.ExtensionArray))
    if not is_plain or value.null_count or value.buffers()[0] is None:
        return None
    return arrow.Array.from_buffers, (value.type, len(value), value.buffers(), _UNKNOWN, value.offset)
