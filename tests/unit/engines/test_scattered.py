"""How the shards of a scattered step are dealt out to processes."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbcompile.engines.local.scattered import ScatteredStep, Span, Spent
from nbcompile.model.plan import Step, StepId
from nbcompile.model.run import Failure, StepRecord, StepState

STEP = Step(id=StepId("s"), cells=(1,), bindings=())


def scattered(total, cores=2):
    return ScatteredStep(STEP, total, cores, StepRecord(step=STEP.id, cells=STEP.cells, started_seconds=1.0))


def spent(span, seconds):
    return Spent(seconds * (span.end - span.first), 0.5, 10.0 * span.end)


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(1, 8), st.sampled_from([0.0001, 0.1, 50.0]), st.randoms())
def test_every_shard_runs_once_on_as_many_cores_as_there_are(total, cores, seconds, random):
    step, running, seen = scattered(total, cores), [], []
    while not step.over:
        while len(running) < cores and (span := step.take()):
            running.append(span)
        span = running.pop(random.randrange(len(running)))
        seen += range(*span)
        step.ended(span, spent(span, seconds))
    assert sorted(seen) == list(range(total))
    assert [number for span in step.spans for number in range(*span)] == list(range(total))


@pytest.mark.parametrize(("total", "seconds", "most"), [(10_000, 0.001, 30), (2_000, 0.1, 140), (40, 60.0, 40)])
def test_spans_are_worth_a_process_and_leave_no_core_waiting(total, seconds, most):
    step, clock, ends = scattered(total), 0.0, []
    while not step.over:
        while len(ends) < 2 and (span := step.take()):
            ends.append((clock + seconds * (span.end - span.first), span))
        clock, span = min(ends)
        ends.remove((clock, span))
        step.ended(span, spent(span, seconds))
    assert len(step.spans) <= most
    assert clock <= total * seconds / 2 * 1.02 + seconds


def test_after_a_failure_only_earlier_shards_count():
    step = scattered(100)
    first, second, third = step.take(), step.take(), step.take()
    step.ended(second, spent(second, 1))
    step.failed(second)
    assert (step.take(), step.is_wanted(first), step.is_wanted(third), step.over) == (None, True, False, False)
    step.ended(third, spent(third, 1))
    step.ended(first, spent(first, 1))
    assert (step.over, step.spans, step.broken) == (True, (first, second), False)


def test_what_breaks_ends_the_step_and_is_told_once():
    step = scattered(100)
    first, second = step.take(), step.take()
    failure = Failure(STEP.id, -1, "StepBroken", "why")
    step.ended(first, spent(first, 1))
    step.broke(9, [failure])
    step.ended(second, spent(second, 1))
    step.broke(9, [failure._replace(message="again")])
    assert (step.over, step.broken, step.failures, step.record.state) == (True, True, (failure,), StepState.FAILED)


def test_the_record_is_of_all_processes():
    step = scattered(3, cores=1)
    for span in itertools.takewhile(bool, iter(step.take, None)):
        step.ended(span, spent(span, 2.0))
    gathered = StepRecord(step=STEP.id, cells=STEP.cells, started_seconds=9.0, seconds=1.0, cpu_seconds=0.25, peak_memory_mib=5.0)
    record = step.with_shards(gathered)
    assert (record.started_seconds, record.seconds, record.peak_memory_mib) == (1.0, 9.0, 30.0)
    assert record.cpu_seconds == 0.25 + 0.5 * len(step.spans)
    assert step.spans[0] == Span(0, 1)
