"""RunRecord -> run.json, the document `nbcompile/run/1` (docs/reference/run.md)."""

from __future__ import annotations

import json
from typing import Any

from nbcompile.model.run import (
    CellStarted,
    Failure,
    Found,
    LoginAsked,
    Notice,
    RunEnded,
    RunEvent,
    RunRecord,
    RunRepaired,
    RunStarted,
    StepEnded,
    StepRecord,
    StepStarted,
    StepWaits,
    StreamText,
)
from nbcompile.reporting.findings.documents import finding


def run_json(record: RunRecord) -> str:
    """The record as JSON text."""
    document = {
        "schema": "nbcompile/run/1",
        "id": record.id,
        "notebook": str(record.notebook),
        "engine": record.engine,
        "state": record.state.value,
        "started": record.started,
        "seconds": _rounded(record.seconds),
        "cpu_seconds": _rounded(record.cpu_seconds),
        "cell_seconds": _rounded(record.cell_seconds),
        "jobs": record.jobs,
        "signal": record.signal,
        **({"reason": record.reason} if record.reason else {}),
        "python": {"path": record.interpreter.path, "version": record.interpreter.version, "why": record.interpreter.why},
        "steps": [_step(step) for step in record.steps],
        "links": [{"source": source, "target": target} for source, target in record.links],
        "critical_path": list(record.critical_path),
        "failures": [_failure(failure) for failure in record.failures],
        "outputs": [{"path": file.path, "bytes": file.bytes, "sha256": file.sha256} for file in record.outputs],
        "diagnostics": [finding(one) for one in record.diagnostics],
    }
    return json.dumps(document, indent=1) + "\n"


def event_json(event: RunEvent) -> dict[str, Any]:
    """One event of a run as programs see it (`--json`)."""
    if isinstance(event, RunStarted):
        python = {"path": event.interpreter.path, "version": event.interpreter.version, "why": event.interpreter.why}
        return {"event": "run-started", "directory": str(event.directory), "python": python, "steps": event.steps, "jobs": event.jobs}
    if isinstance(event, RunRepaired):
        return {"event": "run-repaired", **event._asdict()}
    if isinstance(event, StepStarted):
        return {
            "event": "step-started",
            "step": event.step,
            "cells": list(event.cells),
            "seconds": _rounded(event.seconds),
            "start": event.start,
        }
    if isinstance(event, StepWaits | LoginAsked):
        return {"event": "step-waits" if isinstance(event, StepWaits) else "login-asked", **event._asdict()}
    if isinstance(event, CellStarted):
        return {"event": "cell-started", "step": event.step, "cell": event.cell}
    if isinstance(event, StreamText):
        return {"event": "stream", "step": event.step, "cell": event.cell, "stream": event.stream, "text": event.text}
    if isinstance(event, StepEnded):
        return {"event": "step-ended", "seconds": _rounded(event.seconds), "step": _step(event.record)}
    if isinstance(event, Found):
        return {"event": "finding", "finding": finding(event.diagnostic)}
    if isinstance(event, Notice):
        return {"event": "notice", "text": event.text, "detail": event.detail}
    return _run_ended(event)


def _run_ended(event: RunEnded) -> dict[str, Any]:
    record = event.record
    return {"event": "run-ended", "state": record.state.value, "seconds": _rounded(record.seconds), "directory": str(record.directory)}


def _step(step: StepRecord) -> dict[str, Any]:
    return {
        "id": step.step,
        "cells": list(step.cells),
        "state": step.state.value,
        "exit": step.exit_code,
        "started_seconds": _rounded(step.started_seconds),
        "seconds": _rounded(step.seconds),
        "cpu_seconds": _rounded(step.cpu_seconds),
        "peak_memory_mib": _rounded(step.peak_memory_mib),
        "place": step.place,
        "start": step.start,
        "cached": step.cached,
        "why": step.why,
        "cell_records": [
            {
                "index": cell.index,
                "id": cell.id,
                "state": cell.state,
                "seconds": _rounded(cell.seconds),
                "cpu_seconds": _rounded(cell.cpu_seconds),
                **({"shard": cell.shard} if cell.shard else {}),
            }
            for cell in step.cell_records
        ],
    }


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "step": failure.step,
        "cell": failure.cell if failure.cell >= 0 else None,
        **({"shard": failure.shard} if failure.shard else {}),
        **({"code": failure.code} if failure.code else {}),
        "name": failure.name,
        "message": failure.message,
        "traceback": list(failure.traceback),
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)
