"""`globals()` with a literal key is the name; with any other the cell may do anything."""

import pytest

from nbcompile import api
from tests.golden.notebooks import notebook_bytes
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
        "open('t').read() % globals()",
        "open('t').read().format(**globals())",
        "'{x'.format(**globals())",
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


MODULE = """
seen = []
def setup(): globals()["cfg"] = 1
def several(): globals().update(cfg=1)
def any_name(name): globals()[name] = 1
def without(name): del globals()[name]
def looked(): return globals()["cfg"], "cfg" in globals(), vars(), "%(cfg)s" % globals()
def kept(a): globals()["seen"].append(a)
def fill(a): a.append(1)
def asked(a, name): return globals()["fill"](a)
def run(text): exec(text)
def run_bound(): exec("cfg = 1")
def run_global(): exec("global cfg; cfg = 1")
def computed(a, text): return eval(text)
class Settings:
    cfg = globals().get("cfg")
    def set(self): globals()["cfg"] = 1
"""


def beside(directory, *cells):
    (directory / "g.py").write_text(MODULE, "utf-8")
    path = directory / "n.ipynb"
    path.write_bytes(
        notebook_bytes("".join(f"# %%\n{cell}\n" for cell in ("import g\ncfg, a, t = 5, [], open('t').read()", *cells, "print(cfg, a)")))
    )
    return api.analyze(path)


CHANGES = [
    "g.setup()",
    "g.several()",
    "g.any_name('cfg')",
    "g.without('cfg')",
    "g.run(t)",
    "g.run_bound()",
    "g.run_global()",
]


@pytest.mark.parametrize("source", [*CHANGES, "g.Settings().set()", "g.looked()", "g.kept(a)", "g.computed(a, t)"])
def test_names_of_a_module_are_not_the_notebooks(tmp_path, source):
    found = beside(tmp_path, source)
    assert not found.facts[1].opaque
    assert {use.name for use in found.facts[1].uses} <= {"g", "a", "t"}
    assert not found.facts[1].definitions
    assert (0, 2, "cfg") in {(edge.source, edge.target, edge.name) for edge in found.graph.edges}


@pytest.mark.parametrize("source", [*CHANGES, "g.kept(a)"])
def test_a_name_of_a_module_that_changes_is_its_state(tmp_path, source):
    found = beside(tmp_path, source, "g.looked()")
    assert (1, 2, "channel:library:g") in {(edge.source, edge.target, edge.name) for edge in found.graph.edges}


def test_what_a_module_looks_up_does_what_it_does(tmp_path):
    found = beside(tmp_path, "g.asked(a, 'fill')", "b = g.computed(a, t)", "b.append(1)")
    assert [{change.name for change in facts.changes} for facts in found.facts[1:4]] == [{"a"}, {"a"}, {"a", "b"}]


def test_looking_up_names_of_a_module_changes_nothing(tmp_path):
    assert not beside(tmp_path, "g.looked()").facts[1].effects


@pytest.mark.parametrize("text", ["globals()['f'] = 1", "globals().update(f=1)", "locals()['f'] = 1", "exec('h = 1')", "exec(f'{f} = 1')"])
def test_star_import_of_names_that_are_bound_by_other_means_is_opaque(tmp_path, text):
    (tmp_path / "g.py").write_text(f"f = 'x'\n{text}\n", "utf-8")
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook_bytes("# %%\nfrom g import *\n"))
    assert api.analyze(path).facts[0].opaque
