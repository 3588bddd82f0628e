"""Ways to run a notebook, and what each takes: `python -m tests.benchmarks.contestants` prints it, as docs/benchmarks.md has it."""

import argparse
import itertools
import json
import math
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import nbformat

from nbcompile import api

NOTEBOOKS = Path(__file__).parent / "notebooks"
PARALLEL = ("models", "kmers", "montecarlo", "forests", "signals")
SEQUENTIAL = ("chain", "orbits")
BIN = Path(sys.executable).parent
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# Runs the cells one after the other in one process and tells how long each took.
TIMED_SCRIPT = """
import json, sys, time
namespace = {"__name__": "__main__"}
seconds = []
for source in json.load(open(sys.argv[1])):
    started = time.perf_counter()
    exec(compile(source, "<cell>", "exec"), namespace)
    seconds.append(time.perf_counter() - started)
print(json.dumps(seconds), file=sys.stderr)
"""


class Took(NamedTuple):
    """Wall clock and CPU seconds of one run."""

    wall: float
    cpu: float


def cells_of(name):
    """The code cells of a percent script."""
    parts = re.split(r"(?m)^# %%", (NOTEBOOKS / f"{name}.py").read_text("utf-8"))[1:]
    return [part.split("\n", 1)[1].strip("\n") for part in parts if not part.startswith(" [markdown]")]


def write_notebook(name, directory):
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, id=f"{name}-{n}") for n, source in enumerate(cells_of(name))])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, directory / f"{name}.ipynb")
    (directory / f"{name}.py").write_text("\n\n".join(cells_of(name)) + "\n", "utf-8")
    (directory / f"{name}.json").write_text(json.dumps(cells_of(name)), "utf-8")


def commands(name, directory, contestants):
    """For each contestant its argv; `cwltool` runs a bundle that was built before the clock starts."""
    notebook, out = directory / f"{name}.ipynb", directory / "out"
    known = {
        "script": [BIN / "python", directory / f"{name}.py"],
        "cells": [BIN / "python", "-c", TIMED_SCRIPT, directory / f"{name}.json"],
        "nbcompile": [BIN / "nbcompile", "run", notebook, "-o", out, "-q", "--no-cache"],
        "nbcompile-cell": [BIN / "nbcompile", "run", notebook, "-o", out, "-q", "--no-cache", "--granularity", "cell"],
        "jupyter-execute": [BIN / "jupyter", "execute", "--output", out / "executed.ipynb", notebook],
        "papermill": [BIN / "papermill", "--no-progress-bar", "--log-level", "ERROR", notebook, out / "executed.ipynb"],
        "cwltool": [BIN / "cwltool", "--quiet", "--parallel", "--outdir", out, directory / f"{name}-bundle" / "workflow.cwl"],
    }
    if "cwltool" in contestants:
        api.build(directory / f"{name}.ipynb").write(directory / f"{name}-bundle")
    return {contestant: known[contestant] for contestant in ("cells", *contestants)}


def measure(argv, directory, environment):
    shutil.rmtree(directory / "out", ignore_errors=True)
    (directory / "out").mkdir()
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=environment, cwd=directory)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{argv[0]} failed:\n{done.stderr}")
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime), done.stderr


def best_schedule(seconds, pairs, cores):
    """The shortest time in which `cores` workers do the cells: the best of all orders of list scheduling."""
    needs = {cell: {a for a, b in pairs if b == cell} for cell in range(len(seconds))}
    heavy = [cell for cell in range(len(seconds)) if seconds[cell] > 0.05 * max(seconds)]
    best = math.inf
    for order in itertools.islice(itertools.permutations(heavy), 5040):
        rank = {cell: place for place, cell in enumerate(order)}
        best = min(best, list_schedule(seconds, needs, rank, cores))
    return best


def list_schedule(seconds, needs, rank, cores):
    ended, running, waiting, now = {}, [], set(needs), 0.0
    while waiting or running:
        ready = sorted((cell for cell in waiting if needs[cell] <= ended.keys()), key=lambda cell: (rank.get(cell, -1), cell))
        for cell in ready[: cores - len(running)]:
            waiting.remove(cell)
            running.append((now + seconds[cell], cell))
        running.sort()
        now, cell = running.pop(0)
        ended[cell] = now
    return now


def ideal(name, directory, seconds, cores=2):
    """Imports and the best schedule of the other cells, from the times of a plain run of this session."""
    edges = api.analyze(directory / f"{name}.ipynb").graph.edges
    pairs = {(edge.source, edge.target) for edge in edges}
    imports = [cell for cell, source in enumerate(cells_of(name)) if source.startswith(("import ", "from "))]
    rest = [0.0 if cell in imports else time for cell, time in enumerate(seconds)]
    return sum(seconds[cell] for cell in imports) + best_schedule(rest, pairs, cores)


def run_all(names, contestants, rounds, environment):
    """Interleaved rounds; returns for each notebook the runs of each contestant and the ideals."""
    results = {}
    with tempfile.TemporaryDirectory(prefix="nbcompile-benchmark-") as temporary:
        directory = Path(temporary)
        for name in names:
            write_notebook(name, directory)
            argvs = commands(name, directory, contestants)
            runs = {contestant: [] for contestant in contestants}
            ideals = []
            for _ in range(rounds):
                for contestant, argv in argvs.items():
                    took, stderr = measure(argv, directory, environment)
                    if contestant == "cells":
                        ideals.append(ideal(name, directory, json.loads(stderr.splitlines()[-1])))
                    else:
                        runs[contestant].append(took)
            results[name] = (runs, ideals)
    return results


def table(results, contestants):
    """Medians: wall seconds with CPU seconds in brackets, and what share of the ideal each reaches."""
    head = ["notebook", "ideal", *contestants, "of the ideal", "times jupyter"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    shares, wins = [], []
    for name, (runs, ideals) in results.items():
        best = statistics.median(ideals)
        wall = {c: statistics.median(took.wall for took in runs[c]) for c in contestants}
        cpu = {c: statistics.median(took.cpu for took in runs[c]) for c in contestants}
        share = best / wall["nbcompile"]
        win = wall["jupyter-execute"] / wall["nbcompile"] if "jupyter-execute" in wall else math.nan
        if name in PARALLEL:
            shares.append(share)
            wins.append(win)
        cells = [name, f"{best:.2f}", *(f"{wall[c]:.2f} ({cpu[c]:.1f})" for c in contestants), f"{share:.2f}", f"{win:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    if shares:
        lines.append(
            f"\nparallel notebooks, geometric means: {statistics.geometric_mean(shares):.3f} of the ideal (least {min(shares):.2f})"
        )
        lines.append(f"{statistics.geometric_mean(wins):.2f} times as fast as jupyter execute")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=[*PARALLEL, *SEQUENTIAL])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--contestants", default="script,nbcompile,jupyter-execute")
    parser.add_argument("--default-threads", action="store_true")
    given = parser.parse_args()
    environment = {**os.environ, **({} if given.default_threads else ONE_THREAD)}
    environment["PATH"] = f"{BIN}{os.pathsep}{environment['PATH']}"
    contestants = given.contestants.split(",")
    sys.stdout.write(table(run_all(given.names, contestants, given.rounds, environment), contestants) + "\n")


if __name__ == "__main__":
    main()
