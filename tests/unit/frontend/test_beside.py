"""What a notebook's cells mention of what lies beside it: files, modules, and what these name in turn."""

import json

import pytest

from nbcompile import api
from nbcompile.emitters.lockfile import lock_document
from nbcompile.model.settings import Settings


@pytest.fixture
def mentioned(tmp_path):
    """The files and directories that a notebook of these cells, at `place`, mentions among those that are there."""

    def look(files, *cells, place="nb.ipynb"):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text, "utf-8")
        code = [{"cell_type": "code", "id": f"c{n}", "metadata": {}, "source": cell, "outputs": []} for n, cell in enumerate(cells)]
        notebook = tmp_path / place
        notebook.parent.mkdir(exist_ok=True)
        notebook.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": code}))
        return api.analyze(notebook).beside

    return look


def paths(beside, cell=0):
    return {path for index, path in beside.mentions if index == cell}


def test_the_top_of_the_file_system_is_no_project(tmp_path, monkeypatch):
    # A cell of a notebook near the top names it, and `sys` lies below it.
    monkeypatch.setattr("os.path.realpath", lambda path, **_: "/" if str(path).endswith("..") else str(path))
    (tmp_path / "sys").mkdir()
    (tmp_path / "sys" / "device").write_text("")
    (tmp_path / "work").mkdir()
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "import sys\nsys.path.append('..')", "outputs": []}
    notebook = tmp_path / "work" / "nb.ipynb"
    notebook.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}))
    assert not any("sys" in path for _, path in api.analyze(notebook).beside.mentions)


SERIES = {"notes/part_1.las": "", "notes/part_2.las": "", "a_1.las": "", "b.las": "", "data/x_1.las": "", "data/whole.las": ""}


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("read('notes/part_*.las')", {"notes/"}),
        ("read('a_?.las')", {"a_1.las"}),
        ("print('Is it *that*?')", set()),
        ("read('missing/part_*.las')", set()),
    ],
)
def test_a_pattern_mentions_what_it_may_match(mentioned, cell, found):
    assert paths(mentioned(SERIES, cell)) == found


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("read(['../data/whole.las'])", {"../data/whole.las"}),
        ("read('../data/x_*.las')", {"../data/"}),
        ("read('../data/absent.las', '..', '../')", set()),
    ],
)
def test_what_lies_above_is_mentioned_by_its_path(mentioned, cell, found):
    assert paths(mentioned(SERIES, cell, place="work/nb.ipynb")) == found


HIDDEN = {".env": "A=1", "conf/.token": "", "conf/x.csv": "", "work/deep/.env": "A=2", "work/.git/config": ""}


@pytest.mark.parametrize(
    ("place", "cell", "found"),
    [
        ("nb.ipynb", "import dotenv", {".env"}),
        ("work/nb.ipynb", "from dotenv import load_dotenv", {"../.env"}),
        ("work/nb.ipynb", "%load_ext dotenv", {"../.env"}),
        ("work/nb.ipynb", "print('dotenv')", set()),
        ("work/nb.ipynb", "import tool", {"tool.py", "../.env"}),
        ("nb.ipynb", "settings('.env'); settings('./conf/.token')", {".env", "conf/.token"}),
        ("nb.ipynb", "x .conf ... './..' '/.env' table.env", set()),
        ("work/nb.ipynb", "walk('.git')", set()),
    ],
)
def test_hidden_files_are_mentioned_where_they_are_named_or_a_library_looks_for_them(mentioned, place, cell, found):
    assert paths(mentioned({**HIDDEN, "work/tool.py": "from dotenv import load_dotenv"}, cell, place=place)) == found


def test_the_configuration_of_matplotlib_is_mentioned_by_all_cells(mentioned):
    beside = mentioned({"matplotlibrc": "figure.dpi: 96"}, "1", "import seaborn")
    assert paths(beside, 0) == paths(beside, 1) == {"matplotlibrc"}
    assert beside.configures_imports


MODULES = {
    "top.py": "import middle\n",
    "middle.py": "from os import path; import leaf, other\n",
    "leaf.py": "",
    "other.py": "",
    "apart.py": "",
}


def test_modules_of_modules_are_mentioned(mentioned):
    assert paths(mentioned(MODULES, "import top")) == {"top.py", "middle.py", "leaf.py", "other.py"}


def test_every_module_of_an_import_statement_is_mentioned(mentioned):
    assert paths(mentioned(MODULES, "import os; import leaf as l, apart")) == {"leaf.py", "apart.py"}


def test_modules_that_import_each_other_come_to_an_end(mentioned):
    assert paths(mentioned({"a.py": "import b", "b.py": "import a"}, "import a")) == {"a.py", "b.py"}


