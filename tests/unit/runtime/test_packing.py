"""What a notebook's own code makes of a value before it is sent, and of what was sent."""

import pytest

from nbcompile.runtime.document import UnpackEntry, parse_version
from nbcompile.runtime.packing import files_of_path, run_serializer, unpack_value
from nbcompile.runtime.problem import StepProblem

MODEL = parse_version("model@3")


def test_code_makes_y_of_x_and_sees_what_it_defines():
    code = "import json\ndef text(value):\n    return json.dumps(value)\ny = [text(one) for one in x]"
    assert run_serializer(code, MODEL, [1, "a"]) == ["1", '"a"']


def test_without_code_a_value_stays_what_it_is():
    value = object()
    assert run_serializer("", MODEL, value) is value


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("y = 1 / x", "fails: ZeroDivisionError"),
        ("if x:\n    y = 1", "does not bind `y`"),
        ("raise SystemExit(3)", "fails: SystemExit"),
        ("y = {}['z']", "fails: KeyError: 'z'"),
    ],
)
def test_code_that_fails_is_told_by_the_name_of_the_value(code, message):
    with pytest.raises(StepProblem, match=f"`model@3` {message}") as raised:
        run_serializer(code, MODEL, 0)
    assert raised.value.code == "NB585"


@pytest.mark.parametrize("path", [None, 3, "nowhere", b"bytes"])
def test_where_there_is_to_be_a_file_there_must_be_one(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StepProblem, match="makes no file"):
        files_of_path(MODEL, path)


@pytest.mark.parametrize("several", [False, True])
def test_a_file_or_a_directory_comes_out_as_it_went_in(several, tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    (there / "sub").mkdir()
    for place in ("one.bin", "sub/two.bin", "sub/empty"):
        (there / place).write_bytes(b"" if place.endswith("empty") else place.encode())
    name, files = files_of_path(MODEL, there if several else there / "one.bin")
    sent = [(file.path, file.content()) for file in files]
    found = unpack_value(UnpackEntry(MODEL, ("y = [x]",), file=True), name, sent, str(here))
    assert found == [str(here / name)]
    base = here / name if several else here
    assert (base / "one.bin").read_bytes() == b"one.bin"
    assert (base / "sub" / "two.bin").exists() is several


def test_no_file_is_written_elsewhere(tmp_path):
    with pytest.raises(StepProblem, match="leads out"):
        unpack_value(UnpackEntry(MODEL, (), file=True), "m", [("../m", b"")], str(tmp_path / "here"))
    assert not (tmp_path / "m").exists()
