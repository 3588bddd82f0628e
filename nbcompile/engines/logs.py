"""What the steps of a run said: what their cells wrote, the exceptions, and what their processes printed besides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.outputs import read_outputs
from nbcompile.model.errors import UsageError
from nbcompile.model.plan import StepId
from nbcompile.model.run import KnownRun


def logs_of(run: KnownRun, step: str = "") -> Iterator[str]:
    """Lines of text, a heading for each step. Raises `UsageError` when the run has no such step."""
    directory = RunDirectory(run.directory)
    known = [entry.step for entry in run.steps]
    if step and step not in known:
        raise UsageError(f"{run.id} has no step `{step}` that has started", f"it has {', '.join(known) or 'none'}")
    for one in [StepId(step)] if step else known:
        yield f"== {one}"
        yield from _cells(read_outputs(directory.outputs(one)))
        log = directory.log(one)
        printed = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
        yield from ([f"-- {one}: printed by its process", *printed] if printed else [])


def _cells(outputs: dict[str, Any]) -> Iterator[str]:
    for cell in outputs.get("cells", ()):
        lines = [line for output in cell["outputs"] for line in _output(output)]
        yield from ([f"-- cell {cell['index']} ({cell['id']}) {cell.get('state', '')}".rstrip(), *lines] if lines else [])


def _output(output: dict[str, Any]) -> list[str]:
    if output["output_type"] == "stream":
        return str(output["text"]).splitlines()
    if output["output_type"] == "error":
        return [line for part in output["traceback"] for line in str(part).splitlines()]
    return []
