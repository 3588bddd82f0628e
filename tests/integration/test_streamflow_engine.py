"""`run --engine streamflow`: what a run leaves, and how it ends, with StreamFlow itself and this machine as the place."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nbcompile import api
from nbcompile.api import runs
from nbcompile.model.errors import NotebookError
from nbcompile.model.plan import Granularity
from nbcompile.model.run import Notice
from nbcompile.model.settings import Settings
from tests.integration.streamflow_environment import STREAMFLOW
from tests.services.daemons import descendants
from tests.services.ground import require_root, run

pytestmark = pytest.mark.slow
CELLS = Settings(granularity=Granularity.CELL)

BRANCHES = """\
# %%
numbers = list(range(10))
print("made", len(numbers))

# %%
evens = [n for n in numbers if n % 2 == 0]
evens

# %%
odds = [n for n in numbers if n % 2]
print(odds)

# %%
import sys
print(sum(evens) - sum(odds), file=sys.stderr)
"""
IN = [
    {"name": "x", "valueFrom": "base"},
    {"name": "LEVEL", "type": "env", "valueFrom": "base"},
    {"name": "k", "value": [1, {"z": 2}]},
    {"name": "given", "type": "file", "valueFrom": "paths"},
]
OUT = [{"name": "total", "valueFrom": "inner"}, {"name": "made", "type": "file", "value": "out/*.csv"}]
SCATTERED = {"scatter": {"items": ["made"]}, "in": [{"name": "made", "type": "file"}]}
PORTS = f"""\
# %%
base = 20
for name in "ab":
    with open(f"{{name}}.txt", "w") as file:
        file.write(name * 3)
paths = ["a.txt", "b.txt"]

# %% workflow={json.dumps({"version": "v1.0", "step": {"in": IN, "out": OUT}})}
import os
inner = x + k[1]["z"] + int(os.environ["LEVEL"])
os.makedirs("out", exist_ok=True)
for n in range(3):
    with open(f"out/{{n}}.csv", "w") as file:
        file.write(str(n) + open(given[0]).read())

# %% workflow={json.dumps({"version": "v1.0", "step": SCATTERED})}
texts = [open(path).read() for path in made]

# %%
print(total, made, texts)
"""
HINTS = """\
# %%
tool = "printf made > $OUT"

# %%
# nbc: writes=out.txt
get_ipython().system("OUT=out.txt sh -c '%s'" % tool)

# %%
# nbc: reads=out.txt reads=given.csv
import subprocess
names = ["ou" + "t.txt", "giv" + "en.csv"]
print(subprocess.run(["cat", *names], capture_output=True, text=True).stdout)

# %%
a = 1

# %%
# nbc: fuse
b = a + 1
"""
# The author is wrong about the third cell, and analysis believes it.
UNFORESEEN = """\
# %%
import operator
a = [1]

# %%
total = sum(range(3))

# %%
operator.methodcaller("append", 2)(a)  # nbc: pure

# %%
print(a, total)
"""
WAITS = """\
# %%
with open({count!r}, "a") as file:
    print("one", file=file)
first = 1

# %%
import time
with open({count!r}, "a") as file:
    print("two", file=file)
print("waiting", first, flush=True)
time.sleep(6)
second = first + 1

# %%
with open({count!r}, "a") as file:
    print("three", file=file)
