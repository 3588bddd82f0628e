"""Where cells run: the command, the project's rules, the cell's own words; cells of one step must agree."""

import json

import pytest

from nbcompile import api
from nbcompile.model.errors import NotebookError, UsageError
from nbcompile.model.plan import Granularity, Resources
from nbcompile.model.settings import Settings

RULES = """\
placement:
  rules:
    - {cells: {tags: [gpu]}, target: hpc, environment: scrna, resources: {cpus: 8, memory: 32GiB, gpus: {count: 2, type: a100}, time: 90s}}
    - {cells: {defines: [table]}, resources: {memory: 500MB}}
    - {cells: {ids: [last]}, target: cluster}
"""


@pytest.fixture
def plan(tmp_path):
    def make(*cells, rules="", granularity="cell", on=""):
        """Plan a notebook of cells: a source, and what else the cell has."""
        made = [
            {"cell_type": "code", "outputs": [], "execution_count": None, "metadata": {}, "id": f"c{n}", "source": source, **others}
            for n, (source, others) in enumerate(cells)
        ]
        path = tmp_path / "n.ipynb"
        path.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "utf-8")
        (tmp_path / "nbcompile.yml").write_text("version: 1\n" + rules, "utf-8")
        program = api.analyze(path)
        assert program.ok, program.diagnostics
        return api.plan(program, Settings(granularity=Granularity(granularity), on=on))

    return make


def tagged(tag):
    return {"metadata": {"tags": [tag]}}


def declared(target, **step):
    return {"metadata": {"workflow": {"step": step, "target": target}}}


def test_rules_directives_metadata_and_the_default(plan):
    made = plan(
        ("x = 1", {}),
        ("a = f()", tagged("gpu")),
        ("table = f()", {}),
        ("b = f()", {"id": "last"}),
        ("# nbc: target=fast\nc = f()", {}),
        ("d = f()", declared({"deployment": "grid", "service": "big", "locations": 2})),
        rules=RULES,
    )
    steps = {step.cells[0]: step for step in made.steps}
    assert [steps[n].target for n in range(6)] == ["local", "hpc", "local", "cluster", "fast", "grid"]
    assert steps[1].environment == "scrna"
    assert steps[1].resources == Resources(cpus=8, memory_mib=32768, gpus=2, gpu_type="a100", minutes=2)
    assert steps[2].resources == Resources(memory_mib=477)
    assert (steps[5].service, steps[5].locations) == ("big", 2)


def test_what_all_cells_ask_for_is_written_once(plan):
    usual = "placement:\n  default: hpc\n  resources: {memory: 2GiB, cpus: 2, gpus: {count: 1}}\n"
    rules = "  rules:\n    - {cells: {ids: [c1]}, resources: {memory: 8GiB, gpus: {count: 0}}}\n    - {cells: {ids: [c2]}, target: grid}\n"
    made = plan(("a = f()", {}), ("b = f()", {}), ("c = f()", {}), ("# nbc: target=fast\nd = f()", {}), rules=usual + rules)
    every = Resources(memory_mib=2048, cpus=2, gpus=1)
    assert [step.resources for step in made.steps] == [every, Resources(memory_mib=8192, cpus=2), every, every]
    assert [step.resources for step in plan(("a = f()", {}), rules=usual, on="site").steps] == [every]


def test_a_rule_of_the_project_wins_over_the_notebook(plan):
    rules = "placement: {default: site, rules: [{cells: {ids: [c0]}, target: hpc}]}"
    made = plan(("a = f()", declared({"deployment": "grid", "service": "big"})), ("b = f()", {}), rules=rules)
    assert [(step.target, step.service) for step in made.steps] == [("hpc", ""), ("site", "")]


def test_the_command_wins_over_all(plan):
    made = plan(("a = f()", tagged("gpu")), ("# nbc: target=fast\nc = f()", {}), rules=RULES, on="local")
    assert {step.target for step in made.steps} == {"local"}


def test_cells_that_must_run_together_must_agree(plan):
    opened = ("f = open('x')", {})
    assert [step.target for step in plan(opened, ("# nbc: target=hpc\nf.read()", {})).steps] == ["hpc"]
    with pytest.raises(NotebookError, match="NB420 cell 1 and cell 2 must run together"):
        plan(opened, ("# nbc: target=hpc\nf.read()", {}), ("# nbc: target=grid\nf.read()", {}))


def test_the_local_engine_runs_nothing_that_is_placed_elsewhere(plan, tmp_path):
    plan(("a = 1", tagged("gpu")), rules=RULES)
    with pytest.raises(UsageError, match="placed on `hpc`"):
        api.run(tmp_path / "n.ipynb", engine="local", output=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert api.run(tmp_path / "n.ipynb", Settings(on="local"), output=tmp_path / "out").steps
