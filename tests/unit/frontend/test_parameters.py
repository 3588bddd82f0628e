"""What a notebook takes is read from its tagged cell, and what it is given comes in a cell of its own, as with papermill."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from nbcompile import api
from nbcompile.cli import cli
from nbcompile.frontend.parameters import read_parameters
from nbcompile.frontend.percent import read_percent
from nbcompile.model.errors import UsageError
from nbcompile.model.parameters import Kind, Parameter, ParameterType, Word

NBCOMPILE = Path(sys.executable).parent / "nbcompile"
SCRIPT = """\
# %% [markdown]
# # Report

# %% tags=["parameters"]
from pathlib import Path
n = 3  # how many
rate: float = 1e-3
name = "bob"
flag = False
sites = ["a", "b"]
start: "int | None" = None
data = Path("data/x.csv")
twice = n * 2

# %%
print(n, rate, name, flag, sites, start, data, twice, unbound)
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "report.py"
    path.write_text(SCRIPT, "utf-8")
    return path


def known(source):
    text = '# %% tags=["parameters"]\n' + source
    return [(one.name, str(one.type), one.default) for one in read_parameters(read_percent(text.encode(), "n").value).known]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("n = 3", ("n", "int", 3)),
        ("n = -3", ("n", "int", -3)),
        ("n = 60 * 60", ("n", "int", 3600)),
        ("n = 2**10", ("n", "int", 1024)),
        ("x = 1 / 4", ("x", "float", 0.25)),
        ("x: float = 3", ("x", "float", 3)),
        ("x = 3  # type: float  how fast", ("x", "float", 3)),
        ("x: 'list[int]' = []", ("x", "int[]", [])),
        ("x = [1, 2.5]", ("x", "float[]", [1, 2.5])),
        ("x = ('a', 'b')", ("x", "string[]", ["a", "b"])),
        ("x = []", ("x", "any[]", [])),
        ("x = [1, 'a']", ("x", "any[]", [1, "a"])),
        ("x = {'a': [1]}", ("x", "any", {"a": [1]})),
        ("x = None", ("x", "any", None)),
        ("x: Optional[int] = None", ("x", "int?", None)),
        ("x: int = None", ("x", "int?", None)),
        ("x: int | None = 4", ("x", "int?", 4)),
        ("x = pathlib.Path('a') ", ("x", "path", "a")),
        ("x = Path('a/', 'b')", ("x", "path", "a/b")),
        ("x: int = 'three'", ("x", "string", "three")),
        ("x: Thing = 3", ("x", "int", 3)),
        ("x = f()", ("x", "any", None)),
        ("x: int = f()", ("x", "int", None)),
        ("x = 10**10**10", ("x", "any", None)),
        ("x = 1e999", ("x", "any", None)),
        ("x = 1 / 0", ("x", "any", None)),
        ("x = True", ("x", "boolean", True)),
    ],
)
def test_types_and_defaults(source, expected):
    assert known(source) == [expected]


def test_only_plain_names_are_parameters_and_the_last_one_counts():
    assert known("a = b = 1\nc, d = 1, 2\ne.f = 3\na = 'x'\nimport g\nn = 1\nn += 1\nif a:\n    h = 1") == [
        ("a", "string", "x"),
        ("b", "int", 1),
        ("n", "any", None),
    ]


def test_comments_are_the_documentation():
    (parameter,) = read_parameters(read_percent(b'# %% tags=["parameters"]\nn = 3  # how many\n', "n").value).known
    assert parameter == Parameter(name="n", type=ParameterType(Kind.INTEGER), default=3, doc="how many", span=parameter.span)


