"""Functions of modules that lie beside the notebook do to the notebook's objects what their source says."""

import pytest

from nbcompile import api
from tests.golden.notebooks import notebook_bytes


def analyzed(directory, cells, **modules):
    for name, text in modules.items():
        path = directory / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    path = directory / "n.ipynb"
    path.write_bytes(notebook_bytes("".join(f"# %%\n{cell}\n" for cell in cells)))
    return api.analyze(path)


def edges(program):
    return {(edge.source, edge.target, edge.name) for edge in program.graph.edges}


def changed(program, cell):
    return {change.name for change in program.facts[cell].changes}


def test_a_function_changes_what_it_is_given(tmp_path):
    cells = ["import tools\nxs, ys = [], []", "tools.fill(xs)", "tools.look(ys)", "print(xs, ys)"]
    program = analyzed(
        tmp_path, cells, tools="def look(a):\n    return len(a)\ndef fill(a):\n    _more(a)\ndef _more(a):\n    a.append(1)\n"
    )
    assert changed(program, 1) == {"xs"}
    assert not changed(program, 2)
    assert (1, 3, "xs") in edges(program)
    assert "tools.fill" in program.facts[1].changes[0].reason


def test_what_it_returns_may_be_what_it_was_given(tmp_path):
    cells = ["from tools import same, other\nxs = []", "a = same(xs)\nb = other(xs)", "a.append(1)", "print(xs, b)"]
    program = analyzed(tmp_path, cells, tools="def same(a):\n    return a\ndef other(a):\n    return [*a]\n")
    assert changed(program, 2) == {"a", "xs"}


def test_it_does_not_see_names_of_the_notebook(tmp_path):
    cells = ["import tools\nsum = 5\nrate = 1", "print(tools.total([1]))"]
    program = analyzed(tmp_path, cells, tools="rate = 2\ndef total(a):\n    return sum(a) * rate\n")
    assert {use.name for use in program.facts[1].uses} == {"tools"}


def test_it_calls_what_it_is_given(tmp_path):
    cells = ["import tools\nk = 1\ndef f(x):\n    return x * k", "k = 2", "print(tools.twice(f, 1))"]
    program = analyzed(tmp_path, cells, tools="def twice(f, x):\n    return f(f(x))\n")
    assert (1, 2, "k") in edges(program)


def test_methods_of_its_classes_are_known(tmp_path):
    cells = ["from tools import Counter\nxs = []\nc = Counter()", "c.hit(xs)", "print(c.n)", "c.look()", "print(xs)"]
    text = "class Counter:\n    def __init__(self):\n        self.n = 0\n    def look(self):\n        return self.n\n"
    program = analyzed(tmp_path, cells, tools=text + "    def hit(self, to):\n        self.n += 1\n        to.append(self.n)\n")
    assert changed(program, 1) == {"c", "xs"}
    assert not changed(program, 3)


def test_what_a_module_keeps_is_a_channel(tmp_path):
    cells = ["import tools\nxs = []", "tools.keep(xs)", "xs.append(1)", "print(tools.kept())"]
    program = analyzed(tmp_path, cells, tools="seen = []\ndef keep(a):\n    seen.append(a)\ndef kept():\n    return seen\n")
    fused = {(fusion.first, fusion.second) for fusion in program.graph.fusions}
    assert {(1, 2), (1, 3)} <= fused


def test_a_name_that_a_function_binds_is_of_the_module(tmp_path):
    cells = ["import tools\ncount = 0", "tools.step()", "print(tools.look(), count)", "print(tools.fixed())"]
    text = "count = 0\ndef step():\n    global count\n    count += 1\ndef look():\n    return count\ndef fixed():\n    return 1\n"
    program = analyzed(tmp_path, cells, tools=text)
    assert ("library:tools", "draw") in {(effect.channel, effect.mode) for effect in program.facts[1].effects}
    assert not program.facts[2].effects
    assert "count" not in {one.name for one in program.facts[1].definitions}
    assert (1, 2, "channel:library:tools") in edges(program)


def test_star_import_binds_what_the_source_says(tmp_path):
    program = analyzed(tmp_path, ["from tools import *\nxs = []", "fill(xs)", "print(xs)"], tools="_a = 1\ndef fill(a):\n    a.append(1)\n")
    assert {one.name for one in program.facts[0].definitions} == {"fill", "xs"}
    assert not program.facts[0].opaque
    assert changed(program, 1) == {"xs"}


@pytest.mark.parametrize(
    "text",
    [
        "__all__ = [name for name in dir()]\n",
        "__all__ = ['f']\n__all__ += ['g']\n",
        "__all__ = ['f']\n__all__.append('g')\n",
        "__all__ = names = ['f']\nnames.append('g')\n",
        "__all__ = ['f']\ndef add():\n    global __all__\n    __all__ = ['f', 'g']\nadd()\n",
        "__all__ = ['f']\nif f:\n    __all__ = ['f', 'g']\n",
        "from other import names as __all__\n",
        "globals()['__all__'] = ['f']\n",
        "__all__ = [['f']]\n",
        "__all__ = ['f', 1]\n",
        "__all__ = {'f': 1}\n",
        "__all__ = 'f'\n",
        "from other import *\n",
        "try:\n    from other import *\nexcept ImportError:\n    pass\n",
        "if 1:\n    from other import *\n",
    ],
)
def test_star_import_of_names_that_are_computed_is_opaque(tmp_path, text):
    program = analyzed(tmp_path, ["from tools import *"], tools=f"def f():\n    pass\ndef g():\n    pass\n{text}")
    assert program.ok
    assert program.facts[0].opaque


