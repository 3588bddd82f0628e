"""Two observations of one notebook -> what differs between them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from nbcompile.model.run import Value
from nbcompile.model.verification import Aspect, CellOutputs, Difference, Exactness, Observation, Output, Subject, around_difference
from nbcompile.verify.pictures import pictures_look_alike

# What results of another machine may differ by: the order of additions differs with the processor and the libraries.
TOLERANCE = 1e-6
_NUMBER = re.compile(r"(?<![\w.])[+-]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?(?![\w.])")
_PIECE = re.compile(r"\d+|\D")
_SHOWN = 2000
_NOTHING = "nothing"


def compare(plain: Observation, other: Observation, exactness: Exactness) -> tuple[Difference, ...]:
    """What differs, cell by cell up to the first failure, then variables and files."""
    found = _Comparison(plain, other, exactness)
    return (*found.ending(), *found.outputs(), *(found.values() if plain.failed == other.failed == -1 else ()), *found.files())


class _Comparison:
    """What one comparison needs to know."""

    def __init__(self, plain: Observation, other: Observation, exactness: Exactness) -> None:
        self.plain, self.other, self.exactness = plain, other, exactness

    def ending(self) -> Iterator[Difference]:
        """Both runs end in the same cell, or come to the end."""
        if self.plain.failed != self.other.failed:
            reached = [run.failed for run in (self.plain, self.other) if run.failed >= 0]
            yield self._difference(Aspect.ENDING, min(reached), "the run", _ending(self.plain), _ending(self.other))
        elif self.other.problem and not self.plain.problem:
            yield self._difference(Aspect.ENDING, self.other.failed, "the run", _ending(self.plain), _ending(self.other))

    def outputs(self) -> Iterator[Difference]:
        """What the cells show, up to the first failure."""
        failed = [run.failed for run in (self.plain, self.other) if run.failed >= 0]
        last = min(failed, default=max(len(self.plain.cells), len(self.other.cells)))
        for cell, (left, right) in enumerate(zip_longest(self.plain.cells, self.other.cells, fillvalue=())):
            if cell <= last and left != right:
                yield from self._cell(cell, left, right)

    def values(self) -> Iterator[Difference]:
        """The final variables, by content."""
        for name in sorted(self.plain.values.keys() | self.other.values.keys()):
            left, right = self.plain.values.get(name), self.other.values.get(name)
            if not _same_value(left, right, self.exactness):
                yield self._difference(Aspect.VALUE, -1, name, _value_words(left), _value_words(right))

    def files(self) -> Iterator[Difference]:
        """The files that the cells wrote."""
        for path in sorted(self.plain.files.keys() | self.other.files.keys()):
            left, right = self.plain.files.get(path, "not written"), self.other.files.get(path, "not written")
            if left != right:
                yield self._difference(Aspect.FILE, -1, path, left, right)

    def _cell(self, cell: int, left: CellOutputs, right: CellOutputs) -> Iterator[Difference]:
        for number, (one, other) in enumerate(zip_longest(left, right)):
            for part in sorted({*_parts(one), *_parts(other)}):
                shown, expected = _parts(other).get(part), _parts(one).get(part)
                if not self._same(part, expected, shown):
                    name = part if number == 0 else f"{part} of output {number + 1}"
                    one_text, other_text = _words(expected), _words(shown)
                    found = self._difference(Aspect.OUTPUT, cell, name, *around_difference(one_text, other_text, _SHOWN))
                    yield replace(found, reordered=_pieces(one_text) == _pieces(other_text))

    def _same(self, part: str, left: object, right: object) -> bool:
        if left == right:
            return True
        if self.exactness is Exactness.EXACT or not isinstance(left, str) or not isinstance(right, str):
            return False
        return pictures_look_alike(left, right) if part == "image/png" else texts_are_close(left, right)

    def _difference(self, aspect: Aspect, cell: int, name: str, plain: str, compiled: str) -> Difference:
        return Difference(subject=Subject(aspect, cell, name), side=self.other.name, plain=plain, compiled=compiled)


def _pieces(text: str) -> list[str]:
    """What a text is made of, whatever its order: what runs side by side breaks lines of each other, and no numbers."""
    return sorted(_PIECE.findall(text))


def _ending(run: Observation) -> str:
    where = f"cell {run.failed} fails" if run.failed >= 0 else "it comes to the end"
    return f"{where}: {run.problem}" if run.problem else where


def _parts(output: Output | None) -> Mapping[str, object]:
    """What an output shows, by stream, by mime type, or as an error."""
    if output is None:
        return {}
    kind = output["output_type"]
    if kind == "stream":
        return {str(output["name"]): output["text"]}
    if kind == "error":
        text = "\n".join([f"{output['ename']}: {output['evalue']}", *output.get("traceback", ())])
        return {"error": text}
    # Whether something is shown or is the cell's value can be seen by its number alone.
    return {str(mime): value for mime, value in output.get("data", {}).items()}


def _same_value(left: Value | None, right: Value | None, exactness: Exactness) -> bool:
    if left is None or right is None:
        return False
    if (left.type, left.digest) == (right.type, right.digest):
        return True
    if exactness is Exactness.EXACT or left.type != right.type or left.shape != right.shape or left.floats[0] != right.floats[0]:
        return False
    room = TOLERANCE * max(abs(left.floats[1]), abs(right.floats[1]), TOLERANCE)
    return abs(left.floats[1] - right.floats[1]) <= room and abs(left.floats[2] - right.floats[2]) <= room


def texts_are_close(left: str, right: str) -> bool:
    """Whether two texts differ in nothing but decimal numbers, and in these by little."""
    numbers = list(zip(_NUMBER.findall(left), _NUMBER.findall(right), strict=False))
    if _NUMBER.sub("0", left) != _NUMBER.sub("0", right):
        return False
    return all(math.isclose(float(a), float(b), rel_tol=_tolerance_of(a, b), abs_tol=1e-12) for a, b in numbers)


def _tolerance_of(left: str, right: str) -> float:
    """Numbers are rounded when they are shown: the last of a few digits may differ by one."""
    digits = min(len(re.sub(r"[eE].*|\D", "", text).lstrip("0")) for text in (left, right))
    return max(TOLERANCE, 1.5 * 10.0 ** (1 - digits)) if digits > 3 else TOLERANCE


def _value_words(value: Value | None) -> str:
    if value is None:
        return "not bound"
    numbers = f", {value.floats[0]} floating-point numbers of magnitude {value.floats[1]:.17g}" if value.floats[0] else ""
    return f"{value.type} {value.digest[:12]}{numbers}"


def _words(shown: Any) -> str:  # noqa: ANN401 - JSON
    if shown is None:
        return _NOTHING
    return shown if isinstance(shown, str) else json.dumps(shown, sort_keys=True, ensure_ascii=False)
