"""OUTPUTS.json of steps (docs/reference/step.md), read with the distrust that a step's own writing deserves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nbcompile.model.guard import GuardBreak
from nbcompile.model.plan import StepId
from nbcompile.model.run import CellRecord, Failure, StepRecord, Value

CELL_FAILED = 3
GUARD_BROKEN = 8
ENVIRONMENT_BROKEN = 9
_FAILED = ("error", "died")
AFTER_DEATH = (
    "`nbcompile runs logs last` shows what it printed besides, and `nbcompile runs resume last` runs it again, "
    "with more `memory` where that was it"
)
"""What to do about a cell whose process ended in it: there is no line of it to look at."""


def first_failed_cell(failures: list[Failure] | tuple[Failure, ...], records: Mapping[StepId, StepRecord]) -> int:
    """The cell at which a plain run would have ended."""
    return min(failure.cell if failure.cell >= 0 else records[failure.step].cells[0] for failure in failures)


def read_outputs(path: Path) -> dict[str, Any]:
    """OUTPUTS.json of a step; empty when there is none, or none that is whole."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def failures_in(step: StepId, code: int, outputs: Mapping[str, Any]) -> list[Failure]:
    """The exception of the cell that ended a step with this exit code, or the guards it broke."""
    if code == GUARD_BROKEN:
        return [_guard_broken(step, one) for one in breaks_in(outputs)]
    if code != CELL_FAILED:
        return []
    for cell in outputs.get("cells", ())[-1:]:
        for output in reversed(cell["outputs"]):
            if output["output_type"] == "error":
                traceback = (*output["traceback"], *((AFTER_DEATH,) if cell.get("state") == "died" else ()))
                return [Failure(step, cell["index"], output["ename"], output["evalue"], traceback, shard=last_shard(outputs))]
        if error := cell.get("unshown"):
            return [Failure(step, cell["index"], error["ename"], error["evalue"], shard=last_shard(outputs))]
    return []


def _guard_broken(step: StepId, broken: GuardBreak) -> Failure:
    return Failure(step, broken.cell, "GuardBroken", f"{broken.code} {broken.message}", _next_step(broken), code=broken.code)


def last_shard(outputs: Mapping[str, Any]) -> str:
    """The shard that a scattered step came to before it ended."""
    return str(outputs.get("last_shard", ""))


def _next_step(broken: GuardBreak) -> tuple[str, ...]:
    return (f"write `{broken.remedy}` into the cell, and run the notebook again",) if broken.remedy else ()


def problem_in(outputs: Mapping[str, Any]) -> str:
    """Why a step could not go on, if that was no cell's error."""
    problem = outputs.get("problem")
    return f"{problem['code']}: {problem['message']}; {problem['advice']}".rstrip("; ") if problem else ""


def breaks_in(outputs: Mapping[str, Any]) -> tuple[GuardBreak, ...]:
    """The guards that a step found broken."""
    return tuple(
        GuardBreak(str(one["code"]), int(one["cell"]), str(one["name"]), str(one["message"]), str(one["remedy"]))
        for one in outputs.get("guards", ())
    )


def cell_records(outputs: Mapping[str, Any]) -> tuple[CellRecord, ...]:
    """What is known of each cell that ran."""
    return tuple(
        CellRecord(
            index=cell["index"],
            id=cell["id"],
            state=cell.get("state", ""),
            seconds=cell.get("seconds"),
            cpu_seconds=cell.get("cpu_seconds"),
            trace=cell.get("trace", {}),
            shard=last_shard(outputs) if cell.get("state") in _FAILED else "",
        )
        for cell in outputs.get("cells", ())
    )


def values_in(steps: Iterable[Mapping[str, Any]]) -> dict[str, Value]:
    """The final variables that steps were asked to describe: as the last cell has left them that has bound them."""
    told: list[tuple[int, str, Any]] = []
    for cell in (cell for outputs in steps for cell in outputs.get("cells", ())):
        told += [(cell.get("bound_in", {}).get(name, cell["index"]), name, value) for name, value in cell.get("values", {}).items()]
    found = {name: value for _, name, value in sorted(told, key=lambda one: one[0])}
    return {
        name: Value(value["type"], value["digest"], value["shape"], tuple(value["floats"]), tuple(value["opaque"]))
        for name, value in found.items()
    }
