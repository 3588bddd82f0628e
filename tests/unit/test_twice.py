"""The gate's second attempt is for what fails when the machine is busy, and for nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
FAILS_ONCE = """
from pathlib import Path

def test_it():
    mark = Path(__file__).with_name("mark")
    seen = mark.exists()
    mark.touch()
    assert seen
"""


@pytest.mark.parametrize(
    ("source", "status"),
    [("def test_it(): pass", 0), (FAILS_ONCE, 0), ("def test_it(): assert False", 1), ("", 5), ("import nothing_like_this", 2)],
    ids=["passes", "fails once", "fails twice", "nothing ran", "cannot be read"],
)
def test_twice(source, status, tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "tests.twice", "-c", tmp_path / "pytest.ini", tmp_path / "test_it.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == status, done.stdout
