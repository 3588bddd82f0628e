"""Which files beside the notebook a step is given."""

import os
from pathlib import Path

import pytest

from nbcompile.engines.file_digests import ABSENT, FileDigests
from nbcompile.engines.local.given import given
from nbcompile.runtime.files import StepFiles


def test_a_directory_that_holds_a_run_is_given_to_nobody(tmp_path):
    (tmp_path / "out" / ".nbcompile").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    assert list(given(tmp_path, ["out/", "data/"])) == [("data/", tmp_path / "data/")]
    assert list(given(tmp_path, ["./"])) == [("data", tmp_path / "data")]


def test_only_files_and_directories_are_given(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "a.csv").write_text("1")
    assert list(given(tmp_path, ["./"])) == [("a.csv", tmp_path / "a.csv")]


@pytest.mark.timeout(60)
def test_a_pipe_is_not_waited_for(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.csv").write_text("1")
    (data / "gone").symlink_to("nowhere")
    os.mkfifo(data / "pipe")
    assert FileDigests(tmp_path / "memory").digest(data) != ABSENT
    files = StepFiles(str(tmp_path / "work"), [("data/", str(data))], ())
    assert [path.name for path in Path(files.directory, "data").iterdir()] == ["a.csv"]
