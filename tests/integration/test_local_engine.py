"""`nbcompile run` as a person types it: results, failures, interruptions."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

import jsonschema
import nbformat
import pytest

pytestmark = pytest.mark.slow
NBCOMPILE = Path(sys.executable).parent / "nbcompile"


@pytest.fixture
def notebook(tmp_path):
    def write(*cells, name="demo"):
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, id=f"c{n}") for n, source in enumerate(cells)])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(made, tmp_path / f"{name}.ipynb")
        return tmp_path / f"{name}.ipynb"

    return write


SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "reference" / "run.schema.json").read_text("utf-8"))


def read_record(directory):
    record = json.loads((directory / "run.json").read_text("utf-8"))
    jsonschema.validate(record, SCHEMA)
    return record


def run(notebook, *words, **options):
    return subprocess.run([NBCOMPILE, "run", notebook, *words], check=False, capture_output=True, text=True, cwd=notebook.parent, **options)


def texts(path):
    cells = nbformat.read(path, as_version=4).cells
    return ["".join(output.get("text", "") for output in cell.outputs) for cell in cells]


def alive(marker):
    """Processes with `marker` among their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if marker.encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
    return found


def alive_below(directory):
    """Processes that work in a directory or below it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if path.readlink().is_relative_to(directory):
                found.append(path.parent.name)
    return found


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def eventually(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_results_are_in_a_new_directory_every_time(notebook):
    path = notebook("print('one')", "print('two')")
    assert [run(path).returncode, run(path).returncode] == [0, 0]
    for directory in ("demo.run", "demo.run-2"):
        assert texts(path.with_name(directory) / "demo.executed.ipynb") == ["one\n", "two\n"]
        assert read_record(path.with_name(directory))["state"] == "finished"
        # What steps have for themselves while they run.
        assert not list(path.with_name(directory).rglob("*.work"))


def test_the_first_line_names_the_interpreter_and_why(notebook):
    first = run(notebook("pass"), "--python", sys.executable).stderr.splitlines()[0]
    assert sys.executable in first
    assert "was asked for" in first


def test_a_failed_cell_ends_with_3_its_traceback_and_the_cells_before_it(notebook):
    path = notebook("print('before')", "a = 1\nraise ValueError('no luck')", "print('after')")
    done = run(path, "-o", "out")
    assert done.returncode == 3
    assert "cell 1 (c1), line 2: ValueError: no luck" in done.stderr
    assert "----> 2 raise ValueError('no luck')" in done.stderr
    executed = nbformat.read(path.parent / "out" / "demo.executed.ipynb", as_version=4)
    assert [cell.execution_count for cell in executed.cells] == [1, 2, None]
    assert executed.cells[1].outputs[0].ename == "ValueError"
    record = read_record(path.parent / "out")
    assert (record["state"], record["failures"][0]["cell"]) == ("failed", 1)


def test_cells_before_a_failed_one_run_although_what_they_read_comes_from_its_step(notebook):
    path = notebook("x, numbers = [1], (n for n in range(3))", "print(x)", "raise ValueError(next(numbers))", "print(x)")
    assert run(path, "--granularity", "cell", "-o", "out").returncode == 3
    executed = nbformat.read(path.parent / "out" / "demo.executed.ipynb", as_version=4)
    assert [cell.execution_count for cell in executed.cells] == [1, 2, 3, None]
    assert executed.cells[1].outputs[0].text == "[1]\n"


def test_cells_before_a_failed_one_run_although_a_later_one_of_their_step_needs_it(notebook):
    path = notebook(
        "numbers = (n for n in range(9))\nprint(next(numbers))",
        "open('seen.txt', 'w').write(str(next(numbers)))",
        "print(open('seen.txt').read())",
        "k = 1 if len('x') else 0\nraise ValueError(k)",
        "print(next(numbers), k)",
    )
    assert run(path, "--granularity", "cell", "-o", "out").returncode == 3
    executed = nbformat.read(path.parent / "out" / "demo.executed.ipynb", as_version=4)
    assert [cell.execution_count for cell in executed.cells] == [1, 2, 3, 4, None]
    assert texts(path.parent / "out" / "demo.executed.ipynb")[:3] == ["0\n", "", "1\n"]
    (short,) = [step for step in read_record(path.parent / "out")["steps"] if 4 in step["cells"]]
    assert (short["state"], [cell["index"] for cell in short["cell_records"]]) == ("cancelled", [0, 1])
    assert "before cell 4" in short["why"]
    # It has not ended, so that it is run when the run goes on.
    path.write_text(path.read_text("utf-8").replace("raise ValueError(k)", "k += 1"), "utf-8")
    assert run(path, "--granularity", "cell", "-o", "again").returncode == 0
    assert texts(path.parent / "again" / "demo.executed.ipynb")[4] == "2 2\n"


def test_json_events_go_to_standard_output(notebook):
    done = run(notebook("print(1)"), "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events if event["event"] in ("run-started", "step-ended", "run-ended")] == [
        "run-started",
        "step-ended",
        "run-ended",
    ]
    assert done.stderr == ""


def test_an_interpreter_that_is_none_is_a_usage_error(notebook, tmp_path):
    assert run(notebook("pass"), "--python", "/no/such/python").returncode == 2
    fake = tmp_path / "python-fake"
    fake.write_text("#!/bin/sh\necho I am no Python >&2\n")
    fake.chmod(0o755)
    done = run(notebook("pass"), "--python", fake)
    assert (done.returncode, "I am no Python" in done.stderr) == (5, True)


STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
subprocess.Popen(["sleep", "{marker}"])
subprocess.Popen(["sleep", "{marker}"], start_new_session=True)
subprocess.Popen([sys.executable, "-c", "import os, time; os.fork() or os.execvp('sleep', ['sleep', '{marker}'])"], start_new_session=True)
open("started", "w").close()
while True:
    time.sleep(1)
"""


