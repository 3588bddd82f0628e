"""`runs gc` says what it freed, and why something is left."""

import sys

import pytest

from nbcompile.cli import main
from nbcompile.engines import gc
from nbcompile.engines.home import cache_directory
from nbcompile.engines.store import Store
from nbcompile.model.errors import DiskRefuses


@pytest.mark.parametrize(("most", "told"), [("1KiB", True), ("4.8 kib", True), ("5kB", False), ("1MiB", False)])
def test_what_is_left_since_it_is_young_is_told(most, told, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NBCOMPILE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NBCOMPILE_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "made").write_bytes(b"x" * 5000)
    Store(cache_directory()).add(tmp_path / "made")
    monkeypatch.setattr(sys, "argv", ["nbcompile", "runs", "gc", "--max-size", most])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert not ended.value.code
    assert "freed 0.0 MiB" in said
    assert ("less than 10 minutes ago" in said) == told


def test_what_is_no_size_is_told(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["nbcompile", "runs", "gc", "--max-size", "much"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, "'much' is not a size such as 10GiB" in capsys.readouterr().err) == (2, True)


def test_a_cache_that_nobody_may_write_is_told(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", str(tmp_path / "cache" / "blob"))

    monkeypatch.setenv("NBCOMPILE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(Store, "collect", refuse)
    with pytest.raises(DiskRefuses, match="blob: Permission denied") as told:
        gc.free([], most_bytes=0, most_seconds=0.0)
    assert told.value.advice == "see that you may write there, then try again"
