"""A notebook that cannot be compiled is told where and why by every command, and what to do next."""

import errno
import json
import os
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from nbcompile import api
from nbcompile.cli import main
from nbcompile.model.errors import UsageError

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


@pytest.fixture
def pipe(tmp_path):
    """A pipe that ends as soon as it is read: whoever reads it fails a test, and does not hold it up."""
    path, ended = tmp_path / "pipe.ipynb", Event()
    os.mkfifo(path)

    def write():
        while not ended.wait(0.05):
            path.open("wb").close()

    writer = Thread(target=write, daemon=True)
    writer.start()
    yield path
    ended.set()
    # Whether the writer waits for a reader or not, it goes on now.
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer.join(60)
    os.close(reader)


@pytest.mark.parametrize("command", ["check", "build", "run", "inspect", "verify", "profile"])
def test_what_is_no_file_is_not_waited_for(command, pipe, monkeypatch, capsys):
    monkeypatch.chdir(pipe.parent)
    monkeypatch.setattr(sys, "argv", ["nbcompile", command, "pipe.ipynb"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "cannot read pipe.ipynb: it is no regular file" in said
    assert "name an existing .ipynb file" in said


@pytest.mark.parametrize("content", ["[" * 100_000, "[1, 2]", '{"metadata": 3}', '{"metadata": {"kernelspec": []}}', "9" * 5000])
def test_a_run_of_what_is_no_notebook_is_told(content, tmp_path, monkeypatch, capsys):
    (tmp_path / "bad.ipynb").write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["nbcompile", "run", "bad.ipynb"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "bad.ipynb: error NB00" in capsys.readouterr().err


def test_a_bundle_without_a_runner_says_how_to_run_it(tmp_path, monkeypatch, capsys):
    (tmp_path / "my bundle").mkdir()
    (tmp_path / "my bundle" / "workflow.cwl").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["nbcompile", "run", "my bundle"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "my bundle is a bundle" in said
    assert "`nbcompile run 'my bundle' --engine cwltool`" in said


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOENT, "name an existing .ipynb file"),
        (errno.EACCES, "see that you may read it"),
        (errno.EIO, "see that its disk can be read, then try again"),
    ],
)
def test_advice_fits_why_a_file_cannot_be_read(number, advice, tmp_path, monkeypatch):
    def refuse(path):
        raise OSError(number, os.strerror(number), str(path))

    (tmp_path / "a.ipynb").touch()
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UsageError, match=os.strerror(number)) as told:
        api.analyze(tmp_path / "a.ipynb")
    assert told.value.advice == advice


def test_a_name_that_no_file_can_have_is_told():
    with pytest.raises(UsageError, match="no file name"):
        api.analyze(Path("a\0b.ipynb"))


@pytest.mark.parametrize("words", [["inspect"], ["inspect", "--stage", "facts"], ["inspect", "--format", "json"], ["explain"]])
def test_what_is_no_notebook_is_told_where_nothing_is_planned(words, tmp_path, monkeypatch, capsys):
    (tmp_path / "bad.ipynb").write_text("[1, 2]")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["nbcompile", *words, "bad.ipynb", *(["0"] if words == ["explain"] else [])])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    assert (ended.value.code, captured.out) == (1, "")
    assert "bad.ipynb: error NB003" in captured.err


@pytest.mark.parametrize("words", [["inspect"], ["explain"]])
def test_what_is_known_beside_an_error_is_printed(words, tmp_path, monkeypatch, capsys):
    cells = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "source": source} for n, source in enumerate(("a = 1", "x = (", "print(a)"))
    ]
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    (tmp_path / "bad.ipynb").write_text(json.dumps(document))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["nbcompile", *words, "bad.ipynb", *(["0"] if words == ["explain"] else [])])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    assert ended.value.code == 1
    assert "cell 0" in captured.out
    assert "bad.ipynb: cell 1 line 1: error NB006" in captured.err


def test_a_name_that_is_no_text_is_told(tmp_path):
    with pytest.raises(UsageError, match="not UTF-8"):
        api.analyze(tmp_path / "b\udcffd.ipynb")
