"""Scattered cells on every engine: the same executed notebook."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nbcompile import api
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from tests.integration.streamflow_environment import STREAMFLOW, environ

BIN = Path(sys.executable).parent


def workflow(*items, **others):
    return f"# %% workflow={json.dumps({'version': 'v1.0', 'step': {'scatter': {'items': list(items), **others}}})}"


SCRIPT = f"""\
# %%
a, b, c = ["x", "y", "z"], [1, 2], (3, 4)

{workflow("a", {"items": ["b", "c"], "method": "dotproduct"})}
r = []
for p in a:
    for i, q in enumerate(b):
        print(p, q, c[i])
        r.append((p, q, c[i]))

{workflow({"name": "r", "size": 2})}
s = [t[1] * t[2] for t in r]

{workflow("s")}
u = [t + 1 for t in s]
u

# %%
print(r, s, u)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    directory = tmp_path_factory.mktemp("project")
    (directory / "axes.py").write_text(SCRIPT, "utf-8")
    return directory


@pytest.fixture(scope="module")
def bundle(project):
    return api.build(project / "axes.py", Settings(granularity=Granularity.CELL)).write(project / "bundle")


def texts(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return ["".join("".join(output.get("text") or output["data"]["text/plain"]) for output in cell["outputs"]) for cell in cells]


def expected():
    r = [(p, q, (3, 4)[i]) for p in "xyz" for i, q in enumerate([1, 2])]
    s = [t[1] * t[2] for t in r]
    u = [t + 1 for t in s]
    return ["", "".join(f"{p} {q} {t}\n" for p, q, t in r), "", str(u), f"{r} {s} {u}\n"]


def run_here(project, *words):
    out = project / "out"
    shutil.rmtree(out, ignore_errors=True)
    command = [BIN / "nbcompile", "run", project / "axes.py", "--granularity", "cell", "-o", out, *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300), out


def test_the_local_engine_runs_shards_and_joins_them(project):
    done, out = run_here(project)
    assert done.returncode == 0, done.stderr
    assert texts(out / "axes.executed.ipynb") == expected()


FOLDERS = f"""\
# %%
import os
places = ["a", "b/inner"]
os.makedirs("a")
os.makedirs("b/inner/empty")
with open("b/inner/x.txt", "w") as file:
    file.write("x")

{workflow("places").replace('"scatter"', '"in": [{"type": "file", "valueFrom": "places"}], "scatter"')}
seen = []
for place in places:
    seen.append(sorted(os.listdir(place)))

# %%
print(seen)
"""


def test_empty_directories_go_with_the_names_of_files(tmp_path):
    (tmp_path / "axes.py").write_text(FOLDERS, "utf-8")
    done, out = run_here(tmp_path)
    assert done.returncode == 0, done.stderr
    assert texts(out / "axes.executed.ipynb")[-1] == "[[], ['empty', 'x.txt']]\n"


FILTERED = f"""\
# %%
xs, z = list(range(6)), 99

{workflow("xs")}
ys = []
for x in xs:
    if x < 4:
        ys.append(x)

{workflow("ys")}
ws = []
for z in ys:
    ws.append(z + 1)

# %%
print(ws, z, x)
"""


def test_shards_in_which_nothing_is_left_leave_no_older_loop_variable(tmp_path):
    (tmp_path / "axes.py").write_text(FILTERED, "utf-8")
    done, out = run_here(tmp_path)
    assert done.returncode == 0, done.stderr
    assert texts(out / "axes.executed.ipynb")[-1] == "[1, 2, 3, 4] 3 5\n"


FAILS = """\
# %%
import os
a, b = ["x", "y", "z"], list(range(12))

# %%
# nbc: scatter=a,b
r = []
for p in a:
    for q in b:
        if (p, q) == ("y", 3):
            FAIL
        r.append(q)

# %%
print(r)
"""


def failed_in_shard(project, fails, *words):
    (project / "axes.py").write_text(FAILS.replace("FAIL", fails), "utf-8")
    done, out = run_here(project, "--json", *words)
    record = json.loads((out / "run.json").read_text("utf-8"))
    events = [json.loads(line) for line in done.stdout.splitlines()]
    cells = [cell for event in events if event["event"] == "step-ended" for cell in event["step"]["cell_records"]]
    told = [cell["shard"] for cell in cells if "shard" in cell]
    failed = [failure["shard"] for failure in record["failures"]]
    return done.returncode, failed, told, (out / "report.html").read_text("utf-8")


def test_a_failure_says_in_which_shard_it_was(tmp_path):
    code, shards, told, report = failed_in_shard(tmp_path, "1 / 0")
    assert (code, shards, told, "cell 1, shard 1-03, line 6" in report) == (3, ["1-03"], ["1-03"], True)


def test_a_shard_whose_process_dies_is_named(tmp_path):
    _, shards, _, report = failed_in_shard(tmp_path, "os.abort()")
    assert (shards, "shard 1-03" in report) == (["1-03"], True)


@pytest.mark.slow
@pytest.mark.parametrize("fails", ["1 / 0", pytest.param("os.abort()", marks=pytest.mark.full)])
def test_the_streamflow_engine_names_the_shard(tmp_path, monkeypatch, fails):
    monkeypatch.setenv("NBCOMPILE_STREAMFLOW", str(STREAMFLOW))
    _, shards, _, report = failed_in_shard(tmp_path, fails, "--engine", "streamflow")
    assert (set(shards), "shard 1-03" in report) == ({"1-03"}, True)


HIDDEN_CONTACT = """\
# %%
import os
xs = [1, 2]

# %%
# nbc: scatter=xs
ys = []
for x in xs:
    ys.append(x + vars(os)["sys" + "tem"]("true"))
"""


def test_a_step_is_not_kept_whose_shards_had_to_do_with_more_than_their_inputs(tmp_path, monkeypatch):
    monkeypatch.setenv("NBCOMPILE_CACHE_DIR", str(tmp_path))
    (tmp_path / "axes.py").write_text(HIDDEN_CONTACT, "utf-8")
    for _ in range(2):
        done, out = run_here(tmp_path)
        assert done.returncode == 0, done.stderr
    assert [step["cached"] for step in json.loads((out / "run.json").read_text("utf-8"))["steps"]] == [True, False]


def test_results_in_shards_are_found_by_later_runs(project, tmp_path, monkeypatch):
    monkeypatch.setenv("NBCOMPILE_CACHE_DIR", str(tmp_path))
    shutil.copy(project / "axes.py", tmp_path / "axes.py")

    def cells_that_ran():
        done, out = run_here(tmp_path)
        assert done.returncode == 0, done.stderr
        assert texts(out / "axes.executed.ipynb") == expected()
        return sorted(step["cells"][0] for step in json.loads((out / "run.json").read_text("utf-8"))["steps"] if not step["cached"])

    def edit(old, new):
        path = tmp_path / "axes.py"
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")

    assert (cells_that_ran(), cells_that_ran()) == ([0, 1, 2, 3, 4], [])
    edit('"size": 2', '"size": 3')
    assert cells_that_ran() == [1, 2, 3]
    edit("t[1] * t[2]", "t[2] * t[1]")
    assert cells_that_ran() == [2]


def test_the_workflow_is_valid(bundle):
    done = subprocess.run([BIN / "cwltool", "--validate", bundle / "workflow.cwl"], check=False, capture_output=True, text=True)
    assert (done.returncode, "WARNING" in done.stderr) == (0, False), done.stderr
    written = (bundle / "workflow.cwl").read_text("utf-8")
    assert {"ScatterFeatureRequirement", "SubworkflowFeatureRequirement"} <= set(written.split())
    assert "InlineJavascriptRequirement" not in written


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["cwltool", pytest.param("toil-cwl-runner", marks=pytest.mark.full)])
def test_a_cwl_engine_gives_the_same(bundle, tmp_path, runner):
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    command = [BIN / runner, "--outdir", tmp_path / "out", bundle / "workflow.cwl", bundle / "inputs.yml"]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path, timeout=300)
    assert texts(tmp_path / "out" / "axes.executed.ipynb") == expected()


@pytest.mark.full
def test_streamflow_gives_the_same(bundle, tmp_path):
    command = [STREAMFLOW / "bin" / "cwl-runner", "--outdir", tmp_path / "out", bundle / "workflow.cwl", bundle / "inputs.yml"]
    done = subprocess.run(command, check=False, env=environ(tmp_path), cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert texts(tmp_path / "out" / "axes.executed.ipynb") == expected()


@pytest.mark.slow
def test_the_streamflow_engine_gives_the_same(project, monkeypatch):
    monkeypatch.setenv("NBCOMPILE_STREAMFLOW", str(STREAMFLOW))
    done, out = run_here(project, "--engine", "streamflow")
    assert done.returncode == 0, done.stderr
    assert texts(out / "axes.executed.ipynb") == expected()
