"""What is said of a step that a place did not run to its end: which step, cell, place and job, why, and what to do."""

import json

import pytest

from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.streamflow.records import Records
from nbcompile.model.placement import PlacedStep, Placement
from nbcompile.model.plan import StepId
from nbcompile.model.run import Found, KnownStep, Notice, StepEnded, StepRecord, StepStarted, StepState, StepWaits

STEP = PlacedStep(step=StepId("fit"), cells=(3, 4), target="hpc")
COMMON = {"step": "fit", "shard": "", "place": "hpc", "at": 105.0}
KEY = {"key": "k", "attempt": 1, "ref": {"native": "17"}, "resources": {}}


@pytest.fixture
def records(tmp_path):
    directory = RunDirectory(tmp_path)
    for folder in ("work/fit", "logs"):
        (directory.state / folder).mkdir(parents=True)
    return Records(directory, Placement((STEP,)), 100.0, streams=False)


def bring(records):
    """What the cells of the step showed, brought to the directory of the run."""
    records._directory.outputs("fit").write_text(json.dumps({"cells": []}))


def take(records, *notes):
    return [event for note in notes for event in records.take({**COMMON, **note})]


def ended(**facts):
    return {"note": "ended", "native": "17", "host": "n1", "exit": None, "reason": "", "withdrawn": False, "cause": "", **facts}


def test_a_step_that_waits_and_ends_well(records):
    bring(records)
    events = take(
        records,
        {"note": "submitted", **KEY},
        {"note": "state", "state": "pending", "native": "PENDING", "reason": "Priority", "start": None},
        ended(state="finished", exit=0, at=110.0),
    )
    assert [type(event) for event in events] == [StepStarted, StepWaits, StepEnded]
    assert events[1].reason == "Priority"
    record = records.steps["fit"]
    assert (record.state, record.place, record.seconds) == (StepState.FINISHED, "hpc", 5.0)
    assert records.failures == []


@pytest.mark.parametrize(
    ("facts", "name", "words"),
    [
        ({"state": "cancelled", "cause": "cancelled", "reason": "CANCELLED by 0"}, "Cancelled", ["CANCELLED by 0", "resume"]),
        ({"state": "failed", "cause": "out-of-memory", "reason": "over 1 GiB"}, "OutOfMemory", ["OUT-OF-MEMORY", "`memory`"]),
        ({"state": "failed", "cause": "timeout", "reason": "1:00"}, "TimeLimit", ["TIMEOUT", "`time`"]),
        ({"state": "lost", "cause": "lost", "reason": "the host restarted"}, "StepLost", ["the host restarted", "resume"]),
        ({"state": "failed", "reason": "the disk is full", "advice": "make room"}, "StepLost", ["the disk is full", "make room"]),
    ],
)
def test_failures_of_places_say_all(records, facts, name, words):
    take(records, {"note": "submitted", **KEY}, ended(**facts))
    (failure,) = records.failures
    said = " ".join((failure.message, *failure.traceback))
    assert (failure.name, failure.lost, records.steps["fit"].state) == (name, True, StepState.FAILED)
    assert all(word in said for word in ["fit", "cells 3, 4", "hpc", "job 17", "n1", *words]), said


@pytest.mark.parametrize(
    ("cause", "asked", "words"),
    [
        ("out-of-memory", {"memory_mib": 120}, ["it asked for 120MiB", "`resources: {memory: 240MiB}`"]),
        ("out-of-memory", {"memory_mib": 2048}, ["it asked for 2GiB", "`resources: {memory: 4GiB}`"]),
        ("out-of-memory", {"minutes": 5}, ["it asked for none, and `hpc` gave it", "`resources: {memory: 1GiB}`"]),
        ("timeout", {"minutes": 90}, ["it asked for 90m", "`resources: {time: 3h}`"]),
        ("timeout", {}, ["it asked for none", "`resources: {time: 2h}`"]),
    ],
)
def test_what_was_too_little_is_told_with_what_to_write(records, cause, asked, words):
    take(records, {"note": "submitted", **KEY, "resources": asked}, ended(state="failed", cause=cause))
    (advice,) = records.failures[0].traceback
    assert all(word in advice for word in [*words, "`placement` of nbcompile.yml", "the deployment `hpc`", "run again"]), advice


