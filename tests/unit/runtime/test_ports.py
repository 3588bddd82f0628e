"""Declared inputs and outputs: bound before the cell and after it, also where its text says nothing of them."""

import json

import pytest

from tests.unit.runtime.test_scatter import Run

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path):
    return lambda *cells: Run("\n\n".join(cells), tmp_path)


PATHS = {"in": [{"name": "paths", "type": "file", "valueFrom": "paths"}]}


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
    assert done.texts(2) == ["['b.out', 'c.out', 'd.out', 'a.out']\n"]


def test_a_pattern_finds_what_the_cell_wrote_and_not_what_it_was_given(run):
    text = "for n in 'ab':\n    with open(f'{n}-0.txt', 'w') as file:\n        file.write(n)\nparts = ['a-0.txt', 'b-0.txt']"
    given = {"in": [{"name": "parts", "type": "file", "valueFrom": "parts"}], "scatter": {"items": ["parts"]}}
    merge = "for part in parts:\n    with open(part) as file, open(part[0] + '.txt', 'w') as made:\n        made.write(file.read() * 2)"
    done = run(
        f"# %%\n{text}",
        declared(merge, out=[{"name": "merged", "type": "file", "value": "*.txt"}], **given),
        declared("print(merged, [open(one).read() for one in merged])", **{"in": [{"name": "merged", "type": "file"}]}),
    )
    assert done.texts(2) == ["['a.txt', 'b.txt'] ['aa', 'bb']\n"]


def test_a_pattern_finds_what_was_given_where_the_cell_wrote_nothing_of_it(run):
    out = [{"name": "made", "type": "file", "value": "d"}, {"name": "kept", "type": "file", "value": "x.txt"}]
    text = "open('x.txt', 'w').close()\nimport os\nos.mkdir('d')\nopen('d/z', 'w').close()"
    reads = {"in": [{"name": "x", "type": "file", "valueFrom": "x"}, {"name": "d", "type": "file", "valueFrom": "d"}]}
    done = run(
        f"# %%\n{text}\nx, d = 'x.txt', 'd'",
        declared("with open(os.path.join(d, 'y'), 'w') as file:\n    file.write(x)", out=out, **reads),
        "# %%\nprint(made, kept)",
    )
    assert done.texts(2) == ["d x.txt\n"]


MAKES_PATHS = """\
# %%
from pathlib import Path
paths = []
for n in 'abc':
    Path(n).mkdir()
    Path(f'{n}/x').write_text(n * 3)
    paths.append(f'{n}/x')"""


def test_files_go_with_the_names_that_stand_for_them(run):
    done = run(
        MAKES_PATHS,
        declared("import os\nprint([open(p).read() for p in paths], sorted(os.listdir()))", **PATHS, scatter={"items": ["paths"]}),
        declared("print([open(p).read() for p in paths])", **PATHS),
    )
    assert done.texts(1) == ["['aaa'] ['a']\n['bbb'] ['b']\n['ccc'] ['c']\n"]
    assert done.texts(2) == ["['aaa', 'bbb', 'ccc']\n"]


def test_shards_that_leave_different_files_under_one_name_are_told(run):
    source = "made = []\nfor x in xs:\n    with open('same.out', 'w') as file:\n        file.write(x)\n    made.append('same.out')"
    step = {"out": [{"name": "made", "type": "file"}], "scatter": {"items": ["xs"]}}
    done = run(
        "# %%\nxs = ['a', 'b']", declared(source, **step), declared("print(made)", **{"in": [{"type": "file", "valueFrom": "made"}]})
    )
    assert done.codes[1,] == 9
