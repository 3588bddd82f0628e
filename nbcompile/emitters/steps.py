"""Plan + Notebook -> what the step runtime reads: a document per step, and the template of the executed notebook."""

from __future__ import annotations

from nbcompile.emitters.canonical import json_bytes
from nbcompile.model.bundle import StepFile
from nbcompile.model.notebook import Notebook
from nbcompile.model.plan import Plan, Step


def step_files(plan: Plan, notebook: Notebook) -> tuple[StepFile, ...]:
    """One document `nbcompile/step/1` per step, in the plan's order."""
    counts = _execution_counts(notebook)
    return tuple(StepFile(step.id, json_bytes(_document(step, notebook, counts))) for step in plan.steps)


def notebook_template(notebook: Notebook) -> bytes:
    """The notebook without outputs, as nbformat 4.5 JSON."""
    return json_bytes(notebook.document)


def _document(step: Step, notebook: Notebook, counts: tuple[int | None, ...]) -> dict[str, object]:
    code = notebook.code_cells
    cells = [{"index": i, "id": code[i].id, "source": code[i].source, "execution_count": counts[i]} for i in step.cells]
    return {"schema": "nbcompile/step/1", "notebook": notebook.name, "step": step.id, "cells": cells}


def _execution_counts(notebook: Notebook) -> tuple[int | None, ...]:
    """The number a clean run gives each code cell; a kernel does not count cells without text."""
    counts: list[int | None] = []
    last = 0
    for cell in notebook.code_cells:
        last += bool(cell.source.strip())
        counts.append(last if cell.source.strip() else None)
    return tuple(counts)
