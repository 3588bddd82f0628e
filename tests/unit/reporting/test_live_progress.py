"""The picture of a run leaves the terminal to whoever is asked something."""

import io

from nbcompile.model.run import Interpreter, LoginAsked, RunRepaired, RunStarted, StepEnded, StepRecord, StepState
from nbcompile.reporting.live_progress import LiveProgress
from nbcompile.reporting.progress import PlainProgress
from nbcompile.reporting.run_document import event_json


def test_the_picture_stands_still_while_somebody_is_asked(tmp_path):
    progress = LiveProgress(io.StringIO())
    asked, answered = LoginAsked("host", answered=False), LoginAsked("host", answered=True)
    progress(asked)
    progress(answered)
    assert not progress._live.is_started
    progress(RunStarted(tmp_path, Interpreter("python", "3.11", "it is there"), 1, 1))
    progress(asked)
    assert not progress._live.is_started
    progress(answered)
    assert progress._live.is_started
    progress.close()


def test_programs_see_that_somebody_is_asked_and_lines_do_not_tell_it_again():
    stream = io.StringIO()
    PlainProgress(stream)(LoginAsked("host", answered=False))
    assert stream.getvalue() == ""
    assert event_json(LoginAsked("host", answered=False)) == {"event": "login-asked", "host": "host", "answered": False}


def test_the_steps_of_a_repaired_plan_are_counted_anew(tmp_path):
    stream = io.StringIO()
    progress, ended = PlainProgress(stream), StepEnded(StepRecord(step="one", cells=(0,), state=StepState.FINISHED), 1.0)
    for event in (RunStarted(tmp_path, Interpreter("python", "3.11", "it is there"), 2, 1), ended, RunRepaired(1, 3), ended):
        progress(event)
    assert "[1/2]" in stream.getvalue()
    assert stream.getvalue().splitlines()[-1].endswith("[1/3] one finished")
    assert "1 of the plan's assumptions did not hold" in stream.getvalue()
    assert event_json(RunRepaired(1, 3)) == {"event": "run-repaired", "broken": 1, "steps": 3}
