"""The picture of a run leaves the terminal to whoever is asked something."""

import io

from nbcompile.model.run import Interpreter, LoginAsked, RunStarted
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
