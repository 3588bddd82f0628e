"""Run events -> a terminal, with rich: loaded only where somebody watches and rich is installed."""

from __future__ import annotations

import time
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from nbcompile.model.run import (
    CellStarted,
    Found,
    LoginAsked,
    RunEnded,
    RunEvent,
    RunRepaired,
    RunStarted,
    StepEnded,
    StepStarted,
    StepWaits,
    StreamText,
)
from nbcompile.reporting.findings.people import concise
from nbcompile.reporting.progress import StreamLines, lines_of
from nbcompile.reporting.run_summary import duration, name_cells


class LiveProgress:
    """A live line for every running step on a terminal; what has ended scrolls away above."""

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        self._console = Console(file=stream, highlight=False)
        self._verbose = verbose
        self._streams = StreamLines(self._line)
        self._running: dict[str, tuple[StepStarted, float, int]] = {}
        self._paused = False
        self._waiting: dict[str, StepWaits] = {}
        self._steps = self._ended = 0
        self._live = Live(get_renderable=self._picture, console=self._console, refresh_per_second=8, transient=True)

    def __call__(self, event: RunEvent) -> None:
        """Show the event."""
        if isinstance(event, RunStarted | RunRepaired):
            self._steps, self._ended = event.steps, 0
            self._live.start()
        elif isinstance(event, StepStarted):
            self._running[event.step] = event, time.monotonic(), event.cells[0]
        elif isinstance(event, LoginAsked | StepWaits):
            self._wait(event)
        elif isinstance(event, CellStarted) and event.step in self._running:
            started, since, _ = self._running[event.step]
            self._running[event.step] = started, since, event.cell
        elif isinstance(event, StepEnded):
            self._running.pop(event.record.step, None)
            self._waiting.pop(event.record.step, None)
            self._ended += 1
        elif isinstance(event, Found):
            self._line(concise([event.diagnostic]).rstrip("\n"))
        elif isinstance(event, StreamText) and self._verbose:
            self._streams.add(event)
        elif isinstance(event, RunEnded):
            self.close()
        for line in lines_of(event, self._ended, self._steps, verbose=self._verbose, started=False):
            self._line(line)

    def _wait(self, event: LoginAsked | StepWaits) -> None:
        """Show what a step waits for; leave the terminal to a question until it is answered."""
        if isinstance(event, StepWaits):
            self._waiting[event.step] = event
        elif event.answered:
            if self._paused:
                self._live.start()
        else:
            self._paused = self._live.is_started
            self._live.stop()

    def close(self) -> None:
        """Take the live lines away."""
        self._streams.close()
        self._live.stop()

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def _picture(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for started, since, cell in self._running.values():
            cells = f"cell {cell}" + (f" of {name_cells(started.cells)}" if len(started.cells) > 1 else "")
            table.add_row(
                Spinner("dots"),
                Text(started.step, style="bold"),
                Text(self._queued(started.step) or cells),
                Text(duration(time.monotonic() - since), style="cyan"),
            )
        table.add_row("", Text(f"{self._ended} of {self._steps} steps", style="dim"))
        return table

    def _queued(self, step: str) -> str:
        """What the place says of a step that does not run yet."""
        event = self._waiting.get(step)
        if event is None or event.state != "pending":
            return ""
        return f"waits at {event.place}" + (f": {event.reason}" if event.reason else "")
