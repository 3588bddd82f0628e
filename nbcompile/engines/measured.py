"""What the times of a run say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nbcompile.model.graph import critical_path, successors
from nbcompile.model.plan import StepId
from nbcompile.model.run import StepRecord


def measured_path(links: Iterable[tuple[StepId, StepId]], records: Sequence[StepRecord]) -> tuple[StepId, ...]:
    """The steps that the run had to wait for, by the times that were measured."""
    place = {record.step: number for number, record in enumerate(records)}
    following = successors(((place[source], place[target]) for source, target in links), len(records))
    _, path = critical_path(following, [record.seconds or 0.0 for record in records])
    return tuple(records[number].step for number in path)
