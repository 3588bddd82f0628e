"""Real notebooks, run plainly and compiled: python -m tests.corpus.sameness DIRECTORY --python VENV/bin/python [--most N] [--seconds S]

Takes the notebooks below DIRECTORY/src of which the oracle (`measure.py`) ran every cell, the rarest distributions first, and
lets `nbcompile verify` run each with a process for every cell, and as a run would by itself. Prints a line a notebook,
keeps it in DIRECTORY/sameness.jsonl, goes on from there, and ends with all numbers together.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from tests.corpus.gather import name_of


def whole(work: Path) -> list[Path]:
    """The notebooks of which the oracle ran every cell: the first of each distribution, then the second of each, …"""
    groups: dict[str, list[Path]] = defaultdict(list)
    for notebook in sorted((work / "src").rglob("*.ipynb")):
        truth = work / "truth" / f"{name_of(notebook, work)}.json"
        told: dict[str, Any] = json.loads(truth.read_text("utf-8")) if truth.is_file() else {}
        if told.get("edges") and all(cell["ok"] for cell in told["cells"]):
            groups[notebook.relative_to(work / "src").parts[0]].append(notebook)
    return [one for row in itertools.zip_longest(*groups.values()) for one in row if one]


def verified(notebook: Path, python: str, seconds: int) -> dict[str, Any]:
    """What `verify` says of a notebook, or why it says nothing."""
    argv = [str(Path(sys.executable).with_name("nbcompile")), "verify", str(notebook), "--format", "json", "--python", python]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        ended = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=seconds, env=environment)
    except subprocess.TimeoutExpired:
        return {"verdict": f"not at an end after {seconds} s"}
    try:
        told: dict[str, Any] = json.loads(ended.stdout)
    except ValueError:
        return {"verdict": f"exit {ended.returncode}", "said": ended.stderr[-600:]}
    return told


def summary(rows: list[dict[str, Any]]) -> str:
    """All numbers of the gate, in one line."""
    judged = [row for row in rows if "cells" in row]
    steady = [row for row in judged if row["verdict"] != "unsteady"]
    cells = sum(row["runs"][0]["cells"] for row in judged)
    differing = {(row["notebook"], one["cell"]) for row in judged for one in row["differences"]}
    named = sum(len(row["cells"]["named"]) for row in judged)
    ordinary, alone = (sum(row["cells"][key] for row in judged) for key in ("ordinary", "alone"))
    silent = sum(row["silent_differences"] for row in judged)
    others = Counter(row["verdict"] for row in rows if "cells" not in row)
    return (
        f"{len(judged)} notebooks ({len(judged) - len(steady)} differ between two plain runs), {cells} cells: "
        f"{1 - len(differing) / max(cells, 1):.2%} the same, {silent} silent differences, {named / max(cells, 1):.2%} named, "
        f"{alone / max(ordinary, 1):.2%} of {ordinary} that are no definitions alone"
        + "".join(f"; {count} {why}" for why, count in others.items())
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--python", required=True, help="the interpreter that has their libraries")
    parser.add_argument("--most", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=400)
    asked = parser.parse_args()
    kept = asked.directory / "sameness.jsonl"
    rows = [json.loads(line) for line in kept.read_text("utf-8").splitlines()] if kept.is_file() else []
    done = {row["path"] for row in rows}
    for notebook in whole(asked.directory)[: asked.most]:
        path = str(notebook.relative_to(asked.directory))
        if path in done:
            continue
        row = {"path": path, **verified(notebook, asked.python, asked.seconds)}
        rows.append(row)
        with kept.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(row["verdict"], path, row.get("silent_differences", ""), flush=True)  # noqa: T201
    print(summary(rows))  # noqa: T201


if __name__ == "__main__":
    main()
