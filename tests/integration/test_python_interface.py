"""`import nbcompile` in a program of one's own, also in one with an event loop."""

import asyncio
import os
import time

import nbformat
import pytest

import nbcompile
from nbcompile.model.run import RunState, StepStarted

pytestmark = pytest.mark.slow


@pytest.fixture
def notebook(tmp_path):
    def write(*cells):
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells]), tmp_path / "demo.ipynb")
        return tmp_path / "demo.ipynb"

    return write


def test_run(notebook, tmp_path):
    record = nbcompile.run(notebook("n = 2", "n * 21"), output=tmp_path / "out")
    assert record.state is RunState.FINISHED
    assert nbformat.read(record.executed, as_version=4).cells[1].outputs[0].data["text/plain"] == "42"


def test_run_in_an_event_loop(notebook, tmp_path):
    events = []

    async def work():
        return await nbcompile.arun(notebook("print('here')"), output=tmp_path / "out", on_event=events.append)

    assert asyncio.run(work()).state is RunState.FINISHED
    assert any(isinstance(event, StepStarted) for event in events)


def test_cancelling_the_task_ends_the_run(notebook, tmp_path):
    started = asyncio.Event()

    async def work():
        task = asyncio.create_task(
            nbcompile.arun(
                notebook("import time; time.sleep(600)"),
                output=tmp_path / "out",
                on_event=lambda event: started.set() if isinstance(event, StepStarted) else None,
            )
        )
        await asyncio.wait_for(started.wait(), 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    begun = time.monotonic()
    asyncio.run(work())
    assert time.monotonic() - begun < 90
    assert '"state": "cancelled"' in (tmp_path / "out" / "run.json").read_text("utf-8")


def test_final_variables_can_be_read(notebook, tmp_path):
    cells = (
        "import threading\nimport numpy as np",
        "class Point:\n    def __init__(self, x): self.x = x\n    def twice(self): return 2 * self.x",
        "xs = [1]; ys = xs\np, big = Point(21), np.arange(100_000)",
        "xs.append(2); gone = 1",
        "del gone; lock = threading.Lock()",
    )
    record = nbcompile.run(notebook(*cells), nbcompile.Settings(granularity=nbcompile.Granularity.CELL), output=tmp_path / "out")
    assert record.state is RunState.FINISHED
    kept = record.variables
    assert (kept["xs"].type, kept["xs"].load(), kept["ys"].load()) == ("list", [1, 2], [1, 2])
    assert kept["p"].load().twice() == 42
    assert kept["big"].load().sum() == sum(range(100_000))
    assert kept["big"].bytes >= 800_000
    assert "gone" not in kept
    with pytest.raises(nbcompile.NbcompileError, match="a lock"):
        kept["lock"].load()


def test_paths_among_final_variables_lead_to_where_the_notebook_lies(notebook, tmp_path):
    path = notebook("from pathlib import Path\nhere, above = Path.cwd(), {'data': str(Path.cwd().parent / 'data')}")
    kept = nbcompile.run(path, output=tmp_path / "out").variables
    assert (kept["here"].load(), kept["above"].load()) == (tmp_path, {"data": str(tmp_path.parent / "data")})


def test_values_of_other_processes_are_read_only_when_trusted(notebook, tmp_path, monkeypatch):
    record = nbcompile.run(notebook("x = 5"), output=tmp_path / "out")
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with pytest.raises(nbcompile.NbcompileError, match="not written by a run of this process"):
        record.variables["x"].load()
    assert record.variables["x"].load(trust=True) == 5


def test_a_run_can_keep_no_variables(notebook, tmp_path):
    record = nbcompile.run(notebook("x = 5"), output=tmp_path / "out", variables=False)
    assert record.variables == {}
