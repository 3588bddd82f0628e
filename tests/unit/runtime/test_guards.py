"""What cells do that nobody had foreseen is found, and what only looks like it is not."""

import decimal
import json
import sys
import types

import pytest

from nbcompile.runtime.library_state import library_state
from tests.unit.runtime.chain import bound_by, chain_documents, run_documents, texts, top_level

pytestmark = pytest.mark.slow

WATCHED = "x"


def breaks(cells, tmp_path, watches=(WATCHED,), changes=(), **fields):
    """The guards that the last of these cells breaks, when it is run on its own and declared to change only `changes`."""
    documents = chain_documents(cells)
    last = documents[-1]["cells"][0]
    own = {name for statement in top_level(cells[-1]) for name in bound_by(statement)}.difference(watches)
    last.update(watches=list(watches), changes=list(changes), defines=sorted(own), saves=[], **fields)
    found = run_documents(documents, tmp_path / "chain")[-1]
    assert "problem" not in found, found["problem"]
    return [(one["code"], one["cell"], one["name"]) for one in found["guards"]]


CHANGES = {
    "a list": ("x = [1, 2]", "x.append(3)"),
    "a nested dict": ("x = {'a': {'b': [1]}}", "x['a']['b'][0] = 2"),
    "a large array": ("import numpy as np; x = np.zeros(1 << 18)", "x[-1] = 1"),
    "a small array": ("import numpy as np; x = np.arange(4)", "x[0] = 1"),
    "a table": ("import pandas as pd; x = pd.DataFrame({'a': [1.5]})", "x['b'] = 1"),
    "a value in a table": ("import pandas as pd; x = pd.DataFrame({'a': [1.5]})", "x.loc[0, 'a'] = 2"),
    "an object": ("class C: pass\nx = C()", "x.a = 1"),
    "another object under the name": ("x = [1]", "x = [2]"),
    "a half-used iterator": ("x = iter([1, 2])", "next(x)"),
    "a function's attribute": ("def x(): pass", "x.calls = 1"),
    "a class's attribute": ("class x: a = 1", "x.a = 2"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen(name, tmp_path):
    assert breaks(CHANGES[name], tmp_path) == [("NB501", 1, "x")]


LOOKS = {
    "reading": ("x = {'a': [1, 2]}", "print(sum(x['a'])); sorted(x); [y for y in x.values()]"),
    "an array that is read": ("import numpy as np; x = np.zeros(1 << 18)", "x.sum(); x[::2] + 1; x.T"),
    "a cached property": (
        "import functools\nclass C:\n    @functools.cached_property\n    def a(self): return 1\nx = C()",
        "x.a",
    ),
    "columns that pandas puts together": (
        "import pandas as pd; x = pd.DataFrame({'a': [1.0, 2]}); x['b'] = 2.0; x['c'] = [1, 2]",
        "x.values.sum(); x[x.a > 1]; x._consolidate_inplace(); x.describe()",
    ),
    "what a decorator like that keeps": (
        """class lazy:
    def __init__(self, f): self.f = f
    def __get__(self, x, kind): return x.__dict__.setdefault('a', self.f(x))
class C:
    @lazy
    def a(self): return 1
x = C()""",
        "x.a",
    ),
    "whether a sparse matrix is in order": (
        "import scipy.sparse as sp\nx = sp.csr_matrix([[1.0, 0]])\nfor name in list(vars(x)):\n    if '_has_' in name: del vars(x)[name]",
        "x.has_canonical_format",
    ),
    "answers of a fitted model": (
        "import numpy as np, statsmodels.api as sm\nx = sm.OLS(np.arange(9.0), np.eye(9)[:, :2]).fit()",
        "x.rsquared, x.resid.sum(), x.pvalues",
    ),
    "what a fitted model counts and sums up": (
        "import numpy as np, statsmodels.api as sm\nx = [model(np.arange(9.0), np.eye(9)[:, :2]).fit() for model in (sm.OLS, sm.GLM)]",
        "x[0].nobs, x[0].bic, x[0].rsquared_adj, x[1].summary(), x[1].llf",
    ),
    "terms that were made once": (
        "import pandas as pd, statsmodels.tsa.deterministic as d\nx = d.DeterministicProcess(pd.RangeIndex(9), constant=True, order=1)",
        "x.in_sample(), x.out_of_sample(3)",
    ),
    "a buffer that is read": (
        "import io\nclass C:\n    text = property(lambda self: self.io.getvalue())\nx = C()\nx.io = io.StringIO('a')",
        "x.text",
    ),
    "a table of dates that is plotted": (
        "import pandas as pd; x = pd.DataFrame({'a': [1, 2]}, pd.date_range('2000', periods=2, freq='MS')).resample('ME').mean()",
        "x.index.unit, x.index.freq, x.index.month; x.plot()",
    ),
    "a masked array that is shown": ("import numpy as np; x = np.ma.masked_array([1, 2], [0, 1])", "repr(x)"),
    "neighbours that are counted": (
        "from sklearn.neighbors import KNeighborsClassifier\nx = KNeighborsClassifier(1, algorithm='kd_tree').fit([[0.0], [1.0]], [0, 1])",
        "x.predict([[0.4]])",
    ),
    "a partial whose attributes are looked for": ("import functools\nx = functools.partial(int, '2')", "vars(x)"),
    "axes that are asked for their title": ("import matplotlib.pyplot as plt\nx = plt.subplots()[1]", "x.get_title()"),
    "a registry of callbacks": ("import matplotlib.cbook as c; x = c.CallbackRegistry()", "pass"),
    "a change that is taken back": ("x = [1]", "x.append(2); x.pop()"),
    "a setter of a value that cannot be pickled": ("import threading; x = threading.Lock()", "pass"),
}


@pytest.mark.parametrize("name", LOOKS)
def test_looking_is_no_change(name, tmp_path):
    assert breaks(LOOKS[name], tmp_path) == []


def test_a_declared_change_is_none(tmp_path):
    assert breaks(CHANGES["a list"], tmp_path, watches=(), changes=("x",)) == []


NOT_SENT = {
    "it fails": "y",
    "the error is caught": "try:\n    y\nexcept NameError:\n    pass",
    "the error is caught in a function": "def f():\n    try:\n        return y\n    except Exception:\n        return 0\nf();",
    "a builtin is found": "sum([1]);",
}


@pytest.mark.parametrize("name", NOT_SENT)
def test_a_name_that_was_not_sent(name, tmp_path):
    cells = ["y = 1; sum = max", NOT_SENT[name]]
    found = breaks(cells, tmp_path, watches=(), needs=[])
    assert found == [("NB502", 1, "sum" if "builtin" in name else "y")]


@pytest.mark.parametrize("name", NOT_SENT)
def test_a_name_that_is_known_to_be_unbound_may_be_looked_up(name, tmp_path):
    assert breaks(["y = 1; sum = max", NOT_SENT[name]], tmp_path, watches=("y", "sum"), needs=[]) == []


def test_a_name_that_should_stay_unbound_is_bound(tmp_path):
    assert breaks(["pass", "vars()['y'] = 1"], tmp_path, watches=("y",)) == [("NB501", 1, "y")]


def test_a_name_that_a_function_of_another_step_looks_up_was_not_sent(tmp_path):
    documents = chain_documents(["fs = [lambda: sum([1])]", "sum = max", "fs[0]();"])
    documents[2]["sources"] = {"2": "fs[0]();"}
    documents[2]["cells"][0].update(watches=["x"], changes=[], defines=[], saves=[], needs=["fs@1"])
    found = run_documents(documents, tmp_path / "chain")[-1]
    assert [(one["code"], one["name"]) for one in found["guards"]] == [("NB502", "sum")]


@pytest.mark.parametrize(
    ("cell", "paths"), [("import a_module.part", ["a_module/", "a_module.py"]), ("open('a/file', 'w')", ["a/", "a/file"])]
)
def test_what_is_not_there_is_told(cell, paths, tmp_path):
    documents = chain_documents(["x = 1", cell])
    documents[1]["cells"][0].update(watches=["x"], changes=[], defines=[], saves=[], needs=[])
    found = run_documents(documents, tmp_path / "chain")[-1]
    assert [one["path"] for one in found["accesses"]] == paths


@pytest.mark.parametrize("mentioned", [False, True])
def test_builtins_are_watched_only_where_a_name_could_be_looked_up(mentioned, tmp_path):
    shows = "try:\n    print(type(__builtins__).__name__)\nexcept Exception:\n    pass" + ("  # sum" if mentioned else "")
    documents = chain_documents(["sum = max", shows])
    documents[1]["sources"] = {"1": shows}
    documents[1]["cells"][0].update(watches=["x"], changes=[], defines=[], saves=[], needs=[])
    assert texts(run_documents(documents, tmp_path / "chain"))[1] == ("WatchedBuiltins\n" if mentioned else "module\n")


def test_a_builtin_that_no_cell_binds_is_none(tmp_path):
    assert breaks(["y = 1", "len([1]); print(1); __import__('json')"], tmp_path, watches=(), needs=[]) == []


STATES = {
    "random": ("import random", "random.random()"),
    "numpy.random": ("import numpy as np", "np.random.rand()"),
    "os.environ": ("import os", "os.environ['NBC'] = '1'"),
    "cwd": ("import os", "os.mkdir('a'); os.chdir('a')"),
    "shell": ("x = 1", "get_ipython().ast_node_interactivity = 'all'"),
    "sys.path": ("import sys", "sys.path.append('lib')"),
    "matplotlib": ("import matplotlib as mpl", "mpl.rcParams['lines.linewidth'] = 7"),
}


@pytest.mark.parametrize("channel", STATES)
def test_state_that_is_set(channel, tmp_path):
    watched = [f"channel:{name}" for name in STATES]
    assert breaks(STATES[channel], tmp_path, watches=watched) == [("NB505", 1, channel)]


def test_generators_that_are_loaded_late(tmp_path):
    watched = ["channel:numpy.random"]
    assert breaks(["x = 1", "import numpy as np; np.random.seed(1)"], tmp_path, watches=watched) == [("NB505", 1, "numpy.random")]
    assert breaks(["import numpy as np", "np.random.default_rng(1)"], tmp_path / "other", watches=watched) == []


def test_files_that_later_cells_read(tmp_path):
    cells = ["x = 1", "open('out.csv', 'w').close(); open('other.csv', 'w').close()"]
    assert breaks(cells, tmp_path, watches=["file:out.csv"]) == [("NB503", 1, "out.csv")]
    assert breaks(cells, tmp_path / "declared", watches=[], changes=["file:out.csv"]) == []


def test_a_file_that_was_not_given_is_told(tmp_path):
    documents = chain_documents(["x = 1", "try:\n    open('there.csv')\nexcept OSError:\n    pass"])
    documents[1]["cells"][0]["watches"] = []
    found = run_documents(documents, tmp_path / "chain")[-1]
    assert [(one["cell"], one["path"]) for one in found["accesses"]] == [(1, "there.csv")]
    documents[1]["first_bound"]["file:there.csv"] = 0
    found = run_documents(documents, tmp_path / "known")[-1]
    assert [(one["code"], one["name"]) for one in found["guards"]] == [("NB503", "there.csv")]


def test_a_file_of_which_only_an_error_tells(tmp_path):
    documents = chain_documents(["x = 1", "raise FileNotFoundError('data/there.csv not found.')"], tags=[(), ("raises-exception",)])
    documents[1]["cells"][0]["watches"] = []
    found = run_documents(documents, tmp_path / "chain")[-1]
    assert (1, "data/there.csv") in [(one["cell"], one["path"]) for one in found["accesses"]]


@pytest.mark.parametrize(("repairs", "steps"), [(False, 3), (True, 2)])
def test_what_a_library_remembers_ends_a_step_only_where_it_is_repaired(repairs, steps, tmp_path, capfd):
    documents = chain_documents(["import cmd", "cmd.PROMPT = '> ';", "x = 1"])
    documents[1]["repairs"] = repairs
    documents[1]["cells"][0].update(watches=["channel:library:cmd"], changes=[], defines=[], saves=[])
    found = run_documents(documents, tmp_path / "chain")
    assert (len(found), [one["name"] for one in found[1]["guards"]]) == (steps, ["library:cmd"])
    assert "NB505: cell 1 changes `cmd.PROMPT`" in capfd.readouterr().err


@pytest.mark.parametrize(("closes", "found"), [("plt.close()", []), ("", [("NB505", 1, "library:matplotlib.figures")])])
def test_figures_that_stay_open(closes, found, tmp_path, monkeypatch):
    # Where another test has imported it, choosing a backend would be a change of its state.
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    opens = f"import matplotlib; matplotlib.use('Agg'); import matplotlib.pyplot as plt; plt.figure(3); {closes}"
    assert breaks(["x = 1", opens], tmp_path, watches=["channel:library:matplotlib.figures"], changes=["channel:matplotlib"]) == found


SETS = "import decimal; decimal.getcontext().prec = 4;"
DECIMAL = "channel:library:decimal"


@pytest.mark.parametrize(
    ("cell", "watches", "changes", "found"),
    [
        (SETS, [DECIMAL], [], [("NB505", 1, "library:decimal")]),
        (SETS, [DECIMAL], [DECIMAL], []),
        (SETS, [], [], []),
        ("import decimal; decimal.Decimal(1) / 3;", [DECIMAL], [], []),
    ],
)
def test_how_numbers_are_calculated_is_looked_at(cell, watches, changes, found, tmp_path):
    with decimal.localcontext():
        assert breaks(["x = 1", cell], tmp_path, watches=watches, changes=changes) == found


@pytest.mark.parametrize(
    ("says", "repairs", "found"),
    [
        ("NameError: name 'x' is not defined", True, ["x"]),
        ("NameError: name 'x' is not defined", False, []),
        ("name 'x' is not defined", True, []),
        ("NameError: name 'never_bound' is not defined", True, []),
    ],
)
def test_a_name_that_somebody_tells_of_was_not_given(says, repairs, found, tmp_path):
    documents = chain_documents(["x = 1", f"print({says!r})"])
    documents[1]["repairs"] = repairs
    documents[1]["cells"][0].update(watches=["y"], changes=[], needs=[])
    assert [one["name"] for one in run_documents(documents, tmp_path / "chain")[1]["guards"]] == found


COUNTED = "channel:library:pandas.lookups"
LOOKUPS = {
    "a label, and later somebody counts": ("x.loc['a']", [WATCHED, COUNTED], [("NB501", 1, WATCHED)]),
    "a label, and nobody counts": ("x.loc['a']", [WATCHED], []),
    "a place": ("x.iloc[0]", [WATCHED, COUNTED], []),
    "a column": ("x['n'];", [WATCHED, COUNTED], []),
    # The shell asks it for attributes, which may be labels.
    "a column that is shown": ("x['n']", [WATCHED, COUNTED], [("NB501", 1, WATCHED)]),
}


@pytest.mark.parametrize("name", LOOKUPS)
def test_labels_that_are_looked_up(name, tmp_path):
    cell, watches, found = LOOKUPS[name]
    table = "import pandas as pd; x = pd.DataFrame({'n': [1, 2]}, index=['a', 'b'])"
    assert breaks([table, cell], tmp_path, watches=watches) == found


def test_how_results_are_displayed(tmp_path):
    shows = "get_ipython().display_formatter.formatters['text/html'].for_type(int, str)"
    assert breaks(["x = 1", shows + ";"], tmp_path, watches=()) == [("NB505", 1, "library:display")]


def test_showing_what_ipython_knows_by_name_changes_no_display(tmp_path):
    assert breaks(["x = 1", "import collections\ncollections.OrderedDict(a=1)"], tmp_path, watches=()) == []


TOOLS = {
    "a magic": "from IPython.core.magic import register_line_magic\n@register_line_magic\ndef twice(line): return line * 2",
    "an alias of a magic": "%alias_magic t time",
    "what is called after a cell": "def after(): pass\nget_ipython().events.register('post_execute', after)",
}


@pytest.mark.parametrize("name", TOOLS)
def test_what_the_shell_is_given(name, tmp_path):
    assert breaks(["x = 1", TOOLS[name]], tmp_path, watches=()) == [("NB505", 1, "library:display")]


def test_two_payloads_that_share_an_object_which_is_changed_later(tmp_path):
    documents = chain_documents(["a = [1]; b = {'a': a}; c = [a]"])
    cell = documents[0]["cells"][0]
    cell["saves"] = [{"payload": name, "versions": [f"{name}@0"]} for name in "abc"]
    cell.update(changed_later=["b"], watches=[])
    found = run_documents(documents, tmp_path / "chain")[0]
    assert [(one["code"], one["name"]) for one in found["guards"]] == [("NB504", "a b"), ("NB504", "b c")]
    cell["changed_later"] = []
    assert run_documents(json.loads(json.dumps(documents)), tmp_path / "unchanged")[0]["guards"] == []


def test_what_is_known_to_be_shared_is_not_told(tmp_path):
    documents = chain_documents(["a = [1]; b = {'a': a}; c = [a]"])
    cell = documents[0]["cells"][0]
    cell["saves"] = [{"payload": name, "versions": [f"{name}@0"]} for name in "abc"]
    cell.update(changed_later=["b"], watches=[], together=[["a", "b"]])
    found = run_documents(documents, tmp_path / "chain")[0]
    assert [(one["code"], one["name"]) for one in found["guards"]] == [("NB504", "b c")]


def test_what_is_made_of_a_table_may_have_its_memory(tmp_path):
    documents = chain_documents(["import pandas as pd; df = pd.DataFrame({'a': [1.0] * 999}); x = df.values"])
    cell = documents[0]["cells"][0]
    cell["saves"] = [{"payload": name, "versions": [f"{name}@0"]} for name in ("df", "x")]
    cell.update(changed_later=["df"], watches=[], together=[["df", "x"]])
    for renewed, expected in (["df"], [("NB504", "df x")]), ([], []):
        cell["renewed"] = renewed
        found = run_documents(json.loads(json.dumps(documents)), tmp_path / str(len(renewed)))[0]
        assert [(one["code"], one["name"]) for one in found["guards"]] == expected


KEPT = {
    "a list in an object": ("class C: pass\nx = [1]", "y = C(); y.x = x"),
    "the memory of an array": ("import numpy as np\nx = np.zeros(1 << 14)", "y = {'a': x[::2]}"),
    "the memory of an array of a class of its own": ("import numpy as np\nx = np.rec.array([(1, 2.0)], names='a,b')", "y = [x.a]"),
    "the memory behind a mask": ("import numpy as np\nx = np.zeros(4)", "y = np.ma.array(x, copy=False)"),
    "a class": ("x = type('C', (), {})", "y = x()"),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_saved_shares_something_with_what_the_cell_was_given(name, tmp_path):
    fields = {"watches": ["x"], "defines": ["y"], "saves": [{"payload": "y", "versions": ["y@1"]}]}
    documents = chain_documents(KEPT[name])
    for changed_later, expected in (("x", [("NB504", "x y")]), ("z", [])):
        documents[-1]["cells"][0].update(changed_later=[changed_later], **fields)
        found = run_documents(json.loads(json.dumps(documents)), tmp_path / changed_later)[-1]
        assert [(one["code"], one["name"]) for one in found["guards"]] == expected


def test_what_a_library_has_for_all_tables_is_no_sharing(tmp_path):
    documents = chain_documents(
        ["import pandas as pd\na, b = pd.DataFrame({'x': [1]}), pd.DataFrame({'x': [2]})\nassert a._metadata is b._metadata"]
    )
    cell = documents[0]["cells"][0]
    cell["saves"] = [{"payload": name, "versions": [f"{name}@0"]} for name in "ab"]
    cell.update(changed_later=["b"], watches=[])
    assert run_documents(documents, tmp_path / "chain")[0]["guards"] == []


def test_what_a_symbol_was_made_with_is_no_sharing(tmp_path):
    documents = chain_documents(["import sympy; a = sympy.Symbol('a', real=True); b = [a]"])
    cell = documents[0]["cells"][0]
    cell["saves"] = [{"payload": name, "versions": [f"{name}@0"]} for name in "ab"]
    cell.update(changed_later=["b"], watches=[])
    assert run_documents(documents, tmp_path / "chain")[0]["guards"] == []


def test_what_sympy_has_for_all_functions_is_no_sharing(tmp_path):
    documents = chain_documents(["import sympy; a, b = sympy.symbols('a b', cls=sympy.Function)", "c = a(1).diff()"])
    first, second = (document["cells"][0] for document in documents)
    first["saves"] = [{"payload": name, "versions": [f"{name}@0"]} for name in "ab"]
    first.update(changed_later=["b"], watches=[])
    second["watches"] = ["a", "b"]
    assert [one["guards"] for one in run_documents(documents, tmp_path / "chain")] == [[], []]


def test_annotations_are_no_sharing(tmp_path):
    cell = """from typing import ClassVar, List, TypeVar
a, b = (type("C", (), {"__annotations__": [ClassVar[int], List[int], TypeVar("T"), ClassVar, list[int], int | str]}) for _ in "ab")
b.__annotations__ = [*a.__annotations__]
"""
    documents = chain_documents([cell])
    first = documents[0]["cells"][0]
    first["saves"] = [{"payload": name, "versions": [f"{name}@0"]} for name in "ab"]
    first.update(changed_later=["b"], watches=[])
    assert run_documents(documents, tmp_path / "chain")[0]["guards"] == []


def test_what_a_class_of_the_notebook_has_for_all_is_sharing(tmp_path):
    documents = chain_documents(["class C:\n    all = []\na, b = C(), C()\na.all = b.all = C.all"])
    cell = documents[0]["cells"][0]
    cell["saves"] = [{"payload": name, "versions": [f"{name}@0"]} for name in "ab"]
    cell.update(changed_later=["b"], watches=[])
    assert [(one["code"], one["name"]) for one in run_documents(documents, tmp_path / "chain")[0]["guards"]] == [("NB504", "a b")]


def test_an_instance_that_is_changed_later_changes_no_class(tmp_path):
    documents = chain_documents(["x = type('C', (), {})", "y = x()"])
    documents[-1]["cells"][0].update(watches=["x"], changed_later=["y"], saves=[{"payload": "y", "versions": ["y@1"]}])
    assert run_documents(documents, tmp_path / "chain")[-1]["guards"] == []


@pytest.mark.parametrize("use", ["next(x)", "try:\n    next(x)\nexcept Exception:\n    pass"])
def test_use_of_what_could_not_travel(use, tmp_path):
    documents = chain_documents(["x = (i for i in 'ab')", use])
    documents[1]["cells"][0]["watches"] = []
    found = run_documents(documents, tmp_path / "chain")[-1]
    assert [(one["code"], one["name"]) for one in found["guards"]] == [("NB506", "x@0")]


REMEMBERED = {
    "cmd.PROMPT = '> ';": "cmd",
    "cmd.Cmd.ruler = '-';": "cmd",
    "next(multiprocessing.process._process_counter);": "multiprocessing",
    "cmd.loaded = True; cmd.new = 1; cmd.Cmd.seen = [];": "",
}


@pytest.mark.parametrize("text", REMEMBERED)
def test_what_a_library_remembers(text, tmp_path):
    watches = ["channel:library:cmd", "channel:library:multiprocessing"]
    found = breaks(["import cmd, multiprocessing.process", text], tmp_path, watches=watches)
    assert found == [("NB505", 1, f"library:{name}") for name in [REMEMBERED[text]] if name]


def test_how_many_modules_a_library_has_counted_is_nothing_it_remembers(monkeypatch):
    library = types.ModuleType("holoviews.core.util.types")
    library._module_count, library.number = 700, 1
    monkeypatch.setitem(sys.modules, library.__name__, library)
    assert [name for _, name in library_state("holoviews", lambda name, value: None)] == ["its classes", "number"]


ADDED = """\
import os, sys
os.mkdir("site-packages")
open("site-packages/adder.py", "w").write("import json; json.added = [1]")
sys.path.append(os.path.abspath("site-packages"))
import adder
sys.path.pop(); json.added;
"""
PATCHED = {
    "a function": ("import json", "json.dumps = lambda value: ''", "json"),
    "a constant, in the cell that imports it": ("", "import cmd; cmd.PROMPT = '> '", "cmd"),
    "another attribute": ("import math", "math.pi2 = [6.28]", "math"),
    "a method of a class that is named": ("from fractions import Fraction", "Fraction.half = lambda self: self / 2", "fractions"),
    "a class of a value": ("import fractions; x = fractions.Fraction(1)", "type(x).half = 1", "fractions"),
    "a module in a library": ("import xml.dom as dom", "dom.EMPTY_PREFIX = 'x'", "xml"),
    "an attribute that is deleted": ("import cmd", "del cmd.IDENTCHARS", "cmd"),
    "a private one, by the notebook": ("import cmd", "cmd._own = lambda: 1", "cmd"),
    "nothing": ("import json, fractions", "json.dumps([1]); x = fractions.Fraction(1, 2)", ""),
    "a constant, to what it was": ("import math", "math.pi = float(repr(math.pi))", ""),
    "what was loaded later": ("import xml", "import xml.dom; xml.dom.EMPTY_NAMESPACE", ""),
    "what a library counts for itself": ("import cmd", "cmd._count = 1", ""),
    "what a library that is imported adds": ("import json", ADDED, ""),
    "what is set before a library is imported": ("import json", "json.added = [1]; import xml.sax", "json"),
    "what a library finds in itself when it is asked for": ("import cmd, string", "cmd.Late = type('Late', (), {'__module__': 'cmd'})", ""),
}


@pytest.mark.parametrize("name", PATCHED)
def test_what_is_set_in_a_library(name, tmp_path):
    *cells, library = PATCHED[name]
    watches = [f"channel:parts:{one}" for one in ("json", "cmd", "math", "fractions", "xml")]
    assert breaks(cells, tmp_path, watches=watches) == ([("NB505", 1, f"library:{library}")] if library else [])
