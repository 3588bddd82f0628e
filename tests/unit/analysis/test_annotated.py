"""What authors say in `# nbc:` comments counts."""

import json

import pytest

from nbcompile.api import analyze
from nbcompile.model.facts import Effect


@pytest.fixture
def analyzed(tmp_path):
    def analyzed(*sources):
        cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source} for source in sources]
        document = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}
        (tmp_path / "demo.ipynb").write_text(json.dumps(document), "utf-8")
        return analyze(tmp_path / "demo.ipynb")

    return analyzed


def files(effects: tuple[Effect, ...]):
    return [(effect.mode, effect.subject) for effect in effects if effect.channel == "files"]


def test_mutates_adds_a_change_and_takes_away_the_doubt(analyzed):
    program = analyzed("import somewhere\na, b = [], []", "somewhere.update(a, b)", "somewhere.update(a, b)  # nbc: mutates=b")
    assert [change.name for change in program.facts[1].changes] == ["a"]
    assert [change.name for change in program.facts[2].changes] == ["b"]


def test_pure_takes_all_doubt_away(analyzed):
    program = analyzed("import somewhere\na = []", "# nbc: pure\nsomewhere.update(a)")
    assert program.facts[1].changes == ()


def test_files_that_are_named_replace_those_that_are_unclear(analyzed):
    program = analyzed("import numpy as np, sys\nx = np.load(sys.argv[1])", "# nbc: reads=a.npy,b/\nx = np.load(sys.argv[1])")
    assert files(program.facts[0].effects) == [("read", "./")]
    assert files(program.facts[1].effects) == [("read", "a.npy"), ("read", "b/")]


def test_fuse_joins_a_cell_with_the_one_before(analyzed):
    program = analyzed("a = 1", "b = 1", "c = 1  # nbc: fuse")
    assert [(fusion.first, fusion.second) for fusion in program.graph.fusions] == [(1, 2)]


def test_names_that_share_stay_together_from_then_on(analyzed):
    program = analyzed("import somewhere\nx = [1]\nz = 1", "y = somewhere.of(3)  # nbc: shares=x,y", "x.append(2)", "print(z)", "print(y)")
    assert {(fusion.first, fusion.second) for fusion in program.graph.fusions} == {(1, 2), (1, 4)}


def test_allow_settles_a_warning_but_no_error(analyzed):
    assert [found.rule.code for found in analyzed("x = 1  # nbc: nonsense").diagnostics] == ["NB190"]
    assert [found.rule.code for found in analyzed("x = 1  # nbc: nonsense allow=NB190").diagnostics] == []
    assert "NB006" in [found.rule.code for found in analyzed("x = (  # nbc: allow=NB006").diagnostics]
