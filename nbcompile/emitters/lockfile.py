"""The lock: what a build was made from, as digests. Teams commit it beside the notebook, and `check` compares it."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

from nbcompile.emitters.canonical import json_bytes
from nbcompile.model.notebook import Notebook
from nbcompile.model.plan import Plan
from nbcompile.model.settings import Settings


def lock_name(notebook_name: str) -> str:
    """The lock's file name, beside the notebook and in the bundle."""
    return f"{notebook_name}.nbcompile.json"


def lock_bytes(notebook: Notebook, plan: Plan, settings: Settings) -> bytes:
    """The document `nbcompile/lock/1`."""
    return json_bytes(
        {
            "schema": "nbcompile/lock/1",
            "nbcompile": version("nbcompile"),
            "notebook": notebook.name,
            "cells": [{"id": cell.id, "sha256": _digest(cell.source)} for cell in notebook.code_cells],
            "settings": {"granularity": settings.granularity.value},
            "steps": [{"id": step.id, "cells": [notebook.code_cells[index].id for index in step.cells]} for step in plan.steps],
        }
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
