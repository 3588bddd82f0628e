"""Objects of the standard library that pickle refuses, or makes others of: what each is made of."""

from __future__ import annotations

import itertools
import pickle
import re
import types
from typing import Any, Tuple, Union

# How a match is found again: by the method of its pattern, or as the match of this number when all are looked for.
MatchWay = Union[str, int]


def way_to_match(match: Any) -> Tuple[Any, ...]:
    """The pattern, the text, and how `find_match` finds the match there.

    Raises `pickle.PicklingError` where nothing finds it, or where its text is memory that may have changed since.
    """
    pattern, text, start, end = match.re, match.string, match.pos, match.endpos
    if type(text) not in (str, bytes):
        raise pickle.PicklingError("the memory that was searched may have changed since")
    for method in ("match", "fullmatch"):
        if _is_same_match(match, getattr(pattern, method)(text, start, end)):
            return pattern, text, start, end, method
    for number, found in enumerate(pattern.finditer(text, start, end)):
        if _is_same_match(match, found):
            return pattern, text, start, end, number
    raise pickle.PicklingError("its pattern does not find it again")


def find_match(pattern: Any, text: Any, start: int, end: int, way: MatchWay) -> Any:
    """The match that `way_to_match` describes."""
    if isinstance(way, str):
        return getattr(pattern, way)(text, start, end)
    return next(itertools.islice(pattern.finditer(text, start, end), way, None))


def _is_same_match(one: Any, other: Any) -> bool:
    return isinstance(other, re.Match) and (one.regs, one.lastindex) == (other.regs, other.lastindex)


def reduce_forward_reference(reference: Any) -> Any:
    """The name of a type that is looked up later: what it was compiled to is compiled again."""
    attributes, slots = reference.__reduce_ex__(pickle.HIGHEST_PROTOCOL)[2]
    kept = {name: item for name, item in slots.items() if type(item) is not types.CodeType}
    return type(reference), (reference.__forward_arg__,), (attributes, kept)


def reduce_reversed(iterator: Any) -> Any:
    """A list that has become shorter than where its reversed iterator stands gives nothing any more; unpickled it would."""
    reduced = iterator.__reduce__()
    is_beyond = len(reduced) > 2 and reduced[2] >= len(reduced[1][0])
    return (iter, ((),)) if is_beyond else reduced
