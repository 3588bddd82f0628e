"""What goes with the names behind ports of files is all that there is: no guard is broken by looking for more."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

STEP = {"version": "v1.0", "step": {"in": [{"type": "file", "valueFrom": "places"}], "out": ["seen"], "scatter": {"items": ["places"]}}}
CELLS = {
    "a directory is listed": ("sorted(os.listdir(place))", "[[], ['empty', 'x.txt']]\n"),
    "what is not in it is looked for": ("os.path.exists(place + '/y.txt')", "[False, False]\n"),
}
SCRIPT = f"""\
# %%
import os
places = ["a", "b/inner"]
os.makedirs("a")
os.makedirs("b/inner/empty")
with open("b/inner/x.txt", "w") as file:
    file.write("x")

# %% workflow={json.dumps(STEP)}
seen = []
for place in places:
    seen.append(LOOK)

# %%
print(seen)
"""


@pytest.mark.parametrize("name", list(CELLS))
def test_directories_go_whole_with_their_names(tmp_path, name):
    look, shown = CELLS[name]
    (tmp_path / "n.py").write_text(SCRIPT.replace("LOOK", look), "utf-8")
    nbcompile = Path(sys.executable).parent / "nbcompile"
    command = [nbcompile, "run", tmp_path / "n.py", "--granularity", "cell", "--strict", "--no-cache", "-o", tmp_path / "out"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    cells = json.loads((tmp_path / "out" / "n.executed.ipynb").read_text("utf-8"))["cells"]
    assert "".join(cells[-1]["outputs"][0]["text"]) == shown
