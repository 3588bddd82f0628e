"""How close many short shards come to what the cores could do: `python -m tests.benchmarks.scattered [COUNT [SECONDS]]`."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

NOTEBOOK = """\
# %%
import time
xs = list(range({count}))

# %%
# nbc: scatter=xs
ys = []
for x in xs:
    time.sleep({seconds})
    ys.append(x)
"""


def measure(count, seconds, jobs=2):
    """The share of the ideal that the scattered step reached, and the memory and processor time it took."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "shards.py")
        path.write_text(NOTEBOOK.format(count=count, seconds=seconds), "utf-8")
        command = [Path(sys.executable).parent / "nbcompile", "run", path, "--jobs", str(jobs), "-o", Path(directory, "out")]
        subprocess.run(command, check=True, capture_output=True)
        step = json.loads(Path(directory, "out", "run.json").read_text("utf-8"))["steps"][1]
    ideal = count * seconds / jobs
    return {
        "of_ideal": ideal / step["seconds"],
        "seconds": step["seconds"],
        "peak_memory_mib": step["peak_memory_mib"],
        "cpu_ms_a_shard": 1000 * step["cpu_seconds"] / count,
    }


def main():
    count, seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 2000, float(sys.argv[2]) if len(sys.argv) > 2 else 0.1
    sys.stdout.write(json.dumps(measure(count, seconds), indent=1) + "\n")


if __name__ == "__main__":
    main()
