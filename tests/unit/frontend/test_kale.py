"""Tags that Kale gave cells."""

import json

from nbcompile import api
from nbcompile.frontend.ipynb import read_notebook
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings


def notebook(cells, metadata=None):
    listed = [
        {"cell_type": "code", "id": f"c{place}", "metadata": {"tags": tags}, "source": source, "outputs": [], "execution_count": None}
        for place, (tags, source) in enumerate(cells)
    ]
    return json.dumps({"cells": listed, "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5}).encode()


CELLS = [
    (["imports"], "import math"),
    (["pipeline-parameters"], "n = 3"),
    (["skip"], "raise ValueError"),
    (["step:load"], "xs = list(range(n))"),
    (["step:show", "prev:load"], "print(xs, math.pi)"),
]


def test_tags_that_mean_the_same_are_there_as_well():
    program = api.analyze_bytes(notebook(CELLS), "n")
    assert [cell.tags for cell in program.notebook.code_cells][1:3] == [("pipeline-parameters", "parameters"), ("skip", "skip-execution")]
    assert [parameter.name for parameter in program.parameters.known] == ["n"]
    # A kernel that runs the notebook skips the cell as well.
    assert program.notebook.document["cells"][2]["metadata"]["tags"] == ["skip", "skip-execution"]


def test_steps_are_called_what_kale_calls_them():
    plan = api.plan(api.analyze_bytes(notebook(CELLS), "n"), Settings(granularity=Granularity.CELL))
    assert [step.id for step in plan.steps if {3, 4} & {*step.cells}] == ["load-c3", "show-c4"]


def test_elsewhere_the_words_mean_nothing():
    (cell,) = read_notebook(notebook([(["skip"], "x = 1")]), "n").value.code_cells
    assert cell.tags == ("skip",)
    (cell,) = read_notebook(notebook([(["skip"], "x = 1")], {"kubeflow_notebook": {}}), "n").value.code_cells
    assert cell.tags == ("skip", "skip-execution")


def test_a_tag_that_is_there_already_is_not_given_twice():
    (cell,) = read_notebook(notebook([(["pipeline-parameters", "parameters"], "x = 1")]), "n").value.code_cells
    assert cell.tags == ("pipeline-parameters", "parameters")