PATIENT = "from nbcompile.engines.local import execution; execution._GRACE_SECONDS = 3600; from nbcompile.cli import main; main()"


@pytest.fixture
def stubborn(notebook, request):
    """A running `nbcompile run` of a cell that ignores interrupts and has started processes, and a mark of those processes."""
    marker = f"{1000000 + os.getpid()}.{time.monotonic_ns() % 10**6}"
    path = notebook("print('before')", STUBBORN.format(marker=marker))
    command = getattr(request, "param", [NBCOMPILE])
    running = subprocess.Popen([*command, "run", path, "-o", "out"], cwd=path.parent, stderr=subprocess.PIPE, text=True)
    assert eventually(lambda: len(alive(marker)) >= 3)
    yield running, marker, path.parent / "out"
    running.kill()
    running.wait()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_run_and_everything_it_started(stubborn, number, code):
    running, marker, out = stubborn
    running.send_signal(number)
    assert running.wait(60) == code
    assert alive(marker) == []
    assert read_record(out)["state"] == "cancelled"
    assert (out / "demo.executed.ipynb").exists()


@pytest.mark.parametrize("stubborn", [[sys.executable, "-c", PATIENT]], indirect=True, ids=["patient"])
def test_a_second_signal_does_not_wait(stubborn):
    running, marker, _ = stubborn
    running.send_signal(signal.SIGINT)
    time.sleep(1)
    assert running.poll() is None
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 130
    assert alive(marker) == []


def test_nothing_outlives_a_client_that_is_killed(stubborn):
    running, marker, out = stubborn
    assert alive_below(out)
    running.kill()
    assert eventually(lambda: not alive(marker))
    assert eventually(lambda: not alive_below(out))


def test_a_parent_of_the_steps_that_is_killed_is_told_and_nothing_outlives_it(stubborn):
    running, marker, out = stubborn
    (watcher,) = children(running.pid)
    (parent,) = children(watcher)
    os.kill(parent, signal.SIGKILL)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 5
    assert "was ended by signal SIGKILL (out of memory?)" in said
    assert "nbcompile runs resume" in said
    assert eventually(lambda: not alive(marker))
    assert eventually(lambda: not alive_below(out))


def test_a_step_that_is_killed_is_told_with_what_it_had_shown_and_exits_with_5(notebook):
    path = notebook("print('one')", "import os, signal\nprint('two', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)", "print('three')")
    done = run(path, "-o", "out")
    assert done.returncode == 5
    assert "StepLost: NB523 the process of the step was ended by signal SIGKILL (out of memory?) while cell 1 ran" in done.stderr
    assert texts(path.parent / "out" / "demo.executed.ipynb")[0] == "one\n"
    assert texts(path.parent / "out" / "demo.executed.ipynb")[1].startswith("two\n")
    assert read_record(path.parent / "out")["failures"][0]["cell"] == 1


def test_a_cell_that_crashes_its_process_has_failed(notebook):
    done = run(notebook("import os\nos.abort()"))
    assert (done.returncode, "SIGABRT" in done.stderr) == (3, True)


def test_what_cells_write_is_shown_while_they_run(notebook):
    path = notebook("import time\nprint('early', flush=True)\ntime.sleep(30)")
    running = subprocess.Popen([NBCOMPILE, "run", path, "--json"], cwd=path.parent, stdout=subprocess.PIPE, text=True)
    events = []
    while not events or events[-1]["event"] != "stream":
        events.append(json.loads(running.stdout.readline()))
    assert (events[-1]["cell"], events[-1]["text"]) == (0, "early\n")
    assert any(event["event"] == "cell-started" for event in events)
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 130


