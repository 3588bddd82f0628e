"""Two hundred runs of notebooks whose libraries start threads and processes: none hangs, and each gives what the first gave.

A fork that copies a lock somebody holds waits for ever, and does so once in many times.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import cycle
from pathlib import Path

import nbformat
import pytest

NBCOMPILE = Path(sys.executable).parent / "nbcompile"
RUNS = int(os.environ.get("NBCOMPILE_STRESS_RUNS", "200"))
DEADLINE = 240.0
NOTEBOOKS = sorted((Path(__file__).parents[2] / "fixtures" / "stress").glob("*.py"))


def processes_below(directory):
    found = []
    for path in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if path.readlink().is_relative_to(directory):
                found.append(int(path.parent.name))
    return found


def stacks(directory, client):
    """Where every process of a run that hangs stands; ends them all."""
    for pid in processes_below(directory):
        if pid != client.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGABRT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        client.communicate(timeout=30)
    client.kill()
    client.communicate(timeout=60)
    logs = (directory / "out" / ".nbcompile" / "logs").glob("*.log")
    return "\n".join(f"--- {path.name}\n{path.read_text('utf-8', 'replace')}" for path in sorted(logs))


def run_once(directory, granularity):
    """What the last cell prints, and the lines on stderr, which are of whichever cell runs when a thread writes them, in a kernel too."""
    words = [NBCOMPILE, "run", "stress.py", "--no-cache", "--granularity", granularity, "-o", "out"]
    # Abort signals then show all threads of a process.
    environ = {**os.environ, "PYTHONFAULTHANDLER": "1"}
    client = subprocess.Popen(words, cwd=directory, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said, _ = client.communicate(timeout=DEADLINE)
    except subprocess.TimeoutExpired:
        pytest.fail(f"{granularity} hangs\n{stacks(directory, client)}", pytrace=False)
    assert client.returncode == 0, said
    executed = nbformat.read(directory / "out" / "stress.executed.ipynb", as_version=4)
    streams = [[output for output in cell.outputs if output.output_type == "stream"] for cell in executed.cells if cell.cell_type == "code"]
    printed = "".join(output.text for output in streams[-1] if output.name == "stdout")
    return printed, sorted("".join(output.text for outputs in streams for output in outputs if output.name == "stderr").splitlines())


@pytest.mark.full
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_run_hangs(notebook, tmp_path):
    shutil.copy(notebook, tmp_path / "stress.py")
    granularities = cycle(("cell", "auto", "notebook"))
    shown = [run_once(tmp_path, next(granularities)) for _ in range(-(-RUNS // len(NOTEBOOKS)))]
    assert shown[0][0]
    assert shown == shown[:1] * len(shown)
    deadline = time.monotonic() + 60
    while processes_below(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_below(tmp_path) == []
