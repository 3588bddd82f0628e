"""Fingerprints are equal for equal content, wherever it was made, and differ when anything a notebook can see differs."""

import functools
import os
import pickle
import random
import subprocess
import sys
import warnings
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import h5py
import numpy as np
import pytest

from nbcompile.emitters.join import join_runtime
from nbcompile.runtime.fingerprint import final_print, fingerprint
from nbcompile.runtime.placeholders import Placeholder, TravelFailure

# Each line: two expressions that are different to a notebook.
DIFFERENT = """\
1 | True
1 | 1.0
1 | '1'
0.0 | -0.0
1.0 | 1.0000000000000002
[1, 2] | (1, 2)
[1, 2] | [2, 1]
[1, [2]] | [1, 2]
['a', 'b'] | ['a, b']
[1.0, 2.0] | [1.0, 2.0000000000000004]
10**5000 | 10**5000 + 1
{'a': 1, 'b': 2} | {'b': 2, 'a': 1}
{1, 2} | frozenset({1, 2})
{1, 2} | {1, 3}
[one, one] | [[1], [1]]
loop | [[...]]
np.arange(3) | np.arange(3.0)
np.arange(6) | np.arange(6).reshape(2, 3)
np.zeros(3) | np.zeros(3, 'f4')
np.array([0.0]) | np.array([-0.0])
np.array([1, 2], object) | np.array([1, '2'], object)
np.float64(1) | 1.0
np.arange(3) + 1j | np.arange(3) + 2j
[np.arange(4), np.arange(4)[:2]] | shared
np.random.default_rng(1) | np.random.default_rng(2)
np.ma.array([1, 2], mask=[0, 1]) | np.ma.array([1, 2], mask=[0, 0])
np.ma.array([1, 2], mask=[0, 1]) | np.ma.array([3, 2], mask=[0, 1])
pd.DataFrame({'a': [1]}) | pd.DataFrame({'b': [1]})
pd.DataFrame({'a': [1]}) | pd.DataFrame({'a': [1.0]})
pd.DataFrame({'a': [1]}) | pd.DataFrame({'a': [1]}, index=[5])
pd.Series([1], name='a') | pd.Series([1], name='b')
pd.Series(['a', 'b']) | pd.Series(['a', 'c'])
pd.Series(['a', 'b']) | pd.Series(['a', 'b'], dtype='category')
pd.Series(['a', 'b'], dtype='category') | pd.Series(['b', 'a'], dtype='category')
pd.Series([1, None], dtype='Int64') | pd.Series([1, 0], dtype='Int64')
pd.to_datetime(pd.Series(['2020'])) | pd.to_datetime(pd.Series(['2021']))
(lambda x: x + 1) | (lambda x: x + 2)
(lambda x=1: x) | (lambda x=2: x)
counter(1) | counter(2)
[half, half] | [half, sympy.Float('0.25')]
sympy.Function('f') | sympy.Function('g')
re.match('a', 'ab') | re.match('a', 'ac')
struct.Struct('i') | struct.Struct('h')
Point(1, 2) | Point(1, 3)
type('A', (), {'x': 1}) | type('A', (), {'x': 2})
len | max
[].append | [1].append
collections.deque([1], 2) | collections.deque([1], 3)
collections.defaultdict(int) | collections.defaultdict(list)
ValueError('a') | ValueError('b')
range(3) | range(4)
buffer('a') | buffer('b')
buffer('a') | io.StringIO('a')
""".splitlines()
SAME = """\
{3, 1, 2} | {2, 3, 1}
re.match('a', 'ab') | re.match('a', 'ab')
(1, 2) | (1,) + (2,)
np.arange(6)[::2] | np.array([0, 2, 4])
np.ma.array([1, 2], mask=[0, 1]) | np.ma.array([1, 3], mask=[0, 1])
np.asfortranarray(np.ones((2, 3))) | np.ones((2, 3))
pd.DataFrame({'a': [1, 2], 'b': [3, 4]}) | pd.DataFrame([[1, 3], [2, 4]], columns=['a', 'b'])
(lambda x: x + 1) | (lambda x: x + 1)
counter(3) | counter(3)
object() | object()
open('/dev/null') | open('/dev/null')
grouped | asked
words | pd.Series(['a'])
vectorized(0) | vectorized(1)
buffer('a') | looked_at
indexed | unpickled
at_end | unpickled_at_end
elements | others
tree | queried
[half, half] | [sympy.Float('0.5'), sympy.Float('0.5')]
""".splitlines()
NAMES = """\
import collections, io, itertools, pickle, re, struct, numpy as np, pandas as pd, sympy
from sklearn.neighbors import KDTree
one = [1]
loop = []; loop.append(loop)
base = np.arange(4); shared = [base, base[:2]]
Point = collections.namedtuple('Point', 'x y')
def counter(start):
    return lambda: start
def groups():
    return pd.DataFrame({'k': [1, 1], 'v': [1.5, 2]}).groupby('k')
def buffer(text):
    made = io.StringIO(); made.write(text)
    return made
looked_at = buffer('a'); vars(looked_at)
def vectorized(calls):
    made = np.vectorize(abs, otypes=[float])
    return made if not calls else (made([1, 2]), made)[1]
words = pd.Series(['a']); words.str; vars(words).setdefault('str', words.str)
grouped, asked = groups(), groups(); asked.sum()
at_end = itertools.chain([1]); list(at_end); unpickled_at_end = pickle.loads(pickle.dumps(at_end))
elements, others = iter({1, 2}), iter({1: 0, 2: 0})
half = sympy.Float('0.5')
tree = KDTree([[0.0], [1.0]]); queried = pickle.loads(pickle.dumps(tree)); queried.query([[0.0]])
table = pd.DataFrame({'a': [1, 2]}); indexed = [table, table['a']]; unpickled = pickle.loads(pickle.dumps(indexed))
"""
PROGRAM = """\
import runtime
class A:
    def __init__(self):
        self.x, self.y = {'a', 'b', 'c'}, {A: print, 'f': lambda: self.x}
print(runtime.fingerprint(A()))
"""


