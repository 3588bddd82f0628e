"""A bundle or a lock that cannot be written is a problem of the world, told with what to do."""

from pathlib import PurePosixPath

import pytest

from nbcompile.emitters.write import write_bundle, write_whole
from nbcompile.model.bundle import Bundle, BundleFile
from nbcompile.model.errors import UsageError

BUNDLE = Bundle((BundleFile(PurePosixPath("workflow.cwl"), b"x"), BundleFile(PurePosixPath("n.nbcompile.json"), b"{}")))


@pytest.fixture
def file(tmp_path):
    (tmp_path / "file").write_text("somebody's")
    return tmp_path / "file"


def test_a_bundle_below_a_file_is_told(file):
    with pytest.raises(UsageError, match=r"cannot write .*file/bundle") as raised:
        write_bundle(BUNDLE, file.parent, file / "bundle")
    assert "-o" in raised.value.advice


def test_a_bundle_that_lacks_an_input_leaves_the_earlier_one(file):
    directory = write_bundle(BUNDLE, file.parent, file.parent / "bundle")
    with pytest.raises(UsageError, match=r"cannot read .*gone\.csv: No such file") as raised:
        write_bundle(Bundle(BUNDLE.files, ("gone.csv",)), file.parent, directory)
    assert "move it" in raised.value.advice
    assert sorted(path.name for path in directory.iterdir()) == ["n.nbcompile.json", "workflow.cwl"]
    assert sorted(path.name for path in file.parent.iterdir()) == ["bundle", "file"]


def test_a_lock_that_cannot_be_written_is_told(file):
    with pytest.raises(UsageError, match=r"cannot write .*n.nbcompile.json"):
        write_whole(file / "n.nbcompile.json", b"{}")
