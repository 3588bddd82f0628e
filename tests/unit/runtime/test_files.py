"""The index of what a step's cells wrote is there as a whole or not at all."""

import pytest

from nbcompile.runtime import files


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
