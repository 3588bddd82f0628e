"""The tools that score the graph on real notebooks, without the notebooks."""

import json

import pytest

from tests.corpus.gather import name_of, pinned
from tests.corpus.measure import LOOKED_AT, half_of, score_notebook, truth_of
from tests.corpus.sample import missing, pin, read_sample
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
    found = score_notebook(path, truth)
    assert [found.counted[one] for one in "tfp"] == [2, 2, 2]
    assert found[1:] == (0, 4, 1, 0)


def test_a_lost_edge_is_counted_where_no_cell_is_said_to_be_not_understood(truth, tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook_bytes(CELLS.replace("xs.append(2)", "xs")))
    assert score_notebook(path, truth).unnamed == 1


def test_what_is_kept_of_a_truth_scores_as_the_whole(truth, tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook_bytes(CELLS))
    kept = pin("n.ipynb", path.read_bytes(), truth)
    assert score_notebook(path, kept.truth()) == score_notebook(path, truth)
    assert missing([kept], tmp_path) == ["n.ipynb"]
    (tmp_path / "src").mkdir()
    path.rename(tmp_path / "src" / "n.ipynb")
    assert missing([kept], tmp_path) == []


def test_the_sample_is_of_the_pinned_distributions():
    directories = {sdist.file.removesuffix(".tar.gz") for sdist in pinned()}
    sample = read_sample()
    assert len(sample) > 100
    assert {one.path.partition("/")[0] for one in sample} <= directories
    assert len({one.sha256 for one in sample}) == len(sample)


def test_what_was_looked_at_is_not_held_out():
    assert {half_of(name) for name in LOOKED_AT} == {"dev"}
    assert {half_of(f"notebook {number}") for number in range(20)} == {"dev", "held"}


def test_pinned(tmp_path):
    assert all(len(sdist.sha256) == 64 and sdist.file.endswith(f"-{sdist.version}.tar.gz") for sdist in pinned())
    assert name_of(tmp_path / "src" / "a-1" / "docs" / "n.ipynb", tmp_path) == "a-1__docs__n"
