"""Score the graph on real notebooks: python -m tests.corpus.measure --work DIR --python VENV/bin/python [--every N] [--jobs N]

1. gathers the notebooks of the pinned source distributions (`gather.py`);
2. runs each once under the oracle, in an interpreter that has their libraries, and keeps the truth up to the first cell that fails;
3. prints, for both halves, what `score.py --lazy-neutral` says, and how many cells the report names as not understood.

A notebook belongs to the held-out half by the digest of its name, unless someone looked at what is wrong there
(`looked_at.txt`): of that half only the numbers are looked at.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from nbcompile import api
from nbcompile.reporting.stages import graph_json
from tests.corpus import score
from tests.corpus.gather import name_of, notebooks

ORACLE = Path(__file__).with_name("dynoracle.py")
LOOKED_AT = frozenset(Path(__file__).with_name("looked_at.txt").read_text("utf-8").split())
_FEWEST_CELLS = 4
_SECONDS = 130


def half_of(name: str) -> str:
    """`dev` or `held`."""
    return "held" if hashlib.sha256(name.encode()).digest()[0] % 2 and name not in LOOKED_AT else "dev"


def run_oracle(notebook: Path, work: Path, python: str) -> Path:
    """What really happens in a notebook; a file that says nothing if it cannot be run."""
    out = work / "truth" / f"{name_of(notebook, work)}.json"
    if not out.is_file():
        out.parent.mkdir(parents=True, exist_ok=True)
        argv = [python, str(ORACLE), str(notebook), "-o", str(out), "--total", "75", "--fp-total", "30"]
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "JOBLIB_MULTIPROCESSING": "0", "IPYTHONDIR": str(work / "ipython")}
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(argv, env={**os.environ, **threads}, start_new_session=True, **quiet)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS)
        # What the notebook has started ends with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if not out.is_file():
            out.write_text("{}", "utf-8")
    return out


def truth_of(out: Path) -> dict | None:
    """The truth up to the first cell that fails; nothing when too little of the notebook ran."""
    truth = json.loads(out.read_text("utf-8"))
    if not truth.get("edges"):
        return None
    failed = [cell["cell"] for cell in truth["cells"] if not cell["ok"]]
    ran = min([*failed, truth["ran"]])
    for key in ("edges", "alias_edges"):
        truth[key] = [edge for edge in truth[key] if edge[1] < ran]
    truth["ran"] = ran
    return truth if ran >= _FEWEST_CELLS and truth["edges"] else None


class Tally(NamedTuple):
    """Scores added up: what `score.py` counts, cells said to be not understood, cells, notebooks, and lost edges between other cells."""

    counted: collections.Counter
    unknown: int
    cells: int
    notebooks: int
    unnamed: int

    def __add__(self, other: Tally) -> Tally:  # type: ignore[override]
        return Tally(*(one + two for one, two in zip(self, other, strict=True)))


NOTHING = Tally(collections.Counter(), 0, 0, 0, 0)


def score_notebook(notebook: Path, truth: dict) -> Tally:
    """The score of one notebook."""
    program = api.analyze(notebook)
    graph = json.loads(graph_json(program.graph))
    graph["edges"] = [edge for edge in graph["edges"] if edge["target"] < truth["ran"]]
    counted, lost = score.score(truth, graph, lazy_neutral=True)
    unknown = {cell.index for cell in program.facts if cell.unknowns or cell.opaque}
    unnamed = sum(unknown.isdisjoint((source, target)) for source, target, _ in lost)
    return Tally(counted, len(unknown), len(program.facts), 1, unnamed)


def measure(found: list[Path], work: Path, python: str, jobs: int) -> dict[str, Tally]:
    """The scores of both halves."""
    with ThreadPoolExecutor(jobs) as pool:
        outs = list(pool.map(lambda notebook: run_oracle(notebook, work, python), found))
    sums = dict.fromkeys(("dev", "held"), NOTHING)
    seen: set[tuple[str, ...]] = set()
    for notebook, out in zip(found, outs, strict=True):
        truth = truth_of(out)
        if truth is None or tuple(truth["sources"]) in seen:
            continue
        seen.add(tuple(truth["sources"]))
        sums[half_of(out.stem)] += score_notebook(notebook, truth)
    return sums


def main() -> None:
    """Measure, and print one line for each half."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="a directory outside the repository")
    parser.add_argument("--python", default=sys.executable, help="an interpreter with the libraries of the notebooks")
    parser.add_argument("--every", type=int, default=1, help="only every Nth notebook")
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    found = notebooks(given.work)[:: given.every]
    for half, found_in_half in measure(found, given.work, given.python, given.jobs).items():
        share = 100 * found_in_half.unknown / found_in_half.cells if found_in_half.cells else 0
        title = f"{half}: {found_in_half.notebooks} notebooks, {found_in_half.cells} cells"
        print(score.line(title, found_in_half.counted), f" not understood {share:.1f} % of cells")  # noqa: T201


if __name__ == "__main__":
    main()
