"""A bug of ours ends with 70 and a file without anybody's values."""

import json
import stat
import sys
from pathlib import Path

import pytest

from nbcompile import api
from nbcompile.cli import main


def test_a_bug_is_told_as_one(tmp_path, monkeypatch, capsys):
    notebook = tmp_path / "demo.ipynb"
    cells = [{"cell_type": "code", "source": "x = 1", "outputs": [{"text": "a patient's name"}], "metadata": {"k": "v"}}]
    notebook.write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 4, "metadata": {}}), "utf-8")

    def broken(*_, **__):
        raise KeyError("a patient's name")

    monkeypatch.setattr(api, "run", broken)
    monkeypatch.setattr(sys, "argv", ["nbcompile", "run", str(notebook), "-p", "token", "s3cret", "--engine", "local"])
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 70
    told = capsys.readouterr().err
    path = Path(told.split(" is in ")[1].split(": please")[0])
    text = path.read_text("ascii")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "patient" not in text + told
    assert "s3cret" not in text + told
    document = json.loads(text)
    assert (document["command"], document["options"], document["error"]) == (["run"], ["--engine"], "KeyError")
    assert any(frame.startswith("cli/run.py:") for frame in document["frames"])
    assert document["notebooks"] == [{"cells": [{"cell_type": "code", "source": "x = 1"}]}]
