"""A build gives the same bytes under another hash seed, directory, locale and time zone."""

import os
import subprocess
import sys
from pathlib import Path

from tests.golden.compare import read_tree

NOTEBOOK = Path(__file__).parents[2] / "fixtures" / "notebooks" / "model_comparison.ipynb"


def build(directory, cwd, **environment):
    command = [sys.executable, "-m", "nbcompile", "build", NOTEBOOK, "-o", directory]
    subprocess.run(command, check=True, cwd=cwd, env={**os.environ, **environment}, capture_output=True)
    return read_tree(directory)


def test_same_bytes_in_another_world(tmp_path):
    here = build(tmp_path / "a", NOTEBOOK.parent, PYTHONHASHSEED="1", TZ="UTC", LC_ALL="C")
    there = build(tmp_path / "b", tmp_path, PYTHONHASHSEED="2", TZ="Asia/Tokyo", LC_ALL="C.UTF-8")
    assert here == there
