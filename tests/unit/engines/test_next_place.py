"""A step finds its directories made, and nothing in them, whatever was there before."""

import pytest

from nbcompile.engines.directory import PRIVATE, RunDirectory
from nbcompile.engines.local.next_place import NextPlace
from nbcompile.runtime import files
from nbcompile.runtime.files import CELLS, OPENED_FIRST, is_fresh, make_fresh, remove_much


@pytest.fixture
def directory(tmp_path):
    (tmp_path / ".nbcompile" / "work").mkdir(parents=True)
    return RunDirectory(tmp_path)


@pytest.mark.parametrize("made", [True, False])
def test_a_step_gets_an_empty_directory(directory, made):
    work = directory.work("one")
    work.mkdir()
    (work / "x.nbc").touch()
    place = NextPlace(directory)
    if made:
        place.make()
    place.give(work)
    assert [entry.name for entry in work.iterdir()] == [PRIVATE] * made
    assert is_fresh(str(work / PRIVATE)) is made


def test_what_a_dead_run_has_begun_is_no_place(directory):
    (directory.next_work / "x").mkdir(parents=True)
    place = NextPlace(directory)
    place.make()
    assert [entry.name for entry in directory.next_work.iterdir()] == [PRIVATE]
    place.remove()
    assert not directory.next_work.exists()


@pytest.mark.parametrize("name", OPENED_FIRST)
def test_a_file_that_somebody_wrote_to_or_named_twice_is_not_fresh(tmp_path, name):
    make_fresh(str(tmp_path / "written"))
    (tmp_path / "written" / name).write_text("x")
    assert not is_fresh(str(tmp_path / "written"))
    make_fresh(str(tmp_path / "linked"))
    (tmp_path / "linked" / name).unlink()
    (tmp_path / "linked" / name).symlink_to("/dev/null")
    assert not is_fresh(str(tmp_path / "linked"))
    make_fresh(str(tmp_path / "twice"))
    (tmp_path / "other").hardlink_to(tmp_path / "twice" / name)
    assert not is_fresh(str(tmp_path / "twice"))


@pytest.mark.parametrize(("place", "characters", "stays"), [("journal", 60_000, True), ("stdout", 70_000, False), (f"{CELLS}/x", 1, False)])
def test_what_is_much_is_removed_at_once(tmp_path, place, characters, stays):
    work = tmp_path / "work"
    make_fresh(str(work))
    (work / place).write_text("x" * characters)
    remove_much(str(work))
    assert work.exists() is stays


def test_what_cannot_be_looked_at_is_removed(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(path)

    make_fresh(str(tmp_path / "work"))
    monkeypatch.setattr(files.os, "listdir", refuse)
    remove_much(str(tmp_path / "work"))
    monkeypatch.undo()
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("there", ["y", "above/x", f"{CELLS}/x"])
def test_a_directory_in_which_something_was_is_not_fresh(tmp_path, there):
    (tmp_path / CELLS).mkdir(parents=True)
    (tmp_path / there).touch()
    assert not is_fresh(str(tmp_path))


def test_nobody_else_decides_where_a_step_works(tmp_path):
    (tmp_path / "elsewhere" / CELLS).mkdir(parents=True)
    (tmp_path / "work").symlink_to("elsewhere")
    assert not is_fresh(str(tmp_path / "work"))
    assert is_fresh(str(tmp_path / "elsewhere"))
