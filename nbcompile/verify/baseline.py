"""What a plain run gave, kept beside the notebook, so that a later run can be compared with it: NAME.verify.json."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from nbcompile.model.errors import UsageError
from nbcompile.model.verification import Exactness, Observation
from nbcompile.verify.observe import values_of

_SCHEMA = "nbcompile/baseline/1"


def baseline_name(notebook: str) -> str:
    """The file's name, beside the notebook."""
    return f"{notebook}.verify.json"


def baseline_json(run: Observation, sources: Sequence[str], exactness: Exactness) -> str:
    """The observation as JSON text."""
    document = {
        "schema": _SCHEMA,
        "compare": exactness.value,
        "sources": _digest(sources),
        "cells": run.cells,
        "values": {name: value._asdict() for name, value in run.values.items()},
        "files": dict(run.files),
        "failed": run.failed,
        "problem": run.problem,
    }
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def read_baseline(data: bytes, name: str, sources: Sequence[str], exactness: Exactness) -> Observation:
    """The observation that was kept. Raises `UsageError` for one of other cells, or that was made to be compared otherwise."""
    try:
        document = json.loads(data)
        found = _observation(document)
        known, recorded, digest = document["schema"] == _SCHEMA, document["compare"], document["sources"]
    except (ValueError, LookupError, TypeError, AttributeError):
        known, recorded, digest = False, "", ""
    if not known:
        raise UsageError(f"{name} is no record of this version of nbcompile", "record anew with --accept")
    if digest != _digest(sources):
        raise UsageError(f"{name} was recorded of other cells", "record anew with --accept, and look at the difference")
    if recorded != exactness.value:
        raise UsageError(f"{name} was recorded with `--compare {recorded}`", "compare in the same way, or record anew with --accept")
    return found


def _observation(document: dict[str, Any]) -> Observation:
    return Observation(
        name="recorded",
        how="what was recorded",
        cells=tuple(map(tuple, document["cells"])),
        values=values_of(document["values"]),
        files={str(path): str(digest) for path, digest in document["files"].items()},
        failed=int(document["failed"]),
        problem=str(document["problem"]),
        steps=0,
    )


def _digest(sources: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(sources)).encode()).hexdigest()
