"""Lines that would change the environment do nothing, all others do what they did."""

import pytest

from nbcompile.runtime.installing import without_installs


@pytest.mark.parametrize(
    ("script", "rest"),
    [
        ("pip install numpy", ":"),
        ("pip3 install -q 'numpy>=1' && python train.py", ": && python train.py"),
        ("{sys.executable} -m pip install x", ":"),
        ("$PY -m pip install x", ":"),
        ("/opt/py/bin/python3.11 -m pip uninstall -y x", ":"),
        ("sudo conda install -c conda-forge y -y", ":"),
        ("uv pip install z", ":"),
        ("set -e\npip install a\necho done\n", "set -e\n:\necho done\n"),
        ("cd x; mamba update --all; ls", "cd x; :; ls"),
        ("pip list", "pip list"),
        ("pip show numpy && pip --version", "pip show numpy && pip --version"),
        ("echo pip install x", "echo pip install x"),
        ("grep 'pip install' README.md", "grep 'pip install' README.md"),
        ("pipenv install", "pipenv install"),
        ("apt-get install x", "apt-get install x"),
        ("pip installer", "pip installer"),
        ("", ""),
    ],
)
def test_only_commands_that_change_the_environment_are_left_out(script, rest):
    assert without_installs(script) == rest
