"""Runs that ended too early and go on: what had finished does not run again."""

import json
import signal
import subprocess
import time

import pytest

from tests.integration.test_cache import NBCOMPILE, Project
from tests.integration.test_local_engine import read_record

pytestmark = pytest.mark.slow

# Every cell says that it ran in a file beside the notebook, which nothing else tells.
CELLS = (
    "import os, time\nLOG = '{log}'\ndef note(text):\n    os.write(os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT), text.encode())",
    "note('a')\na = list(range(5))",
    "note('b')\nb = sum(a)",
    "note('c')\nwhile not os.path.exists('{go}'):\n    time.sleep(0.05)\nassert open('{go}').read() == 'well', 'not well'\nc = b + 1",
    "note('d')\nprint(c)",
)


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    made.environ["NBCOMPILE_STATE_DIR"] = str(tmp_path / "state")
    made.write(*(cell.replace("{log}", str(tmp_path / "log")).replace("{go}", str(tmp_path / "go")) for cell in CELLS))
    return made


def ran(project):
    return "".join(sorted((project.directory / "log").read_text()))


def start(project, until="c", *words):
    command = [NBCOMPILE, "run", "demo.ipynb", "-o", "out", "--granularity", "cell", *words]
    running = subprocess.Popen(command, cwd=project.directory, env=project.environ, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not ((project.directory / "log").exists() and until in ran(project)):
        assert time.monotonic() < deadline, running.stderr.read()
        time.sleep(0.05)
    return running


def shown(project):
    record = read_record(project.directory / "out")
    assert record["state"] == "finished"
    executed = json.loads((project.directory / "out" / "demo.executed.ipynb").read_text("utf-8"))
    return executed["cells"][4]["outputs"][0]["text"]


@pytest.mark.parametrize("words", [(), ("--no-cache",)])
def test_a_failed_run_goes_on_where_it_failed(project, words):
    (project.directory / "go").write_text("ill")
    assert start(project, "c", *words).wait(60) == 3
    assert ran(project) == "abc"
    (project.directory / "go").write_text("well")
    done = project.call("runs", "resume", "out")
    assert (done.returncode, ran(project)) == (0, "abccd"), done.stderr
    assert "kept" in [step["start"] for step in read_record(project.directory / "out")["steps"]]
    assert "11" in "".join(shown(project))
    assert project.call("runs", "resume", "out").returncode == 2


def test_a_run_whose_client_was_killed_goes_on(project):
    running = start(project)
    running.send_signal(signal.SIGKILL)
    running.wait()
    listed = project.call("runs", "list")
    assert "died" in listed.stdout.split(), listed
    (project.directory / "go").write_text("well")
    # The notebook has changed meanwhile: the run does not care.
    (project.directory / "demo.ipynb").write_text("{}")
    done = project.call("runs", "resume", "last")
    assert (done.returncode, ran(project)) == (0, "abccd"), done.stderr


def test_a_damaged_result_is_made_again(project):
    (project.directory / "go").write_text("ill")
    start(project, "c", "--no-cache").wait(60)
    (payload,) = (project.directory / "out").glob(".nbcompile/work/a-*/*.a.nbc")
    content = bytearray(payload.read_bytes())
    content[70] ^= 1
    payload.write_bytes(content)
    (project.directory / "go").write_text("well")
    assert project.call("runs", "resume", "out").returncode == 0
    assert ran(project) == "aabccd"


def test_a_run_that_goes_on_is_not_resumed(project):
    running = start(project)
    assert "is running" in project.call("runs", "resume", "out").stderr
    assert project.call("runs", "cancel", "out").returncode == 0
    assert running.wait(60) == 143


def test_why_a_step_ran(project):
    (project.directory / "go").write_text("well")
    project.write("x = 1\ny = 2", "print(x)", "print(y)", "import time\nprint(time.time())")
    project.run()
    project.write("x = 1\ny = 3", "print(x)", "print(y)", "import time\nprint(time.time())")
    project.run()

    def why(step):
        return project.call("runs", "why", "out", step).stdout

    assert "did not run: its result was kept by an earlier run" in why("print-x")
    assert "definition of y (0.1) changed" in why("print-y")
    assert "runs every time: it asks for the time" in why("time")
    (project.directory / "out").rename(project.directory / "moved")
    project.write("z = 1")
    project.run()
    assert "no earlier run" in why("z")


def test_why_is_told_against_the_last_run_that_was_kept(project):
    words = ("run", "demo.ipynb", "-o", "out", "--granularity", "cell")
    for value, more in ((2, ()), (3, ("--no-cache",)), (3, ())):
        project.write(f"y = [{value}]", "print(y)")
        assert project.call(*words, *more).returncode == 0
    assert "cell c0 changed" in project.call("runs", "why", "last", "y").stdout
    assert "input y@0 changed" in project.call("runs", "why", "last", "print-y").stdout
    assert project.call(*words).returncode == 0
    assert "did not run: its result was kept" in project.call("runs", "why", "last", "print-y").stdout


def test_a_detached_run_goes_on_after_the_command(project):
    done = project.call("run", "demo.ipynb", "-o", "out", "--granularity", "cell", "--detach")
    assert (done.returncode, str(project.directory / "out") in done.stderr) == (0, True)
    assert project.call("runs", "show", "out").stdout.split("\n")[1].split()[1] == "running"
    (project.directory / "go").write_text("well")
    deadline = time.monotonic() + 60
    while not (project.directory / "out" / "run.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "11" in "".join(shown(project))
    wrong = project.call("run", "nowhere.ipynb", "--detach")
    assert (wrong.returncode, "cannot read nowhere.ipynb" in wrong.stderr) == (2, True)


def test_a_failed_step_is_opened_with_its_inputs(project):
    (project.directory / "go").write_text("ill")
    start(project).wait(60)
    words = [NBCOMPILE, "runs", "open", "out", "c"]
    done = subprocess.run(
        words, cwd=project.directory, env=project.environ, input="print('b is', b)\n", capture_output=True, text=True, check=False
    )
    assert (done.returncode, "b is 10" in done.stdout) == (0, True), done.stderr
    assert "assert open(" in done.stdout
    assert ran(project) == "abc"


def open_step(project, step, typed):
    words = [NBCOMPILE, "runs", "open", "out", step]
    done = subprocess.run(words, cwd=project.directory, env=project.environ, input=typed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


SCATTER = json.dumps({"version": "v1.0", "step": {"scatter": {"items": ["xs"]}}})


@pytest.mark.parametrize("fate", ["1 / (x - 3)", "x == 3 and os._exit(1)"])
def test_of_a_scattered_step_the_shard_is_opened_that_failed(project, fate):
    script = f"# %%\nimport os\nn, xs = 7, list(range(5))\n\n# %% workflow={SCATTER}\nys = []\nfor x in xs:\n    ys.append(n)\n    {fate}\n"
    (project.directory / "axes.py").write_text(script)
    assert project.call("run", "axes.py", "-o", "out", "--granularity", "cell").returncode in (3, 5)
    said = open_step(project, "ys", "print('given', n, xs)\n")
    assert "shard 3 of step ys" in said
    assert "given 7 [3]" in said


def test_of_a_step_that_stopped_early_the_cells_that_ran_are_opened(project):
    project.write("import time\ntime.sleep(1)\nx = 1", "g = (x for _ in range(2))", "y = []\ny.pop()", "next(g), y")
    project.run(code=3)
    said = open_step(project, "g", "print('x is', x)\n")
    assert "x is 1" in said
    assert "next(g)" not in said


def test_a_step_that_did_not_run_again_is_opened(project):
    for _ in range(2):
        project.write("x = 1", "y = x + 1", "1 / 0")
        project.run(code=3)
        assert project.call("runs", "resume", "out").returncode == 3
        assert "x is 1" in open_step(project, "y", "print('x is', x)\n")
