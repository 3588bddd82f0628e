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
