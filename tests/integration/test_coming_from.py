"""The examples of docs/guide/coming-from.md run as they stand, and show what the page says."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "coming-from.md"
BIN = Path(sys.executable).parent
SECTIONS = re.findall(r"(?ms)^## (.*?)\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("section", [title for title, _ in SECTIONS])
def test_the_example_shows_what_the_page_says(section, tmp_path):
    blocks = dict(re.findall(r"(?ms)^```(python|sh|text)\n(.*?)^```", dict(SECTIONS)[section]))
    first, source = blocks["python"].split("\n", 1)
    name = first.removeprefix("# file: ")
    (tmp_path / name).write_text(source, "utf-8")
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    for line in blocks["sh"].splitlines():
        done = subprocess.run(shlex.split(line), cwd=tmp_path, env=environment, check=False, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    stem = Path(name).stem
    executed = json.loads((tmp_path / f"{stem}.run" / f"{stem}.executed.ipynb").read_text("utf-8"))
    outputs = [output for cell in executed["cells"] if cell["cell_type"] == "code" for output in cell["outputs"]]
    assert "".join("".join(output["text"]) for output in outputs if "text" in output) == blocks["text"]


def test_every_tool_has_a_section():
    assert [title for title, _ in SECTIONS] == ["Jupyter Workflow", "papermill", "Kale", "Elyra", "ipython2cwl", "marimo"]
