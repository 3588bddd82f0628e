"""A step finds its directories made, and nothing in them, whatever was there before."""

import pytest

from nbcompile.engines.directory import PRIVATE, RunDirectory
from nbcompile.engines.local.next_place import NextPlace
from nbcompile.runtime.files import CELLS, is_fresh


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


@pytest.mark.parametrize("there", ["journal", "above/x", f"{CELLS}/x"])
def test_a_directory_in_which_something_was_is_not_fresh(tmp_path, there):
    (tmp_path / CELLS).mkdir(parents=True)
    (tmp_path / there).touch()
    assert not is_fresh(str(tmp_path))


def test_nobody_else_decides_where_a_step_works(tmp_path):
    (tmp_path / "elsewhere" / CELLS).mkdir(parents=True)
    (tmp_path / "work").symlink_to("elsewhere")
    assert not is_fresh(str(tmp_path / "work"))
    assert is_fresh(str(tmp_path / "elsewhere"))
