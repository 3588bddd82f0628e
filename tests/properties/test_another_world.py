"""A build gives the same bytes under another hash seed, directory, locale and time zone, and with either end of what libraries we take."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.golden.compare import read_tree

NOTEBOOK = Path(__file__).parents[2] / "fixtures" / "notebooks" / "model_comparison.ipynb"


# The environment with the oldest libraries: the other one has the newest.
OLDEST = Path(__file__).parents[2] / ".venv-streamflow" / "bin" / "python"


def build(directory, python=sys.executable, **environment):
    directory.mkdir(parents=True)
    shutil.copy(NOTEBOOK, directory)
    command = [python, "-m", "nbcompile", "build", NOTEBOOK.name, "-o", "out", "--granularity", "cell"]
    subprocess.run(command, check=True, cwd=directory, env={**os.environ, **environment}, capture_output=True)
    return read_tree(directory)


def test_same_bytes_in_another_world(tmp_path):
    here = build(tmp_path / "a", PYTHONHASHSEED="1", TZ="UTC", LC_ALL="C")
    there = build(tmp_path / "b" / "deeper", PYTHONHASHSEED="2", TZ="Asia/Tokyo", LC_ALL="C.UTF-8")
    assert here == there
    assert here == build(tmp_path / "c", OLDEST)
