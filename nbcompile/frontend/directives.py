"""`# nbc:` comments and `nbc-…` tags -> directives.

A comment beside code settles its line; on a line of its own, and as a tag, it settles the whole cell. Several words
are separated by spaces, several values of one word by commas: `# nbc: mutates=df,cache allow=NB104`.
"""

from __future__ import annotations

import re

from nbcompile.model.diagnostic import Diagnostic, Place, Span
from nbcompile.model.notebook import Cell
from nbcompile.model.source import Directive
from nbcompile.rules import dataflow

FLAGS = ("pure", "fuse", "split")
WITH_VALUES = ("mutates", "shares", "reads", "writes", "allow", "target", "scatter")

_COMMENT = re.compile(r"#\s*nbc:[ \t]*(?P<words>[^\n]*)")
_TAG = "nbc-"


def read_directives(cell: Cell) -> tuple[tuple[Directive, ...], tuple[Diagnostic, ...]]:
    """The directives of a cell in the order of its lines, tags first, and what is wrong with them."""
    found: list[Directive] = []
    wrong: list[Diagnostic] = []
    for tag in cell.tags:
        if tag.startswith(_TAG):
            _take(tag[len(_TAG) :], 0, Place(cell.index, cell.id), found, wrong)
    if "nbc:" in cell.source:
        for number, line in enumerate(cell.source.splitlines(), 1):
            comment = _COMMENT.search(line)
            if comment:
                place = Place(cell.index, cell.id, Span(number, comment.start() + 1, number, comment.end() + 1))
                settled = number if line[: comment.start()].strip() else 0
                for word in comment["words"].split():
                    _take(word, settled, place, found, wrong)
    return tuple(found), tuple(wrong)


def _take(word: str, line: int, place: Place, found: list[Directive], wrong: list[Diagnostic]) -> None:
    name, _, rest = word.partition("=")
    values = tuple(value for value in rest.split(",") if value)
    if name in FLAGS and not rest:
        found.append(Directive(name, (), line))
    elif name in WITH_VALUES and values:
        found.append(Directive(name, values, line))
    else:
        known = ", ".join([*FLAGS, *(f"{one}=…" for one in WITH_VALUES)])
        wrong.append(
            Diagnostic(rule=dataflow.UNKNOWN_DIRECTIVE, message=f"`{word}` is no directive", place=place, help=f"write one of {known}")
        )