@pytest.fixture(scope="module")
def names():
    found = {"__name__": "__main__"}
    exec(NAMES, found)  # noqa: S102
    return found


@pytest.mark.parametrize("line", DIFFERENT)
def test_different(line, names):
    left, right = (fingerprint(eval(one, names)) for one in line.split(" | "))  # noqa: S307
    assert left.digest != right.digest


@pytest.mark.parametrize("line", SAME)
def test_same(line, names):
    left, right = (fingerprint(eval(one, names)) for one in line.split(" | "))  # noqa: S307
    assert left == right


def test_what_a_module_offers_as_a_function_has_no_state_of_its_own():
    methods = random.random, random.randint, np.random.rand
    before = [fingerprint(method) for method in methods]
    for method in methods:
        method(*([1, 6] if method is random.randint else []))
    assert [fingerprint(method) for method in methods] == before
    assert fingerprint(random.Random(1).random) != fingerprint(random.Random(2).random)  # noqa: S311


def test_a_value_that_went_through_pickle_is_the_same(names):
    expressions = [one for line in DIFFERENT if "lambda" not in line for one in line.split(" | ")]
    left_out = ("counter", "Point", "re.", "struct.", "type(", "shared", "[]")
    values = [eval(one, names) for one in expressions if not one.startswith(left_out)]  # noqa: S307
    for value in values:
        assert fingerprint(pickle.loads(pickle.dumps(value, 5))) == fingerprint(value), value  # noqa: S301


def test_a_class_whose_instance_was_pickled_is_the_same():
    made = type("A", (), {"__module__": "__main__"})
    before = fingerprint(made)
    made().__reduce_ex__(4)
    assert "__slotnames__" in vars(made)
    assert fingerprint(made) == before


def test_a_partial_that_was_asked_for_its_attributes_is_the_same():
    made = functools.partial(int, base=2)
    before = fingerprint(made)
    assert vars(made) == {}
    assert fingerprint(made) == before


