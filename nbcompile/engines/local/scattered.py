"""A scattered step while it runs: which of its shards wait, run and have ended, and how many a process takes at once. No I/O.

A process is given a span of neighbouring shards. The first spans are short, and tell how long a shard takes; after that a span
is as long as makes its process worth starting, and short enough that at the end no core waits long for another.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from nbcompile.model.plan import Step
from nbcompile.model.run import Failure, StepRecord, StepState

_SPAN_SECONDS, _LEAST_SECONDS = 2.0, 0.1
_FIRST_SHARDS = 4


class Span(NamedTuple):
    """The shards from number `first` up to `end`, which is not one of them."""

    first: int
    end: int


class Spent(NamedTuple):
    """What the process of a span took."""

    seconds: float
    cpu_seconds: float
    peak_memory_mib: float


@dataclass(slots=True)
class ScatteredStep:
    """The shards of one step, `total` of them. Changes only through `take`, `ended`, `failed` and `broke`."""

    step: Step
    total: int
    cores: int
    record: StepRecord
    failures: tuple[Failure, ...] = ()
    _next: int = 0
    _limit: int = field(init=False)
    _running: dict[Span, None] = field(init=False, default_factory=dict)
    _ended: list[Span] = field(init=False, default_factory=list)
    _measured: int = field(init=False, default=0)
    _seconds: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._limit = self.total

    def take(self) -> Span | None:
        """The next span to be run, if there is one; it runs from now on."""
        if self._next >= self._limit:
            return None
        span = Span(self._next, min(self._limit, self._next + self._length()))
        self._next = span.end
        self._running[span] = None
        return span

    def _length(self) -> int:
        waiting = self.total - self._next
        fair = max(1, waiting // (2 * self.cores))
        if not self._measured:
            return min(_FIRST_SHARDS, fair)
        in_a_second = self._measured / max(self._seconds, 1e-6)
        return max(1, min(max(fair, int(_LEAST_SECONDS * in_a_second)), int(_SPAN_SECONDS * in_a_second)))

    def ended(self, span: Span, spent: Spent) -> None:
        """A span ended, well or not."""
        del self._running[span]
        self._ended.append(span)
        self._measured += span.end - span.first
        self._seconds += spent.seconds
        self.record = replace(
            self.record,
            cpu_seconds=(self.record.cpu_seconds or 0.0) + spent.cpu_seconds,
            peak_memory_mib=max(self.record.peak_memory_mib or 0.0, spent.peak_memory_mib),
        )

    def failed(self, span: Span) -> None:
        """A cell failed in a span: a plain run would not have come to the shards after it."""
        self._limit = min(self._limit, span.end)

    def broke(self, code: int, failures: Sequence[Failure], state: StepState = StepState.FAILED) -> None:
        """The step cannot go on, whatever its other shards do."""
        self._limit = 0
        if not self.failures:
            self.failures = tuple(failures)
            self.record = replace(self.record, state=state, exit_code=code)

    def with_shards(self, gathered: StepRecord) -> StepRecord:
        """The record of the process that gathered, with what the shards took."""
        started = self.record.started_seconds or 0.0
        return replace(
            gathered,
            started_seconds=started,
            seconds=(gathered.started_seconds or 0.0) + (gathered.seconds or 0.0) - started,
            cpu_seconds=(gathered.cpu_seconds or 0.0) + (self.record.cpu_seconds or 0.0),
            peak_memory_mib=max(gathered.peak_memory_mib or 0.0, self.record.peak_memory_mib or 0.0),
        )

    @property
    def broken(self) -> bool:
        """Whether there is nothing to gather."""
        return self.record.state is not StepState.NOT_STARTED

    def is_wanted(self, span: Span) -> bool:
        """Whether a plain run would have come to a span, as far as is known."""
        return span.first < self._limit

    @property
    def over(self) -> bool:
        """Whether nothing runs and nothing waits."""
        return not self._running and self._next >= self._limit

    @property
    def spans(self) -> tuple[Span, ...]:
        """The spans that count, in the order of the shards."""
        return tuple(sorted(span for span in self._ended if span.first < self._limit))


def count_shards(step: Step, directories: dict[str, Path]) -> int:
    """How many shards a step has; `directories` are those in which the shards of its ports lie."""
    total = 1
    for axis in step.scatter.axes if step.scatter else ():
        name = re.compile(re.escape(axis[0].source) + r"\.\d+\.nbc")
        total *= sum(1 for entry in os.scandir(directories[axis[0].source]) if name.fullmatch(entry.name))
    return total
