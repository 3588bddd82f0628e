"""What lies beside a notebook is read as modules only where Python would, and only as far as it has an end."""

import os

import pytest

from nbcompile.frontend.ipynb import read_notebook
from nbcompile.frontend.local_modules import read_modules
from tests.golden.notebooks import notebook_bytes


def modules(directory, source):
    return read_modules(read_notebook(notebook_bytes(f"# %%\n{source}\n"), "n").value, directory)


def write(directory, **texts):
    for name, text in texts.items():
        path = directory / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")


@pytest.mark.timeout(60)
def test_pipes_are_not_waited_for(tmp_path):
    write(tmp_path, **{"pkg.__init__": "", "pkg.good": "a = 1\n"})
    os.mkfifo(tmp_path / "pkg" / "endless.py")
    assert set(modules(tmp_path, "import pkg")) == {"pkg", "pkg.good"}


def test_devices_are_not_read(tmp_path):
    write(tmp_path, **{"pkg.__init__": ""})
    (tmp_path / "pkg" / "full.py").symlink_to("/dev/zero")
    (tmp_path / "single.py").symlink_to("/dev/zero")
    assert set(modules(tmp_path, "import pkg, single")) == {"pkg"}


@pytest.mark.parametrize("name", ["a" * 300, "a" * 5000])
def test_names_that_no_file_can_have(tmp_path, name):
    assert modules(tmp_path, f"import {name}") == {}


# A pattern that goes through a line more than once for each of its characters needs minutes.
@pytest.mark.timeout(60)
@pytest.mark.parametrize("line", ["from " + "a" * 400_000, "from a" + ".b" * 200_000, "from a" + " " * 400_000 + "b"])
def test_long_lines_take_no_more_than_their_length(tmp_path, line):
    write(tmp_path, tools="")
    assert set(modules(tmp_path, f"{line}\nimport tools")) == {"tools"}


def test_a_file_stands_before_a_directory_without_init(tmp_path):
    write(tmp_path, tools="a = 1\n", **{"tools.part": "b = 1\n"})
    assert modules(tmp_path, "import tools") == {"tools": "a = 1\n"}


def test_a_package_stands_before_a_file(tmp_path):
    write(tmp_path, tools="a = 1\n", **{"tools.__init__": "c = 1\n"})
    assert modules(tmp_path, "import tools") == {"tools": "c = 1\n"}


def test_a_directory_without_init_is_a_package_of_its_own(tmp_path):
    write(tmp_path, **{"tools.part": "b = 1\n"})
    assert modules(tmp_path, "import tools.part") == {"tools.part": "b = 1\n"}


def test_what_is_too_long_is_left_out(tmp_path):
    write(tmp_path, long="a = 1\n" * 50_000, short="a = 1\n")
    assert set(modules(tmp_path, "import long, short")) == {"short"}
