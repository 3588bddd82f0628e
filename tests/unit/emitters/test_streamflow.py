"""streamflow.yml binds steps to deployments by name, and says nothing else of them."""

import json

import pytest
from ruamel.yaml import YAML

from nbcompile import api
from nbcompile.backend import run_id
from nbcompile.model.errors import Denied
from nbcompile.model.placement import placement_of, read_placement
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings

SCRIPT = "# %%\nn = 2\n\n# %%\n# nbc: target=hpc\nm = n + 1\n\n# %%\nprint(m)\n"


@pytest.fixture
def built(tmp_path):
    (tmp_path / "demo.py").write_text(SCRIPT, "utf-8")
    return api.build(tmp_path / "demo.py", Settings(granularity=Granularity.CELL), target="streamflow")


def content(built, name):
    return next(file.content for file in built.bundle.files if str(file.path) == name)


def test_placed_steps_are_bound_and_others_left_to_streamflow(built):
    document = YAML(typ="safe").load(content(built, "streamflow.yml"))
    placed = next(step for step in built.plan.steps if step.target == "hpc")
    bindings = document["workflows"]["main"]["bindings"]
    assert bindings == [{"step": f"/{placed.id}", "target": {"deployment": "hpc", "workdir": "/nbcompile"}}]
    assert document["deployments"].keys() == {"hpc"}
    assert document["deployments"]["hpc"]["config"].keys() == {"tenant", "deployment", "run"}


HELM = {"type": "helm", "config": {"chart": "k8s/chart"}, "workdir": "/scratch"}
SSH = {"type": "ssh", "config": {"nodes": ["h"]}, "external": True}
AT_PODS = {"deployment": "pods", "service": "s", "locations": 2}
DESCRIBED = f"""\
# %%
xs = [1, 2]

# %% workflow={json.dumps({"deployments": {"pods": HELM}, "step": {"scatter": {"items": ["xs"]}}, "target": AT_PODS})}
ys = [x for x in xs]

# %% workflow={json.dumps({"step": {}, "target": {"deployment": SSH, "workdir": "/w"}})}
print(ys)
"""


def test_what_the_notebook_describes_is_streamflows_own(tmp_path, monkeypatch):
    personal = tmp_path / "deployments.yml"
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(personal))
    (tmp_path / "demo.py").write_text(DESCRIBED, "utf-8")

    def document(allowed):
        personal.write_text(json.dumps(allowed))
        personal.chmod(0o600)
        built = api.build(tmp_path / "demo.py", Settings(granularity=Granularity.CELL), target="streamflow")
        return YAML(typ="safe").load(content(built, "streamflow.yml"))

    found = document({"allow": ["inline-deployments", "workdir"]})
    inline = next(name for name in found["deployments"] if name != "pods")
    assert found["deployments"] == {"pods": HELM, inline: SSH}
    targets = [one["target"] for one in found["workflows"]["main"]["bindings"]]
    assert targets == [AT_PODS, AT_PODS, {"deployment": inline, "workdir": "/w"}]
    # One of the person's own goes before what the notebook says of that name.
    own = {"pods": {"backend": "ssh", "host": "h", "user": "u", "credential": {"ref": "k"}}}
    found = document(
        {"allow": ["inline-deployments", "workdir"], "deployments": own, "credentials": {"k": {"provider": "file", "path": "/k"}}}
    )
    assert found["deployments"]["pods"]["type"] == "nbcompile.session"
    with pytest.raises(Denied):
        document({"allow": ["workdir"]})


def test_nothing_of_this_machine_is_in_it(built, tmp_path):
    text = b"".join(content(built, name) for name in ("streamflow.yml", "placement.json", "README.md"))
    assert str(tmp_path).encode() not in text
    assert b"/home" not in text


def test_the_placement_is_read_back(built):
    assert read_placement(json.loads(content(built, "placement.json"))) == placement_of(built.plan)


@pytest.mark.parametrize("name", ["eda", "EDA", "an älder.notebook", "-", "x" * 100, "x" * 101, "a--b"])
def test_runs_have_names_that_every_place_takes(name):
    from nbcompile.backend import Fatal, JobRef

    made = run_id(name)
    assert run_id(made) == made
    reference = JobRef(deployment="d", run=made, key="0" * 64, attempt=1, native="")
    assert JobRef.from_json(reference.to_json()).run == made
    with pytest.raises(Fatal):
        JobRef.from_json(reference.to_json().replace(made, made.upper() + "!"))


def test_different_names_make_different_runs():
    names = ["eda", "EDA", "e-da", "e_da", "x" * 100, "x" * 101]
    assert len({run_id(name) for name in names}) == len(names)
