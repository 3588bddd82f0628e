"""Which Python runs the cells."""

import json
import os
import sys
from pathlib import Path

import pytest

from nbcompile.engines.local.interpreter import choose_interpreter
from nbcompile.model.errors import UsageError


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return {"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]}


def environment(prefix):
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python3").symlink_to(sys.executable)
    return prefix


def kernel(directory, name, *argv):
    path = directory / "kernels" / name
    path.mkdir(parents=True)
    (path / "kernel.json").write_text(json.dumps({"argv": list(argv), "display_name": name, "language": "python"}), "utf-8")


def test_what_is_asked_for_comes_first(home, tmp_path):
    prefix = environment(tmp_path / "venv")
    assert choose_interpreter(str(prefix), "python3", home).path == str(prefix / "bin" / "python3")
    assert choose_interpreter(str(prefix / "bin" / "python3"), "python3", home).path == str(prefix / "bin" / "python3")


def test_a_version_is_looked_for_on_the_path(home, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.99").symlink_to(sys.executable)
    assert choose_interpreter("3.99", "", {**home, "PATH": str(tmp_path / "bin")}).path == str(tmp_path / "bin" / "python3.99")


@pytest.mark.parametrize("wanted", ["no-such-python", "/no/such/python", "3.98"])
def test_what_is_not_there_is_an_error(home, wanted):
    with pytest.raises(UsageError, match="python"):
        choose_interpreter(wanted, "", home)


def test_the_kernel_names_an_interpreter(home, tmp_path):
    prefix = environment(tmp_path / "science")
    kernel(Path(home["HOME"]) / ".local" / "share" / "jupyter", "science", str(prefix / "bin" / "python3"), "-m", "ipykernel_launcher")
    choice = choose_interpreter("", "Science", home)
    assert (choice.path, "science" in choice.why.lower()) == (str(prefix / "bin" / "python3"), True)


def test_a_bare_python3_is_that_of_the_kernels_environment(home, tmp_path):
    prefix = environment(tmp_path / "venv")
    kernel(prefix / "share" / "jupyter", "mine", "python3", "-m", "ipykernel_launcher")
    found = choose_interpreter("", "mine", {**home, "JUPYTER_PATH": str(prefix / "share" / "jupyter")})
    assert found.path == str(prefix / "bin" / "python3")


def test_a_bare_python3_of_a_personal_kernel_is_the_active_one(home, tmp_path):
    kernel(Path(home["HOME"]) / ".local" / "share" / "jupyter", "mine", "python", "-m", "ipykernel_launcher")
    prefix = environment(tmp_path / "venv")
    assert choose_interpreter("", "mine", {**home, "VIRTUAL_ENV": str(prefix)}).path == str(prefix / "bin" / "python3")
    assert choose_interpreter("", "mine", home).path == sys.executable


def test_the_active_environment_comes_before_our_own(home, tmp_path):
    venv, conda = environment(tmp_path / "venv"), environment(tmp_path / "conda")
    assert choose_interpreter("", "", {**home, "VIRTUAL_ENV": str(venv), "CONDA_PREFIX": str(conda)}).path == str(venv / "bin" / "python3")
    assert choose_interpreter("", "", {**home, "CONDA_PREFIX": str(conda)}).path == str(conda / "bin" / "python3")
    assert choose_interpreter("", "", home).path == sys.executable


@pytest.mark.parametrize(
    ("argv", "word"), [(["docker", "run"], "docker"), (["/no/such/python3"], "/no/such/python3"), ([], "cannot be read"), ([1], "`1`")]
)
def test_a_kernel_that_starts_no_python_is_passed_over(home, argv, word):
    kernel(Path(home["HOME"]) / ".local" / "share" / "jupyter", "odd", *argv)
    choice = choose_interpreter("", "odd", home)
    assert (choice.path, word in choice.passed_over) == (sys.executable, True)


@pytest.mark.parametrize("name", ["..", "../../etc", "a/b", "-x", "", "x\n"])
def test_a_name_that_is_no_kernel_name_is_never_looked_for(home, name):
    choice = choose_interpreter("", name, home)
    assert (choice.path, choice.passed_over) == (sys.executable, f"`{name}` is no name of a kernel" if name else "")
