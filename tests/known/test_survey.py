"""What the surveys find in source, and the file that they are in."""

import ast
import textwrap

import pytest

from nbcompile.analysis.known import Known, Target, surveys
from tests.known.given import changed
from tests.known.source import belongs
from tests.known.survey import PLACE, Installed, Names, lines, listed, survey

CLASS = """
class Matrix:
    def __init__(self, rows, other=None):
        self.rows = rows
        self.other = other
"""


WEIGHTS = """
class W:
    @property
    def total(self):
        self._total = 1
        return 1
    @property
    def shape(self):
        self._shape = 1
        return 1
"""


def found(body):
    return survey([ast.parse(CLASS + textwrap.indent(body, "    "))])


def names_of(text):
    return survey([ast.parse(textwrap.dedent(text))])


KEPT = {
    "stores in its object": "@property\ndef x(self):\n    self._x = 1\n    return self._x",
    "stores in a container of its object": "@property\ndef x(self):\n    self._cache['x'] = 1\n    return 1",
    "adds to a container": "@property\ndef x(self):\n    self._cache.setdefault('x', 1)\n    return 1",
    "sets by name": "@property\ndef x(self):\n    setattr(self, '_x', 1)\n    return self._x",
    "calls a method that stores": "@property\ndef x(self):\n    return self._work()\ndef _work(self):\n    self._x = 1\n    return 1",
    "reads another one": "@property\ndef x(self):\n    return self.y\n@property\ndef y(self):\n    self._y = 1\n    return 1",
    "is kept by its decorator": "@functools.cached_property\ndef x(self):\n    return 1",
    "is made from a method": "def get_x(self):\n    self._x = 1\n    return 1\nx = property(get_x)",
    "changes what its object was given": "@property\ndef x(self):\n    self.other.rows = 1\n    return 1",
    "under another name": "@property\ndef x(self):\n    kept = self._cache\n    kept['x'] = 1\n    return 1",
    "in a loop": "@property\ndef x(self):\n    for one in self._parts:\n        one.seen = True\n    return 1",
}


@pytest.mark.parametrize("body", KEPT.values(), ids=KEPT)
def test_an_attribute_is_kept_that(body):
    assert "x" in found(body).attributes


LOOKS = {
    "only computes": "@property\ndef x(self):\n    rows = self.rows\n    return sum(rows)",
    "stores elsewhere": "@property\ndef x(self):\n    made = Matrix(self.rows)\n    made.rows = 1\n    return made",
    "is set by others": "@property\ndef x(self):\n    return 1\n@x.setter\ndef x(self, value):\n    self._x = value",
    "changes a copy": "@property\ndef x(self):\n    return self._scaled(self.rows)\ndef _scaled(self, rows):\n    rows = rows.copy()\n"
    "    rows[0] = 1\n    return rows",
}


@pytest.mark.parametrize("body", LOOKS.values(), ids=LOOKS)
def test_an_attribute_only_looks_that(body):
    assert "x" not in found(body).attributes


def test_a_method_that_stores_changes_its_object():
    assert found("def fit(self):\n    self.done = True\ndef sum(self):\n    return 1").methods == {"fit"}


def test_a_base_stores_for_its_descendants():
    text = """
    class A:
        def _work(self):
            self._x = 1
    class B(A):
        @property
        def x(self):
            return self._work()
    """
    assert "x" in names_of(text).attributes


def test_a_descendant_stores_for_its_base():
    text = """
    class A:
        @property
        def x(self):
            return self._work()
    class B(A):
        def _work(self):
            self._x = 1
    """
    assert "x" in names_of(text).attributes


def test_a_descriptor_of_the_library_keeps():
    text = """
    class once:
        def __get__(self, one, owner):
            one.__dict__["x"] = 1
            return 1
    class A:
        @once
        def x(self):
            return 1
    """
    assert "x" in names_of(text).attributes


def test_a_decorator_of_the_library_keeps():
    text = """
    def once(f):
        @property
        def get(self):
            self._kept = f(self)
            return self._kept
        return get
    class A:
        @once
        def x(self):
            return 1
    """
    assert "x" in names_of(text).attributes


def test_what_a_function_works_out_of_a_part_is_kept():
    text = """
def mean(w, n):
    return half(w) / n
def half(v):
    return v.total / 2
class M:
    def __init__(self, w):
        self.w = w
    @property
    def average(self):
        return mean(self.w, 2)
"""
    assert "average" in names_of(WEIGHTS + text).attributes


def test_names_of_data_say_nothing_of_a_part():
    text = "class M:\n    @property\n    def size(self):\n        return self.rows.shape\n"
    assert "size" not in names_of(WEIGHTS + text).attributes


def test_names_of_the_libraries_below_count():
    text = "class M:\n    @property\n    def average(self):\n        return self.w.total / 2\n"
    assert survey([ast.parse(text)], Names(frozenset(("total",)), frozenset())).attributes == {"average"}
    assert survey([ast.parse(text)]).attributes == set()


HIGH = "import low, other\nclass M:\n    @property\n    def average(self):\n        return self.w.total\n"


