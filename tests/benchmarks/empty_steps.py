"""What a step costs that does nothing: `python -m tests.benchmarks.empty_steps [--no-cache] [IMPORT]...`."""

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from nbcompile.emitters.join import join_runtime
from nbcompile.engines.directory import claim_directory
from nbcompile.engines.job import RunJob
from nbcompile.engines.local.run import run_job
from nbcompile.model.plan import Binding, Granularity, Plan, Step, WarmImport

COUNT = 200


def empty_job(directory, imports=(), count=COUNT, *, cached=True):
    """A job of steps that do nothing and need nothing."""
    steps = tuple(Step(id=f"empty-{n}", cells=(n,), bindings=(Binding(n, (), ()),)) for n in range(count))
    documents = {step.id: json.dumps(document(step)).encode() for step in steps}
    cells = [
        {"cell_type": "code", "id": f"c{n}", "source": "", "metadata": {}, "outputs": [], "execution_count": None} for n in range(count)
    ]
    template = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return RunJob(
        id="empty",
        directory=claim_directory(directory, "empty"),
        notebook=directory / "empty.ipynb",
        source=b"{}",
        name="empty",
        plan=Plan(granularity=Granularity.CELL, steps=steps),
        documents=documents,
        template=json.dumps(template).encode(),
        runtime=join_runtime(),
        python=sys.executable,
        jobs=1,
        cached=cached,
        imports=tuple(WarmImport(0, text) for text in imports),
    )


def document(step):
    (cell,) = step.cells
    empty = {"needs": [], "replays": [], "defines": [], "changes": [], "deletes": [], "saves": [], "tags": []}
    cells = [{"index": cell, "id": f"c{cell}", "execution_count": cell + 1, "source": "pass", **empty}]
    return {
        "schema": "nbcompile/step/1",
        "notebook": "empty",
        "step": step.id,
        "names": [],
        "sources": {},
        "definitions": [],
        "cells": cells,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("imports", nargs="*")
    parser.add_argument("--no-cache", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        # No step may be taken from an earlier measurement.
        os.environ["NBCOMPILE_CACHE_DIR"] = str(Path(temporary, "cache"))
        job = empty_job(Path(temporary, "run"), [f"import {name}" for name in given.imports], cached=not given.no_cache)
        record = run_job(job, lambda _: None)
    starts = [step.started_seconds for step in record.steps]
    whole = [1000 * (b - a) for a, b in itertools.pairwise(starts)]
    inside = [1000 * step.seconds for step in record.steps]
    sys.stdout.write(
        f"{len(starts)} empty steps one after the other: median {statistics.median(whole):.2f} ms from start to start, "
        f"of which {statistics.median(inside):.2f} ms in the step; 95 % under {sorted(whole)[int(0.95 * len(whole))]:.2f} ms\n"
    )


if __name__ == "__main__":
    main()
