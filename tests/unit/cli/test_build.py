"""`build --check` says what is wrong with a bundle, and the command that mends it."""

import shlex
import sys

import nbformat
import pytest

from nbcompile.cli import main

OPTIONS = ("-o", "my bundles", "--target", "streamflow", "--granularity", "cell", "-p", "n", "2", "-p", "m", "-3", "-y", "{k: 1}")


@pytest.fixture
def build(tmp_path, monkeypatch, capsys):
    """Run a command; its exit code and what it said."""
    cells = [nbformat.v4.new_code_cell("n = m = k = 1", metadata={"tags": ["parameters"]}), nbformat.v4.new_code_cell("print(n + m + k)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "n.ipynb")
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["nbcompile", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(("options", "directory"), [((), "build/n"), (OPTIONS, "my bundles/n")])
def test_the_advice_has_the_options_that_were_given(build, options, directory):
    code, said = build("build", "--check", ".", *options)
    assert (code, f"n.ipynb: {directory} is missing; run `" in said) == (1, True), said
    assert build(*shlex.split(said.split("`")[1])[1:])[0] == 0
    assert build("build", "--check", "n.ipynb", *options) == (0, "")


def test_a_bundle_of_something_else_is_stale(build):
    build("build", "n.ipynb")
    code, said = build("build", "n.ipynb", "--check", "--granularity", "cell")
    assert (code, "n.ipynb: build/n is stale; run `nbcompile build n.ipynb --granularity cell`" in said) == (1, True), said
