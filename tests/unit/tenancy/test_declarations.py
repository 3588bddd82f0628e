"""What a notebook asks for in its metadata is denied unless the person's own file allows it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nbcompile import api
from nbcompile.model.errors import Denied, NotebookError, UsageError

NBCOMPILE = Path(sys.executable).parent / "nbcompile"
INLINE = {"step": {}, "target": {"deployment": "hpc"}, "deployments": {"hpc": {"type": "ssh", "config": {"nodes": ["h"]}}}}
ASKING = {
    "inline-deployments": ("NB410", INLINE),
    "interpreter": ("NB411", {"step": {}, "interpreter": "/opt/evil"}),
    "serializers": ("NB412", {"step": {"in": [{"name": "a", "serializer": {"predump": "y = x"}}]}}),
    "workdir": ("NB413", {"step": {"workdir": "/shared"}}),
}


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def write(workflow):
        cells = [{"cell_type": "code", "metadata": {"workflow": workflow}, "source": "a = 1", "id": "c0", "outputs": []}]
        path = tmp_path / "n.ipynb"
        path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "utf-8")
        return path

    return write


def allow(text):
    path = api.personal_file()
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("permission", ASKING)
def test_denied_without_a_word_from_the_person(notebook, permission):
    code, workflow = ASKING[permission]
    path = notebook(workflow)
    program = api.analyze(path)
    assert [found.rule.code for found in program.diagnostics] == [code]
    assert f"allow: [{permission}]" in program.diagnostics[0].help
    with pytest.raises(Denied):
        api.plan(program)
    for command in (["check"], ["build", "-o", path.parent / "out"]):
        done = subprocess.run([NBCOMPILE, *command, path], check=False, capture_output=True, text=True)
        assert done.returncode == 4, done.stderr
    assert not (path.parent / "out").exists()


@pytest.mark.parametrize("permission", ASKING)
def test_allowed_by_the_persons_own_file_and_nothing_else_with_it(notebook, permission):
    allow(f"allow: [{permission}]\n")
    for other, (code, workflow) in ASKING.items():
        found = [one.rule.code for one in api.analyze(notebook(workflow)).diagnostics if one.rule.code != "NB402"]
        assert found == ([] if other == permission else [code])


@pytest.mark.parametrize("permission", ["interpreter", "workdir"])
def test_what_is_allowed_and_not_used_here_is_told(notebook, permission):
    allow(f"allow: [{permission}, inline-deployments]\n")
    _, workflow = ASKING[permission]
    (found,) = api.analyze(notebook(workflow)).diagnostics
    assert (found.rule.code, permission in found.message) == ("NB402", True)
    assert api.analyze(notebook({**INLINE, **workflow})).diagnostics == ()


def test_a_deployment_of_ones_own_counts_and_not_the_notebooks(notebook):
    allow("deployments:\n  hpc: {backend: ssh}\n")
    program = api.analyze(notebook(INLINE))
    assert [found.rule.code for found in program.diagnostics] == ["NB414"]
    assert api.plan(program)


def test_a_file_that_others_can_write_allows_nothing(notebook):
    allow("allow: [workdir]\n").chmod(0o666)
    with pytest.raises(UsageError, match="can be written by others"):
        api.analyze(notebook(ASKING["workdir"][1]))


def test_what_cannot_be_allowed_is_an_error(notebook):
    allow("allow: [everything]\n")
    with pytest.raises(UsageError, match=r"line 1: allow\[0\]: must be one of .*, not 'everything'"):
        api.analyze(notebook(ASKING["workdir"][1]))


def test_a_notebook_that_asks_for_nothing_reads_no_file_of_the_person(notebook):
    allow("allow: [everything]\n")
    assert api.analyze(notebook({"step": {}})).ok


WAYS = {
    "old ssh": ("ssh", {"hostname": "h", "username": "u", "sshKey": "/k"}, "`nbcompile deployment add hpc --ssh u@h --key /k`"),
    "ssh": ("ssh", {"nodes": [{"hostname": "h", "username": "v"}], "username": "u"}, "`nbcompile deployment add hpc --ssh v@h`"),
    "slurm": ("slurm", {"hostname": "h"}, "`nbcompile deployment add hpc --ssh h --slurm`"),
    "no host": ("ssh", {"nodes": ["-oProxyCommand=x"]}, "define `hpc`"),
    "no backend": ("helm", {"chart": "c"}, "define `hpc`"),
}


@pytest.mark.parametrize("engine", ["", "streamflow"])
@pytest.mark.parametrize(("kind", "config", "way"), WAYS.values(), ids=WAYS)
def test_nothing_runs_where_only_the_notebook_says_how_to_get_there(notebook, kind, config, way, engine):
    allow("allow: [inline-deployments]\n")
    path = notebook({"step": {}, "target": {"deployment": "hpc"}, "deployments": {"hpc": {"type": kind, "config": config}}})
    with pytest.raises(NotebookError) as told:
        api.run(path, output=path.parent / "out", engine=engine)
    (found,) = told.value.findings
    assert (found.rule.code, found.place.cell_index, found.path) == ("NB415", 0, str(path))
    assert way in found.help
    assert not (path.parent / "out").exists()


def test_a_description_of_this_machine_is_this_machine(notebook):
    allow("allow: [inline-deployments]\n")
    target = {"deployment": {"type": "local", "config": {}}}
    assert [step.target for step in api.plan(api.analyze(notebook({"step": {}, "target": target}))).steps] == ["local"]
