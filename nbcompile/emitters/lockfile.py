"""The lock: what a build was made from, as digests. Teams commit it beside the notebook, and `check` compares it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from nbcompile.emitters.canonical import json_bytes
from nbcompile.model.diagnostic import Diagnostic
from nbcompile.model.notebook import Notebook
from nbcompile.model.plan import Granularity, Plan
from nbcompile.model.settings import Settings
from nbcompile.model.surroundings import Surroundings
from nbcompile.rules.reading import OLD_LOCK, STALE_LOCK

_SCHEMA = "nbcompile/lock/1"
_VERSION = "nbcompile"
# What a lock may differ in, the most telling first.
_PARTS = {
    "cells": "the cells",
    "notebook": "the notebook's name",
    "settings": "the settings",
    "modules": "the modules beside the notebook",
    "profile": "the profile",
    "steps": "the steps",
    _VERSION: "",
}
_ADVICE = "run `nbcompile build` and commit the lock"


def lock_name(notebook_name: str) -> str:
    """The lock's file name, beside the notebook and in the bundle."""
    return f"{notebook_name}.nbcompile.json"


def lock_bytes(notebook: Notebook, plan: Plan, settings: Settings, beside: Surroundings) -> bytes:
    """The document `nbcompile/lock/1` as it is written."""
    return json_bytes(lock_document(notebook, plan, settings, beside))


def lock_document(notebook: Notebook, plan: Plan, settings: Settings, beside: Surroundings) -> dict[str, Any]:
    """The document `nbcompile/lock/1`. `modules` are those that lie beside the notebook or in its project, and travel with it."""
    return {
        "schema": _SCHEMA,
        _VERSION: version("nbcompile"),
        "notebook": notebook.name,
        "cells": [{"id": cell.id, "sha256": _digest(cell.source)} for cell in notebook.code_cells],
        "settings": {"granularity": settings.granularity.value},
        "steps": [{"id": step.id, "cells": [notebook.code_cells[index].id for index in step.cells]} for step in plan.steps],
        **({"profile": plan.profile} if plan.profile else {}),
        **({"modules": [{"path": path, "sha256": digest} for path, digest in beside.digests]} if beside.digests else {}),
    }


def granularity_of(lock: bytes) -> Granularity | None:
    """How finely the locked plan was cut; `None` where this is no lock."""
    document = _read(lock)
    return Granularity(document["settings"]["granularity"]) if document else None


def check_lock(locked: bytes, current: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
    """What is to be said of a lock that is not `current`, what it would be now."""
    document = _read(locked)
    if not document:
        return (Diagnostic(rule=STALE_LOCK, message="the lock beside the notebook cannot be read", help=_ADVICE),)
    differing = [part for part in _PARTS if document.get(part) != current.get(part)]
    if not differing:
        return ()
    if _VERSION in differing and not set(differing) - {"steps", _VERSION}:
        message = f"the lock was written by nbcompile {document.get(_VERSION)}, this is {current[_VERSION]}"
        return (Diagnostic(rule=OLD_LOCK, message=message, help=_ADVICE),)
    words = " and ".join(_PARTS[part] for part in differing if part != _VERSION)
    return (Diagnostic(rule=STALE_LOCK, message=f"the lock is stale: {words} changed since it was written", help=_ADVICE),)


def _read(lock: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(lock)
        known = document["schema"] == _SCHEMA and document["settings"]["granularity"] in [one.value for one in Granularity]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return dict(document) if known else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
