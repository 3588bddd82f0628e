"""`globals()` with a literal key is the name; with any other the cell may do anything."""

import pytest

from tests.unit.analysis.flows import program


def test_a_literal_key_is_the_name():
    found = program("globals()['x'] = 1", "globals().update(y=2)", "globals()['x'] + globals().get('y')", "'x' in globals()")
    assert [tuple(made.name for made in cell.definitions) for cell in found.facts] == [("x",), ("y",), (), ()]
    assert {(edge.source, edge.target, edge.name) for edge in found.graph.edges} == {(0, 2, "x"), (1, 2, "y"), (0, 3, "x")}


@pytest.mark.parametrize(
    "source",
    [
        "globals()[k] = 1",
        "globals()[k]",
        "del globals()['x']",
        "globals().pop('x')",
        "list(globals())",
        "for name in globals(): pass",
        "'%(x)s' % globals()",
        "'{x}'.format(**globals())",
        "show(vars())",
    ],
)
def test_anything_else_may_be_any_name(source):
    assert program("x = 1", source).facts[1].opaque


def test_what_a_thread_may_read_stays_with_it():
    found = program(
        "import threading\nseen = []\ndef work():\n    seen.append(1)\nthread = threading.Thread(target=work); thread.start()",
        "1 + 1",
        "seen",
    )
    assert {(fusion.first, fusion.second) for fusion in found.graph.fusions} == {(0, 2)}
    assert {version.name for version in found.graph.cells[2].needs} >= {"seen", "thread"}
