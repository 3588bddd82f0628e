"""Objects of the standard library that pickle refuses, or makes others of: what each is made of."""

from __future__ import annotations

import pickle
import re
import types
from typing import Any, Dict, List, Tuple, Union

# How a match is found again: by a method of its pattern, or as the match of this number when all are looked for.
MatchWay = Union[str, int]


class Matches:
    """Finds matches again. What a pattern finds in a text is looked for once, as far as it is asked for."""

    def __init__(self) -> None:
        self._searches: Dict[Tuple[int, int, int, int], Tuple[Any, List[Any]]] = {}

    def way_to(self, match: Any) -> Tuple[Any, ...]:
        """The pattern, the text, where it was searched, and how `find` finds the match there.

        Raises `pickle.PicklingError` where nothing finds it, or where its text is memory that may have changed since.
        """
        pattern, text, start, end = place = match.re, match.string, match.pos, match.endpos
        if type(text) not in (str, bytes):
            raise pickle.PicklingError("the memory that was searched may have changed since")
        if match.start() == start:
            for method in ("match", "fullmatch") if match.end() == end else ("match",):
                if _is_same_match(match, getattr(pattern, method)(text, start, end)):
                    return (*place, method)
        coming, found = self._search(*place)
        while not found or found[-1].start() <= match.start():
            following = next(coming, None)
            if following is None:
                break
            found.append(following)
        number = _number_of_match(match, found)
        if number < 0:
            raise pickle.PicklingError("its pattern does not find it again")
        return (*place, number)

    def find(self, pattern: Any, text: Any, start: int, end: int, way: MatchWay) -> Any:
        """The match that `way_to` describes."""
        if isinstance(way, str):
            return getattr(pattern, way)(text, start, end)
        coming, found = self._search(pattern, text, start, end)
        while len(found) <= way:
            found.append(next(coming))
        return found[way]

    def _search(self, pattern: Any, text: Any, start: int, end: int) -> Tuple[Any, List[Any]]:
        """The matches that are still to come, and those that were found; they keep the pattern and the text, whose addresses count."""
        key = id(pattern), id(text), start, end
        if key not in self._searches:
            self._searches[key] = pattern.finditer(text, start, end), []
        return self._searches[key]


def _number_of_match(match: Any, found: List[Any]) -> int:
    """Where a match is among others, which are in the order of their starts: an empty one may start where the one before it ended."""
    low, high = 0, len(found)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if found[middle].start() < match.start() else (low, middle)
    return next((number for number in range(low, len(found)) if _is_same_match(match, found[number])), -1)


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


def reduce_method(method: Any, of_class: Any) -> Any:
    """A bound method. Pickle asks its object for the name, which gives something else where the object was given a function of its own."""
    function, owner = method.__func__, method.__self__
    name = getattr(function, "__name__", "")
    if isinstance(owner, type):
        return method.__reduce__()
    offered = next((vars(kind)[name] for kind in type(owner).__mro__ if name in vars(kind)), None)
    if offered is not function:
        return types.MethodType, (function, owner)
    return (of_class, (owner, name)) if name in getattr(owner, "__dict__", ()) else method.__reduce__()
