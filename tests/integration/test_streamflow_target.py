"""The bundle of `build --target streamflow` under StreamFlow gives the notebook that a kernel gives."""

import json
import subprocess

import nbformat
import pytest

from nbcompile import api
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from tests.integration.streamflow_environment import STREAMFLOW, environ
from tests.plain_kernel import PlainClient

SCRIPT = """\
# %%
words = "the quick brown fox".split()

# %%
longest = max(words, key=len)
print(longest)

# %%
len(words)
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    directory = tmp_path_factory.mktemp("project")
    (directory / "words.py").write_text(SCRIPT, "utf-8")
    return api.build(directory / "words.py", Settings(granularity=Granularity.CELL), target="streamflow").write(directory / "bundle")


def streamflow(*words, directory):
    return subprocess.run(
        [STREAMFLOW / "bin" / "streamflow", *words],
        cwd=directory,
        env=environ(directory),
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_a_local_run_gives_what_a_kernel_gives(bundle, tmp_path):
    done = streamflow("run", "--outdir", tmp_path / "out", bundle / "streamflow.yml", directory=tmp_path)
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(tmp_path / "out" / "words.executed.ipynb", as_version=4)
    plain = PlainClient(
        nbformat.read(bundle / "words.template.ipynb", as_version=4), kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    shown = [[output.get("text", output.get("data")) for output in cell.outputs] for cell in executed.cells]
    assert shown == [[output.get("text", output.get("data")) for output in cell.outputs] for cell in plain.cells]


@pytest.mark.slow
def test_streamflow_finds_the_bindings_valid(tmp_path):
    (tmp_path / "placed.py").write_text(SCRIPT.replace("longest =", "# nbc: target=hpc\nlongest ="), "utf-8")
    bundle = api.build(tmp_path / "placed.py", Settings(granularity=Granularity.CELL), target="streamflow").write(tmp_path / "bundle")
    done = streamflow("run", "--validate", bundle / "streamflow.yml", directory=tmp_path)
    assert (done.returncode, "ERROR" in done.stderr) == (0, False), done.stderr


HERE = {"type": "local", "config": {}}
SCATTERED = {"deployments": {"here": HERE}, "step": {"scatter": {"items": ["xs"]}}, "target": {"deployment": "here"}}
DESCRIBED = f"""\
# %%
xs = [1, 2, 3]

# %% workflow={json.dumps(SCATTERED)}
ys = []
for x in xs:
    ys.append(x * 2)
    print(x)

# %% workflow={json.dumps({"step": {}, "target": {"deployment": HERE}})}
z = sum(ys)

# %%
print(z, ys)
"""


@pytest.mark.full
def test_a_deployment_of_this_machine_that_the_notebook_describes_is_this_machine(tmp_path, monkeypatch):
    personal = tmp_path / "deployments.yml"
    personal.write_text("allow: [inline-deployments]")
    personal.chmod(0o600)
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(personal))
    (tmp_path / "own.py").write_text(DESCRIBED, "utf-8")
    bundle = api.build(tmp_path / "own.py", Settings(granularity=Granularity.CELL), target="streamflow").write(tmp_path / "bundle")
    done = streamflow("run", "--outdir", tmp_path / "out", bundle / "streamflow.yml", directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "here" not in (bundle / "streamflow.yml").read_text("utf-8")
    executed = nbformat.read(tmp_path / "out" / "own.executed.ipynb", as_version=4)
    assert ["".join(output["text"] for output in cell.outputs) for cell in executed.cells] == ["", "1\n2\n3\n", "", "12 [2, 4, 6]\n"]
