"""Cells tagged `parameters`: each run may be given other values."""

import json

import pytest

from nbcompile import api


def test_a_path_names_the_file_that_is_read():
    source = "from pathlib import Path\nwhere = Path('data') / 'x.csv'"
    cells = [
        {"cell_type": "code", "metadata": {"tags": tags}, "outputs": [], "execution_count": None, "source": text}
        for text, tags in ((source, ["parameters"]), ("print(where.read_text())", []))
    ]
    program = api.analyze_bytes(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}).encode(), "notebook")
    assert [effect.subject for effect in program.facts[1].effects if effect.channel == "files"] == ["data/x.csv"]


def edges(default):
    sources = [(f"n = {default}", ["parameters"]), ("a = 1", []), ("if n:\n    b = 2\nelse:\n    b = a", []), ("print(b)", [])]
    cells = [
        {"cell_type": "code", "metadata": {"tags": tags}, "outputs": [], "execution_count": None, "source": source}
        for source, tags in sources
    ]
    document = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}
    graph = api.analyze_bytes(json.dumps(document).encode(), "notebook").graph
    return {(edge.source, edge.target, edge.name) for edge in graph.edges}


@pytest.mark.parametrize("default", ["True", "1", "None"])
def test_both_branches_may_be_taken(default):
    assert (1, 2, "a") in edges(default)
