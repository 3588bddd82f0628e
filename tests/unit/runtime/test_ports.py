"""Declared inputs and outputs: bound before the cell and after it, also where its text says nothing of them."""

import json

import pytest

from tests.unit.runtime.test_scatter import Run


@pytest.fixture
def run(tmp_path):
    return lambda *cells: Run("\n\n".join(cells), tmp_path)


def declared(source, **step):
    return f"# %% workflow={json.dumps({'step': step})}\n{source}"


def test_inputs_take_other_variables_values_and_variables_of_the_environment(run):
    inputs = [
        {"name": "x", "valueFrom": "b"},
        {"name": "y", "value": [3, {"k": None}]},
        {"name": "LEVEL", "type": "env", "valueFrom": "b"},
        {"name": "KIND", "type": "env", "value": "fine"},
    ]
    done = run(
        "# %%\nb = len([1, 2])",
        declared("import os\nprint(x, y, os.environ['LEVEL'], os.environ['KIND'])", **{"in": inputs}),
        "# %%\nimport os\nprint('x' in globals(), 'LEVEL' in os.environ)",
    )
    assert done.texts(1) == ["2 [3, {'k': None}] 2 fine\n"]
    assert done.texts(2) == ["False False\n"]


def test_outputs_are_bound_after_the_cell(run):
    outputs = [{"name": "n", "value": 3}, {"name": "c", "valueFrom": "b"}, {"name": "made", "type": "file", "value": "*.out"}]
    done = run(declared("b = 1\nopen('x.out', 'w').close()", out=outputs), "# %%\nprint(n, c, made)")
    assert done.texts(1) == ["3 1 x.out\n"]


def test_shards_of_an_input_under_another_name(run):
    done = run(
        "# %%\nnumbers = [1, 2, 3]",
        declared(
            "print(part)\nr = [p * 2 for p in part]", **{"in": [{"name": "part", "valueFrom": "numbers"}], "scatter": {"items": ["part"]}}
        ),
        "# %%\nprint(r, numbers)",
    )
    assert done.texts(1) == ["[1]\n[2]\n[3]\n"]
    assert done.texts(2) == ["[2, 4, 6] [1, 2, 3]\n"]


def test_files_that_shards_leave_are_listed_in_order(run):
    outputs = [{"name": "made", "type": "file", "value": "*.out"}]
    source = "for x in xs:\n    open(f'{x}.out', 'w').close()\n    if x == 'c':\n        open('d.out', 'w').close()"
    done = run("# %%\nxs = ['b', 'c', 'a']", declared(source, out=outputs, scatter={"items": ["xs"]}), "# %%\nprint(made)")
    assert set(done.texts(2)[0].split("'")[1::2]) == {"b.out", "c.out", "d.out", "a.out"}
