"""Values that only code of the notebook can pack go from step to step, where a person allows that code, and nowhere else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.streamflow_environment import STREAMFLOW

pytestmark = pytest.mark.slow
BIN = Path(sys.executable).parent
# A lock cannot be pickled.
AS_TEXT = {
    "predump": "import json\ny = json.dumps(x.weights)",
    "postload": "import json, threading\nclass Sent:\n    lock = threading.Lock()\ny = Sent()\ny.weights = json.loads(x)",
}
AS_FILES = {
    "type": "file",
    "predump": "import os, tempfile\ny = tempfile.mkdtemp()\nfor w in x.weights:\n    open(os.path.join(y, str(w)), 'w').close()",
    "postload": "import os\nclass Sent:\n    pass\ny = Sent()\ny.weights = sorted(map(int, os.listdir(x)))",
}
TRAINING = {
    "serializers": {"text": AS_TEXT},
    "step": {"in": [{"name": "model", "serializer": "text"}], "out": [{"name": "model", "serializer": AS_FILES}]},
}
NAMED = {"step": {"in": [{"name": "labels", "valueFrom": "model", "serializer": {"predump": "y = [f'w{n}' for n in x.weights]"}}]}}
SCRIPT = f"""\
# %%
import threading
class Model:
    def __init__(self, weights):
        self.weights, self.lock = weights, threading.Lock()
model = Model([1, 2])

# %% workflow={json.dumps({"version": "v1.0", **TRAINING})}
model.weights.append(3)
print(model.weights, type(model).__name__)

# %%
print(model.weights)

# %% workflow={json.dumps({"version": "v1.0", **NAMED})}
print(labels)
"""
SHOWN = ["", "[1, 2, 3] Sent\n", "[1, 2, 3]\n", "['w1', 'w2', 'w3']\n"]


@pytest.fixture
def run(tmp_path):
    (tmp_path / "packed.py").write_text(SCRIPT, "utf-8")

    def go(allow, *words):
        personal = tmp_path / "deployments.yml"
        personal.write_text(json.dumps({"allow": allow}))
        personal.chmod(0o600)
        environment = {**os.environ, "NBCOMPILE_DEPLOYMENTS": str(personal), "NBCOMPILE_STREAMFLOW": str(STREAMFLOW)}
        command = [BIN / "nbcompile", "run", "packed.py", "--granularity", "cell", "--no-cache", "-o", "out", *words]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, cwd=tmp_path, env=environment)

    return go


@pytest.mark.parametrize("engine", ["local", "cwltool", "streamflow"])
def test_code_packs_what_cannot_be_pickled(run, tmp_path, engine):
    done = run(["serializers"], "--engine", engine)
    assert done.returncode == 0, done.stderr
    cells = json.loads((tmp_path / "out" / "packed.executed.ipynb").read_text("utf-8"))["cells"]
    assert ["".join("".join(output["text"]) for output in cell["outputs"]) for cell in cells] == SHOWN


@pytest.mark.parametrize("allow", [[], ["interpreter", "workdir", "inline-deployments"]])
def test_nothing_runs_where_nobody_allows_the_code(run, tmp_path, allow):
    done = run(allow)
    assert (done.returncode, (tmp_path / "out").exists()) == (4, False)


def test_code_that_fails_is_named(run, tmp_path):
    (tmp_path / "packed.py").write_text(SCRIPT.replace("import json\\ny = json.dumps(x.weights)", "y = x.nothing"), "utf-8")
    done = run(["serializers"])
    assert done.returncode != 0
    assert "NB585" in done.stderr
    assert "`model@0` fails: AttributeError" in done.stderr