def test_a_line_has_what_notebooks_may_read():
    made = list(lines({"low": Installed("1.0", [WEIGHTS]), "high": Installed("2.0", [HIGH]), "other": Installed("3", ["x = 1"])}))
    assert made == ["high\t2.0\tlow\taverage\t", "low\t1.0\t\ttotal\t", "other\t3\t\t\t"]


def test_a_line_has_functions_with_what_they_change():
    text = "def mate(one, two, *, log):\n    one[0] = two.pop()\n    log.append(1)\ndef double(x):\n    return 2 * x\n"
    assert list(lines({"low": Installed("1", [text])})) == ["low\t1\t\t\tmate:log,0/one,1/two"]


def test_what_is_not_python_here_is_left_out():
    assert list(lines({"low": Installed("1", ["def f(:\n", WEIGHTS])})) == ["low\t1\t\ttotal\t"]


@pytest.mark.parametrize(
    ("path", "is_part"), [("core/w.py", True), ("tests/test_w.py", False), ("conftest.py", False), ("_vendor/six.py", False)]
)
def test_tests_are_no_part_of_a_library(path, is_part):
    assert belongs(tuple(path.split("/"))) is is_part


# -- functions -------------------------------------------------------------------------------------------------------

CHANGED = {
    "sets an item": "def f(x):\n    x[0] = 1",
    "deletes an item": "def f(x):\n    del x[0]",
    "adds to an item": "def f(x):\n    x[0] += 1",
    "sets an attribute": "def f(x):\n    x.done = True",
    "appends": "def f(x):\n    if x[0] != x[-1]:\n        x.append(x[0])\n    return x",
    "takes something out": "def f(x):\n    return x.pop('a', 1)",
    "hands it on": "def f(x):\n    return g(1, x)\ndef g(a, b):\n    b[0] = a",
    "hands it on by keyword": "def f(x):\n    return g(a=x)\ndef g(*, a):\n    a[0] = 1",
    "hands it on twice": "def f(x):\n    return _g(x)\ndef _g(y):\n    return _h(y)\ndef _h(z):\n    z[0] = 1",
    "hands it to a function of a module": "def f(x):\n    return other.g(x)\ndef g(x):\n    x[0] = 1",
    "is a class": "class f:\n    def __init__(self, x):\n        x.owner = self",
    "changes it whichever of that name it is": "def f(x):\n    x[0] = 1\ndef f(x, y):\n    x[0] = y[0] = 1",
}


@pytest.mark.parametrize("text", CHANGED.values(), ids=CHANGED)
def test_a_function_changes_what_it_is_given_that(text):
    assert [str(one) for one in changed([ast.parse(text)])["f"]] == ["0/x"]


LEFT_ALONE = {
    "only reads": "def f(x):\n    return x[0] + x.a",
    "binds it anew": "def f(x):\n    x = list(x)\n    x[0] = 1",
    "wants what an index gives": "def f(x):\n    return x.append(1)",
    "changes something of its own": "def f(x):\n    y = list(x)\n    y[0] = 1",
    "defines a function that does": "def f(x):\n    def g(x):\n        x[0] = 1",
    "hands it to a method of something": "def f(x):\n    return x.a.g(x)\ndef g(x):\n    x[0] = 1",
    "hands it to one of several functions": "def f(x):\n    return g(x)\ndef g(x):\n    x[0] = 1\ndef g(x):\n    return x",
    "hands it to where nothing is changed": "def f(x):\n    return g(x, 1)\ndef g(a, b):\n    b[0] = a",
    "has a namesake that does not": "def f(x):\n    x[0] = 1\ndef f(x):\n    return x",
    "is private": "def _f(x):\n    x[0] = 1",
}


@pytest.mark.parametrize("text", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_a_function_leaves_alone_what_it_is_given_that(text):
    found = changed([ast.parse(text)])
    assert "f" not in found
    assert "_f" not in found


# -- the file --------------------------------------------------------------------------------------------------------

ROWS = [line.split("\t") for line in PLACE.read_text("utf-8").splitlines() if not line.startswith("#")]


def test_the_file_is_small():
    assert PLACE.stat().st_size < 300_000


def test_the_file_has_each_listed_library_once_and_in_order():
    libraries = [row[0] for row in ROWS]
    assert libraries == sorted({name for names in listed().values() for name in names})


def test_words_stand_in_order_and_once():
    for library, _, builds_on, words, _ in ROWS:
        assert words.split() == sorted(set(words.split())), library
        assert builds_on.split() == sorted(set(builds_on.split())), library


def test_no_described_library_was_surveyed():
    assert [row[0] for row in ROWS if Known().covers(row[0])] == []


def test_a_library_has_what_those_below_it_have():
    assert "pct_nonzero" in surveys.kept_attributes("libpysal")
    assert {"mfpt", "pct_nonzero"} <= surveys.kept_attributes("giddy")
    assert surveys.kept_attributes("nobody") == set()


def test_functions_are_found_by_their_names_in_whichever_module():
    for path in ("pointpats.to_ccf", "pointpats.window.to_ccf"):
        assert surveys.changed_arguments(path) == (Target(0, "poly"),)
    assert surveys.changed_arguments("pointpats.poly_from_bbox") == ()
    assert surveys.changed_arguments("nobody.to_ccf") == ()
