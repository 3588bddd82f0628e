"""The tools that score the graph on real notebooks, without the notebooks."""

import json

import pytest

from tests.corpus.gather import name_of, pinned
from tests.corpus.measure import LOOKED_AT, half_of, score_notebook, truth_of
from tests.golden.notebooks import notebook_bytes

CELLS = "# %% a\nxs = [1]\n# %% b\nxs.append(2)\n# %% c\nprint(xs)\n# %% d\n1 / 0\n"


@pytest.fixture
def truth(tmp_path):
    cells = [{"cell": index, "ok": index < 4} for index in range(5)]
    edges = [[0, 1, "xs", "bind", "var", "xs"], [1, 2, "xs", "mutate", "var", "xs"], [1, 4, "xs", "mutate", "var", "xs"]]
    sources = ["xs = [1]", "xs.append(2)", "print(xs)", "", ""]
    out = tmp_path / "truth.json"
    out.write_text(json.dumps({"edges": edges, "alias_edges": [], "cells": cells, "ran": 5, "sources": sources}))
    return truth_of(out)


def test_the_truth_ends_where_a_cell_fails(truth):
    assert (truth["ran"], [edge[:3] for edge in truth["edges"]]) == (4, [[0, 1, "xs"], [1, 2, "xs"]])


def test_a_graph_that_has_every_edge(truth, tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook_bytes(CELLS))
    counted, unknown, cells = score_notebook(path, truth)
    assert (counted["t"], counted["f"], counted["p"], unknown, cells) == (2, 2, 2, 0, 4)


def test_what_was_looked_at_is_not_held_out():
    assert {half_of(name) for name in LOOKED_AT} == {"dev"}
    assert {half_of(f"notebook {number}") for number in range(20)} == {"dev", "held"}


def test_pinned(tmp_path):
    assert all(len(sdist.sha256) == 64 and sdist.file.endswith(f"-{sdist.version}.tar.gz") for sdist in pinned())
    assert name_of(tmp_path / "src" / "a-1" / "docs" / "n.ipynb", tmp_path) == "a-1__docs__n"
