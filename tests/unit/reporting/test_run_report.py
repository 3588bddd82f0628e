"""The report of a run stands alone and trusts nothing it shows."""

import html.parser
from dataclasses import replace
from pathlib import Path

import pytest

from nbcompile.model.run import (
    KEPT,
    CellRecord,
    Failure,
    Interpreter,
    OutputFile,
    RunRecord,
    RunState,
    StepRecord,
    StepState,
)
from nbcompile.reporting.run_report import run_html
from nbcompile.reporting.run_summary import failing_line, summary

HOSTILE = '<script>alert("&")'
STEP = StepRecord(
    step="load-1",
    cells=(0,),
    state=StepState.FINISHED,
    started_seconds=0.5,
    seconds=2.0,
    cpu_seconds=1.0,
    peak_memory_mib=10.0,
    cell_records=(CellRecord(index=0, id="a", state="ok", seconds=2.0, cpu_seconds=1.0),),
)
RECORD = RunRecord(
    id="demo-1",
    notebook=Path("demo.ipynb"),
    directory=Path("/runs/demo.run"),
    state=RunState.FINISHED,
    interpreter=Interpreter("/usr/bin/python3", "3.11.7", "it was asked for"),
    started="2026-01-01T00:00:00Z",
    seconds=4.0,
    steps=(STEP, replace(STEP, step="fit-2", cells=(1,), seconds=3.0), replace(STEP, step="late-3", cells=(2,), cached=True)),
    jobs=2,
    cells=3,
    critical_path=("load-1", "fit-2"),
    outputs=(OutputFile("demo.executed.ipynb", 10, "0" * 64),),
)


class Reader(html.parser.HTMLParser):
    void = frozenset(("meta", "link", "br", "img"))

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text, self.targets = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.targets += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(record):
    reader = Reader()
    reader.feed(run_html(record))
    assert reader.open == []
    return reader


def test_the_page_needs_nothing_else():
    reader = read(RECORD)
    assert set(reader.tags) & {"script", "img", "link", "iframe", "object"} == set()
    assert reader.targets == ["demo.executed.ipynb", "run.json"]


def test_the_page_shows_steps_and_the_way_they_waited_for():
    text = "".join(read(RECORD).text)
    assert all(word in text for word in ("load-1", "fit-2", "from the cache", "5.00 s of these steps"))


@pytest.mark.parametrize(
    "record",
    [
        replace(RECORD, notebook=Path(HOSTILE)),
        replace(RECORD, steps=(replace(STEP, step=HOSTILE),), critical_path=()),
        replace(RECORD, outputs=(OutputFile(HOSTILE, 1, ""),)),
        replace(RECORD, failures=(Failure("load-1", 0, HOSTILE, HOSTILE, (HOSTILE,)),), state=RunState.FAILED),
        replace(RECORD, interpreter=Interpreter(HOSTILE, HOSTILE, HOSTILE)),
    ],
)
def test_what_is_shown_is_never_markup(record):
    reader = read(record)
    assert "script" not in reader.tags
    assert HOSTILE in "".join(reader.text)


def test_a_run_without_a_step_has_a_page():
    assert "demo.ipynb" in "".join(read(replace(RECORD, steps=(), critical_path=(), seconds=0.0)).text)


@pytest.mark.parametrize(
    ("traceback", "line"),
    [
        (["\x1b[31mCell\x1b[39m\x1b[31m \x1b[39m\x1b[32mIn[4]\x1b[39m\x1b[32m, line 7\x1b[39m"], 7),
        (["<ipython-input-3-abc> in <module>", "----> 1 x"], None),
        (["Cell In [4], line 12, in f()", "Cell In[9], line 1"], 12),
        ([], None),
    ],
)
def test_the_failing_line_is_read_from_the_traceback(traceback, line):
    assert failing_line(Failure("s", 0, "E", "e", tuple(traceback))) == line


def test_the_summary_says_what_was_won_and_where_it_is():
    text = summary(RECORD)
    assert "6.00 s" in text
    assert "1.50 times as fast" in text
    assert "critical path 5.00 s: load-1 > fit-2" in text
    assert "from the cache: 1 step (late-3)" in text
    assert "/runs/demo.run" in text


def test_a_run_that_failed_or_went_on_boasts_of_nothing():
    kept = replace(RECORD, steps=(replace(STEP, start=KEPT), *RECORD.steps[1:]))
    assert "times as fast" not in summary(kept) + summary(replace(RECORD, state=RunState.FAILED))
    assert f"finished before: 1 step ({STEP.step})" in summary(kept)


def test_a_step_that_broke_names_its_cells_and_how_to_go_on():
    failure = Failure(STEP.step, -1, "StepBroken", "NB594: there is no space left; free some", lost=True)
    text = summary(replace(RECORD, state=RunState.FAILED, failures=(failure,)))
    assert f"step {STEP.step} (cell 0): NB594" in text
    assert f"`nbcompile runs resume {RECORD.id}` then goes on where it ended" in text


@pytest.mark.parametrize(
    ("state", "commands"), [(RunState.CANCELLED, ["resume"]), (RunState.DETACHED, ["resume", "cancel"]), (RunState.FINISHED, [])]
)
def test_the_summary_of_a_run_that_somebody_ended_says_how_it_goes_on(state, commands):
    text = summary(replace(RECORD, state=state))
    assert [word for word in ("resume", "cancel") if f"`nbcompile runs {word} {RECORD.id}`" in text] == commands


@pytest.mark.parametrize(
    "words", [{"state": RunState.CANCELLED}, {"failures": (Failure(STEP.step, -1, "StepBroken", "NB594", lost=True),)}]
)
def test_a_run_of_a_cwl_runner_is_started_again(words):
    text = summary(replace(RECORD, engine="cwltool", **words))
    assert "resume" not in text
    assert "start it again with `nbcompile run`" in text


def test_a_cell_that_failed_elsewhere_says_where_and_names_are_shown_plainly():
    failure = Failure("load-1", 0, "ValueError", "no luck", ("Cell In[1], line 3",))
    outputs = (OutputFile("two\nlines\x1b[2J", 10, "0" * 64),)
    there = replace(RECORD, failures=(failure,), steps=(replace(STEP, place="hpc"),), outputs=outputs)
    text = summary(there)
    assert text.startswith("cell 0 (a) of load-1 at hpc, line 3: ValueError: no luck")
    assert "'two\\nlines\\x1b[2J'" in text
    here = summary(replace(there, steps=(replace(STEP, place="local"),)))
    assert here.startswith("cell 0 (a), line 3: ValueError: no luck")
