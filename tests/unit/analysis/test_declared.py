"""Declarations count where they say more than the text, and contradictions are told."""

import json

import pytest

from nbcompile import api
from nbcompile.frontend.percent import read_percent
from nbcompile.model.graph import EdgeKind


def program(*cells):
    """A notebook of cells, each a text or a text with what it declares as a step."""
    lines = []
    for cell in cells:
        text, step = cell if isinstance(cell, tuple) else (cell, None)
        lines += [f"# %% workflow={json.dumps({'step': step})}" if step is not None else "# %%", text, ""]
    return api.analyze_notebook(read_percent("\n".join(lines).encode(), "n"), {})


def needs(found, cell):
    return [str(version) for version in found.graph.cells[cell].needs]


def codes(found):
    return [one.rule.code for one in found.diagnostics]


def control(found):
    return [(edge.source, edge.target) for edge in found.graph.edges if edge.kind is EdgeKind.CONTROL]


def test_an_input_takes_another_variable_or_a_value():
    found = program("b = len([1])", ("print(x, y)", {"in": [{"name": "x", "valueFrom": "b"}, {"name": "y", "value": 3}]}))
    assert needs(found, 1) == ["b@0"]
    assert not found.graph.parameters
    assert codes(found) == []


def test_what_is_made_of_what_a_port_binds_is_sent():
    """A step that ran the statement again would not have the port."""
    for port in ({"name": "k", "value": 21}, {"name": "k", "valueFrom": "n"}):
        found = program("n = 4", ("r = k * 2\ns = r + 1", {"in": [port], "out": ["r", "s"]}), "print(s)")
        assert needs(found, 2) == ["s@1"]
        assert not found.graph.cells[2].replays


def test_outputs_that_the_text_does_not_bind():
    outputs = [{"name": "paths", "type": "file", "value": "*.gz"}, {"name": "n", "value": 3}, {"name": "c", "valueFrom": "b"}]
    found = program(("b = 1\nopen('x.gz', 'w')", {"out": outputs}), "print(paths, n, c)")
    assert needs(found, 1) == ["paths@0", "n@0", "c@0"]


def test_files_that_are_declared_stand_for_those_that_cannot_be_made_out():
    shell = '%%bash -s "$f"\ngunzip $1'
    plain = program("f = 'x.gz'", shell, shell)
    declared = program(
        "f = 'x.gz'", (shell, {"in": [{"type": "file", "valueFrom": "f"}]}), (shell, {"in": [{"type": "file", "valueFrom": "f"}]})
    )
    assert any("file:./" in version for version in needs(plain, 2))
    assert needs(declared, 2) == ["f@0"]
    assert not [edge for edge in declared.graph.edges if (edge.source, edge.target) == (1, 2)]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ({"in": ["a"], "autoin": False}, "NB403"),
        ({"out": ["z"]}, "NB405"),
        ({"out": [{"name": "z", "valueFrom": "nowhere"}]}, "NB405"),
        ({"in": [{"name": "a", "valueFrom": "open"}]}, "NB406"),
        ({"in": ["a", "e"]}, "NB408"),
        ({"in": [{"name": "a", "type": "file", "valueFrom": "e"}]}, "NB408"),
        ({"scatter": {"items": ["c"]}}, "NB407"),
        ({"out": ["d"], "background": True}, "NB402"),
    ],
)
def test_contradictions(step, code):
    found = program("a = [1]\nb = 2\nc = []", ("d = [a, b]", step))
    assert codes(found) == [code]


def test_an_opaque_cell_may_bind_what_is_declared():
    assert codes(program("exec(open('x').read())", ("print(1)", {"in": ["e"]}))) == []


def test_what_is_not_declared_is_sent_all_the_same_and_told():
    found = program("a = [1]", ("b = a\nc = len(a)", {"out": ["b"]}), "print(b, c)\nprint(c)")
    assert needs(found, 2) == ["b@1", "c@1"]
    assert codes(found) == ["NB404"]


def test_declared_inputs_of_free_names_are_what_the_notebook_takes():
    found = program(("print(a + 1)", {"in": ["a"]}), ("[i for i in b]", {"scatter": {"items": ["b"]}}))
    assert found.graph.parameters == ("a", "b")
    assert codes(found) == []


def test_control_ports_order_steps():
    done = {"name": "done", "type": "control"}
    found = program(("a = 1", {"out": [done]}), ("b = 1", {"in": [done]}), ("c = 1", {}))
    assert control(found) == [(0, 1)]


def test_cells_without_a_step_run_between_the_steps():
    found = program(
        "import time\nxs = [1]\nstart = time.time()",
        ("ys = xs", {"out": ["ys"]}),
        ("zs = xs", {"out": ["zs"]}),
        ("print(xs)", {}),
        "import math",
        "print(time.time() - start)",
        ("us = []", {"out": ["us"]}),
        ("vs = xs", {"out": ["vs"]}),
    )
    # The clock waits for the steps with outputs; a step that takes what was made until then waits for the clock.
    assert control(found) == [(1, 5), (2, 5), (5, 7)]


def test_names_that_are_cut_or_carry_files_are_sent_and_not_made_again():
    found = program(
        "a = 'x.csv'\nb = (1, 2)\nc = 3", ("print(a, b, c)", {"in": [{"type": "file", "valueFrom": "a"}], "scatter": {"items": ["b"]}})
    )
    assert needs(found, 1) == ["a@0", "b@0"]
    assert [str(statement) for statement in found.graph.cells[1].replays] == ["0.2"]


def test_a_directive_scatters_as_well():
    found = program("b = (1, 2)", "# nbc: scatter=b\nc = [x for x in b]")
    assert needs(found, 1) == ["b@0"]


def test_parameters_are_never_replayed():
    text = '# %% tags=["parameters"]\nn = 3\n\n# %%\nprint(n)\n'
    for given, version in (({}, "n@0"), ({"n": 4}, "n@1")):
        found = api.analyze_notebook(read_percent(text.encode(), "n"), given)
        assert needs(found, -1) == [version]


def test_files_that_are_written_after_they_were_named_are_read_where_they_were_written():
    named, written = "names = ['a', 'b']", "for name in names:\n    with open(name, 'w') as file:\n        file.write(name)"
    reads = ("for name in names:\n    print(open(name).read())", {"in": [{"type": "file", "valueFrom": "names"}]})
    assert needs(program(named, written, reads), 2) == ["names@0", "file:./@1", "file:./@-1"]
    assert needs(program(f"{named}\n{written}", reads), 1) == ["names@0"]
    assert needs(program(written.replace("names", "'ab'"), named, reads), 2) == ["names@1"]