def executed(script, *flags):
    done = subprocess.run(
        [NBCOMPILE, "run", script, "-q", *flags, "-o", script.parent / "out"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    notebook = nbformat.read(script.parent / "out" / "report.executed.ipynb", as_version=4)
    nbformat.validate(notebook)
    return notebook.cells


def test_given_values_stand_in_a_cell_of_their_own(script, tmp_path):
    (tmp_path / "values.yml").write_text("n: 1\nrate: 2\nstart: 1\n", "utf-8")
    flags = ["-p", "n", "7", "-p", "name", "5", "-r", "unbound", "True", "-y", "{sites: [c], start: null, flag: yes}"]
    cells = executed(script, *flags, "-f", tmp_path / "values.yml")
    assert [cell.metadata.get("tags") for cell in cells] == [None, ["parameters"], ["injected-parameters"], None]
    assert cells[2].source == '# Parameters\nn = 7\nrate = 2\nstart = None\nsites = ["c"]\nflag = True\nname = "5"\nunbound = "True"\n'
    assert [cell.execution_count for cell in cells[1:]] == [1, 2, 3]
    assert cells[3].outputs[0].text == "7 2 5 True ['c'] None data/x.csv 6 True\n"


def test_what_an_earlier_run_was_given_is_dropped(script):
    executed(script, "-p", "n", "7", "-p", "unbound", "1")
    earlier = script.parent / "out" / "report.executed.ipynb"
    program = api.analyze(earlier)
    assert [cell.tags for cell in program.notebook.code_cells] == [("parameters",), ()]
    again = api.analyze(earlier, {"n": 8})
    assert [cell.source for cell in again.notebook.code_cells if "injected-parameters" in cell.tags] == ["# Parameters\nn = 8\n"]


def test_a_finding_after_a_dropped_cell_stands_at_its_line(script):
    executed(script, "-p", "n", "7", "-p", "unbound", "1")
    earlier = script.parent / "out" / "report.executed.ipynb"
    earlier.write_text(earlier.read_text("utf-8").replace("print(n,", "print(n,,"), "utf-8")
    (found,) = [one for one in api.analyze(earlier).diagnostics if one.rule.code == "NB006"]
    assert "print(n,," in earlier.read_text("utf-8").splitlines()[found.file_line - 1]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-p", "m", "7"], "NB440 the notebook takes no parameter `m`"),
        (["-p", "rat", "7"], "did you mean `rate`?"),
        (["-p", "n", "7.5"], "NB441 `n` takes a whole number, not 7.5"),
        (["-p", "n", "None"], "NB441 `n` takes a whole number, not null"),
        (["-p", "flag", "true"], "give `True` or `False`"),
        (["-p", "flag", "1"], "`flag` takes true or false"),
        (["-p", "sites", "a"], "`sites` takes a list of texts"),
        (["-y", "{sites: [1]}"], "`sites` takes a list of texts"),
        (["-p", "start", "now"], "`start` takes a whole number or nothing"),
        (["-y", "[1]"], "-y is no mapping"),
        (["-y", "{a: "], "-y: "),
        (["-f", "/nonexistent.yml"], "cannot read /nonexistent.yml"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_runs(script, flags, message):
    for command in ("run", "build"):
        error = CliRunner().invoke(cli, [command, str(script), "-o", str(script.parent / "out"), *flags]).exception
        # `build` says what is wrong itself, because it takes many notebooks.
        if isinstance(error, UsageError):
            assert message in f"{error.message}\n{error.advice}"
        else:
            assert error.code == 2
    assert not (script.parent / "out").exists()


def test_a_notebook_without_a_tagged_cell_takes_what_its_cells_read(tmp_path):
    path = tmp_path / "n.py"
    path.write_text("# %%\nprint(a)\n", "utf-8")
    program = api.analyze(path, {"a": 1})
    assert [found.rule.code for found in program.diagnostics] == ["NB442"]
    assert [cell.source for cell in program.notebook.code_cells] == ["# Parameters\na = 1\n", "print(a)"]
    assert program.graph.parameters == ()
    with pytest.raises(UsageError):
        api.plan(api.analyze(path, {"b": 1}))


@pytest.mark.parametrize(
    ("text", "value"), [("True", True), ("None", None), ("7", 7), ("-1", -1), ("1e3", 1000.0), ("true", "true"), ("", ""), ("1_0", 10)]
)
def test_words_are_read_as_papermill_reads_them(text, value):
    assert (Word(text).value, type(Word(text).value)) == (value, type(value))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(values.filter(lambda value: value is not None))
def test_a_value_is_bound_as_it_was_given(value):
    program = api.analyze_notebook(read_percent(b'# %% tags=["parameters"]\nx = None\n', "n"), {"x": value})
    source = program.notebook.code_cells[1].source
    namespace = {}
    exec(compile(source, "cell", "exec"), namespace)  # noqa: S102 - it is what a run does
    assert namespace["x"] == value


def test_dates_stay_text_and_yes_is_true(script):
    done = subprocess.run([NBCOMPILE, "build", script, "-y", "{name: 2020-01-01, flag: yes}", "-o", script.parent / "out"], check=True)
    assert done.returncode == 0
    template = json.loads(next((script.parent / "out").rglob("*.template.ipynb")).read_text("utf-8"))
    assert template["cells"][2]["source"] == '# Parameters\nname = "2020-01-01"\nflag = True\n'