def test_shape_leaves_numbers_out_and_sums_tell_how_far_apart_they_are(names):
    np = names["np"]
    left, near, far = (fingerprint({"x": [np.linspace(0, 1, 50) + shift], "y": "z"}) for shift in (0, 1e-12, 0.5))
    assert left.shape == near.shape == far.shape
    assert left.digest != near.digest
    assert abs(left.floats[2] - near.floats[2]) < 1e-9 < abs(left.floats[2] - far.floats[2])
    assert fingerprint([1.0, 2.0]).floats != fingerprint([2.0, 1.0]).floats


def test_what_cannot_be_looked_into_is_named():
    assert fingerprint([(one for one in ())]).opaque == ("generator",)
    assert fingerprint([1]).opaque == ()


def test_contours_that_cannot_say_their_text_are_looked_at():
    from matplotlib.figure import Figure

    def contours(scale):
        return Figure().subplots().contour([[0.0, 1.0], [1.0, 2.0 * scale]])

    assert fingerprint(contours(1)).digest == fingerprint(contours(1)).digest != fingerprint(contours(3)).digest


def test_a_module_whose_names_were_cleared():
    module = ModuleType("script")
    vars(module).clear()
    assert final_print([module]).digest != final_print([sys]).digest


def test_deep_values_need_no_stack():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert fingerprint(deep).digest


def test_a_set_whose_members_lead_back_to_it():
    class Node:
        def __init__(self, size):
            self.size, self.next = size, set()

    def ring(*sizes):
        nodes = [Node(size) for size in sizes]
        for one, other in zip(nodes, [*nodes[1:], nodes[0]], strict=True):
            one.next.add((other, 1))
        return {*nodes}

    assert fingerprint(ring(1, 2)) == fingerprint(ring(2, 1)) != fingerprint(ring(1, 3))


