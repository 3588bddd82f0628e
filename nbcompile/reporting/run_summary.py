"""RunRecord -> the last words of a run: how long it took and why, what failed, and where the results are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbcompile.model.plainly import plainly
from nbcompile.model.run import KEPT, Failure, RunRecord, RunState, StepState

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# The engines whose runs `nbcompile runs resume` takes up again.
_GO_ON = ("local", "streamflow")
_MOST_STEPS_NAMED = 6


def summary(record: RunRecord, *, colour: bool = False) -> str:
    """A few lines for a person; tracebacks keep their colours on a terminal."""
    lines = [line for failure in record.failures for line in _failure(failure, record)]
    lines.append(_headline(record))
    lines += [f"  {line}" for line in (*_speed(record), *_cache(record), *_places(record), *_next(record))]
    text = "\n".join(lines) + "\n"
    return text if colour else _COLOUR.sub("", text)


def _failure(failure: Failure, record: RunRecord) -> Iterator[str]:
    step = next((one for one in record.steps if one.step == failure.step), None)
    if failure.cell < 0:
        yield f"step {failure.step}{f' ({name_cells(step.cells)})' if step else ''}{_shard(failure)}: {failure.message}"
        yield from failure.traceback
        return
    line = failing_line(failure)
    cell = next((one for step in record.steps for one in step.cell_records if one.index == failure.cell), None)
    name = f" ({cell.id})" if cell else ""
    where = f" of {step.step} at {step.place}" if step and step.place not in ("", "local") else ""
    yield f"cell {failure.cell}{name}{where}{_shard(failure)}{f', line {line}' if line else ''}: {failure.name}: {failure.message}"
    yield from failure.traceback


def _shard(failure: Failure) -> str:
    return f", shard {failure.shard}" if failure.shard else ""


def failing_line(failure: Failure) -> int | None:
    """The line of the cell at which its exception passed through, as its traceback says."""
    for part in failure.traceback:
        found = re.search(r"(?:Cell In\s*\[\d+\]|<ipython-input-[^>]*>|Input In \[\d+\])[^\n]*?line[:\s]+(\d+)", _COLOUR.sub("", part))
        if found:
            return int(found.group(1))
    return None


def _headline(record: RunRecord) -> str:
    steps, done = len(record.steps), sum(step.state is StepState.FINISHED for step in record.steps)
    count = f"{steps} step{'' if steps == 1 else 's'}" if done == steps else f"{done} of {steps} steps"
    return f"{record.state.value} after {duration(record.seconds)}: {count}, {record.cells} cells, at most {record.jobs} at a time"


def _speed(record: RunRecord) -> Iterator[str]:
    if record.cell_seconds:
        whole = record.state is RunState.FINISHED and record.seconds and not any(step.start == KEPT for step in record.steps)
        times = f", so this was {record.cell_seconds / record.seconds:.2f} times as fast" if whole else ""
        yield f"the cells one after the other: {duration(record.cell_seconds)}{times}"
        yield f"CPU {duration(record.cpu_seconds)}"
    on_path = {step.step: step.seconds or 0.0 for step in record.steps if step.step in record.critical_path}
    if len(on_path) > 1:
        names = " > ".join(record.critical_path[:_MOST_STEPS_NAMED]) + (" > …" if len(record.critical_path) > _MOST_STEPS_NAMED else "")
        yield f"critical path {duration(sum(on_path.values()))}: {names}"


def _cache(record: RunRecord) -> Iterator[str]:
    cached = [step.step for step in record.steps if step.cached]
    kept = [step.step for step in record.steps if step.start == KEPT]
    for words, steps in (("from the cache", cached), ("finished before", kept)):
        if steps:
            names = ", ".join(steps[:_MOST_STEPS_NAMED]) + (", …" if len(steps) > _MOST_STEPS_NAMED else "")
            yield f"{words}: {len(steps)} step{'' if len(steps) == 1 else 's'} ({names})"


def _places(record: RunRecord) -> Iterator[str]:
    yield f"results in {record.directory}"
    names = [plainly(file.path) for file in record.outputs]
    yield f"  {', '.join([*names[:8], *(['…'] if len(names) > 8 else []), 'report.html', 'run.json'])}"


def _next(record: RunRecord) -> Iterator[str]:
    """What to do about a run that somebody ended, or whose place failed; an exception of a cell says that itself."""
    if record.reason:
        yield record.reason
    lost = any(failure.lost and not failure.traceback for failure in record.failures)
    if (record.state is RunState.CANCELLED or lost) and record.engine not in _GO_ON:
        yield f"what {record.engine} runs does not go on where it ended: start it again with `nbcompile run`"
    elif record.state is RunState.CANCELLED:
        yield f"`nbcompile runs resume {record.id}` goes on where it ended"
    elif lost:
        yield f"`nbcompile runs resume {record.id}` then goes on where it ended"
    elif record.state is RunState.DETACHED:
        yield f"`nbcompile runs resume {record.id}` finds what runs elsewhere again, `nbcompile runs cancel {record.id}` ends it"


def name_cells(cells: tuple[int, ...]) -> str:
    """For example `cells 3-5, 8`."""
    parts: list[str] = []
    start = previous = cells[0]
    for cell in (*cells[1:], None):
        if cell is not None and cell == previous + 1:
            previous = cell
            continue
        parts.append(str(start) if start == previous else f"{start}-{previous}")
        start = previous = cell if cell is not None else -1
    return f"cell{'' if len(cells) == 1 else 's'} {', '.join(parts)}"


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