print(second)
"""


@pytest.fixture(autouse=True)
def _streamflow(monkeypatch):
    monkeypatch.setenv("NBCOMPILE_STREAMFLOW", str(STREAMFLOW))


def shown(directory):
    cells = json.loads(next(directory.glob("*.executed.ipynb")).read_text("utf-8"))["cells"]
    return [
        (cell["execution_count"], [output.get("text") or output.get("data") or output["ename"] for output in cell["outputs"]])
        for cell in cells
        if cell["cell_type"] == "code"
    ]


def client_of(path, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "nbcompile", *words],
        cwd=path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(condition, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def processes_of(directory):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if str(directory).encode() in words:
            found.append(words)
    return found


def test_a_run_is_that_of_the_local_engine(tmp_path):
    (tmp_path / "branches.py").write_text(BRANCHES, "utf-8")
    local = api.run(tmp_path / "branches.py", CELLS, output=tmp_path / "local", engine="local")
    placed = api.run(tmp_path / "branches.py", CELLS, output=tmp_path / "placed", engine="streamflow")
    assert shown(tmp_path / "placed") == shown(tmp_path / "local")
    assert [(step.step, step.state, step.exit_code) for step in placed.steps] == [
        (step.step, step.state, step.exit_code) for step in local.steps
    ]
    assert placed.engine == "streamflow"
    assert not any((tmp_path / "placed" / ".nbcompile" / "here" / "runs").iterdir())


def test_what_cells_declare_is_bound_at_places_too(tmp_path):
    (tmp_path / "ports.py").write_text(PORTS, "utf-8")
    api.run(tmp_path / "ports.py", CELLS, output=tmp_path / "placed", engine="streamflow")
    assert shown(tmp_path / "placed")[-1][1] == [["42 ['out/0.csv', 'out/1.csv', 'out/2.csv'] ['0aaa', '1aaa', '2aaa']\n"]]


def test_what_comments_say_of_files_and_steps_holds_at_places(tmp_path):
    (tmp_path / "hints.py").write_text(HINTS, "utf-8")
    (tmp_path / "given.csv").write_text(" given", "utf-8")
    run = api.run(tmp_path / "hints.py", CELLS, output=tmp_path / "placed", engine="streamflow")
    assert shown(tmp_path / "placed")[2][1] == [["made given\n"]]
    assert [step.cells for step in run.steps] == [(0,), (1,), (2,), (3, 4)]
    assert (tmp_path / "placed" / "out.txt").read_text("utf-8") == "made"


def test_a_failed_cell_shows_its_traceback_and_those_before_it_are_run(tmp_path):
    (tmp_path / "fails.py").write_text("# %%\nimport time\ntime.sleep(2)\nprint('slow')\n\n# %%\n1 / 0\n\n# %%\nprint('late')\n", "utf-8")
    done = client_of(tmp_path, "run", "fails.py", "--engine", "streamflow", "--granularity", "cell", "-o", "out")
    said = done.communicate(timeout=120)[1]
    assert done.returncode == 3
    assert "----> 1 1 / 0" in said
    assert "streamflow" not in said.partition("ZeroDivisionError")[2]
    assert shown(tmp_path / "out") == [(1, [["slow\n"]]), (2, ["ZeroDivisionError"]), (None, [])]


def test_a_failure_that_waits_leaves_room_for_those_before_it(tmp_path):
    """The place takes one job at a time. The cell in the middle is given so much that the last one is there before it."""
    names = [f"x{number}" for number in range(40)]
    many = "\n".join(f"{name} = [1]" for name in names)
    cells = f"# %%\nimport time\n{many}\ntime.sleep(2)\n\n# %%\nprint(len({' + '.join(names)}))\n\n# %%\n1 / 0\n"
    (tmp_path / "fails.py").write_text(cells, "utf-8")
    done = client_of(tmp_path, "run", "fails.py", "--engine", "streamflow", "--granularity", "cell", "--jobs", "1", "-o", "out")
    done.communicate(timeout=120)
    assert done.returncode == 3
    assert shown(tmp_path / "out") == [(1, []), (2, [["40\n"]]), (3, ["ZeroDivisionError"])]


def test_what_was_not_foreseen_is_repaired_and_told_once(tmp_path):
    (tmp_path / "wrong.py").write_text(UNFORESEEN, "utf-8")
    record = api.run(tmp_path / "wrong.py", CELLS, output=tmp_path / "out", engine="streamflow")
    assert (record.failures, record.state.value) == ((), "finished")
    assert [(one.rule.code, one.place.cell_index) for one in record.diagnostics] == [("NB501", 2)]
    assert shown(tmp_path / "out")[3] == (4, [["[1, 2] 3\n"]])
    assert not any((tmp_path / "out" / ".nbcompile" / "here" / "runs").iterdir())
    # What the run took is what all its plans took.
    notes = (tmp_path / "out" / ".nbcompile" / "streamflow" / "notes.jsonl").read_text().splitlines()
    opened = [note["at"] for note in map(json.loads, notes) if note["note"] == "opened"]
    assert len(opened) == 2
    assert record.seconds > min(step.started_seconds for step in record.steps) > opened[1] - opened[0]


def test_what_cannot_be_repaired_where_cells_are_placed_is_a_failure_that_is_recorded(tmp_path, monkeypatch):
    def apart(*_):
        raise NotebookError("NB420 cell 1 and cell 2 must run together, and ask for different places", "place both alike")

    monkeypatch.setattr(runs, "foreseeing", apart)
    (tmp_path / "wrong.py").write_text(UNFORESEEN, "utf-8")
    told = []
    record = api.run(tmp_path / "wrong.py", CELLS, output=tmp_path / "out", engine="streamflow", on_event=told.append)
    assert [(one.name, one.cell) for one in record.failures] == [("GuardBroken", 2)]
    assert json.loads((tmp_path / "out" / "run.json").read_text())["state"] == "failed"
    assert any(isinstance(one, Notice) and "must run together" in one.text and "place both alike" in one.text for one in told)


def test_strictly_what_was_not_foreseen_is_a_failure(tmp_path):
    (tmp_path / "wrong.py").write_text(UNFORESEEN, "utf-8")
    record = api.run(tmp_path / "wrong.py", replace(CELLS, strict=True), output=tmp_path / "out", engine="streamflow")
    assert [(one.name, one.cell) for one in record.failures] == [("GuardBroken", 2)]
    assert "into the cell" in record.failures[0].traceback[0]


def test_what_a_killed_client_left_is_found_again(tmp_path):
    count = tmp_path / "count"
    (tmp_path / "waits.py").write_text(WAITS.format(count=str(count)), "utf-8")
    client = client_of(tmp_path, "run", "waits.py", "--engine", "streamflow", "--granularity", "cell", "-o", "out")
    wait_for(lambda: count.exists() and "two" in count.read_text())
    os.kill(client.pid, signal.SIGKILL)
    client.communicate(timeout=60)
    wait_for(lambda: not [words for words in processes_of(tmp_path) if b"streamflow" in words and b"run" in words.split(b"\0")])
    record = api.resume(str(tmp_path / "out"))
    assert record.state.value == "finished"
    assert count.read_text().split() == ["one", "two", "three"]
    assert shown(tmp_path / "out") == [(1, []), (2, [["waiting 1\n"]]), (3, [["2\n"]])]


def test_a_library_that_a_step_loads_itself_is_as_in_a_kernel(tmp_path):
    """pandas asks where it is when it is imported, be it to set its options; and it loads other libraries before it has all of these."""
    cells = ("import pandas as pd", "table = pd.DataFrame([[1.23456] * 30])", "print(table)", "print(pd.get_option('display.precision'))")
    (tmp_path / "wide.py").write_text("".join(f"# %%\n{cell}\n" for cell in cells), "utf-8")
    done = client_of(tmp_path, "run", "wide.py", "--engine", "streamflow", "--granularity", "cell", "-o", "out")
    _, said = done.communicate(timeout=120)
    assert (done.returncode, "NB505" in said) == (0, False), said
    # A terminal would have columns left out for want of width, and no line continued.
    assert "\\\\\\n" in (tmp_path / "out" / "wide.executed.ipynb").read_text("utf-8")


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_client_that_is_ended_when_all_is_done_loses_nothing(tmp_path, number):
    count = tmp_path / "count"
    (tmp_path / "waits.py").write_text(WAITS.format(count=str(count)).replace("sleep(6)", "sleep(0)"), "utf-8")
    client = client_of(tmp_path, "run", "waits.py", "--engine", "streamflow", "--granularity", "cell", "-o", "out")
    notes = tmp_path / "out" / ".nbcompile" / "streamflow" / "notes.jsonl"
    wait_for(lambda: notes.exists() and '"done"' in notes.read_text())
    os.kill(client.pid, number)
    client.communicate(timeout=60)
    if client.returncode != 0:
        assert api.resume(str(tmp_path / "out")).state.value == "finished"
    assert count.read_text().split() == ["one", "two", "three"]
    assert shown(tmp_path / "out") == [(1, []), (2, [["waiting 1\n"]]), (3, [["2\n"]])]


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.full)])
def test_a_cancelled_run_leaves_nothing(tmp_path, number):
    count = tmp_path / "count"
    (tmp_path / "waits.py").write_text(WAITS.format(count=str(count)).replace("sleep(6)", "sleep(60)"), "utf-8")
    client = client_of(tmp_path, "run", "waits.py", "--engine", "streamflow", "--granularity", "cell", "-o", "out")
    wait_for(lambda: count.exists() and "two" in count.read_text())
    os.kill(client.pid, number)
    client.communicate(timeout=60)
    assert client.returncode == 128 + number
    assert json.loads((tmp_path / "out" / "run.json").read_text())["state"] == "cancelled"
    assert processes_of(tmp_path) == []


def test_who_terminates_all_processes_at_once_ends_what_they_started_and_not_what_ends_it(tmp_path):
    """As Slurm does where its job runs a client: StreamFlow's process is told to end, and then told again by the client."""
    count = tmp_path / "count"
    (tmp_path / "waits.py").write_text(WAITS.format(count=str(count)).replace("sleep(6)", "sleep(60)"), "utf-8")
    client = client_of(tmp_path, "run", "waits.py", "--engine", "streamflow", "--granularity", "cell", "-o", "out")
    wait_for(lambda: count.exists() and "two" in count.read_text())
    for pid in (client.pid, *descendants([client.pid])):
        os.kill(pid, signal.SIGTERM)
    client.communicate(timeout=60)
    assert client.returncode == 128 + signal.SIGTERM
    notes = map(json.loads, (tmp_path / "out" / ".nbcompile" / "streamflow" / "notes.jsonl").read_text().splitlines())
    assert [note["left"] for note in notes if note["note"] == "swept"] == [[]]
    assert json.loads((tmp_path / "out" / "run.json").read_text())["state"] == "cancelled"
    assert processes_of(tmp_path) == []


