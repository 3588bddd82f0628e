"""The copy of a directory in which a plain run may write."""

import shutil

from nbcompile.verify import ground
from nbcompile.verify.ground import copy_ground, written_below


def test_a_file_that_goes_away_while_it_is_copied_is_left_out(tmp_path, monkeypatch):
    source = tmp_path / "source"
    source.mkdir()
    (source / "kept.txt").write_text("kept", "utf-8")
    (source / "gone.txt").write_text("gone", "utf-8")

    def copy(file, place):
        if file.name == "gone.txt":
            file.unlink()
        return shutil.copy(file, place)

    monkeypatch.setattr(ground.shutil, "copy2", copy)
    found = copy_ground(source, tmp_path / "ground")
    assert list(found) == ["kept.txt"]
    assert written_below(tmp_path / "ground", tmp_path / "ground", found) == {}


def test_what_cells_write_is_seen_wherever_it_lies(tmp_path):
    source = tmp_path / "source"
    (source / ".git").mkdir(parents=True)
    (source / ".git" / "HEAD").touch()
    found = copy_ground(source, tmp_path / "ground")
    assert found == {}
    for path in ("made/.git/HEAD", "venv/pyvenv.cfg", "made/__pycache__/x.pyc", ".ipynb_checkpoints/x.ipynb"):
        place = tmp_path / "ground" / path
        place.parent.mkdir(parents=True)
        place.touch()
    assert sorted(written_below(tmp_path / "ground", tmp_path / "ground", found)) == ["made/.git/HEAD", "venv/pyvenv.cfg"]


def test_what_cannot_be_read_is_there_all_the_same(tmp_path, monkeypatch):
    def refuse(path):
        raise (PermissionError if path.name == "closed" else FileNotFoundError)(path)

    (tmp_path / "closed").touch()
    (tmp_path / "gone").touch()
    monkeypatch.setattr(ground, "_digest", refuse)
    assert written_below(tmp_path, tmp_path, {}) == {"closed": "unreadable"}