def test_a_step_whose_outputs_are_not_here_is_no_success(records):
    found = {"found": True, "key": "k"}
    take(records, {"note": "submitted", **KEY}, ended(state="finished", exit=0, **found))
    (failure,) = records.failures
    assert (failure.name, failure.lost, records.steps["fit"].state) == ("StepLost", True, StepState.FAILED)
    assert "fit (cells 3, 4) at hpc" in failure.message
    assert "what its cells showed is not in the directory of the run" in failure.message
    assert any("resume" in line for line in failure.traceback)


def test_a_step_whose_result_was_kept_did_not_run(records):
    bring(records)
    told = {"parts": {"python": "x"}, "changes": [], "not_kept": ""}
    events = take(records, ended(state="finished", exit=0, cached=True, seconds=7.0, cpu_seconds=6.0, told=told))
    assert [type(event) for event in events] == [StepStarted, StepEnded]
    record = records.steps["fit"]
    assert (record.cached, record.start, record.seconds, record.state) == (True, "cached", 7.0, StepState.FINISHED)
    assert (record.why, records.told["fit"]) == ("its result was kept by an earlier run", told)


@pytest.mark.parametrize(("key", "found"), [("k", True), ("another", False)])
def test_a_step_that_had_finished_before_keeps_what_it_took(tmp_path, key, found):
    (tmp_path / ".nbcompile" / "work" / "fit").mkdir(parents=True)
    took = StepRecord(step=StepId("fit"), cells=(3, 4), state=StepState.FINISHED, started_seconds=1.0, seconds=60.0, place="hpc")
    known = KnownStep(step=StepId("fit"), state="finished", key=key, record=took)
    records = Records(RunDirectory(tmp_path), Placement((STEP,)), 100.0, streams=False, before=(known,))
    bring(records)
    take(records, {"note": "submitted", **KEY}, ended(state="finished", exit=0, found=True, **KEY))
    assert (records.steps["fit"].seconds == 60.0, bool(records.steps["fit"].why)) == (found, found)


def test_a_cell_that_raised_is_no_failure_of_the_place(records, tmp_path):
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["line"]}
    cells = [{"index": 4, "id": "c", "state": "error", "outputs": [error]}]
    (tmp_path / ".nbcompile" / "work" / "fit" / "OUTPUTS.json").write_text(json.dumps({"cells": cells}))
    take(records, {"note": "submitted", **KEY}, ended(state="failed", cause="exit", exit=3))
    (failure,) = records.failures
    assert (failure.cell, failure.name, failure.lost) == (4, "ValueError", False)


def test_what_a_rule_refused_is_a_finding_with_its_code_and_no_fault_of_the_place(records):
    reason = "NB326 `rows`, 2.9 MiB, would go from `hpc` to `island`"
    note = {"note": "ended", "state": "failed", "reason": reason, "advice": "allow more", "code": "NB326"}
    (found,) = [event.diagnostic for event in take(records, note) if isinstance(event, Found)]
    (failure,) = records.failures
    assert (failure.name, failure.code, failure.lost, failure.traceback) == ("TransferRefused", "NB326", False, ("allow more",))
    assert failure.message == f"fit (cells 3, 4) at hpc: {reason}"
    assert (found.rule.code, found.place.cell_index, found.help) == ("NB326", 3, "allow more")
    assert found.message == f"fit (cells 3, 4) at hpc: {reason.removeprefix('NB326 ')}"


def test_a_broken_guard_says_what_to_write_where(records, tmp_path):
    guard = {"code": "NB509", "cell": 3, "name": "log", "message": "the cell wrote to `log`", "remedy": "# nbc: writes=log"}
    (tmp_path / ".nbcompile" / "work" / "fit" / "OUTPUTS.json").write_text(json.dumps({"cells": [], "guards": [guard]}))
    take(records, {"note": "submitted", **KEY}, ended(state="failed", cause="exit", exit=8))
    (failure,) = records.failures
    assert (failure.cell, failure.name, failure.message) == (3, "GuardBroken", "NB509 the cell wrote to `log`")
    assert failure.traceback == ("write `# nbc: writes=log` into the cell, and run the notebook again",)


def test_what_was_withdrawn_is_no_failure(records):
    take(records, {"note": "submitted", **KEY}, ended(state="cancelled", cause="cancelled", withdrawn=True))
    assert (records.failures, records.steps["fit"].state) == ([], StepState.CANCELLED)


def test_a_place_that_cannot_be_opened_is_told_at_once(records):
    events = take(records, {"note": "not-opened", "reason": "no route", "advice": "wait", "code": 5})
    assert events == [Notice("`hpc` cannot be used: no route")]
    assert records.failures[0].lost
