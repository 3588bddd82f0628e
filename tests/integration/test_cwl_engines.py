"""The emitted workflow under real CWL engines gives the notebook that a kernel gives."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from nbcompile import api
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from tests.plain_kernel import PlainClient, kernel_environment

NOTEBOOKS = Path(__file__).parents[2] / "fixtures" / "notebooks"
BIN = Path(sys.executable).parent


def shown(notebook):
    """What the cells show, without what differs between any two runs of a kernel."""
    return [
        [{key: value for key, value in output.items() if key not in ("transient", "metadata")} for output in cell["outputs"]]
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    directory = tmp_path_factory.mktemp("project")
    shutil.copy(NOTEBOOKS / "model_comparison.ipynb", directory)
    subprocess.run([BIN / "nbcompile", "build", "model_comparison.ipynb"], check=True, cwd=directory)
    return directory / "build" / "model_comparison"


@pytest.fixture(scope="module")
def plain():
    notebook = nbformat.read(NOTEBOOKS / "model_comparison.ipynb", as_version=4)
    return PlainClient(notebook, kernel_name="python3").execute(env=kernel_environment())


@pytest.mark.slow
@pytest.mark.parametrize(
    "engine",
    [
        pytest.param(["cwltool"], id="cwltool"),
        pytest.param(["cwltool", "--parallel"], id="cwltool --parallel", marks=pytest.mark.full),
        pytest.param(["toil-cwl-runner"], id="toil-cwl-runner", marks=pytest.mark.full),
    ],
)
def test_engine_gives_what_a_kernel_gives(engine, bundle, plain, tmp_path):
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    command = [*engine, "--outdir", tmp_path / "out", bundle / "workflow.cwl", bundle / "inputs.yml"]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path)
    executed = nbformat.read(tmp_path / "out" / "model_comparison.executed.ipynb", as_version=4)
    nbformat.validate(executed)
    assert shown(executed) == shown(plain)


@pytest.mark.slow
def test_cwltool_finds_nothing_wrong(bundle):
    done = subprocess.run([BIN / "cwltool", "--validate", bundle / "workflow.cwl"], check=False, capture_output=True, text=True)
    assert (done.returncode, "WARNING" in done.stderr) == (0, False), done.stderr


@pytest.mark.slow
def test_a_bundle_that_lost_an_edge_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    path = tmp_path / "edges.py"
    path.write_text("# %%\na = [1]\n# %%\na.append(5)\nc = 3\n# %%\nprint(a, c)\n", "utf-8")
    folder = api.build(path, Settings(granularity=Granularity.CELL, python=sys.executable)).write(tmp_path / "build")
    workflow, made = folder / "workflow.cwl", (folder / "workflow.cwl").read_text("utf-8")
    # Both the edge and the place where its payload would arrive.
    lost = re.sub(r" +- id: (in_c_\w+_a)\n +source: .*\n", "", made)
    lost = re.sub(r" +- id: in_c_\w+_a\n +type: File\n +inputBinding:\n +position: \d+\n +prefix: --payload\n", "", lost)
    assert len(lost.splitlines()) == len(made.splitlines()) - 7
    workflow.write_text(lost, "utf-8")
    record = api.run(folder, Settings(python=sys.executable), output=tmp_path / "out", engine="cwltool")
    (failure,) = record.failures
    assert failure.step.startswith("print-a-c")
    assert "NB592: cell 2 needs `a@1`, and no payload has it" in failure.message