def test_star_import_binds_what_the_module_lists(tmp_path):
    program = analyzed(tmp_path, ["from tools import *"], tools="__all__ = ['_f', 'k']\ndef _f():\n    pass\nif _f:\n    k = 1\nh = 2\n")
    assert [(one.name, one.certain) for one in program.facts[0].definitions] == [("_f", True), ("k", True)]


def test_star_import_perhaps_binds_what_the_module_perhaps_binds(tmp_path):
    cells = ["i, j, k, e = 1, 2, 3, 4", "from tools import *", "print(i, j, k, e)"]
    text = "import os\nfor i in range(3):\n    pass\ndel i\nfor j in os.environ:\n    pass\nif os.environ:\n    k = 3\n"
    program = analyzed(tmp_path, cells, tools=text + "try:\n    h = 1\nexcept OSError as e:\n    h = 2\n")
    made = {one.name: one.certain for one in program.facts[1].definitions}
    assert made == {"h": True, "j": False, "k": False, "os": True}
    assert {(0, 2, "i"), (0, 2, "e"), (0, 1, "j"), (0, 1, "k"), (1, 2, "j"), (1, 2, "k")} <= edges(program)


def test_modules_of_a_package_import_each_other(tmp_path):
    cells = ["from pkg.io import load\nxs = []", "ys = load(xs)", "ys.append(1)"]
    texts = {
        "pkg.__init__": "",
        "pkg.io": "from .parts import same\ndef load(a):\n    return same(a)\n",
        "pkg.parts": "def same(a):\n    return a\n",
    }
    assert changed(analyzed(tmp_path, cells, **texts), 2) == {"xs", "ys"}


def test_a_module_that_the_notebook_writes_is_not_read(tmp_path):
    cells = ["%%writefile tools.py\ndef look(a): a.append(1)", "import tools\nxs = []", "tools.look(xs)"]
    assert not changed(analyzed(tmp_path, cells, tools="def look(a):\n    a.append(1)\n"), 2)


def test_a_module_that_does_not_parse_is_left_to_guesses(tmp_path):
    program = analyzed(tmp_path, ["import tools\nxs = []", "tools.fill(xs)"], tools="def fill(a:\n")
    assert program.ok


def test_functions_that_call_each_other_across_modules(tmp_path):
    texts = {
        "one": "import two\ndef f(a, n):\n    a.append(n)\n    return two.g(a, n)\n",
        "two": "import one\ndef g(a, n):\n    return n and one.f(a, n - 1)\n",
    }
    program = analyzed(tmp_path, ["import one, two\nxs = []", "two.g(xs, 2)", "print(xs)"], **texts)
    assert changed(program, 1) == {"xs"}


def test_a_module_that_is_first_needed_in_a_recursion(tmp_path):
    functions = (
        "import hm\nxs, ys = [], []\ndef g(x, n):\n    f(x, n - 1)\ndef f(x, n):\n    if n:\n        g(x, n)\n    hm.h(n)\n    x.append(1)"
    )
    text = "def _d():\n    return 1\nX = _d()\ndef h(x):\n    return 1\n"
    program = analyzed(tmp_path, [functions, "f(xs, 3)", "g(ys, 1)", "print(ys)"], hm=text)
    assert changed(program, 2) == {"ys"}
    assert (2, 3, "ys") in edges(program)


STATEFUL = """
n, seen = 0, []
class C:
    def step(self):
        global n
        n += 1
    def look(self):
        return n
    def keep(self, a):
        seen.append(a)
def look():
    return n
"""


@pytest.mark.parametrize("look", ["print(g.look())", "print(c.look())"])
def test_what_a_method_changes_of_a_module_is_its_state(tmp_path, look):
    program = analyzed(tmp_path, ["import g\nc = g.C()", "c.step()", look], g=STATEFUL)
    assert (1, 2, "channel:library:g") in edges(program)


def test_a_method_that_only_looks_changes_nothing_of_a_module(tmp_path):
    program = analyzed(tmp_path, ["import g\nc = g.C()", "c.look()", "print(c.look())"], g=STATEFUL)
    assert not program.facts[1].effects


def test_what_a_method_lets_a_module_keep_is_a_channel(tmp_path):
    program = analyzed(tmp_path, ["import g\nc, xs = g.C(), []", "c.keep(xs)", "xs.append(1)"], g=STATEFUL)
    assert (1, 2) in {(fusion.first, fusion.second) for fusion in program.graph.fusions}


@pytest.mark.parametrize("path", ["tools.py", "tools/parts.py"])
@pytest.mark.parametrize(("reloads", "together"), [("%autoreload 2", {0, 2, 3, 4}), ("%autoreload 0", {0}), ("pass", {0})])
def test_what_is_written_again_is_loaded_again(tmp_path, path, reloads, together):
    module = path.removesuffix(".py").replace("/", ".")
    written = f"%%writefile {path}\ndef look(a): a.append(1)"
    cells = [f"%load_ext autoreload\n{reloads}", written, f"import {module} as tools\nxs = []", written, "tools.look(xs)"]
    program = analyzed(tmp_path, cells)
    ends = {cell for one in program.graph.fusions for cell in (one.first, one.second)} | {0}
    assert ends == together