def test_two_processes_agree(tmp_path: Path):
    (tmp_path / "runtime.py").write_text(join_runtime(), "utf-8")
    (tmp_path / "program.py").write_text(PROGRAM, "utf-8")
    runs = [
        subprocess.run([sys.executable, "program.py"], cwd=tmp_path, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] != b""


class Circle:
    def __init__(self, radius):
        self.radius = radius

    @functools.cached_property
    def area(self):
        return 3 * self.radius**2


def test_what_a_hook_of_the_notebook_would_leave_out_counts():
    names: dict = {"__name__": "__main__"}
    exec("class G:\n    def __init__(self, n): self.n = n\n    def __getstate__(self): return {}", names)  # noqa: S102
    assert fingerprint(names["G"](1)).digest != fingerprint(names["G"](2)).digest


def test_what_a_cached_property_has_worked_out_is_no_content():
    looked_at = Circle(2)
    assert looked_at.area == 12
    assert fingerprint(looked_at).digest == fingerprint(Circle(2)).digest
    assert fingerprint(looked_at).digest != fingerprint(Circle(3)).digest


def test_what_a_library_keeps_for_the_process_counts_as_a_name_at_the_end(monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    kept = {"environ": os.environ, "settings": [matplotlib.rcParams], "filters": warnings.filters}
    before = {name: final_print(value) for name, value in kept.items()}
    monkeypatch.setenv("ANOTHER", "1")
    monkeypatch.setitem(matplotlib.rcParams, "lines.linewidth", 7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept["filters"] = warnings.filters
        assert {name: final_print(value) for name, value in kept.items()} == before
    assert before["environ"].opaque == ("os._Environ",)
    assert final_print(matplotlib.rcParams.copy()) != final_print(matplotlib.rcParamsDefault.copy())
    assert final_print(dict(os.environ)) != final_print({})


def test_whether_a_function_that_a_library_made_for_itself_was_called_is_no_content(monkeypatch):
    decorators = pytest.importorskip("IPython.utils.decorators")
    library = ModuleType("some_library")
    monkeypatch.setitem(sys.modules, library.__name__, library)
    library.show = decorators.flag_calls(lambda: None)
    mine = decorators.flag_calls(lambda: None)
    before = final_print(library.show), final_print(mine)
    library.show()
    mine()
    assert final_print(library.show) == before[0]
    assert final_print(mine) != before[1]


def test_the_builtins_of_a_namespace_are_no_content():
    namespace = {}
    exec("a = 1", namespace)  # noqa: S102
    assert final_print({**namespace, "__builtins__": {**namespace["__builtins__"]}}) == final_print(namespace)


def test_what_never_changes_counts_the_same_whichever_module_has_a_name_for_it(monkeypatch):
    half = Fraction(1, 2)
    first = final_print([half])
    library = ModuleType("fractions.some_library")
    monkeypatch.setitem(sys.modules, library.__name__, library)
    library.half = half
    assert final_print([half]) == first


def test_what_is_of_a_class_that_no_module_has_is_told_apart():
    kind = type("Undefined", (), {"__module__": None})
    one, other = kind(), kind()
    other.x = 1
    assert final_print(one) == final_print(kind())
    assert final_print(one).digest != final_print(other).digest


def test_equal_units_are_one_to_whoever_has_them(monkeypatch):
    library = ModuleType("astropy.units")
    monkeypatch.setitem(sys.modules, library.__name__, library)
    code = "class UnitBase:\n    def __init__(self, bases): self._bases = bases\n    def __hash__(self): return hash(str(self._bases))\n"
    exec(code + "    def __eq__(self, other): return self._bases == other._bases\n", vars(library))  # noqa: S102
    library.UnitBase.__module__ = "astropy.units.core"
    unit = library.UnitBase
    speed, other = unit(["m", "/ s"]), unit(["m"])
    speed_of_its_bases = unit(speed._bases)
    scaled = [unit([speed._bases]), unit([speed._bases])]
    assert final_print([speed, speed_of_its_bases, scaled]) == final_print([speed, unit(["m", "/ s"]), [unit([["m", "/ s"]])] * 2])
    assert final_print([speed, speed]) != final_print([speed, other])


def test_what_a_library_has_of_seeded_generators_counts(monkeypatch):
    library = ModuleType("numpy.some_library")
    monkeypatch.setitem(sys.modules, library.__name__, library)
    library.generator = np.random.RandomState(1)
    first = final_print(library.generator)
    library.generator.seed(2)
    assert final_print(library.generator).digest != first.digest


def test_where_the_generator_of_numpy_stands_is_no_matter_of_who_has_it():
    np.random.seed(1)
    first = final_print([np.random.mtrand._rand])
    np.random.seed(2)
    assert final_print([np.random.mtrand._rand]) == first


def test_equal_types_of_numbers_are_one_to_whoever_has_them():
    one, other = np.dtype("f8"), np.dtype("f8", copy=True)
    assert one is not other
    assert final_print([one, other]) == final_print([one, one])
    assert final_print([one, other]) != final_print([one, np.dtype("f4")])


def test_sets_whose_members_lead_to_all_others_are_walked_once():
    class Model:
        def __init__(self):
            self.owners = set()

    def models(count, last):
        found = [Model() for _ in range(count)]
        for one in found:
            one.owners.update((other, "x") for other in found)
        found[-1].last = last
        return found

    assert final_print(models(60, 1)) == final_print(models(60, 1))
    assert final_print(models(60, 1)) != final_print(models(60, 2))


def test_a_deep_tuple_in_a_set_needs_no_stack():
    def deep(last):
        found = (last,)
        for _ in range(2_000):
            found = (found,)
        return {found}

    assert fingerprint(deep(1)) == fingerprint(deep(1))
    assert fingerprint(deep(1)) != fingerprint(deep(2))


def test_which_parts_of_a_tuple_in_a_set_are_one_object_counts():
    class Model:
        pass

    one, other = Model(), Model()
    assert final_print({(one, one)}) != final_print({(one, other)})
    assert final_print({(one, other)}) == final_print({(other, one)})


def test_what_has_been_read_of_a_fits_file_is_no_content(monkeypatch):
    class Unit:
        def __init__(self, numbers):
            self._numbers, self._read, self.header = numbers, None, "SCALED"

        @property
        def data(self):
            self._read, self.header = self._numbers, "PLAIN"
            return self._read

    class File(list):
        pass

    for name, home in (("HDUList", "astropy.io.fits"), ("_BaseHDU", "astropy.io.fits.hdu.base")):
        module = ModuleType(home)
        setattr(module, name, {"HDUList": File, "_BaseHDU": Unit}[name])
        monkeypatch.setitem(sys.modules, home, module)
    read, unread, other = File([Unit([1, 2])]), File([Unit([1, 2])]), File([Unit([1, 3])])
    assert read[0].data
    assert fingerprint(read).digest == fingerprint(unread).digest != fingerprint(other).digest


def test_a_handle_of_hdf5_is_told_by_what_it_leads_to(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as made:
        made["one"], made["two"] = [1], [2]
    first, second = h5py.File(tmp_path / "data.h5"), h5py.File(tmp_path / "data.h5")
    assert fingerprint(first).digest == fingerprint(second).digest != fingerprint(made).digest
    assert fingerprint(first["one"]).digest == fingerprint(second["one"]).digest != fingerprint(second["two"]).digest


def test_a_placeholder_among_final_values_is_not_asked_for_anything():
    # Classes like this one have code in Python that asks for the class of what it is shown.
    assert type(Fraction) is not type
    left = Placeholder(TravelFailure("model@3", "Model", "an object", "it is too deep"))
    assert final_print([left]).opaque


def test_an_own_method_among_the_attributes_of_a_stream_says_nothing(tmp_path):
    with (tmp_path / "out.txt").open("w") as usual, (tmp_path / "out.txt").open("w") as told, (tmp_path / "out.txt").open("w") as other:
        told.write, other.write = told.write, usual.write
        assert fingerprint(usual).digest == fingerprint(told).digest != fingerprint(other).digest


def test_what_the_metaclass_of_traitlets_collects_is_no_content():
    class Meta(type):
        __module__ = "traitlets.traitlets"

    def made(kind, **names):
        return kind("Model", (), {"__module__": "__main__", "length": 3, **names})

    unused, used, other = made(Meta, _traits={"layout": "Layout"}), made(Meta, _traits={"layout": int}), made(Meta, length=4)
    assert fingerprint(unused).digest == fingerprint(used).digest != fingerprint(other).digest
    assert fingerprint(made(type, _traits=1)).digest != fingerprint(made(type, _traits=2)).digest


def test_what_the_interpreter_of_lmfit_has_of_parameters_is_no_content(monkeypatch):
    class Parameters(dict):
        symbols: ClassVar = {}

        def __reduce__(self):
            return type(self), (), {"unique_symbols": self.symbols, "params": sorted(self.items())}

    module = ModuleType("lmfit.parameter")
    module.Parameters = Parameters
    monkeypatch.setitem(sys.modules, "lmfit.parameter", module)
    made, read, other, defining = Parameters(amp=7), Parameters(amp=7), Parameters(amp=8), Parameters(amp=7)
    made.symbols, read.symbols, defining.symbols = {"amp": 7, "e": 2}, {"e": 2, "amp": 7.0}, {"amp": 7, "e": 2, "mine": 3}
    assert fingerprint(made).digest == fingerprint(read).digest
    assert fingerprint(made).digest not in (fingerprint(other).digest, fingerprint(defining).digest)


def test_handles_into_different_files_are_told_apart(tmp_path):
    for name, values in (("one.h5", [1]), ("two.h5", [1]), ("three.h5", [1, 2])):
        with h5py.File(tmp_path / name, "w") as made:
            made["x"] = values
    one, two, three = (h5py.File(tmp_path / name) for name in ("one.h5", "two.h5", "three.h5"))
    assert len({fingerprint(file).digest for file in (one, two, three)}) == 3
    assert len({fingerprint(file["x"]).digest for file in (one, two, three)}) == 3


def test_how_long_tests_took_is_no_content_at_the_end():
    quick, slow, other = (
        f"..\nRan {tests} in {seconds}s\n\nOK\n" for tests, seconds in (("2 tests", 0.0), ("2 tests", 0.001), ("3 tests", 0.0))
    )
    assert final_print([quick]).digest == final_print([slow]).digest != final_print([other]).digest
    assert fingerprint(quick).digest != fingerprint(slow).digest
