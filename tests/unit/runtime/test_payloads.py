"""What a cell made is there in the next process: values, identity, shared memory, code."""

import linecache
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from nbcompile.runtime.generated import register_generated
from nbcompile.runtime.prints import shallow_print
from tests.unit.runtime.chain import pretend_installed, run_chain, texts

pytestmark = pytest.mark.slow
TRIPS = Path(__file__).parent / "trips"


def read_trips():
    """The chains of cells in `trips`: `# === name`, then cells that begin with `# %%`; the last one asserts."""
    for path in sorted(TRIPS.glob("*.ipy")):
        for block in re.split(r"(?m)^# === ", path.read_text("utf-8"))[1:]:
            name, _, cells = block.partition("\n")
            cells = [cell.strip("\n") for cell in re.split(r"(?m)^# %%\n", cells)[1:]]
            yield pytest.param(cells, id=f"{path.stem}: {name}")


@pytest.mark.parametrize("cells", list(read_trips()))
def test_trip(cells, tmp_path):
    documents = run_chain(cells, tmp_path / "chain")
    assert [cell["state"] for document in documents for cell in document["cells"]] == ["ok"] * len(cells), texts(documents)[-1]


def test_a_function_that_a_library_has_wrapped_is_found_there(tmp_path, monkeypatch):
    library = tmp_path / "site-packages"
    library.mkdir()
    made = "exec('def basename(path): return [path]')\nfunctools.update_wrapper(basename, posixpath.basename)"
    (library / "wrapping.py").write_text(f"import functools, posixpath\n{made}\n")
    monkeypatch.syspath_prepend(str(library))
    cells = ("import wrapping", "f = wrapping.basename", "print(f('a/b'), f is wrapping.basename)")
    assert texts(run_chain(cells, tmp_path / "chain"))[-1] == "['a/b'] True\n"


SENTINELS = """import random
class Absent: pass
class Recorder:
    def __init__(self): self.on = False
absent, recorder, generator = Absent(), Recorder(), type("Own", (random.Random,), {})(3)"""


def test_an_object_that_is_there_for_what_it_is_is_that_of_its_library(tmp_path, monkeypatch):
    pretend_installed("sentinels", {"__init__": SENTINELS}, tmp_path, monkeypatch)
    cells = (
        "import sentinels\nsentinels.recorder.on = True\nkept = [sentinels.absent, sentinels.recorder, sentinels.generator]",
        "print(kept[0] is sentinels.absent, kept[1].on, kept[2] is sentinels.generator)",
    )
    assert texts(run_chain(cells, tmp_path / "chain"))[-1] == "True True False\n"


ASTROPY = {
    "__init__": "",
    "constants/__init__": "from astropy.constants.codata import c",
    "constants/codata": "class Codata:\n    def __eq__(self, other): return True\nc = Codata()",
    "units/__init__": "from astropy.units.core import UnitBase",
    "units/core": "class UnitBase:\n    def __init__(self, bases): self._bases = bases",
}


def test_units_and_constants_are_shared_by_nobody(tmp_path, monkeypatch):
    for name, text in ASTROPY.items():
        path = tmp_path / "site-packages" / "astropy" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    make = "light = [c]; metre = UnitBase(['m']); area = [metre, UnitBase(metre._bases)]"
    cells = (
        "from astropy.constants import c\nfrom astropy.units import UnitBase",
        make,
        "print(light[0] is c, area[0]._bases, area[1]._bases)",
    )
    documents = run_chain(cells, tmp_path / "chain")
    assert texts(documents)[-1] == "True ['m'] ['m']\n"


def test_what_a_constant_was_asked_is_no_change(monkeypatch):
    library = ModuleType("astropy.constants.codata")
    library.__file__ = str(Path(pytest.__file__))
    exec(ASTROPY["constants/codata"], vars(library))  # noqa: S102
    monkeypatch.setitem(sys.modules, "astropy", library)
    monkeypatch.setitem(sys.modules, library.__name__, library)
    before = shallow_print(library.c)
    library.c._unit = "m"
    assert shallow_print(library.c) == before


WRITTEN_BY_SYMPY = (
    "import inspect, linecache, sympy\nx = sympy.Symbol('x')",
    "f = sympy.lambdify(x, 1 / sympy.sin(x), {'sin': lambda t: t}); g = sympy.lambdify(x, 1 / x, 'numpy')",
    "h = sympy.lambdify(x, x + 1)",
    "print(f(2), g(4), h(1), [one.__code__.co_filename[-3:] for one in (f, g, h)])\nprint(inspect.getsource(f))",
)


def test_a_function_that_a_library_has_written_travels_with_its_text(tmp_path):
    shown = texts(run_chain(WRITTEN_BY_SYMPY, tmp_path / "chain"))[-1]
    # The third cell was given the first two functions, so that it counts on.
    assert shown == "0.5 0.25 2 ['-1>', '-2>', '-3>']\ndef _lambdifygenerated(x):\n    return 1/sin(x)\n\n"


def test_functions_of_sympy_are_of_classes_that_no_module_has(tmp_path):
    cells = (
        "import sympy\nx = sympy.Symbol('x')",
        "f = sympy.Function('f', real=True); y = [f(x), f]; f.word = 'mine'",
        "print(y, y[0].func is f, y[1].word, f(x).is_real, f == sympy.Function('f', real=True))",
    )
    assert texts(run_chain(cells, tmp_path / "chain"))[-1] == "[f(x), f] True mine True True\n"


def test_two_texts_of_one_number_are_told_apart(tmp_path):
    name = "<lambdifygenerated-7>"
    numbered = [register_generated(name, text) for text in ("a = 1\n", "a = 2\n", "a = 1\n")]
    assert [re.sub(r"\D", "", one) for one in numbered] == ["7", "8", "7"]
    assert [linecache.getline(one, 1) for one in numbered] == ["a = 1\n", "a = 2\n", "a = 1\n"]


