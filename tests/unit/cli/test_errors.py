"""A notebook that cannot be compiled is told where and why by every command, and what to do next."""

import json
import sys

import pytest

from nbcompile.cli import main

WRONG = {"version": "v1.0", "step": {"inn": []}}
DENIED = {"version": "v1.0", "step": {}, "interpreter": "/usr/bin/perl"}


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """What a command says of a notebook with this source and metadata, and its exit code."""

    def tell(source, metadata, *words):
        cell = {"cell_type": "code", "id": "one", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}
        document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
        (tmp_path / "bad.ipynb").write_text(json.dumps(document), "utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(tmp_path / "none.yml"))
        monkeypatch.setattr(sys, "argv", ["nbcompile", *words, "bad.ipynb"])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return tell


@pytest.mark.parametrize("words", [["run"], ["build"], ["verify"], ["profile"], ["inspect", "--stage", "plan"]])
def test_errors_are_shown_where_they_are(told, words):
    code, said = told("x = (", {}, *words)
    assert code == 1
    assert "bad.ipynb: cell 0 line 1: error NB006" in said
    assert said.splitlines()[-2].endswith("bad has an error") or "bad.ipynb: bad has an error" in said
    assert "nbcompile check" in said.splitlines()[-1]


def test_advice_comes_with_each_error(told):
    code, said = told("x = 1", {"workflow": WRONG}, "run")
    assert (code, "did you mean `in`?" in said) == (1, True)


def test_what_is_denied_says_what_and_who_can_allow_it(told):
    code, said = told("x = 1", {"workflow": DENIED}, "run")
    assert code == 4
    assert "NB411" in said
    assert "allow: [interpreter]" in said
