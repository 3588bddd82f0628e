"""What is loaded when: a pre-commit hook must not pay for a workflow library."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import nbcompile

HEAVY = {"nbformat", "cwl_utils", "ruamel", "rich", "jsonschema", "IPython", "numpy"}
NOTEBOOK = Path(__file__).parents[2] / "fixtures" / "notebooks" / "model_comparison.ipynb"


def loaded_after(statements):
    code = f"import sys\n{statements}\nimport json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def command(*words):
    return f"from nbcompile.cli import cli\ncli({[*map(str, words)]!r}, standalone_mode=False)"


@pytest.mark.parametrize(
    "statements",
    [
        "import nbcompile",
        "from nbcompile.cli import cli",
        command("check", NOTEBOOK),
        *(command("inspect", NOTEBOOK, "--stage", stage) for stage in ("notebook", "facts", "graph", "plan")),
    ],
    ids=["import", "cli", "check", "notebook", "facts", "graph", "plan"],
)
def test_nothing_heavy_is_loaded(statements):
    assert not loaded_after(statements) & HEAVY


def test_a_run_of_this_machine_loads_nothing_that_reaches_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.py").write_text("# %%\na = 1\n", "utf-8")
    loaded = loaded_after("import nbcompile\nnbcompile.run('one.py')")
    assert "nbcompile.engines.local.run" in loaded
    assert not {name for name in loaded if name.startswith(("nbcompile.backend", "nbcompile_backends", "nbcompile.engines.streamflow"))}


def test_importing_loads_none_of_our_own_modules():
    assert {name for name in loaded_after("import nbcompile") if name.startswith("nbcompile.")} == set()


def test_every_public_name_is_there():
    assert all(getattr(nbcompile, name) for name in nbcompile.__all__)
    assert set(nbcompile.__all__) <= set(dir(nbcompile))
