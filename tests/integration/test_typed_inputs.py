"""Parameters of a notebook are typed inputs of its workflow: whoever runs it gives values, and the cells see them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from nbcompile import api
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from tests.integration.streamflow_environment import STREAMFLOW, environ

BIN = Path(sys.executable).parent
SCRIPT = """\
# %% tags=["parameters"]
from pathlib import Path
n = 3  # how many
rate = 0.5
name = "it's $HOME $(date)"
flag = True
off = False
xs = [1, 2]
names: list[str] = []
nothing = None
table = {"a": 1}
pair = (1, 2)
where = Path("data/t.csv")
folder = Path("folder")
home = Path.home().name == "no such"

# %%
print(n, rate, name, flag, off, xs, names, nothing, table, pair, home)

# %%
with open(where) as file:
    print(where, file.read())

# %%
import os
print(*(open(os.path.join(*parts)).read() for parts in [["data", "t.csv"]]))

# %%
found = sorted(os.listdir(folder))
print(found)

# %%
which = os.path.join("folder", found[0])
print(*(open(one).read() for one in [which]))
"""
OTHERS = {
    "n": 7,
    "rate": 2,
    "name": "",
    "flag": False,
    "off": True,
    "xs": [],
    "names": ["b", "c d"],
    "nothing": "x",
    "table": '{"z": [1, null]}',
    "pair": [3, 4, 5],
    "where": {"class": "File", "location": "other.csv"},
    "folder": {"class": "Directory", "location": "others"},
}
OWN = [
    "",
    "3 0.5 it's $HOME $(date) True False [1, 2] [] None {'a': 1} (1, 2) False\n",
    "data/t.csv own\n",
    "own\n",
    "['a.txt', 'b.txt']\n",
    "a\n",
]
GIVEN = [
    "",
    "7 2.0  False True [] ['b', 'c d'] x {'z': [1, None]} (3, 4, 5) False\n",
    "data/t.csv other\n",
    "other\n",
    "['c.txt']\n",
    "c\n",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    directory = tmp_path_factory.mktemp("project")
    (directory / "data").mkdir()
    (directory / "data" / "t.csv").write_text("own", "utf-8")
    (directory / "other.csv").write_text("other", "utf-8")
    for path in ("folder/a.txt", "folder/b.txt", "others/c.txt"):
        (directory / path).parent.mkdir(exist_ok=True)
        (directory / path).write_text(Path(path).stem, "utf-8")
    (directory / "typed.py").write_text(SCRIPT, "utf-8")
    (directory / "others.yml").write_text(yaml.safe_dump(OTHERS), "utf-8")
    api.build(directory / "typed.py", Settings(granularity=Granularity.CELL)).write(directory / "bundle")
    return directory


def texts(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return ["".join("".join(output["text"]) for output in cell["outputs"]) for cell in cells]


def test_the_inputs_have_types_and_a_schema(project):
    workflow = yaml.safe_load((project / "bundle" / "workflow.cwl").read_text("utf-8"))
    types = {port["id"]: port["type"] for port in workflow["inputs"]}
    assert [types[name] for name in ("n", "rate", "name", "flag", "xs", "names", "nothing", "table", "where", "folder", "home")] == (
        ["int", "double", "string", "boolean", "int[]", "string[]", "string?", "string", "File", "Directory", "string?"]
    )
    schema = json.loads((project / "bundle" / "parameters.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    inputs = yaml.safe_load((project / "bundle" / "inputs.yml").read_text("utf-8"))
    jsonschema.validate(inputs, schema)
    assert schema["properties"]["n"] == {"type": "integer", "default": 3, "description": "how many"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**inputs, "n": "many"}, schema)
    done = subprocess.run([BIN / "cwltool", "--validate", project / "bundle" / "workflow.cwl"], check=False, capture_output=True, text=True)
    assert (done.returncode, "WARNING" in done.stderr) == (0, False), done.stderr


def test_values_given_when_it_is_built_are_the_defaults(project, tmp_path):
    api.build(project / "typed.py", parameters={"n": 5}).write(tmp_path / "bundle")
    assert yaml.safe_load((tmp_path / "bundle" / "inputs.yml").read_text("utf-8"))["n"] == 5


@pytest.mark.slow
@pytest.mark.parametrize(("job", "expected"), [("bundle/inputs.yml", OWN), ("others.yml", GIVEN)])
def test_cwltool_gives_the_values(project, tmp_path, job, expected):
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    command = [BIN / "cwltool", "--outdir", tmp_path / "out", project / "bundle" / "workflow.cwl", project / job]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path, timeout=300)
    assert texts(tmp_path / "out" / "typed.executed.ipynb") == expected


@pytest.mark.slow
def test_streamflow_gives_the_values(project, tmp_path):
    command = [STREAMFLOW / "bin" / "cwl-runner", "--outdir", tmp_path / "out", project / "bundle" / "workflow.cwl", project / "others.yml"]
    subprocess.run(command, check=True, env=environ(tmp_path), cwd=tmp_path, timeout=300)
    assert texts(tmp_path / "out" / "typed.executed.ipynb") == GIVEN
