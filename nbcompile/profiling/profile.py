"""What cells said while they were traced -> Profile, and its file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nbcompile.model.diagnostic import Diagnostic, Outcome
from nbcompile.model.guard import GuardBreak
from nbcompile.model.notebook import Notebook
from nbcompile.model.profile import PROFILE_SCHEMA, Profile, ProfiledCell, ProfiledValue
from nbcompile.model.run import CellRecord
from nbcompile.rules.guards import CANNOT_TRAVEL, CHANGED, FILE_TOUCHED, NOT_SENT, SHARED, STATE_SET
from nbcompile.rules.profile import STALE_PROFILE

_TOLD = frozenset(rule.code for rule in (CHANGED, NOT_SENT, FILE_TOUCHED, SHARED, STATE_SET))
_VERSION = re.compile(r".+@([0-9]{1,9})", re.DOTALL)


def profile_name(notebook: str) -> str:
    """The file's name, beside the notebook."""
    return f"{notebook}.profile.json"


def make_profile(notebook: Notebook, python: str, records: Sequence[CellRecord]) -> Profile:
    """The profile of a traced run."""
    cells = tuple(_cell(notebook, record) for record in records if record.trace)
    return Profile(notebook=notebook.name, python=python, cells=cells)


def _cell(notebook: Notebook, record: CellRecord) -> ProfiledCell:
    measured = {
        "index": record.index,
        "sha256": _digest(notebook, record.index),
        "seconds": record.seconds or 0.0,
        "cpu_seconds": record.cpu_seconds or 0.0,
        "peak_memory_mib": record.trace["peak_kib"] / 1024,
    }
    return _read_cell({**record.trace, **measured})


def profile_json(profile: Profile) -> str:
    """The profile as JSON text."""
    cells = [{**asdict(cell), "values": {name: value._asdict() for name, value in cell.values.items()}} for cell in profile.cells]
    lessons = [lesson._asdict() for lesson in profile.lessons]
    document = {"schema": PROFILE_SCHEMA, "notebook": profile.notebook, "python": profile.python, "cells": cells, "lessons": lessons}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def read_profile(data: bytes, notebook: Notebook) -> Outcome[Profile | None]:
    """The profile, if it is one of these very cells; a stale or broken one is a finding, and counts for nothing."""
    try:
        document = json.loads(data)
        cells = tuple(_read_cell(cell) for cell in document["cells"])
        known = document["schema"] == PROFILE_SCHEMA
        lessons = tuple(_read_lesson(lesson, len(notebook.code_cells)) for lesson in document.get("lessons", ()))
        profile = Profile(notebook=document["notebook"], python=document["python"], cells=cells, lessons=lessons)
    except (ValueError, LookupError, TypeError, AttributeError):
        return Outcome(None, (_stale(notebook, "cannot be read"),))
    if not known:
        return Outcome(None, (_stale(notebook, "was written by another version of nbcompile"),))
    count = len(notebook.code_cells)
    if any(cell.index >= count or cell.sha256 != _digest(notebook, cell.index) for cell in profile.cells):
        return Outcome(None, (_stale(notebook, "is one of other cells"),))
    return Outcome(profile)


def _stale(notebook: Notebook, how: str) -> Diagnostic:
    message = f"`{profile_name(notebook.name)}` {how}, and is not used"
    return Diagnostic(rule=STALE_PROFILE, message=message, help="profile the notebook again, or remove the file")


def _read_cell(cell: Mapping[str, Any]) -> ProfiledCell:
    names = {key: tuple(map(str, cell[key])) for key in ("reads", "binds", "deletes", "changes", "channels")}
    return ProfiledCell(
        index=int(cell["index"]),
        sha256=str(cell["sha256"]),
        seconds=float(cell["seconds"]),
        cpu_seconds=float(cell["cpu_seconds"]),
        peak_memory_mib=float(cell["peak_memory_mib"]),
        values=_values(cell["values"]),
        files=_files(cell["files"]),
        **names,
    )


def _read_lesson(found: Mapping[str, Any], cells: int) -> GuardBreak:
    """One lesson. Raises ValueError for what no guard says."""
    lesson = GuardBreak(str(found["code"]), int(found["cell"]), str(found["name"]), str(found["message"]), str(found["remedy"]))
    maker = _VERSION.fullmatch(lesson.name)
    told = lesson.code in _TOLD or (lesson.code == CANNOT_TRAVEL.code and maker is not None and int(maker[1]) < cells)
    if not (told and 0 <= lesson.cell < cells):
        raise ValueError(f"no guard says {lesson}")
    return lesson


def _values(found: Mapping[str, Any]) -> dict[str, ProfiledValue]:
    return {
        name: ProfiledValue(str(one["type"]), int(one["bytes"]), str(one["stuck"]), float(one.get("seconds", 0.0)))
        for name, one in found.items()
    }


def _files(found: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((str(mode), str(path)) for mode, path in found)


def _digest(notebook: Notebook, index: int) -> str:
    return hashlib.sha256(notebook.code_cells[index].source.encode("utf-8", "surrogatepass")).hexdigest()
