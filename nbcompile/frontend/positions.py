"""Where in the `.ipynb` file a line of a cell stands, so that an annotation lands on the right line of a diff.

Jupyter writes one source line per JSON line. Other programs write the whole source as one string: then every line of
the cell stands on that one line of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from json.decoder import JSONDecoder

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = JSONDecoder()


def locate_sources(text: str) -> tuple[tuple[int, ...], ...]:
    """For each cell of the notebook the file's line, from 1, of each of its source lines.

    `text` must be a JSON document with a list of cells; one that is not gives no positions.
    """
    lines = _LineCounter(text)
    try:
        return tuple(tuple(lines.at(place) for place in cell) for cell in _cells(text))
    except (ValueError, IndexError, RecursionError):
        return ()


def locate_key(text: str, key: Sequence[str | int]) -> int:
    """The file's line, from 1, of the key or list item at the end of the way `key`, or of the last one that is there."""
    try:
        return text.count("\n", 0, _deepest(text, key)) + 1
    except (ValueError, IndexError, RecursionError):
        return 1


def _deepest(text: str, key: Sequence[str | int]) -> int:
    shown = value = _skip(text, 0)
    for part in key:
        if isinstance(part, int):
            found = next(((place, place) for place in islice(_items(text, value), part, None)), None)
        else:
            found = next(((place, start) for name, start, place in _keyed(text, value) if name == part), None)
        if found is None:
            break
        shown, value = found
    return shown


class _LineCounter:
    """Line numbers of growing offsets, counted once."""

    def __init__(self, text: str) -> None:
        self._text, self._offset, self._line = text, 0, 1

    def at(self, offset: int) -> int:
        self._line += self._text.count("\n", self._offset, offset)
        self._offset = offset
        return self._line


def _cells(text: str) -> Iterator[tuple[int, ...]]:
    """The offsets of the source lines of each cell."""
    for key, place in _members(text, _skip(text, 0)):
        if key == "cells":
            for cell in _items(text, place):
                yield next((_source(text, value) for name, value in _members(text, cell) if name == "source"), ())


def _source(text: str, place: int) -> tuple[int, ...]:
    if text[place] == "[":
        return tuple(_items(text, place))
    value, _ = _DECODER.raw_decode(text, place)
    return (place,) * max(1, len(value.splitlines()))


def _members(text: str, place: int) -> Iterator[tuple[str, int]]:
    """The keys of the object at `place`, and where their values start."""
    return ((key, start) for key, start, _ in _keyed(text, place))


def _keyed(text: str, place: int) -> Iterator[tuple[str, int, int]]:
    """The keys of the object at `place`, where their values start, and where the keys themselves do."""
    place = _skip(text, _expect(text, place, "{"))
    while text[place] != "}":
        shown = place
        key, place = _DECODER.raw_decode(text, place)
        start = _skip(text, _expect(text, _skip(text, place), ":"))
        yield key, start, shown
        place = _next(text, start, "}")


def _items(text: str, place: int) -> Iterator[int]:
    """Where the items of the array at `place` start."""
    place = _skip(text, _expect(text, place, "["))
    while text[place] != "]":
        yield place
        place = _next(text, place, "]")


def _next(text: str, start: int, closing: str) -> int:
    """The start of what follows the value at `start`, past a comma, or the closing bracket."""
    _, place = _DECODER.raw_decode(text, start)
    place = _skip(text, place)
    return place if text[place] == closing else _skip(text, _expect(text, place, ","))


def _expect(text: str, place: int, character: str) -> int:
    if text[place] != character:
        raise ValueError(f"no {character!r} at {place}")
    return place + 1


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place
