"""The emitted workflow under real CWL engines gives the notebook that a kernel gives."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

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
@pytest.mark.parametrize("engine", [["cwltool"], ["cwltool", "--parallel"], ["toil-cwl-runner"]], ids=" ".join)
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
