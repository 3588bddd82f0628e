"""Run events -> what a person or a program watches while the run goes on."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TextIO

from nbcompile.model.run import (
    KEPT,
    Found,
    Notice,
    RunEvent,
    RunRepaired,
    RunStarted,
    StepEnded,
    StepStarted,
    StepState,
    StepWaits,
    StreamText,
)
from nbcompile.reporting.findings.people import concise
from nbcompile.reporting.run_document import event_json
from nbcompile.reporting.run_summary import duration, name_cells

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


class Progress(Protocol):
    """Watches a run."""

    def __call__(self, event: RunEvent) -> None:
        """Take one event."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class JsonProgress:
    """One JSON document a line for every event, for programs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: RunEvent) -> None:
        """Write the event."""
        self._stream.write(json.dumps({**event_json(event), "time": round(time.time(), 3)}) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing is open."""


class PlainProgress:
    """Timestamped lines: for logs, and for terminals without rich."""

    def __init__(self, stream: TextIO, *, verbose: bool = False, quiet: bool = False) -> None:
        self._stream, self._verbose, self._quiet = stream, verbose, quiet
        self._streams = StreamLines(self._line)
        self._steps = self._ended = 0

    def __call__(self, event: RunEvent) -> None:
        """Write what is worth a line."""
        if isinstance(event, Found):
            self._stream.write(concise([event.diagnostic]))
        elif self._quiet:
            return
        elif isinstance(event, RunStarted | RunRepaired):
            self._steps, self._ended = event.steps, 0
        if isinstance(event, StepEnded):
            self._ended += 1
        if isinstance(event, StreamText) and self._verbose:
            self._streams.add(event)
        for line in lines_of(event, self._ended, self._steps, verbose=self._verbose):
            self._line(line)

    def close(self) -> None:
        """Write what cells wrote without an end of line."""
        self._streams.close()

    def _line(self, text: str) -> None:
        self._stream.write(f"{datetime.now().astimezone():%H:%M:%S}  {text}\n")
        self._stream.flush()


class StreamLines:
    """Puts what cells write together to lines, one by one; control characters stay out of the terminal."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._rest: dict[tuple[int, str], str] = {}

    def add(self, event: StreamText) -> None:
        """Write the lines that are complete now."""
        *lines, rest = (self._rest.pop((event.cell, event.stream), "") + event.text).split("\n")
        for line in lines:
            self._write(f"  cell {event.cell} | {_CONTROL.sub('', line)}")
        if rest:
            self._rest[event.cell, event.stream] = rest

    def close(self) -> None:
        """Write the lines that never ended."""
        for (cell, _), rest in self._rest.items():
            self._write(f"  cell {cell} | {_CONTROL.sub('', rest)}")
        self._rest.clear()


def lines_of(event: RunEvent, ended: int, steps: int, *, verbose: bool, started: bool = True) -> tuple[str, ...]:
    """The lines that an event is worth."""
    if isinstance(event, RunStarted):
        python = event.interpreter
        return (
            f"Python {python.version}, {python.path}: {python.why}",
            f"{event.steps} steps, at most {event.jobs} at a time, in {event.directory}",
        )
    if isinstance(event, RunRepaired):
        return (f"{event.broken} of the plan's assumptions did not hold: what depends on them runs again",)
    if isinstance(event, StepStarted) and (started or verbose):
        return (f"{event.step} started ({name_cells(event.cells)}){f', {event.start}' if verbose else ''}",)
    if isinstance(event, StepWaits):
        return waiting_line(event, verbose=verbose)
    if isinstance(event, StepEnded):
        record = event.record
        before = record.cached or record.start == KEPT
        how = "found in the cache" if record.cached else "had finished before" if before else record.state.value
        took = f" in {duration(record.seconds)}" if record.seconds is not None and not before else ""
        more = f", CPU {duration(record.cpu_seconds or 0)}, {record.peak_memory_mib or 0:.0f} MiB" if verbose and not before else ""
        return (f"[{ended}/{steps}] {record.step} {how}{took}{more}",) if record.state is not StepState.NOT_STARTED else ()
    if isinstance(event, Notice) and (verbose or not event.detail):
        return (event.text,)
    return ()


def waiting_line(event: StepWaits, *, verbose: bool) -> tuple[str, ...]:
    """Why a step does not run yet, in the words of its place, and from when on it does."""
    said = ": ".join(word for word in (event.native, event.reason) if word)
    if event.state != "pending":
        return (f"{event.step} runs at {event.place}",) if verbose else ()
    if not event.reason and not verbose:
        return ()
    start = f", to start at {datetime.fromtimestamp(event.start).astimezone():%H:%M}" if event.start else ""
    return (f"{event.step} waits at {event.place}{f' ({said})' if said else ''}{start}",)