@pytest.mark.parametrize("cell", ["import tool", "!python tool.py"])
def test_files_that_a_script_names_are_mentioned_but_not_those_of_its_documentation(mentioned, cell):
    files = {"tool.py": "'''Reads other.csv.'''\nROOT = f'{1}/sizes.json'", "conf/sizes.json": "", "other.csv": ""}
    assert paths(mentioned(files, cell)) == {"tool.py", "conf/sizes.json"}


def test_a_directory_is_there_for_a_file_that_is_not(mentioned):
    files = {"results/old.csv": "", "tool.py": "open('logs/run.txt', 'w')", "logs/x": "", "other/y": ""}
    beside = mentioned(files, "open('results/new.csv', 'w')\nopen('results/old.csv')\nopen('nowhere/x')", "import tool")
    assert set(beside.folders) == {(0, "results/"), (1, "logs/")}
    assert paths(beside) == {"results/old.csv"}


PROJECT = {"data/raw/x.csv": "", "models/old.pkl": "", "notebooks/own.csv": "", "data/big.bin": ""}
CLIMBS = "p = Path.cwd()\nwhile not (p / 'data').exists():\n    p = p.parent"


def test_directories_above_that_cells_write_to_are_there(mentioned):
    cell = "ROOT = Path.cwd().parent\nopen(ROOT / 'models' / 'deep' / 'new.pkl', 'w'), open(ROOT / 'new.txt', 'w')"
    beside = mentioned(PROJECT, "from pathlib import Path", cell, place="notebooks/nb.ipynb")
    assert beside.folders == ((1, "../models/"),)


def test_what_cells_name_is_looked_for_above_where_nobody_knows_the_directory(mentioned):
    cells = "from pathlib import Path", CLIMBS, "open(p / 'data' / 'raw' / 'x.csv'), open('own.csv'), open(p / 'nowhere')"
    beside = mentioned(PROJECT, *cells, place="notebooks/nb.ipynb")
    assert [paths(beside, cell) for cell in range(3)] == [set(), {"../data/"}, {"../data/raw/x.csv", "own.csv"}]


@pytest.mark.parametrize("after", ["..", "raw/../../models", "../../elsewhere", "raw/../../..", ".hidden", "/etc", "~", ""])
def test_a_word_that_leads_up_again_is_no_part_of_what_is_looked_for(mentioned, tmp_path, after):
    (tmp_path / "data" / ".hidden").mkdir(parents=True)
    cells = "from pathlib import Path", CLIMBS, f"open(p / 'data' / '{after}')"
    assert paths(mentioned(PROJECT, *cells, place="notebooks/nb.ipynb"), 2) == {"../data/"}


def test_nothing_is_looked_for_above_where_all_is_known(mentioned):
    cells = "from pathlib import Path", "p = Path.cwd().parent", "open(p / 'data' / 'raw' / 'x.csv')"
    assert mentioned(PROJECT, *cells, place="notebooks/nb.ipynb").mentions == ()


@pytest.mark.parametrize(
    "text", ["'../data/raw/{}.csv'.format(n)", "f'../data/raw/{n}.csv'", "'../data/raw/%s.csv' % n", "'../data/raw/%03d' % n"]
)
def test_the_directory_above_of_a_path_that_is_filled_in_is_mentioned(mentioned, text):
    assert paths(mentioned(PROJECT, f"load({text})", place="notebooks/nb.ipynb")) == {"../data/raw/"}


def test_directories_are_there_where_cells_move_to(mentioned):
    beside = mentioned(PROJECT, "%cd ..", "open('models/new.pkl', 'w')", place="notebooks/nb.ipynb")
    assert (1, "../models/") in beside.folders


def test_a_shell_script_names_files_by_words(mentioned):
    assert paths(mentioned({"run.sh": "sort data.txt | uniq > out.txt", "data.txt": ""}, "!bash run.sh")) == {"run.sh", "data.txt"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.yaml", "data:\n  path: ../data/raw/x.csv\n  out: ../models/m.pkl"),
        ("c.json", '{"a": ["../data/raw/x.csv"], "b": "../models/m.pkl"}'),
        ("c.toml", "a = '../data/raw/x.csv'\nb = '../models/m.pkl'"),
        ("c.ini", "[a]\nb=../data/raw/x.csv\nc = ../models/m.pkl"),
    ],
)
def test_settings_name_files_by_words(mentioned, name, text):
    files = {**PROJECT, f"notebooks/{name}": text, "notebooks/other.yaml": "../data/big.bin"}
    beside = mentioned(files, f"settings = load(open('{name}'))", "open(settings['a'])", place="notebooks/nb.ipynb")
    assert paths(beside) == {name, "../data/raw/x.csv"}
    assert (0, "../models/") in beside.folders