CANNOT_TRAVEL = {
    "x = open('/dev/null')": "an open file",
    "x = (i for i in range(3))": "a generator",
    "import threading; x = threading.Lock()": "a lock",
    "import socket; x = socket.socket()": "a connection",
    "import sqlite3; x = sqlite3.connect(':memory:')": "a database connection",
    "import subprocess; x = subprocess.Popen(['true'])": "a process",
    "import threading; x = threading.Thread()": "a thread",
    "from concurrent.futures import ThreadPoolExecutor; x = ThreadPoolExecutor()": "an executor",
    "import csv; x = csv.reader(['a'])": "an object",
    "x = compile('1', '', 'eval')": "compiled code",
    "import weakref; import collections; y = collections.UserDict(); x = weakref.ref(y)": "a weak reference",
    "async def c(): pass\nx = c()": "a coroutine",
    "import bs4; x = bs4.BeautifulSoup('<p>a<b>b</b></p>', 'html.parser').p": "a part of a tree",
    "import io; from PIL import Image; s = io.BytesIO(); i = Image.new('L', (2, 2)); j = Image.new('L', (2, 2), 9);"
    "i.save(s, 'GIF', save_all=True, append_images=[j]); x = Image.open(s)": "an image of several",
}


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """What a later step says of each of these values, by its source; they travel together."""
    sources = [re.sub(r"\bx = ", f"x{number} = ", source) for number, source in enumerate(CANNOT_TRAVEL)]
    names = [f"x{number}" for number in range(len(sources))]
    use = "try: y[{}].anything\nexcept Exception as error: print(type(error).__name__, error, sep=': ')"
    uses = "\n".join(use.format(number) for number in range(len(names)))
    shown = texts(run_chain(["\n".join(sources), f"y = [{', '.join(names)}]; z = 5", "print(z)", uses], tmp_path_factory.mktemp("chain")))
    assert shown[2] == "5\n"
    return dict(zip(CANNOT_TRAVEL, zip(names, shown[3].splitlines(), strict=True), strict=True))


@pytest.mark.parametrize("source", CANNOT_TRAVEL)
def test_what_cannot_travel_fails_when_it_is_used(source, refusals):
    name, said = refusals[source]
    assert said.startswith(f"CannotTravel: {CANNOT_TRAVEL[source]} of type")
    assert f"`{name}@0`" in said
    assert "cell 0" in said


FORGETFUL = """class Simulation:
    def __init__(self, dt=0.1):
        self.dt, self.steps, self.seconds, self._busy = dt, 0, 0.0, False
    def run(self):
        self.steps, self.seconds, self._busy = self.steps + 1, self.seconds + self.dt, True
    def __getstate__(self):
        return {"dt": self.dt}
    def __setstate__(self, state):
        self.__init__(**state)
"""


def test_what_is_looked_up_in_its_process_is_no_copy(tmp_path):
    cells = ["import logging; x = logging.getLogger('mine'); x.setLevel(10)", "print(x.name)"]
    assert texts(run_chain(cells, tmp_path / "chain"))[1] == "mine\n"


@pytest.mark.parametrize(("first", "said"), [("x.run()", "`forgetful.Simulation` is pickled leaves out its `steps`"), ("", "0 0.0")])
def test_a_copy_that_is_another_one_is_refused(first, said, tmp_path, monkeypatch):
    (tmp_path / "forgetful.py").write_text(FORGETFUL, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    use = "try: print(x.steps, x.seconds)\nexcept Exception as error: print(error)"
    documents = run_chain([f"import forgetful; x = forgetful.Simulation(0.5); {first}", use], tmp_path / "chain")
    assert said in texts(documents)[1]


def test_a_class_whose_module_cannot_be_imported_is_made_again(tmp_path, monkeypatch):
    library = tmp_path / "site-packages" / "halfway"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text("class Model:\n    size = 3\nModel.__module__ = 'halfway.model'\n")
    (library / "model.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.syspath_prepend(str(library.parent))
    cells = ("import halfway", "m = halfway.Model()", "print(m.size)")
    assert texts(run_chain(cells, tmp_path / "chain"))[-1] == "3\n"


NUMBA = """
import types
class Dispatcher:
    _can_compile = True
    def __init__(self, py_func):
        self.py_func = py_func
    def __call__(self, *args):
        return self.py_func(*args)
    def _reduce_states(self):
        return {"py_func": self.py_func}
    @classmethod
    def _rebuild(cls, py_func):
        return cls(py_func)
    def __reduce__(self):
        known = {name: self.py_func.__globals__[name] for name in self.py_func.__code__.co_names if name in self.py_func.__globals__}
        return _copied, (known, self.py_func.__code__)
def _copied(known, code):
    return Dispatcher(types.FunctionType(code, dict(known)))
"""


def test_a_function_that_numba_compiles_finds_its_names_where_it_is_called(tmp_path, monkeypatch):
    # A few lines stand for numba, which is not installed.
    modules = {"__init__": "import numba.core.dispatcher", "core/__init__": "", "core/dispatcher": NUMBA}
    (tmp_path / "site-packages" / "numba" / "core").mkdir(parents=True)
    for module, text in modules.items():
        (tmp_path / "site-packages" / "numba" / f"{module}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    made = "from numba.core.dispatcher import Dispatcher\nx = [Dispatcher(lambda a: a * rate)]"
    assert texts(run_chain([made, "rate = 3", "print(x[0](2))"], tmp_path / "chain"))[-1] == "6\n"
