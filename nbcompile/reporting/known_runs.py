"""Runs as their journals tell them -> tables and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from nbcompile.model.run import KnownRun, KnownStep
from nbcompile.reporting.run_summary import duration


def runs_table(runs: Sequence[KnownRun]) -> str:
    """One line a run."""
    rows = [("RUN", "STATE", "STARTED", "STEPS", "DIRECTORY")]
    rows += [(run.id, run.state, run.started, f"{_finished(run)}/{run.step_count}", _short(run.directory)) for run in runs]
    return table(rows)


def steps_table(run: KnownRun) -> str:
    """One line a step that has started; of steps at deployments also where they are, and what they are called there."""
    rows: list[tuple[str, ...]] = [("STEP", "CELLS", "STATE", "SECONDS", "CPU", "PEAK")]
    rows += [_step_row(step, _state(run, step)) for step in run.steps]
    if any(map(_where, run.steps)):
        rows = [(*rows[0], "PLACE", "JOB"), *((*row, *(_where(step) or ("", ""))) for row, step in zip(rows[1:], run.steps, strict=True))]
    return table(rows)


def runs_json(runs: Sequence[KnownRun]) -> str:
    """The document `nbcompile/runs/1`."""
    documents = [
        {
            "id": run.id,
            "state": run.state,
            **({"reason": run.reason} if run.reason else {}),
            "started": run.started,
            "engine": run.engine,
            "notebook": run.notebook,
            "directory": str(run.directory),
            "steps": run.step_count,
            "finished": _finished(run),
        }
        for run in runs
    ]
    return json.dumps({"schema": "nbcompile/runs/1", "runs": documents}, indent=1) + "\n"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they must be."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows)


def _where(step: KnownStep) -> tuple[str, str] | None:
    """The deployment of a step, and the place's name for its job."""
    job = step.job or {}
    return (job["place"], str(job["ref"]["native"])) if "ref" in job else None


def _state(run: KnownRun, step: KnownStep) -> str:
    """Of a run that was ended, no step runs any more, whether or not somebody saw the end of each."""
    return "cancelled" if run.state == "cancelled" and step.state in ("pending", "running") else step.state


def _step_row(step: KnownStep, state: str) -> tuple[str, ...]:
    record = step.record
    if record is None:
        reason = (step.job or {}).get("reason", "")
        return (step.step, "", f"{state} ({reason})" if reason and state == "pending" else state, "", "", "")
    return (
        step.step,
        ",".join(map(str, record.cells)),
        "cached" if record.cached else state,
        duration(record.seconds or 0.0),
        duration(record.cpu_seconds or 0.0),
        f"{record.peak_memory_mib or 0:.0f} MiB",
    )


def _finished(run: KnownRun) -> int:
    return sum(step.state == "finished" for step in run.steps)


def _short(directory: Path) -> str:
    here, home = Path.cwd(), Path.home()
    if directory.is_relative_to(here):
        return str(directory.relative_to(here))
    return f"~/{directory.relative_to(home)}" if directory.is_relative_to(home) else str(directory)
