"""A pinned sample of real notebooks, with what really happens in them: `sample.jsonl`, a line for each.

What is true depends on the versions of the libraries, and to find it takes an hour, so it is kept: the edges of each notebook, not its
text. `python -m tests.corpus.sample --work DIR` writes the file anew from the truths that `measure.py` left in DIR.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.corpus import score
from tests.corpus.gather import name_of, notebooks
from tests.corpus.measure import truth_of

SAMPLE = Path(__file__).with_name("sample.jsonl")
DIRECTORY = Path(os.environ.get("NBCOMPILE_CORPUS", str(Path(tempfile.gettempdir(), "nbcompile-corpus"))))
# What is marked of an edge: made by a change, read by a called function, of a result that merely caches.
_CHANGE, _CALL, _LAZY = "mcl"


class Pinned(NamedTuple):
    """A notebook by its place below `src`, its digest, the cells that ran, and the true edges: source, target, name, marks."""

    path: str
    sha256: str
    ran: int
    edges: tuple[tuple[int, int, str, str], ...]

    @property
    def name(self) -> str:
        """As the notebook's truth is called."""
        return "__".join(Path(self.path).with_suffix("").parts)

    def truth(self) -> dict:
        """The truth as the oracle writes it, as far as `score.py` looks at it."""
        cells: list[dict] = [{"mut_types": {}} for _ in range(self.ran)]
        for source, _, name, marks in self.edges:
            if _LAZY in marks:
                cells[source]["mut_types"][name] = "Results"
        return {
            "ran": self.ran,
            "cells": cells,
            "edges": [[source, target, name, "mutate" if _CHANGE in marks else "bind"] for source, target, name, marks in self.edges],
            "via_call": [[source, target, name] for source, target, name, marks in self.edges if _CALL in marks],
        }


def pin(path: str, notebook: bytes, truth: dict) -> Pinned:
    """What is kept of a notebook's truth."""
    lazy = score.lazy(truth)
    edges = []
    for edge, (is_change, is_call) in sorted(score.truth_edges(truth).items()):
        marks = _CHANGE * is_change + _CALL * is_call + _LAZY * (edge in lazy)
        edges.append((*edge, marks))
    return Pinned(path, hashlib.sha256(notebook).hexdigest(), truth["ran"], tuple(edges))


def read_sample() -> list[Pinned]:
    """The pinned notebooks."""
    rows = [json.loads(line) for line in SAMPLE.read_text("utf-8").splitlines()]
    return [Pinned(path, sha256, ran, tuple(map(tuple, edges))) for path, sha256, ran, edges in rows]


def missing(sample: list[Pinned], directory: Path) -> list[str]:
    """The notebooks that are not there, or are others than those that were pinned."""
    return [one.path for one in sample if digest_of(directory / "src" / one.path) != one.sha256]


def digest_of(path: Path) -> str:
    """The digest of a file; empty where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def main() -> None:
    """Write `sample.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="the directory of `measure.py`")
    work = parser.parse_args().work
    pinned, seen = [], set()
    for notebook in notebooks(work):
        out = work / "truth" / f"{name_of(notebook, work)}.json"
        truth = truth_of(out) if out.is_file() else None
        if truth is not None and (sources := tuple(truth["sources"])) not in seen:
            seen.add(sources)
            pinned.append(pin(notebook.relative_to(work / "src").as_posix(), notebook.read_bytes(), truth))
    SAMPLE.write_text("".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n" for one in pinned), "utf-8")


if __name__ == "__main__":
    main()