def test_a_place_that_cannot_be_reached_is_named_with_the_cells_that_want_it(tmp_path):
    host_key, key = ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk7", tmp_path / "key")
    lab = {"backend": "ssh", "host": "127.0.0.1:1", "user": "me", "workRoot": "~/n", "hostKeys": [host_key], "credential": {"ref": "key"}}
    documents = {"deployments": {"lab": lab}, "credentials": {"key": {"provider": "file", "path": str(key)}}}
    (tmp_path / "deployments.yml").write_text(json.dumps(documents))
    (tmp_path / "deployments.yml").chmod(0o600)
    (tmp_path / "two.py").write_text("# %%\na = 1\n\n# %%\n# nbc: target=lab\nb = a\n", "utf-8")
    client = client_of(tmp_path, "run", "two.py", "--granularity", "cell", "--deployments", "deployments.yml", "-o", "out")
    said = client.communicate(timeout=120)[1]
    assert (client.returncode, "`lab`, where cell 1 should run: cannot read the key" in said) == (5, True), said
    assert "correct `path` of the credential" in said
    assert not (tmp_path / "out").exists()


FILLS = """\
# %%
first = 1

# %%
import os
fills = not os.path.exists({flag!r})
size = 1 << 20 if fills else 0
with open({path!r}, "wb", buffering=0) as file:
    while size:
        try:
            file.write(b"x" * size)
        except OSError:
            size //= 2

# %%
print(first, fills)
"""


