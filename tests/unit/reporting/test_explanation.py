from click.testing import CliRunner

from nbcompile import api
from nbcompile.cli import cli
from nbcompile.reporting.explanation import explain_cell
from tests.golden.notebooks import notebook_bytes

CELLS = """\
# %% data
xs = [1, 2]
# %% share
kept = {"xs": xs}
# %% change
xs.append(3)
# %% use
def total():
    return sum(xs)
# %% call
print(total())
"""


def explained(index, name="", cells=CELLS):
    program = api.analyze_bytes(notebook_bytes(cells), "notebook")
    return explain_cell(program.notebook, program.facts, program.graph, index, name)


def test_a_name_that_is_read_by_a_called_function():
    told = explained(4, "xs")
    assert "the changed `xs` from cell 2" in told
    assert "2:1  xs.append(3)" in told
    assert "4:1  print(total())   # read through `total`" in told


def test_only_the_name_asked_for():
    assert "total" not in explained(2, "xs")
    assert "`total` from cell 3" in explained(4)


def test_a_cell_that_shares_makes_a_version():
    assert "the shared `xs` for cell 2" in explained(1)


def test_what_is_not_known_and_what_settles_it():
    told = explained(0, cells="# %% a\nexec(open('x.py').read())\n")
    assert "not known:" in told
    assert "`exec` of a text that is not literal" in told


def test_what_frees_a_cell_that_is_not_understood():
    told = explained(1, cells="# %% a\nxs = [1]\n# %% b\nexec(open('x.py').read())\n# %% c\nprint(xs)\n")
    assert "settled by  # nbc: pure  in the cell" in told


def test_what_frees_a_cell_from_a_guess():
    told = explained(2, cells="# %% a\nimport mystery\nm = mystery.Model()\n# %% b\nm.tweak(1)\n# %% c\nprint(m)\n")
    assert "1:1  m.tweak(1)   # `.tweak()` may change it" in told
    assert "settled by  # nbc: pure  on that line" in told
    known = explained(2, cells="# %% a\nm = []\n# %% b\nm.append(1)\n# %% c\nprint(m)\n")
    assert "a guess" not in known


def test_what_shares_with_what_a_cell_changes_has_a_line():
    cells = "# %% a\nxs = []\nys = {'x': xs}\n# %% b\nys['y'] = 1\n# %% c\nys['x'].append(2)\n# %% d\nprint(xs)\n"
    told = explained(2, "xs", cells)
    assert "1:1  ys['y'] = 1" in told
    assert "and it may share objects with that" in told


def test_a_cell_that_is_not_understood_is_named_where_it_is_needed():
    told = explained(2, "xs", cells="# %% a\nxs = [1]\n# %% b\nexec(open('x.py').read())\n# %% c\nprint(xs)\n")
    assert "`exec` of a text that is not literal" in told
    assert "comes to share" not in told


def test_nothing():
    assert "nothing ties it to another cell through `q`" in explained(0, "q")


def test_a_code_and_a_cell_by_its_id(tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook_bytes(CELLS))
    assert "NB190 unknown-directive" in CliRunner().invoke(cli, ["explain", "NB190"]).output
    assert "from cell 3" in CliRunner().invoke(cli, ["explain", str(path), "call"]).output
