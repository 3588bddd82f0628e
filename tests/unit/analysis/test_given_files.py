"""Files that are given with `-p`: looked for before anything runs."""

import pytest

from nbcompile import api
from nbcompile.model.errors import UsageError

HEAD = '# %% tags=["parameters"]\nfrom pathlib import Path\nimport os\ndata = Path("given.csv")\nname = "given.csv"\n\n# %%\n'
READS = {
    "a path": ("data", "print(data.read_text())"),
    "a text": ("name", "print(open(name).read())"),
    "in a later cell": ("name", "n = 1\n\n# %%\nwith open(name) as file:\n    print(file.read(), n)"),
}
DOES_WITHOUT = {
    "it looks first": ("name", "if os.path.exists(name):\n    print(open(name).read())"),
    "it catches the error": ("name", "try:\n    print(open(name).read())\nexcept OSError:\n    pass"),
    "it writes it": ("name", "open(name, 'w').write('x')"),
    "it is written before": ("name", "open(name, 'w').write('x')\n\n# %%\nprint(open(name).read())"),
    "nobody reads it": ("name", "print(name)"),
}


@pytest.fixture
def notebook(tmp_path):
    (tmp_path / "given.csv").write_text("a", "utf-8")

    def write(body):
        path = tmp_path / "n.py"
        path.write_text(HEAD + body + "\n", "utf-8")
        return path

    return write


@pytest.mark.parametrize(("name", "body"), READS.values(), ids=READS)
def test_a_file_that_is_given_and_not_there_is_told(notebook, name, body):
    path = notebook(body)
    program = api.analyze(path, {name: "other.csv"})
    (found,) = program.diagnostics
    assert (found.rule.code, program.ok) == ("NB443", False)
    assert found.message == f"`{name}` names `other.csv`, which is not beside the notebook"
    with pytest.raises(UsageError, match="NB443"):
        api.plan(program)
    assert api.analyze(path, {name: "given.csv"}).ok
    # What a plain run fails at as well is no matter of what is given.
    (path.parent / "given.csv").unlink()
    assert api.analyze(path).ok


@pytest.mark.parametrize(("name", "body"), DOES_WITHOUT.values(), ids=DOES_WITHOUT)
def test_a_cell_that_may_do_without_it_is_left_alone(notebook, name, body):
    assert api.analyze(notebook(body), {name: "other.csv"}).ok
