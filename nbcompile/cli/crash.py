"""A bug in nbcompile -> a file that lets somebody else see it, without the values and outputs of the person it happened to."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parents[1]
_MOST_FRAMES = 40


def write_crash(error: Exception, words: Sequence[str]) -> Path:
    """Write what is needed to see the bug again; only this user can read it. Returns the file's path."""
    descriptor, path = tempfile.mkstemp(prefix="nbcompile-crash-", suffix=".json")
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump(crash_document(error, words), file, indent=1)
    return Path(path)


def crash_document(error: Exception, words: Sequence[str]) -> dict[str, Any]:
    """The document `nbcompile/crash/1`: where it happened, and the notebooks' cells; neither values of parameters nor messages."""
    return {
        "schema": "nbcompile/crash/1",
        "nbcompile": version("nbcompile"),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "command": [word for word in words[:1] if word.isidentifier()],
        "options": [word.partition("=")[0] for word in words if word.startswith("--")],
        "error": type(error).__name__,
        "frames": [_frame(frame) for frame in traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]],
        "notebooks": [_cells(Path(word)) for word in words if word.endswith((".ipynb", ".py"))],
    }


def _frame(frame: traceback.FrameSummary) -> str:
    path = Path(frame.filename)
    name = path.relative_to(_PACKAGE).as_posix() if path.is_relative_to(_PACKAGE) else path.name
    return f"{name}:{frame.lineno} {frame.name}"


def _cells(path: Path) -> dict[str, Any]:
    """The cells of a notebook without outputs and metadata; where it cannot be read, its size."""
    try:
        if path.exists() and not path.is_file():
            return {"unreadable": "no regular file"}
        content = path.read_bytes()
    except OSError as error:
        return {"unreadable": type(error).__name__}
    if path.suffix == ".py":
        return {"source": content.decode("utf-8", "replace")}
    try:
        cells = json.loads(content)["cells"]
        return {"cells": [{key: cell[key] for key in ("cell_type", "source") if key in cell} for cell in cells]}
    except (ValueError, TypeError, KeyError, RecursionError):
        return {"bytes": len(content)}