def test_a_long_file_is_data(mentioned):
    text = '["../data/raw/x.csv"]' + " " * 2**16
    assert paths(mentioned({**PROJECT, "notebooks/c.json": text}, "open('c.json')", place="notebooks/nb.ipynb")) == {"c.json"}


def test_a_module_that_is_no_python_is_still_read_for_its_imports(mentioned):
    assert paths(mentioned({"old.py": "import leaf\nprint 3", "leaf.py": ""}, "import old")) == {"old.py", "leaf.py"}


@pytest.mark.parametrize(
    "cell",
    [
        "import sys; sys.path.append('../src')",
        "import sys\nsys.path.insert(0, '..' + '/src/')",
        "import os, sys\nplace = os.path.abspath(os.path.join('..', 'src'))\nif place not in sys.path: sys.path.append(place)",
        "import os, sys\nsys.path.append(os.path.join(os.pardir, 'src'))",
        "import sys\nfrom pathlib import Path\nsys.path.append(str(Path.cwd().parent / 'src'))",
        "import site; site.addsitedir('../src')",
    ],
)
def test_modules_are_found_above_where_a_cell_looks_for_them(mentioned, cell):
    files = {"src/shared.py": "import deeper", "src/deeper/__init__.py": "", "src/unused.py": ""}
    beside = mentioned(files, cell, "import shared", place="notebooks/nb.ipynb")
    assert paths(beside, 1) == {"../src/shared.py", "../src/deeper/"}
    assert beside.module_names >= {"shared", "deeper"}


@pytest.mark.parametrize("cell", ["import os; os.chdir('..')", "%cd .."])
def test_files_are_found_above_where_a_cell_moves_to(mentioned, cell):
    files = {"data/x.csv": "", "x": "", ".secret/key": "", "tool.py": ""}
    beside = mentioned(
        files, cell, "import tool\nx = open('data/x.csv')\nopen('.secret/key')\nopen('notebooks')", place="notebooks/nb.ipynb"
    )
    assert paths(beside, 1) == {"../tool.py", "../data/x.csv"}


def test_a_text_that_is_too_long_for_a_name_is_no_file_above(mentioned):
    files = {"src/tool.py": f"ICON = {'x' * 5000!r}\n", "nb/keep.txt": ""}
    beside = mentioned(files, "import sys\nsys.path.append('../src')", "import tool", place="nb/nb.ipynb")
    assert paths(beside, 1) == {"../src/tool.py"}


def test_above_nothing_is_looked_for_that_no_cell_moves_to(mentioned):
    assert not mentioned({"tool.py": "", "x.csv": ""}, "import tool\nopen('x.csv')", place="notebooks/nb.ipynb").mentions


@pytest.mark.parametrize(("place", "root"), [("notebooks/nb.ipynb", "../src/"), ("nb.ipynb", "src/")])
def test_the_package_of_the_project_is_found_as_if_it_were_installed(mentioned, place, root):
    files = {"pyproject.toml": "", "src/ours/__init__.py": "from ours.core import f", "src/ours/core.py": "", "src/other.py": ""}
    beside = mentioned(files, "import numpy, ours.core", place=place)
    assert (paths(beside), beside.path, beside.modules) == ({f"{root}ours/"}, (root,), (f"{root}ours/",))


def test_without_a_project_nothing_is_as_if_it_were_installed(mentioned):
    assert not mentioned({"src/ours.py": ""}, "import ours", place="notebooks/nb.ipynb").mentions


def test_the_lock_holds_the_digest_of_every_module_that_travels(mentioned, tmp_path):
    def locked():
        program = api.analyze(tmp_path / "nb.ipynb")
        return lock_document(program.notebook, api.plan(program, Settings()), Settings(), program.beside)["modules"]

    mentioned({"pkg/__init__.py": "", "pkg/deep/er.py": "", "pkg/t.json": "", **MODULES}, "import pkg, top, apart")
    before = locked()
    assert [one["path"] for one in before] == [
        "apart.py",
        "leaf.py",
        "middle.py",
        "other.py",
        "pkg/__init__.py",
        "pkg/deep/er.py",
        "top.py",
    ]
    (tmp_path / "leaf.py").write_text("x = 1")
    assert [one["path"] for one, other in zip(before, locked(), strict=True) if one != other] == ["leaf.py"]


def test_modules_are_read_when_they_are_asked_for(mentioned, tmp_path, monkeypatch):
    mentioned({"tool.py": ""}, "import tool")
    asked = []
    monkeypatch.setattr("nbcompile.api.programs.look_beside", lambda *given: asked.append(given) or "found")
    program = api.analyze(tmp_path / "nb.ipynb")
    assert not asked
    assert (program.beside, program.beside, len(asked)) == ("found", "found", 1)
