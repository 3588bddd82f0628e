"""A cell of which nobody can follow which objects may hold which others is one that may do anything."""

import pytest

from nbcompile.analysis import bindings
from tests.unit.analysis.flows import program

CELLS = (
    "x = [[]]",
    "y = [x, x]\nfor part in y:\n    part.append(y)\n    x.append([part, y])\nw = [1]",
    "z = 1",
    "w.append(2)",
    "print(x, y, w, z)",
)


def test_a_cell_that_holds_too_much_is_opaque(monkeypatch):
    assert [cell.opaque for cell in program(*CELLS).facts] == [""] * 5
    monkeypatch.setattr(bindings, "_MOST_FOLLOWED", 2)
    found = program(*CELLS)
    assert [bool(cell.opaque) for cell in found.facts] == [False, True, False, False, False]
    # What it binds is one object that nobody knows: who changes a part of it may change all.
    last = {edge.name: edge.source for edge in found.graph.edges if edge.target == 4}
    assert (last["w"], last["y"], last["z"]) == (3, 3, 2)
    assert last["x"] in (1, 3)


DEEP = {
    "a chain of calls": "x = y" + ".strip()" * 700,
    "a sum": "x = " + " + ".join(["'a'"] * 1500),
    "many branches": "if y: x = 0\n" + "".join(f"elif y == {number}: x = {number}\n" for number in range(700)),
}


@pytest.mark.parametrize("name", DEEP)
def test_a_cell_that_is_nested_too_deep_is_opaque(name):
    found = program("y = 'b'", DEEP[name], "print(x)")
    assert [bool(cell.opaque) for cell in found.facts] == [False, True, False]
    assert ("x", 1, 2) in {(edge.name, edge.source, edge.target) for edge in found.graph.edges}
    assert found.ok
