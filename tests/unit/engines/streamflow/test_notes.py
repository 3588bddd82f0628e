"""Notes are whole, and what a full disk tore is no note."""

import os

import pytest

from nbcompile.engines.streamflow.notes import NoteReader, NoteWriter


def read(path):
    return [note["note"] for note in NoteReader(path).news()]


@pytest.mark.parametrize("same", [True, False], ids=["writer", "next client"])
def test_what_comes_after_a_full_disk_is_read(tmp_path, monkeypatch, same):
    path, write = tmp_path / "notes", os.write
    writer = NoteWriter(path)
    writer.write("first")

    def full(descriptor, content):
        monkeypatch.undo()
        monkeypatch.setattr(os, "write", refuse)
        return write(descriptor, content[:5])

    def refuse(descriptor, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        writer.write("torn")
    monkeypatch.undo()
    writer = writer if same else NoteWriter(path)
    writer.write("last")
    assert read(path) == ["first", "last"]
    assert path.read_bytes().startswith(b"{")
