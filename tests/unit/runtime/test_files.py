"""The index of what a step's cells wrote is there as a whole or not at all."""

import concurrent.futures
import contextlib
import gzip
import os
import sqlite3
import zipfile
from pathlib import Path

import h5py
import netCDF4
import pytest

from nbcompile.runtime import files
from nbcompile.runtime.document import VersionName


def test_an_index_that_was_being_written_is_none(tmp_path, monkeypatch):
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "a.txt").write_text("a")
    whole = [{"cell": 0, "path": "a.txt", "bytes": 1, "sha256": ""}]

    def ended(document, file, **_):
        file.write('{"schema": "nbcompile/files/1", "fi')
        file.flush()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files, "json_dump", ended)
        with pytest.raises(KeyboardInterrupt):
            files.write_index(str(tmp_path), whole)
    assert files.read_written(str(tmp_path)) == []
    files.write_index(str(tmp_path), whole)
    assert [one.path for one in files.read_written(str(tmp_path))] == ["a.txt"]


def test_files_from_above_are_kept_apart_and_none_leads_further(tmp_path):
    assert files.below("x../y") == "x../y"
    for path in ("a.txt", "../a.txt", "../../../a.txt"):
        place = tmp_path / "0" / files.below(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(path)
    paths = ["../../../a.txt", "../a.txt", "a.txt"]
    files.write_index(str(tmp_path), [{"cell": 0, "path": path} for path in paths])
    target = tmp_path / "target" / "run"
    target.mkdir(parents=True)
    assert files.deliver([str(tmp_path)], str(target)) == ["above/above/above/a.txt", "above/a.txt", "a.txt"]
    assert [(target / files.below(path)).read_text() for path in paths] == paths
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["run"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../../a", "x/../../a", "a/../../../../../b", "..", "../.."])
def test_an_index_that_leads_out_is_refused(path, tmp_path):
    files.write_index(str(tmp_path), [{"cell": 0, "path": path}])
    with pytest.raises(ValueError, match="leads out"):
        files.read_written(str(tmp_path))


def test_what_is_given_as_a_part_stands_in_the_place_of_the_whole_s(tmp_path):
    for path in ("own/d/a.txt", "own/d/e/b.txt", "own/c.txt", "other/x.txt", "one.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    given = [("d/one.txt", str(tmp_path / "one.txt")), ("d", str(tmp_path / "other")), ("./", str(tmp_path / "own"))]
    staged = files.StepFiles(str(tmp_path / "work"), given, ())
    found = {path.relative_to(staged.directory).as_posix() for path in Path(staged.directory).rglob("*") if path.is_file()}
    assert found == {"c.txt", "d/x.txt", "d/one.txt"}


def given(path, tmp_path, **how):
    staged = files.StepFiles(str(tmp_path / "work"), [(path.name, str(path))], (), **how)
    return Path(staged.directory, path.name)


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(5 << 20))
    return path


def opened(mode):
    def write(place):
        with place.open(mode) as file:
            file.write(b"more")

    return write


def renamed(place):
    other = place.rename(place.with_name("other.bin"))
    opened("ab")(other)
    other.rename(place)


def by_another_link(place):
    link = place.with_name("link.bin")
    link.symlink_to("large.bin")
    opened("r+b")(link)


@pytest.mark.parametrize(
    "change",
    [
        opened("ab"),
        opened("r+b"),
        opened("wb"),
        renamed,
        by_another_link,
        lambda place: place.chmod(0o600),
        lambda place: os.truncate(place, 3),
    ],
    ids=["append", "in place", "anew", "renamed", "another link", "permissions", "truncated"],
)
def test_a_large_file_that_a_cell_changes_becomes_its_own(change, large, tmp_path):
    before = large.stat()
    place = given(large, tmp_path)
    assert place.read_bytes() == bytes(5 << 20)
    assert place.samefile(large)
    change(place)
    assert not place.samefile(large)
    assert (large.read_bytes(), large.stat().st_mode, large.stat().st_mtime) == (bytes(5 << 20), before.st_mode, before.st_mtime)
    assert [one.name for one in place.parent.iterdir() if one.name.endswith(".part")] == []


@pytest.mark.parametrize("how", [{"changes": ["large.bin"]}, {"sees_links": True}])
def test_a_large_file_that_cells_are_known_to_change_is_copied(how, large, tmp_path):
    place = given(large, tmp_path, **how)
    assert not place.is_symlink()
    assert not place.samefile(large)


def test_threads_that_write_a_large_file_write_the_same(large, tmp_path):
    place = given(large, tmp_path)
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        list(threads.map(opened("ab"), [place] * 8))
    assert large.stat().st_size == 5 << 20
    assert place.stat().st_size == (5 << 20) + 8 * len(b"more")


def test_files_keep_the_permissions_that_a_cell_left(tmp_path):
    made = files.StepFiles(str(tmp_path / "work"), (), ())
    for name, mode in (("own.txt", 0o600), ("read.txt", 0o444), ("write.txt", 0o200)):
        place = Path(made.directory, name)
        place.write_text(name)
        place.chmod(mode)
    Path(made.directory, "private").mkdir(mode=0o700)
    assert made.note(0) == ["own.txt", "private/", "read.txt", "write.txt"]
    Path(made.directory, "private").chmod(0o750)
    assert made.note(1) == ["private/"]
    list(made.collect(str(tmp_path / "sent")))
    for one in (tmp_path / "sent").rglob("*.txt"):
        # As the cache leaves them.
        one.chmod(0o400)
    staged = files.StepFiles(str(tmp_path / "next"), (), [str(tmp_path / "sent")])
    staged.stage([VersionName("file:./", 0), VersionName("file:./", 1)])
    modes = {path.name: path.stat().st_mode & 0o777 for path in Path(staged.directory).iterdir()}
    assert modes == {"own.txt": 0o600, "read.txt": 0o444, "write.txt": 0o200, "private": 0o750}
    (tmp_path / "run").mkdir()
    files.deliver([str(tmp_path / "sent")], str(tmp_path / "run"))
    assert (tmp_path / "run" / "write.txt").stat().st_mode & 0o777 == 0o200


def test_directories_are_closed_to_cells_and_open_to_their_step(tmp_path):
    made = files.StepFiles(str(tmp_path / "work"), (), ())
    inner = Path(made.directory, "outer", "inner")
    inner.mkdir(parents=True)
    (inner / "a.txt").write_text("a")
    inner.chmod(0o500)
    inner.parent.chmod(0o100)
    assert made.note(0) == ["outer/", "outer/inner/", "outer/inner/a.txt"]
    made.close()
    assert (inner.parent.stat().st_mode & 0o777, inner.stat().st_mode & 0o777) == (0o100, 0o500)
    assert made.note(1) == []
    list(made.collect(str(tmp_path / "sent")))
    staged = files.StepFiles(str(tmp_path / "next"), (), [str(tmp_path / "sent")])
    staged.stage([VersionName("file:./", 0)])
    staged.close()
    inner = Path(staged.directory, "outer", "inner")
    assert (inner.parent.stat().st_mode & 0o777, inner.stat().st_mode & 0o777) == (0o100, 0o500)
    inner.parent.chmod(0o700)
    inner.chmod(0o700)
    assert staged.note(2) == ["outer/", "outer/inner/"]
    staged.close()
    assert inner.stat().st_mode & 0o777 == 0o700


def test_links_to_directories_lead_where_they_did(tmp_path):
    made = files.StepFiles(str(tmp_path / "work"), (), ())
    there = Path(made.directory, "deep", "there")
    there.mkdir(parents=True)
    for name, target in (("deep/link", "there"), ("above", "../elsewhere"), ("root", "/")):
        Path(made.directory, name).symlink_to(target)
    Path(made.directory, "..", "elsewhere").mkdir()
    assert made.note(0) == ["../elsewhere/", "above", "deep/", "deep/link", "deep/there/", "root"]
    reports = {one["path"]: one.get("link") for one in made.collect(str(tmp_path / "sent"))}
    assert reports == {
        "../elsewhere/": None,
        "above": "../elsewhere",
        "deep/": None,
        "deep/link": "there",
        "deep/there/": None,
        "root": "/",
    }
    staged = files.StepFiles(str(tmp_path / "next"), (), [str(tmp_path / "sent")])
    staged.stage([VersionName("file:./", 0)])
    Path(staged.directory, "deep", "link", "a.txt").write_text("a")
    assert staged.note(1) == ["deep/there/a.txt"]
    (tmp_path / "run").mkdir()
    for _ in range(2):
        files.deliver([str(tmp_path / "sent")], str(tmp_path / "run"))
    links = [path for path in (tmp_path / "run").rglob("*") if path.is_symlink()]
    assert [(path.name, path.readlink()) for path in links] == [("link", Path("there"))]


def test_what_cells_left_open_is_closed_before_it_is_collected(tmp_path):
    step = files.StepFiles(str(tmp_path / "work"), [], [])
    below = Path(step.directory)
    text = (below / "a.txt").open("w")
    packed = gzip.open(below / "b.gz", "wt")  # noqa: SIM115 (left open)
    elsewhere = (tmp_path / "c.txt").open("w")
    with elsewhere:
        for file in (text, packed, elsewhere):
            file.write("written")
        step.note(0)
        step.finish(1)
        assert [text.closed, packed.closed, elsewhere.closed] == [True, True, False]
    reports = {one["path"]: (one["cell"], one["bytes"]) for one in step.collect(str(tmp_path / "out"))}
    assert reports["a.txt"] == (0, len("written"))
    assert gzip.decompress((tmp_path / "out" / "0" / "b.gz").read_bytes()) == b"written"


@pytest.mark.parametrize("name", ["row_factory", "text_factory"])
def test_a_database_that_cells_left_open_leaves_no_journal(name, tmp_path):
    step = files.StepFiles(str(tmp_path / "work"), [], [])
    database = sqlite3.connect(Path(step.directory, "data.db"))
    database.execute("create table kept (a int)")
    database.commit()
    database.execute("insert into kept values (1)")
    # What the notebook has rows and texts made by is not asked.
    setattr(database, name, lambda *_: pytest.fail("it was called"))
    assert step.note(0) == ["data.db", "data.db-journal"]
    step.finish(0)
    reports = {one["path"]: one.get("removed", False) for one in step.collect(str(tmp_path / "sent"))}
    assert reports == {"data.db": False, "data.db-journal": True}
    with contextlib.closing(sqlite3.connect(tmp_path / "sent" / "0" / "data.db")) as again:
        assert again.execute("select count(*) from kept").fetchall() == [(0,)]


def _open_archive():
    left = zipfile.ZipFile("a", "w")
    left.writestr("one", "text")
    return left


def _open_hdf5():
    left = h5py.File("a", "w")
    left["one"] = [1.0, 2.0]
    return left


def _open_a_part_of_hdf5():
    return h5py.File("a", "w").create_dataset("one", data=[1.0, 2.0])


def _open_netcdf():
    left = netCDF4.Dataset("a", "w")
    left.createDimension("one", 2)
    left.createVariable("one", "f8", ("one",))[:] = [1, 2]
    return left


def _read_archive():
    return zipfile.ZipFile("a").read("one")


def _read_hdf5():
    return h5py.File("a")["one"][:].tolist()


def _read_netcdf():
    return netCDF4.Dataset("a")["one"][:].tolist()


LEFT_OPEN = [
    (_open_archive, _read_archive, b"text"),
    (_open_hdf5, _read_hdf5, [1, 2]),
    (_open_a_part_of_hdf5, _read_hdf5, [1, 2]),
    (_open_netcdf, _read_netcdf, [1, 2]),
]


@pytest.mark.parametrize(("begin", "read", "expected"), LEFT_OPEN)
def test_what_a_library_writes_when_it_closes_a_file_is_written(begin, read, expected, tmp_path, monkeypatch):
    step = files.StepFiles(str(tmp_path / "work"), [], [])
    monkeypatch.chdir(step.directory)
    left = begin()
    step.note(0)
    step.finish(0)
    step.collect(str(tmp_path / "sent"))
    del left
    monkeypatch.chdir(tmp_path / "sent" / "0")
    assert read() == expected
