"""RunRecord -> report.html."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from nbcompile.model.diagnostic import Diagnostic
from nbcompile.model.run import Failure, RunRecord, RunState, StepRecord, StepState
from nbcompile.reporting.findings.people import where
from nbcompile.reporting.page import escaped, page, section, table
from nbcompile.reporting.run_summary import duration, failing_line

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TICKS = 8
_STATE_WORD = {StepState.NOT_STARTED: "not started"}


def run_html(record: RunRecord) -> str:
    """The report as one HTML page."""
    parts = (
        _header(record),
        _numbers(record),
        section("What failed", (_failure(failure, record) for failure in record.failures)),
        section("Timeline", [_timeline(record)] if any(step.seconds is not None for step in record.steps) else []),
        section("Critical path", [_critical_path(record)] if len(record.critical_path) > 1 else []),
        section("Steps", [_steps(record)]),
        section("Findings", [_findings(record.diagnostics)] if record.diagnostics else []),
        section("Results", [_results(record)]),
    )
    return page(f"{record.notebook.name}: {record.state.value}", parts)


def _header(record: RunRecord) -> str:
    python = record.interpreter
    return (
        f'<header><h1>{escaped(record.notebook.name)} <span class="state {record.state.value}">{escaped(_state(record))}</span></h1>'
        f'<p class="faint">started {escaped(record.started)} · engine {escaped(record.engine)} · Python {escaped(python.version)}, '
        f"<code>{escaped(python.path)}</code>: {escaped(python.why)} · run <code>{escaped(record.id)}</code></p></header>"
    )


def _state(record: RunRecord) -> str:
    if record.state is RunState.CANCELLED and record.signal is not None:
        return f"cancelled by signal {record.signal}" + (f": {record.reason}" if record.reason else "")
    return record.state.value


def _numbers(record: RunRecord) -> str:
    cached = sum(step.cached for step in record.steps)
    peak = max((step.peak_memory_mib or 0.0 for step in record.steps), default=0.0)
    tiles = [("wall clock", duration(record.seconds)), ("cells one after the other", duration(record.cell_seconds))]
    if record.cell_seconds and record.seconds:
        tiles.append(("so much faster", f"{record.cell_seconds / record.seconds:.2f} times"))
    tiles += [
        ("CPU", duration(record.cpu_seconds)),
        ("largest step", f"{peak:,.0f} MiB"),
        ("steps", f"{sum(step.state is StepState.FINISHED for step in record.steps)} of {len(record.steps)}"),
        ("at a time", f"at most {record.jobs}"),
    ]
    tiles += [("from the cache", str(cached))] if cached else []
    return (
        '<dl class="numbers">' + "".join(f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>" for name, value in tiles) + "</dl>"
    )


def _failure(failure: Failure, record: RunRecord) -> str:
    line = failing_line(failure)
    place = f"cell {failure.cell}" if failure.cell >= 0 else f"step {failure.step}"
    place += f", shard {failure.shard}" if failure.shard else ""
    place += f", line {line}" if line and failure.cell >= 0 else ""
    known = next((cell.id for step in record.steps for cell in step.cell_records if cell.index == failure.cell), "")
    traceback = escaped(_COLOUR.sub("", "\n".join(failure.traceback)))
    return (
        f'<div class="failure"><h3>{escaped(place)} <span class="faint">{escaped(known)}</span></h3>'
        f"<p><strong>{escaped(failure.name)}</strong>: {escaped(failure.message)}</p>"
        + (f"<pre>{traceback}</pre>" if traceback else "")
        + "</div>"
    )


def _timeline(record: RunRecord) -> str:
    ran = sorted((step for step in record.steps if step.started_seconds is not None), key=lambda step: step.started_seconds or 0.0)
    end = max([record.seconds, *((step.started_seconds or 0.0) + (step.seconds or 0.0) for step in ran)]) or 1.0
    ticks = "".join(f'<span style="left:{100 * tick / end:.3f}%">{_tick(tick)}</span>' for tick in _tick_places(end))
    lines = "".join(f'<i style="left:{100 * tick / end:.3f}%"></i>' for tick in _tick_places(end))
    rows = "".join(_bar(step, end, lines, critical=step.step in record.critical_path) for step in ran)
    legend = "<span><b><u></u></b>strip: time on a processor</span>" + "".join(
        f'<span class="{kind}"><b></b>{word}</span>'
        for kind, word in (
            ("", "step"),
            ("critical", "on the critical path"),
            ("cached", "from the cache"),
            ("failed", "failed or cancelled"),
        )
    )
    return f'<div class="timeline"><div class="axis"><em></em><div>{ticks}</div></div>{rows}</div><p class="legend">{legend}</p>'


def _bar(step: StepRecord, end: float, lines: str, *, critical: bool) -> str:
    kinds = [kind for kind, holds in (("critical", critical), ("cached", step.cached), ("failed", _went_wrong(step))) if holds]
    left, width = 100 * (step.started_seconds or 0.0) / end, 100 * (step.seconds or 0.0) / end
    busy = min(1.0, (step.cpu_seconds or 0.0) / step.seconds) if step.seconds else 0.0
    tip = f"{step.step}: {_cells(step)}, {_state_word(step)}, {duration(step.seconds or 0.0)}, CPU {duration(step.cpu_seconds or 0.0)}"
    return (
        f'<div class="row" title="{escaped(tip)}"><em>{escaped(step.step)}</em><div>{lines}'
        f'<b class="{" ".join(kinds)}" style="left:{left:.3f}%;width:{width:.3f}%"><u style="width:{100 * busy:.1f}%"></u></b>'
        f'<small style="left:{left + width:.3f}%">{duration(step.seconds or 0.0)}</small></div></div>'
    )


def _went_wrong(step: StepRecord) -> bool:
    return step.state in (StepState.FAILED, StepState.CANCELLED)


def _tick_places(end: float) -> list[float]:
    """Round places on the time axis, at most eight."""
    step = 10.0**-3
    for factor in _factors():
        if end / factor <= _TICKS:
            step = factor
            break
    return [step * number for number in range(int(end / step) + 1)]


def _factors() -> Iterable[float]:
    for power in range(-3, 9):
        for digit in (1, 2, 5):
            yield digit * 10.0**power


def _tick(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 120 else duration(seconds)


def _critical_path(record: RunRecord) -> str:
    known = {step.step: step for step in record.steps}
    items = "".join(f"<li><code>{escaped(name)}</code> {duration(known[name].seconds or 0.0)}</li>" for name in record.critical_path)
    total = sum(known[name].seconds or 0.0 for name in record.critical_path)
    return f"<p>No number of cores makes this run shorter than the {duration(total)} of these steps:</p><ol class='path'>{items}</ol>"


def _steps(record: RunRecord) -> str:
    head = ("step", "cells", "state", "start", "seconds", "CPU", "peak MiB", "process")
    rows = [
        (
            step.step,
            _cells(step),
            _state_word(step),
            _number(step.started_seconds),
            _number(step.seconds),
            _number(step.cpu_seconds),
            _number(step.peak_memory_mib, 0),
            "from the cache" if step.cached else step.start,
        )
        for step in record.steps
    ]
    return table(head, rows, numeric=(3, 4, 5, 6))


def _cells(step: StepRecord) -> str:
    return ", ".join(map(str, step.cells))


def _state_word(step: StepRecord) -> str:
    return _STATE_WORD.get(step.state, step.state.value) + (f" ({step.why})" if step.why else "")


def _findings(found: Sequence[Diagnostic]) -> str:
    rows = [(one.rule.code, one.rule.severity.value, where(one.place).rstrip(": "), one.message, one.help) for one in found]
    return table(("code", "severity", "where", "what", "what to do"), rows)


def _results(record: RunRecord) -> str:
    paths = [*(file.path for file in record.outputs), "run.json"]
    sizes = {file.path: f"{file.bytes:,} bytes" for file in record.outputs}
    items = "".join(
        f'<li><a href="{quote(path)}">{escaped(path)}</a> <span class="faint">{sizes.get(path, "")}</span></li>' for path in paths
    )
    return f"<ul>{items}</ul>"


def _number(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
