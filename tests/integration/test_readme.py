"""The commands of README.md work when they are copied into a fresh checkout."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def first_block(heading):
    section = (ROOT / "README.md").read_text("utf-8").split(f"## {heading}\n", 1)[1]
    return re.search(r"^```\w*\n(.*?)^```", section, re.MULTILINE | re.DOTALL).group(1)


@pytest.fixture
def checkout(tmp_path):
    # Without git, which refuses to look at a checkout that belongs to somebody else.
    made_here = [Path(line).name for line in (ROOT / ".gitignore").read_text("utf-8").split()]
    shutil.copytree(ROOT, tmp_path / "checkout", ignore=shutil.ignore_patterns(".git", *made_here))
    return tmp_path / "checkout"


@pytest.mark.slow
def test_quickstart(checkout):
    command = first_block("Quickstart")
    assert len(command.strip().splitlines()) == 1
    done = subprocess.run(["sh", "-euc", command], cwd=checkout, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert "times as fast" in done.stderr
    assert "cell " in done.stdout
    record = json.loads((checkout / "model_comparison.run" / "run.json").read_text("utf-8"))
    assert (record["state"], len(record["steps"]) > 1, record["cpu_seconds"] > 1) == ("finished", True, True)


def test_the_tests_are_one_command():
    assert len(first_block("Tests").strip().splitlines()) == 1
    assert "## Tests" in (ROOT / ".ci" / "run").read_text("utf-8")
