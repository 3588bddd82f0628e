"""Time and memory of facts and graph: python -m tests.benchmarks.analysis [DIRECTORY OF NOTEBOOKS]

Compares with `ast.parse` of the same cells in the same run, over real notebooks (those of fixtures/notebooks by default), and
shows how time and memory grow with the number of cells of one notebook.
"""

from __future__ import annotations

import ast
import json
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from nbcompile.analysis.cells import analyze
from nbcompile.dataflow.link import link
from nbcompile.frontend.ipynb import read_notebook
from nbcompile.frontend.parse import parse_cells
from nbcompile.model.source import ParsedCell

FIXTURES = Path(__file__).parents[2] / "fixtures" / "notebooks"
SIZES = (500, 1000, 2000, 5000)
# Cells of one long notebook: a cell uses what the one before it made, and a few share an object.
TURN = (
    "import numpy as np\nimport pandas as pd",
    "def scale_{n}(values, by=2.0):\n    return [by * value for value in values if value > floor]",
    "floor = {n}\nxs_{n} = list(range(floor))",
    "df_{n} = pd.DataFrame({{'x': xs_{n}, 'y': scale_{n}(xs_{n})}})\ndf_{n}['z'] = df_{n}['x'] + df_{n}['y']",
    "kept = {{'frame': df_{n}, 'values': xs_{n}}}\nxs_{n}.append(floor)",
    "for key, value in kept.items():\n    print(key, np.mean(df_{n}['z']), len(value))",
)


def process_seconds(work: Callable[[], object]) -> float:
    """The processor time of some work."""
    start = time.process_time()
    work()
    return time.process_time() - start


def graph_of(parsed: Sequence[ParsedCell]) -> object:
    """Facts and graph of parsed cells."""
    return link(analyze(parsed).value)


def long_notebook(cells: int) -> bytes:
    """A notebook of that many cells."""
    sources = [TURN[place % len(TURN)].format(n=place // len(TURN)) for place in range(cells)]
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source} for source in sources]
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": made}).encode()


def real(directory: Path) -> list[str]:
    """The ratio to `ast.parse` over all notebooks, and the slowest of them."""
    parse_seconds = graph_seconds = 0.0
    cells, each = 0, []
    for path in sorted(directory.rglob("*.ipynb")):
        parsed = tuple(parse_cells(read_notebook(path.read_bytes(), path.stem).value))
        texts = [cell.cell.source for cell in parsed if cell.tree is not None and _is_python(cell.cell.source)]
        cells += len(parsed)
        parse_seconds += process_seconds(lambda texts=texts: [ast.parse(text) for text in texts])
        each.append(process_seconds(lambda parsed=parsed: graph_of(parsed)))
        graph_seconds += each[-1]
    each.sort()
    if not each:
        return [f"no notebooks below {directory}"]
    parse, graph = 1000 * parse_seconds / cells, 1000 * graph_seconds / cells
    median, late = each[len(each) // 2], each[int(0.99 * (len(each) - 1))]
    return [
        f"{len(each)} notebooks, {cells} cells",
        f"ast.parse {parse:.3f} ms a cell, facts and graph {graph:.3f} ms a cell, {graph / parse:.1f} times as much",
        f"a notebook: median {1000 * median:.0f} ms, p99 {1000 * late:.0f} ms, slowest {1000 * each[-1]:.0f} ms",
    ]


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def growing() -> list[str]:
    """Time and memory for one notebook of more and more cells."""
    lines = []
    for size in SIZES:
        parsed = tuple(parse_cells(read_notebook(long_notebook(size), "long").value))
        seconds = process_seconds(lambda parsed=parsed: graph_of(parsed))
        tracemalloc.start()
        graph_of(parsed)
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        lines.append(f"{size} cells: {seconds:.2f} s, {1000 * seconds / size:.2f} ms a cell, peak {peak:.0f} MB")
    return lines


def main() -> None:
    """Measure and print."""
    warnings.simplefilter("ignore")
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else FIXTURES
    for line in (*real(directory), *growing()):
        print(line)  # noqa: T201


if __name__ == "__main__":
    main()
