"""Diagnostics -> text for people, JSON for machines. A pass never knows how its findings are shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

from nbcompile.model.diagnostic import Diagnostic


def full(found: Sequence[Diagnostic]) -> str:
    """Each finding with its place, what is seen there and what to do, and a last line that counts."""
    return "".join(f"{_headline(one)}\n{_notes(one)}\n" for one in found) + summary(found) + "\n"


def concise(found: Sequence[Diagnostic]) -> str:
    """One line a finding."""
    return "".join(f"{_headline(one)}\n" for one in found)


def as_json(found: Sequence[Diagnostic]) -> str:
    """The document `nbcompile/diagnostics/1`."""
    return json.dumps({"schema": "nbcompile/diagnostics/1", "diagnostics": [_json(one) for one in found]}, indent=1) + "\n"


FORMATS: dict[str, Callable[[Sequence[Diagnostic]], str]] = {"full": full, "concise": concise, "json": as_json}


def summary(found: Iterable[Diagnostic]) -> str:
    """For example `2 errors, 1 warning`."""
    counts: dict[str, int] = {}
    for one in sorted(found, key=lambda d: d.rule.severity.rank):
        counts[one.rule.severity.value] = counts.get(one.rule.severity.value, 0) + 1
    return ", ".join(f"{n} {name}{'' if n == 1 else 's'}" for name, n in counts.items()) or "nothing found"


def _headline(one: Diagnostic) -> str:
    place = one.path
    if one.place.cell_index >= 0:
        place += f": cell {one.place.cell_index}"
    if one.place.span:
        place += f": line {one.place.span.line}"
    return f"{place}: {one.rule.severity.value} {one.rule.code} {one.rule.name}: {one.message}"


def _notes(one: Diagnostic) -> str:
    lines = [f"  {one.label}"] if one.label else []
    lines += [f"  see cell {other.place.cell_index}: {other.label}" for other in one.related]
    lines += [f"  help: {one.help}"] if one.help else []
    return "".join(f"{line}\n" for line in lines)


def _json(one: Diagnostic) -> dict[str, object]:
    span = one.place.span
    return {
        "code": one.rule.code,
        "name": one.rule.name,
        "severity": one.rule.severity.value,
        "message": one.message,
        "path": one.path,
        "cell_index": one.place.cell_index if one.place.cell_index >= 0 else None,
        "cell_id": one.place.cell_id or None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end_line": span.end_line if span else None,
        "end_column": span.end_column if span else None,
        "file_line": None,
        "related": [{"cell_index": r.place.cell_index, "cell_id": r.place.cell_id, "message": r.label} for r in one.related],
        "help": one.help or None,
        "fix": None,
    }
