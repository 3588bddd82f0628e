"""Percent scripts are read as jupytext reads them."""

import json

import jupytext
import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbcompile import api
from nbcompile.frontend.percent import locate_percent_sources, read_percent
from nbcompile.model.notebook import CellKind


def read(text):
    outcome = read_percent(text.encode(), "script")
    assert not [found for found in outcome.diagnostics if found.rule.severity == "error"], outcome.diagnostics
    return outcome.value


def cells(text):
    return [(cell.kind.value, cell.source) for cell in read(text).cells]


def test_what_a_script_may_hold():
    notebook = read("""\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: science
# ---

import this

# %% [markdown]
# # Title
# text

# %% Load tags=["parameters", "x"] slideshow={"slide_type": "slide"}
n = 3
s = '''
# %% no marker
'''


def f():
    # %time g()
    pass


# %%
# %%time
# !ls *.py
# x = !ls
# plain comment

# %% language="bash" magic_args="-s x"
# echo $1

# %% [md]
\"\"\"
quoted
\"\"\"

#%%
last = 1
""")
    assert notebook.kernel == "science"
    assert [(cell.kind.value, cell.source) for cell in notebook.cells] == [
        ("code", "import this"),
        ("markdown", "# Title\ntext"),
        ("code", "n = 3\ns = '''\n# %% no marker\n'''\n\n\ndef f():\n    %time g()\n    pass"),
        ("code", "%%time\n!ls *.py\nx = !ls\n# plain comment"),
        ("code", "%%bash -s x\necho $1"),
        ("markdown", "quoted"),
        ("code", "last = 1"),
    ]
    assert notebook.cells[2].tags == ("parameters", "x")
    assert notebook.cells[2].metadata["slideshow"] == {"slide_type": "slide"}


def test_ids_come_from_the_content_alone():
    one, two = read("# %%\na = 1\n"), read("# %% [markdown]\n# text\n\n# %%\na = 1\n")
    assert one.cells[0].id == two.cells[1].id


def test_findings_stand_at_the_line_of_the_script(tmp_path):
    path = tmp_path / "s.py"
    path.write_text("# %%\na = 1\n\n# %%\n\nb = = 2\n", "utf-8")
    (found,) = api.analyze(path).diagnostics
    assert (found.rule.code, found.file_line, found.excerpt) == ("NB006", 6, "b = = 2")


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("import os\n", "NB003", None),
        ("# %% tags=[parameters]\nn = 1\n", "NB010", 1),
        ("# %%\n\n# %% {'a': 1\nn = 1\n", "NB010", 3),
        ("# ---\n# a: [\n# ---\n\n# %%\n", "NB010", None),
        ("# ---\n# jupyter:\n#   kernelspec: {language: R}\n# ---\n\n# %%\n", "NB005", None),
    ],
)
def test_what_cannot_be_read_is_an_error(text, code, line):
    (found,) = read_percent(text.encode(), "s").diagnostics
    assert found.rule.code == code
    assert line is None or found.place.span.line == line


sources = st.lists(
    st.sampled_from(
        [
            "x = 1",
            "%time f()",
            "!ls",
            "y = !ls -l",
            "z = %time 3",
            "# comment",
            "# %magic in a comment",
            "df?",
            "?df",
            "def f():",
            "    return 1",
            "    !inner",
            "s = '''",
            "'''",
            's = "# %%"',
            "",
            "cd data",
            "cat = 1",
            "!wc \\",
            "  -l file",
            "a  # trailing '''",
        ]
    ),
    max_size=6,
).map("\n".join)
metadata = st.fixed_dictionaries(
    {}, optional={"tags": st.lists(st.sampled_from(["parameters", "a b", 'q"uote']), max_size=2, unique=True), "name": st.just("n=1")}
)
prose = st.lists(st.sampled_from(["# Title", "text", "- item", "", "`code`"]), max_size=4).map("\n".join)
code_cells = st.tuples(st.just("code"), sources, metadata)
text_cells = st.tuples(st.sampled_from(["markdown", "raw"]), prose, metadata)
notebooks = st.lists(code_cells | code_cells | text_cells, max_size=5)


@given(notebooks)
@settings(max_examples=100, deadline=None)
def test_a_script_is_read_as_jupytext_reads_it(content):
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell, "raw": nbformat.v4.new_raw_cell}
    notebook = nbformat.v4.new_notebook(cells=[make[kind](source, metadata=data) for kind, source, data in content])
    text = jupytext.writes(notebook, fmt="py:percent")
    expected = [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in jupytext.reads(text, fmt="py:percent").cells]
    assert [(cell.kind.value, cell.source, list(cell.tags)) for cell in read(text).cells] == expected, text


@given(notebooks)
def test_every_line_is_found_in_the_script(content):
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell, "raw": nbformat.v4.new_raw_cell}
    notebook = nbformat.v4.new_notebook(cells=[make[kind](source) for kind, source, _ in content])
    text = jupytext.writes(notebook, fmt="py:percent")
    lines = text.splitlines()
    places = locate_percent_sources(text)
    for cell in read(text).cells:
        if cell.kind is CellKind.CODE and "'''" not in cell.source:
            for line, place in zip(cell.source.split("\n"), places[cell.position], strict=False):
                assert line.strip() in lines[place - 1]


def test_a_script_is_built_like_a_notebook(tmp_path):
    (tmp_path / "s.py").write_text('# %% tags=["parameters"]\nn = 1\n\n# %%\nprint(n)\n', "utf-8")
    built = api.build(tmp_path / "s.py")
    template = next(file.content for file in built.bundle.files if file.path.name == "s.template.ipynb")
    nbformat.validate(json.loads(template))
    assert built.bundle == api.build(tmp_path / "s.py").bundle
