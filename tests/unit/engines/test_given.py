"""Which files beside the notebook a step is given."""

from nbcompile.engines.local.given import given


def test_a_directory_that_holds_a_run_is_given_to_nobody(tmp_path):
    (tmp_path / "out" / ".nbcompile").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    assert list(given(tmp_path, ["out/", "data/"])) == [("data/", tmp_path / "data/")]
    assert list(given(tmp_path, ["./"])) == [("data", tmp_path / "data")]
