"""Populations times chromosomes, in bash and Python, over files: in shards it gives what a kernel gives, on every engine."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nbcompile import api
from nbcompile.emitters.steps import notebook_template
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from tests.genomes import make_genomes
from tests.integration.streamflow_environment import STREAMFLOW, environ
from tests.plain_kernel import PlainClient

SCRIPT = Path(__file__).parents[2] / "fixtures" / "workflows" / "shared_mutations.py"
BIN = Path(sys.executable).parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    directory = tmp_path_factory.mktemp("project")
    shutil.copy(SCRIPT, directory)
    make_genomes(directory)
    return directory


@pytest.fixture(scope="module")
def bundle(project):
    return api.build(project / SCRIPT.name, Settings(granularity=Granularity.CELL)).write(project.parent / "bundle")


@pytest.fixture(scope="module")
def plain(project, tmp_path_factory):
    """What the cells show in a kernel, where nothing is cut, and the files they leave."""
    import nbformat

    directory = tmp_path_factory.mktemp("plain")
    shutil.copytree(project, directory, dirs_exist_ok=True)
    before = tree(directory)
    notebook = nbformat.reads(notebook_template(api.analyze(project / SCRIPT.name).notebook), as_version=4)
    executed = PlainClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(directory)}}).execute()
    return shown(executed), {path: content for path, content in tree(directory).items() if path not in before}


def shown(notebook):
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return ["".join("".join(output.get("text", "")) for output in cell["outputs"]) for cell in cells]


def tree(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.suffix in (".txt", ".csv")}


def check(notebook, files, plain):
    assert shown(json.loads(notebook.read_text("utf-8"))) == plain[0]
    assert tree(files) == plain[1]


def test_here(project, plain, tmp_path):
    command = [BIN / "nbcompile", "run", project / SCRIPT.name, "-o", tmp_path / "out"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert len(record["steps"]) == 6
    shards = list((tmp_path / "out" / ".nbcompile" / "work").glob("overlap-*/*.shared.*-*.nbc"))
    assert len(shards) == 40
    check(tmp_path / "out" / "shared_mutations.executed.ipynb", tmp_path / "out", plain)


@pytest.mark.full
def test_with_cwltool(bundle, plain, tmp_path):
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    command = [BIN / "cwltool", "--parallel", "--outdir", tmp_path / "out", bundle / "workflow.cwl", bundle / "inputs.yml"]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path, timeout=600)
    check(tmp_path / "out" / "shared_mutations.executed.ipynb", tmp_path / "out" / "output_files", plain)


@pytest.mark.full
def test_with_streamflow(bundle, plain, tmp_path):
    command = [STREAMFLOW / "bin" / "cwl-runner", "--outdir", tmp_path / "out", bundle / "workflow.cwl", bundle / "inputs.yml"]
    subprocess.run(command, check=True, env=environ(tmp_path), cwd=tmp_path, timeout=900)
    check(tmp_path / "out" / "shared_mutations.executed.ipynb", tmp_path / "out" / "output_files", plain)
