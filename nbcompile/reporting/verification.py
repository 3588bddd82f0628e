"""Verification -> what people read on a terminal, and the document `nbcompile/verify/1`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from nbcompile.model.verification import Aspect, Difference, Observation, Subject, Verdict, Verification, around_difference
from nbcompile.reporting.run_summary import duration

_MOST_SHOWN = 20
_LINE = 160
_WORDS = {
    Verdict.EQUAL: "equal",
    Verdict.UNSTEADY: "equal where the notebook is equal to itself",
    Verdict.DIFFERENT: "different",
}


def verification_text(found: Verification) -> str:
    """A few lines for a person: the verdict, the first differences side by side, and what was compared."""
    lines = [f"{found.notebook.name}: {_WORDS[found.verdict]}"]
    lines += [f"  {line}" for line in (*_failure(found), *_unsteady(found), *_differences(found))]
    lines += [f"  {run.name}: {run.how}, {duration(run.seconds)}" for run in found.runs]
    outputs, plain = sum(map(len, found.runs[0].cells)), found.runs[0]
    lines.append(f"  compared: {len(plain.cells)} cells with {outputs} outputs, {len(plain.values)} variables, {len(plain.files)} files")
    lines.append(f"  {found.alone} of {found.ordinary} cells that are no definitions stand alone; findings name {len(found.named)} cells")
    return "\n".join(lines) + "\n"


def _failure(found: Verification) -> Iterator[str]:
    if found.failed >= 0:
        yield f"the plain run ends in cell {found.failed}: {found.runs[0].problem}"


def _unsteady(found: Verification) -> Iterator[str]:
    if found.unsteady:
        first = min(found.unsteady, key=order)
        yield f"not deterministic: plain runs differ in {len(found.unsteady)} places, first in {where(first)}"


def _differences(found: Verification) -> Iterator[str]:
    shown = sorted(found.differences, key=lambda one: order(one.subject))
    for one in shown[:_MOST_SHOWN]:
        yield from _difference(one)
    if len(shown) > _MOST_SHOWN:
        yield f"… and {len(shown) - _MOST_SHOWN} more"


def _difference(one: Difference) -> Iterator[str]:
    yield f"{where(one.subject)} ({one.side}){'' if one.announced else ', silently'}:"
    plain, compiled = around_difference(one.plain, one.compiled, _LINE)
    yield f"  plain     {_one_line(plain)}"
    yield f"  compiled  {_one_line(compiled)}"
    if one.cause:
        yield f"  probably: {one.cause}"
    if one.announced:
        yield f"  announced by: {one.announced}"


def where(subject: Subject) -> str:
    """What is compared, in words."""
    place = f"cell {subject.cell}" if subject.cell >= 0 else "no cell that is known"
    what = {
        Aspect.ENDING: "",
        Aspect.OUTPUT: f", {subject.name}",
        Aspect.VALUE: f", `{subject.name}`",
        Aspect.FILE: f", file {subject.name}",
    }
    return place + what[subject.aspect]


def order(subject: Subject) -> tuple[bool, int]:
    """Notebook order; what no cell is known for comes last."""
    return subject.cell < 0, subject.cell


def _one_line(text: str) -> str:
    return text.replace("\n", "⏎")


def verification_json(found: Verification) -> str:
    """The verification as JSON text."""
    document = {
        "schema": "nbcompile/verify/1",
        "notebook": str(found.notebook),
        "verdict": found.verdict.value,
        "compare": found.exactness.value,
        "failed_cell": found.failed if found.failed >= 0 else None,
        "runs": [_run(run) for run in found.runs],
        "differences": [_difference_json(one) for one in sorted(found.differences, key=lambda one: order(one.subject))],
        "silent_differences": len(found.silent),
        "unsteady": [_subject(one) for one in sorted(found.unsteady, key=order)],
        "cells": {"ordinary": found.ordinary, "alone": found.alone, "named": list(found.named)},
        "masked": list(found.rules),
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _run(run: Observation) -> dict[str, Any]:
    return {
        "name": run.name,
        "how": run.how,
        "seconds": round(run.seconds, 4),
        "steps": run.steps,
        "cells": len(run.cells),
        "variables": len(run.values),
        "files": len(run.files),
        "problem": run.problem or None,
    }


def _difference_json(one: Difference) -> dict[str, Any]:
    return {
        **_subject(one.subject),
        "run": one.side,
        "plain": one.plain,
        "compiled": one.compiled,
        "cause": one.cause or None,
        "announced_by": one.announced or None,
    }


def _subject(subject: Subject) -> dict[str, Any]:
    return {"aspect": subject.aspect.value, "cell": subject.cell if subject.cell >= 0 else None, "subject": subject.name}
