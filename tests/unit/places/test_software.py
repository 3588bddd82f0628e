"""What an interpreter says of its modules."""

import sys

import pytest

from nbcompile.backend import Fatal
from nbcompile.model.software import SoftwareQuestion
from nbcompile.places.software import look_here


def test_a_module_is_missing_when_nobody_finds_it_and_not_when_it_is_loaded_without_a_spec():
    found = look_here(sys.executable, SoftwareQuestion(modules=("json", "sys", "__main__", "no_such_module")))
    assert found.missing == ("no_such_module",)


def test_an_importer_that_is_broken_is_told_and_no_module_called_missing(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Broken:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'shaky':\n"
        "            raise RuntimeError('the index of the importer is damaged')\n"
        "sys.meta_path.insert(0, Broken())\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(Fatal, match="the index of the importer is damaged"):
        look_here(sys.executable, SoftwareQuestion(modules=("shaky",)))
