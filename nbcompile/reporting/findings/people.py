"""Findings as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nbcompile.model.diagnostic import Diagnostic, Place
from nbcompile.model.schema import where as key_text

_LONGEST_LINE = 160
# What a notebook holds never reaches the terminal as a command; one character stands for one, so that marks stay below what they mark.
_VISIBLE: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(0x20)},
    ord("\t"): " ",
    ord("\n"): "\n",
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
}


def full(found: Sequence[Diagnostic]) -> str:
    """Each finding with the line it points at and what to do, and a last line that counts."""
    return "".join(f"{finding_text(one)}\n" for one in found) + summary(found) + "\n"


def finding_text(one: Diagnostic) -> str:
    """A finding with the line it points at and what to do."""
    return f"{headline(one)}\n{f'{_excerpt(one)}{_notes(one)}'.translate(_VISIBLE)}"


def concise(found: Sequence[Diagnostic]) -> str:
    """One line a finding."""
    return "".join(f"{headline(one)}\n" for one in found)


def headline(one: Diagnostic) -> str:
    """Where, how bad, which rule, and what."""
    return f"{one.path}: {where(one.place)}{one.rule.severity.value} {one.rule.code} {one.rule.name}: {one.message}".translate(_VISIBLE)


def where(place: Place) -> str:
    """For example `cell 5 line 3: ` or `cell 5 metadata.workflow.target: `; empty for a finding about the whole file."""
    line = f"line {place.span.line}" if place.span else key_text(place.key[place.key.index("metadata") :]) if place.key else ""
    cell = f"cell {place.cell_index}" if place.cell_index >= 0 else ""
    return f"{cell} {line}".strip() + ": " if cell or line else ""


def summary(found: Iterable[Diagnostic]) -> str:
    """For example `2 errors, 1 warning`."""
    counts: dict[str, int] = {}
    for one in sorted(found, key=lambda d: d.rule.severity.rank):
        counts[one.rule.severity.value] = counts.get(one.rule.severity.value, 0) + 1
    return ", ".join(f"{n} {name}{'' if n == 1 else 's'}" for name, n in counts.items()) or "nothing found"


def _excerpt(one: Diagnostic) -> str:
    """The source line with the range underlined, and what is to be seen there."""
    span = one.place.span
    if not span or not one.excerpt.strip():
        return f"  {one.label}\n" if one.label else ""
    end = span.end_column if span.end_line == span.line else len(one.excerpt) + 1
    shown, column, last = _window(one.excerpt, span.column, min(end, len(one.excerpt) + 1))
    marks = "^" * max(1, last - column)
    margin = f"{span.line:5} | "
    return f"{margin}{shown}\n{'|':>{len(margin) - 1}} {' ' * (column - 1)}{marks} {one.label}".rstrip() + "\n"


def _window(line: str, column: int, end: int) -> tuple[str, int, int]:
    """The part of a long line around the columns pointed at, and where they are in it."""
    if len(line) <= _LONGEST_LINE:
        return line, column, end
    start = max(0, min(column - 1 - _LONGEST_LINE // 2, len(line) - _LONGEST_LINE))
    stop = start + _LONGEST_LINE
    before, after = "…" * (start > 0), "…" * (stop < len(line))
    moved = start - len(before)
    return f"{before}{line[start:stop]}{after}", column - moved, min(end, stop + 1) - moved


def _notes(one: Diagnostic) -> str:
    lines = [f"  see {where(other.place)}{other.label}" for other in one.related]
    lines += [f"  help: {one.help}"] if one.help else []
    return "".join(f"{line}\n" for line in lines)
