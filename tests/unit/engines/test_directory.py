"""Who gets the directory of a run, and what is said to the others."""

import errno
import os
from pathlib import Path

import pytest

from nbcompile.engines.directory import claim_directory
from nbcompile.model.errors import PlaceFailed, UsageError


def at_rename_to_state(monkeypatch, act):
    """Do something just before a new run's state gets its place."""
    rename = Path.rename

    def renamed(self, target):
        if Path(target).name == ".nbcompile":
            act(Path(target))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", renamed)


def other_run(state):
    (state / "work").mkdir(parents=True)


def test_of_two_that_begin_at_once_one_is_told(tmp_path, monkeypatch):
    at_rename_to_state(monkeypatch, other_run)
    with pytest.raises(UsageError, match="another run has just begun"):
        claim_directory(tmp_path / "run", "demo")
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".nbcompile"]


def test_of_two_that_follow_a_third_at_once_one_is_told(tmp_path, monkeypatch):
    """The other has put what was there aside between our look and our hand."""
    claim_directory(tmp_path / "run", "demo")
    rename = Path.rename

    def renamed(self, target):
        if self.name == ".nbcompile":
            rename(self, self.with_name("theirs"))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", renamed)
    with pytest.raises(UsageError, match="another run has just begun"):
        claim_directory(tmp_path / "run", "demo")


@pytest.mark.parametrize(
    ("number", "kind", "advice"),
    [
        (errno.ENOSPC, PlaceFailed, "free some space"),
        (errno.EDQUOT, PlaceFailed, "free some of your quota"),
        (errno.EACCES, UsageError, "see that you may write there"),
        (errno.EROFS, UsageError, "make it writable"),
        (errno.EIO, PlaceFailed, "look into it"),
    ],
)
def test_what_a_disk_refuses_is_no_other_run(tmp_path, monkeypatch, number, kind, advice):
    """What was there before stays, and nothing of the new run does."""
    claim_directory(tmp_path / "run", "demo")

    def refuse(state):
        if not state.exists():
            monkeypatch.undo()
            raise OSError(number, os.strerror(number))

    at_rename_to_state(monkeypatch, refuse)
    before = (tmp_path / "run" / ".nbcompile").stat().st_ino
    with pytest.raises(kind, match=r"cannot begin a run in .*run: ") as told:
        claim_directory(tmp_path / "run", "demo")
    assert os.strerror(number) in told.value.message
    assert told.value.advice == f"{advice}, or name another directory with -o"
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".nbcompile"]
    assert (tmp_path / "run" / ".nbcompile").stat().st_ino == before


def test_what_cannot_be_made_is_told_with_the_way_out(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as told:
        claim_directory(tmp_path / "file" / "run", "demo")
    assert told.value.advice == "see that every part of the path is a directory, or name another directory with -o"
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(UsageError, match="No such file or directory") as told:
        claim_directory(None, "demo")
    assert told.value.advice == "see that it is still there, or name another directory with -o"


def test_the_first_free_number_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [claim_directory(None, "demo").path.name for _ in range(3)] == ["demo.run", "demo.run-2", "demo.run-3"]
