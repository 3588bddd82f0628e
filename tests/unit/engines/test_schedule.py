"""Which step starts when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbcompile.engines.local.schedule import Schedule
from nbcompile.model.graph import Version
from nbcompile.model.plan import Granularity, Link, Payload, Plan, Resources, Step


def make_plan(count, pairs, cpus=()):
    steps = tuple(
        Step(id=f"s{n}", cells=(n,), bindings=(), resources=Resources(cpus=cpus[n] if n < len(cpus) else None)) for n in range(count)
    )
    links = tuple(Link(f"s{a}", f"s{b}", "", ()) for a, b in pairs)
    return Plan(granularity=Granularity.CELL, steps=steps, links=links)


def made(payload, name, cell):
    return Payload(id=payload, cell=cell, versions=(Version(name, cell),))


def ids(steps):
    return [step.id for step in steps]


def test_the_longest_way_to_go_starts_first():
    schedule = Schedule(make_plan(4, [(1, 3)]), {"s0": 5, "s1": 3, "s2": 1, "s3": 4}, cores=2)
    assert ids(schedule.ready()) == ["s1", "s0", "s2"]
    assert ids(schedule.admitted(1e9, {})) == ["s1", "s0"]


def test_a_step_that_needs_more_memory_than_there_is_waits_until_it_is_alone():
    schedule = Schedule(make_plan(2, []), {"s0": 1, "s1": 2}, cores=4)
    assert ids(schedule.admitted(100, {"s0": 500, "s1": 10})) == ["s1"]
    schedule.started("s1")
    assert ids(schedule.admitted(90, {"s0": 500})) == []
    schedule.ended("s1")
    assert ids(schedule.admitted(90, {"s0": 500})) == ["s0"]


def test_what_running_steps_have_not_taken_yet_is_not_given_away():
    schedule, needed = Schedule(make_plan(4, []), {"s0": 4, "s1": 3, "s2": 2, "s3": 1}, cores=4), {"s0": 60, "s2": 30, "s3": 30}
    assert ids(schedule.admitted(100, needed)) == ["s0", "s1", "s2"]
    schedule.started("s0")
    schedule.started("s1")
    # `s0` has just begun, and nobody else takes anything.
    assert ids(schedule.admitted(100, needed)) == ["s2"]
    schedule.started("s2")
    assert ids(schedule.admitted(100, needed)) == []
    schedule.ended("s0")
    assert ids(schedule.admitted(20, needed)) == []
    assert ids(schedule.admitted(50, needed)) == ["s3"]


def test_a_wide_step_takes_its_cores():
    schedule = Schedule(make_plan(3, [], cpus=(2, 1, 64)), {"s0": 3, "s1": 2, "s2": 1}, cores=2)
    assert ids(schedule.admitted(1e9, {})) == ["s0"]
    schedule.started("s0")
    assert ids(schedule.admitted(1e9, {})) == []
    schedule.ended("s0")
    assert ids(schedule.admitted(1e9, {})) == ["s1"]


def test_what_needs_a_failed_step_never_starts():
    schedule = Schedule(make_plan(4, [(0, 1), (1, 2)]), {}, cores=1)
    schedule.started("s0")
    schedule.ended("s0", failed_at=0)
    assert (ids(schedule.ready()), schedule.over) == (["s3"], False)
    schedule.withdraw(["s3"])
    assert schedule.over


def test_what_was_made_before_a_failed_cell_is_used():
    first = Step(id="a", cells=(0, 3, 6), bindings=(), payloads=(made("p", "x", 0), made("q", "y", 3)))
    others = [Step(id=name, cells=(cell,), bindings=()) for name, cell in zip("bcdefg", (1, 4, 5, 2, 7, 8), strict=True)]
    links = [("b", "p", "x", 0), ("c", "q", "y", 3), ("d", "", "file:a.txt", 0), ("e", "", "", 0), ("f", "", "", 0)]
    links = [Link("a", to, payload, (Version(name, cell),) if name else ()) for to, payload, name, cell in links]
    schedule = Schedule(Plan(granularity=Granularity.CELL, steps=(first, *others), links=(*links, Link("c", "g", "", ()))), {}, cores=1)
    schedule.started("a")
    schedule.ended("a", failed_at=3)
    assert sorted(ids(schedule.ready())) == ["b", "d", "e"]


def test_cells_before_a_failed_one_run_without_what_only_later_ones_need():
    steps = (
        Step(id="a", cells=(0, 1, 6), bindings=(), payloads=(made("p", "x", 1), made("q", "y", 6))),
        Step(id="b", cells=(2, 5), bindings=(), payloads=(made("r", "z", 2),)),
        Step(id="c", cells=(3,), bindings=()),
        Step(id="d", cells=(4,), bindings=(), payloads=(made("s", "w", 4),)),
        Step(id="e", cells=(7,), bindings=()),
    )
    links = (("d", "a", "s", "w", 4), ("d", "b", "s", "w", 4), ("a", "b", "p", "x", 1), ("b", "c", "r", "z", 2), ("a", "e", "q", "y", 6))
    plan = Plan(
        granularity=Granularity.CELL,
        steps=steps,
        links=tuple(Link(source, target, payload, (Version(name, cell),)) for source, target, payload, name, cell in links),
    )
    schedule = Schedule(plan, {}, cores=1)
    schedule.started("d")
    schedule.ended("d", failed_at=4)
    assert schedule.over
    schedule.stop_before(4)
    assert [(ids(schedule.ready()), schedule.stops_before(step)) for step in steps[:3]] == [(["a"], 6), (["a"], 5), (["a"], None)]
    assert [schedule.is_given(link) for link in plan.links] == [False, False, True, True, True]
    for step, stop in (("a", 4), ("b", 4), ("c", None)):
        assert ids(schedule.ready()) == [step]
        schedule.started(step)
        schedule.ended(step, failed_at=stop)
    assert schedule.over


def test_what_a_broken_step_has_made_before_is_not_given_to_others():
    steps = (
        Step(id="a", cells=(0, 3), bindings=(), payloads=(made("p", "x", 0),)),
        Step(id="b", cells=(1,), bindings=()),
        Step(id="c", cells=(2,), bindings=()),
    )
    links = (Link("a", "b", "p", (Version("x", 0),)), Link("b", "c", "", ()))
    schedule = Schedule(Plan(granularity=Granularity.CELL, steps=steps, links=links), {}, cores=1)
    schedule.started("a")
    # Nothing of it is trusted, although the cell that is named stands after others.
    schedule.ended("a", failed_at=0)
    schedule.stop_before(3)
    assert schedule.over


@st.composite
def plans(draw):
    count = draw(st.integers(1, 12))
    pairs = draw(st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda pair: pair[0] < pair[1])))
    return make_plan(count, sorted(pairs)), draw(st.integers(1, 4)), draw(st.sets(st.integers(0, count - 1)))


@given(plans(), st.randoms())
def test_every_step_runs_once_after_what_it_needs_and_never_too_many(case, random):
    plan, cores, failing = case
    schedule, ran = Schedule(plan, {}, cores), {}
    running = []
    while not schedule.over:
        for step in schedule.admitted(1e9, {}):
            assert all(ran.get(link.source) for link in plan.links if link.target == step.id)
            schedule.started(step.id)
            running.append(step)
        assert 0 < len(running) <= cores
        step = running.pop(random.randrange(len(running)))
        assert step.id not in ran
        ran[step.id] = int(step.id[1:]) not in failing
        schedule.ended(step.id, failed_at=None if ran[step.id] else step.cells[0])
    doomed = set(schedule.dependents([step for step, well in ran.items() if not well]))
    assert set(ran) == {step.id for step in plan.steps} - doomed


@pytest.mark.parametrize("steps", [0, 1])
def test_an_empty_plan_is_over(steps):
    assert Schedule(make_plan(steps, []), {}, cores=1).over is (steps == 0)


def test_whether_another_worker_will_be_wanted():
    schedule = Schedule(make_plan(3, [(0, 1)]), {}, cores=2)
    assert schedule.waits_besides("s2")
    schedule.started("s0")
    schedule.started("s2")
    assert not schedule.waits_besides("s1")
    schedule.ended("s0", failed_at=0)
    assert not schedule.waits_besides("s0")
