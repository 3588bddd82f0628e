"""Looking at objects leaves no trace on their classes: pickle notes on a class what slots it has, where `vars(cls)` shows it."""

from __future__ import annotations

import contextlib
import copyreg
from typing import Any, Dict, Iterator, List, Tuple

_NOTE = "__slotnames__"


@contextlib.contextmanager
def classes_left_alone() -> Iterator[None]:
    """What is pickled meanwhile, Python's own way, notes the names of slots here; what a cell had noted on a class stays."""
    # Pickle, written in C, calls this function of the module by its name; there is no other way to hear of it.
    kept = copyreg._slotnames  # type: ignore[attr-defined]
    known: Dict[int, Tuple[Any, List[str]]] = {}

    def slot_names(cls: Any) -> List[str]:
        return _remembered(known, cls, kept)

    copyreg._slotnames = slot_names  # type: ignore[attr-defined]
    try:
        yield
    finally:
        copyreg._slotnames = kept  # type: ignore[attr-defined]


def _remembered(known: Dict[int, Tuple[Any, List[str]]], cls: Any, find: Any) -> List[str]:
    if id(cls) not in known:
        noted = _NOTE in cls.__dict__
        known[id(cls)] = cls, find(cls)
        if not noted and _NOTE in cls.__dict__:
            type.__delattr__(cls, _NOTE)
    return known[id(cls)][1]