@pytest.mark.full
def test_a_full_disk_here_is_told_as_one_and_the_run_goes_on_when_there_is_room(tmp_path):
    require_root()
    (tmp_path / "disk").mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", tmp_path / "disk")
    try:
        fill, flag = tmp_path / "disk" / "fill", tmp_path / "flag"
        (tmp_path / "fills.py").write_text(FILLS.format(path=str(fill), flag=str(flag)), "utf-8")
        words = ("run", "fills.py", "--engine", "streamflow", "--granularity", "cell", "-o", "disk/out")
        client = client_of(tmp_path, *words)
        said = client.communicate(timeout=120)[1]
        assert client.returncode == 5, said
        assert "disk is full" in said
        assert "supervisor was killed" not in said
        assert f"`nbcompile runs resume {tmp_path / 'disk' / 'out'}`" in said
        fill.unlink()
        flag.touch()
        assert api.resume(str(tmp_path / "disk" / "out")).state.value == "finished"
        assert shown(tmp_path / "disk" / "out")[-1] == (3, [["1 False\n"]])
        assert processes_of(tmp_path) == []
    finally:
        run("umount", "--lazy", tmp_path / "disk")


def test_a_run_that_was_left_goes_on_and_can_be_cancelled(tmp_path):
    count = tmp_path / "count"
    (tmp_path / "waits.py").write_text(WAITS.format(count=str(count)).replace("sleep(6)", "sleep(60)"), "utf-8")
    client = client_of(tmp_path, "run", "waits.py", "--engine", "streamflow", "--granularity", "cell", "-o", "out")
    wait_for(lambda: count.exists() and "two" in count.read_text())
    os.kill(client.pid, signal.SIGHUP)
    client.communicate(timeout=60)
    assert client.returncode == 128 + signal.SIGHUP
    assert json.loads((tmp_path / "out" / "run.json").read_text())["state"] == "detached"
    assert processes_of(tmp_path) != []
    known, left = api.cancel(str(tmp_path / "out"))
    assert (known.state, list(left)) == ("detached", [])
    assert processes_of(tmp_path) == []