def test_verbose_says_how_steps_start_and_what_cells_write(notebook):
    shown = run(notebook("print('hello')\nprint('\\x1b[31mred\\x1b[0m')"), "-v").stderr
    assert "cell 0 | hello" in shown
    assert "cell 0 | red" in shown
    assert "forked" in shown


def test_an_import_that_starts_a_thread_is_left_to_the_steps_that_need_it(notebook, tmp_path, monkeypatch):
    site = tmp_path / "site"
    site.mkdir()
    (site / "begins.py").write_text("import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\nVALUE = 3\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    cells = "import decimal\nimport begins", "one = decimal.Decimal(2)", "print(one)", "print(begins.VALUE)"
    done = run(notebook(*cells), "-v", "--granularity", "cell", "--no-cache")
    assert done.returncode == 0
    assert "`import begins`: starts threads" in done.stderr
    assert "from a process that has done 1 imports" in done.stderr
    assert "spawned" not in done.stderr
    assert "cell 2 | 2" in done.stderr
    assert "cell 3 | 3" in done.stderr


def test_runs_are_listed_shown_and_cancelled(stubborn):
    running, marker, out = stubborn
    run_id = json.loads(runs("show", str(out), "--json").stdout)["runs"][0]["id"]
    listed = next(line for line in runs("list").stdout.splitlines() if run_id in line)
    assert " running " in listed
    assert runs("cancel", run_id).returncode == 0
    assert running.wait(60) == 143
    assert alive(marker) == []
    assert " cancelled " in next(line for line in runs("list").stdout.splitlines() if run_id in line)
    assert runs("cancel", run_id).returncode == 2


def test_a_run_whose_client_was_killed_is_shown_as_died_and_its_directory_can_be_used_again(stubborn):
    running, _, out = stubborn
    assert run(out.parent / "demo.ipynb", "-o", "out").returncode == 2
    running.kill()
    running.wait()
    assert " died " in runs("show", str(out)).stdout
    assert run(out.parent / "demo.ipynb", "-o", "out", "--python", "/no/such").returncode == 2


def test_logs_tell_what_a_step_said(notebook):
    path = notebook("print('hello')\nimport os\nos.write(2, b'from below\\n')", "raise ValueError('no luck')")
    assert run(path, "-o", "out").returncode == 3
    said = runs("logs", str(path.parent / "out")).stdout
    assert all(words in said for words in ("hello", "from below", "ValueError"))
    step = said.splitlines()[0].removeprefix("== ")
    assert said.startswith(runs("logs", str(path.parent / "out"), step).stdout)
    assert runs("logs", str(path.parent / "out"), "nothing").returncode == 2


def runs(*words):
    return subprocess.run([NBCOMPILE, "runs", *words], check=False, capture_output=True, text=True)


def test_no_step_installs_anything_and_the_difference_is_told_before_any_cell_runs(notebook, tmp_path):
    (tmp_path / "bin").mkdir()
    for name in ("pip", "conda"):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\necho $0 $* | tee -a {tmp_path}/called\n")
        (tmp_path / "bin" / name).chmod(0o755)
    path = notebook(
        "%pip install numpy==1.0\n!pip install -q nosuchdist\nfound = !pip install x\n!pip list\nprint(found)\n%conda install y",
        "%%bash\npip install z\necho bash",
        "import nosuchmodule",
    )
    done = run(path, "-o", "out", env={**os.environ, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"})
    assert done.returncode == 3
    assert texts(path.parent / "out" / "demo.executed.ipynb")[:2] == [f"{tmp_path / 'bin' / 'pip'} list\r\n[]\n", "bash\n"]
    assert (tmp_path / "called").read_text().splitlines() == [f"{tmp_path / 'bin' / 'pip'} list"]
    codes = [one["code"] for one in read_record(path.parent / "out")["diagnostics"]]
    assert codes == ["NB301", "NB303", "NB302", "NB302", "NB302"]
    lines = done.stderr.splitlines()
    assert max(n for n, line in enumerate(lines) if " NB30" in line) < min(n for n, line in enumerate(lines) if " started " in line)


def test_imports_that_the_cell_can_do_without_are_not_missed(notebook):
    path = notebook(
        "try:\n    import nosuchmodule\nexcept ImportError:\n    nosuchmodule = None\ndef f():\n    import another",
        "import helper\nprint(helper.VALUE)",
    )
    path.with_name("helper.py").write_text("VALUE = 5\n")
    run(path, "-o", "out")
    assert read_record(path.parent / "out")["diagnostics"] == []


def test_an_import_that_writes_something_is_seen_in_its_own_cell(notebook):
    done = run(notebook("import this", "print('end')"), "-o", "out", "-v")
    assert "writes something" in done.stderr
    assert "The Zen of Python" in texts(Path(done.args[2]).parent / "out" / "demo.executed.ipynb")[0]


def test_a_step_that_swallowed_its_interruption_is_not_finished(notebook):
    path = notebook(
        "import time\nuntil = time.time() + 3",
        "while time.time() < until:\n    time.sleep(0.1)\nprint(1 / 0)",
        "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    pass\nx = [1]",
    )
    run(path, "-o", "out", "--granularity", "cell")
    states = [step["state"] for step in read_record(path.parent / "out")["steps"]]
    assert states[-1] == "cancelled"


def test_what_an_import_displays_is_seen_in_its_own_cell(notebook, tmp_path, monkeypatch):
    library = tmp_path / "site-packages"
    library.mkdir()
    (library / "shown_when_loaded.py").write_text("from IPython.display import Markdown, display\ndisplay(Markdown('loaded'))\n")
    monkeypatch.setenv("PYTHONPATH", str(library))
    done = run(notebook("import shown_when_loaded", "print(shown_when_loaded.__name__)"), "-o", "out", "--granularity", "cell")
    shown = json.loads((Path(done.args[2]).parent / "out" / "demo.executed.ipynb").read_text())["cells"]
    assert [one["data"]["text/markdown"] for one in shown[0]["outputs"]] == [["loaded"]]
    assert [one["text"] for one in shown[1]["outputs"]] == [["shown_when_loaded\n"]]


def test_an_import_that_writes_something_is_seen_when_its_cell_runs_again_for_a_repair(notebook):
    cells = (
        "import this\na = [1]",
        "import operator\noperator.methodcaller('append', 2)(a)  # nbc: pure",
        "vars(this)['shown'] = print(a)",
    )
    done = run(notebook(*cells), "-o", "out", "--granularity", "cell", "-v")
    assert "did not hold" in done.stderr
    written = texts(Path(done.args[2]).parent / "out" / "demo.executed.ipynb")
    assert written[0].count("The Zen of Python") == 1
    assert written[2] == "[1, 2]\n"


PLAIN_CELLS = (
    "class Rich:\n    def _repr_html_(self):\n        return '<b>rich</b>'\n    def __repr__(self):\n        return 'rich'\n",
    "a = [1, 2]\nprint('shown')\nRich()",
    "import asyncio\nawait asyncio.sleep(0)\na + [3]",
    "display(a); a;",
    "def fail():\n    raise ValueError('no')\n\nfail()",
    "input()",
    "%time a",
    "a.append(_)\nlen(Out), a",
)


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    """An interpreter that has nothing installed."""
    place = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    return place / "bin" / "python"


def test_a_library_that_is_imported_to_read_a_value_is_in_a_kernel(notebook):
    path = notebook("import making\none = making.make()", "print(one.place)")
    path.with_name("making.py").write_text("def make():\n    import asking\n    return asking.Shown()\n", "utf-8")
    asks = "import builtins\nclass Shown:\n    place = 'kernel' if hasattr(builtins, 'get_ipython') else 'terminal'\n"
    path.with_name("asking.py").write_text(asks, "utf-8")
    assert run(path, "--granularity", "cell").returncode == 0
    assert texts(path.parent / "demo.run" / "demo.executed.ipynb") == ["", "kernel\n"]


@pytest.mark.parametrize("granularity", ["cell", "notebook"])
def test_without_ipython_cells_run_as_plain_python_and_a_finding_says_so(notebook, bare_python, granularity):
    path = notebook(*PLAIN_CELLS)
    made = nbformat.read(path, as_version=4)
    for cell in made.cells[4:7]:
        cell.metadata["tags"] = ["raises-exception"]
    nbformat.write(made, path)
    done = run(path, "-o", "out", "--python", str(bare_python), "--granularity", granularity, "--strict")
    assert done.returncode == 0, done.stderr
    assert "NB307" in done.stderr
    outputs = [cell.outputs for cell in nbformat.read(path.parent / "out" / "demo.executed.ipynb", as_version=4).cells]
    assert (outputs[0], outputs[1][0].text, outputs[1][1].data) == ([], "shown\n", {"text/plain": "rich", "text/html": "<b>rich</b>"})
    assert [one.data["text/plain"] for one in (*outputs[2], *outputs[3])] == ["[1, 2, 3]", "[1, 2]"]
    assert [cell[0].ename for cell in outputs[4:7]] == ["ValueError", "InputRefused", "SyntaxError"]
    assert "nbcompile_runtime" not in "".join(outputs[4][0].traceback)
    assert outputs[4][0].traceback[-1] == "ValueError: no"
    assert outputs[7][0].data["text/plain"] == "(2, [1, 2, [1, 2, 3]])"
