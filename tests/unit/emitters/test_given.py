"""What of a person's directory goes into a bundle: data, and nothing of ours, hidden, or from elsewhere."""

import nbformat
import pytest

from nbcompile import api
from nbcompile.emitters import write
from nbcompile.emitters.given import empty_directories, given_bytes, given_files


@pytest.fixture
def directory(tmp_path):
    place = tmp_path / "work"
    for path in ("a.csv", "data/b c.csv", ".ssh/id", "x.run/r", "x.run-2/r", "__pycache__/c", "build/x/workflow.cwl", "build/notes.txt"):
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(path)
    (place / "build" / "x" / "nbcompile_runtime.py").touch()
    (tmp_path / "secret").write_text("secret")
    (place / "out").symlink_to(tmp_path / "secret")
    (place / "gone").symlink_to("nowhere")
    (place / "alias").symlink_to("a.csv")
    (place / "up").symlink_to(tmp_path, target_is_directory=True)
    (place / "circle").symlink_to(".", target_is_directory=True)
    return place


def test_data_is_what_is_not_hidden_ours_or_elsewhere(directory):
    assert [str(path) for path in given_files(directory)] == ["a.csv", "alias", "build/notes.txt", "data/b c.csv"]
    assert given_bytes(directory) == 5 + 5 + 15 + 12
    assert given_bytes(directory / "a.csv") == 5


@pytest.mark.parametrize("copied", [2**20, 0], ids=["copied", "linked"])
def test_a_cell_that_may_use_any_file_is_built_beside_its_bundle(directory, monkeypatch, copied):
    """The bundle lies below the directory that goes into it, and is written twice."""
    monkeypatch.setattr(write, "_COPIED_BYTES", copied)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("!cat *.csv")]), directory / "n.ipynb")
    for _ in range(2):
        bundle = api.build(directory / "n.ipynb").write(directory / "build" / "n")
        files = {str(path.relative_to(bundle / "files")): path.read_text() for path in (bundle / "files").rglob("*") if path.is_file()}
        assert sorted(files) == ["a.csv", "alias", "build/notes.txt", "data/b c.csv", "n.ipynb"]
        assert files["data/b c.csv"] == "data/b c.csv"


def test_what_lies_above_is_kept_apart_from_what_lies_beside():
    paths = ("./", "above/1/x", "../x", "../above/x", "../../x", "../")
    places = [write.place_of_input(path) for path in paths]
    assert len(set(places)) == len(paths)
    assert not any(place.startswith("files/") for place in places[2:])


def test_a_directory_without_files_is_kept_by_one_that_no_cell_sees(directory, monkeypatch):
    (directory / "figures" / "deep").mkdir(parents=True)
    (directory / "only hidden").mkdir()
    (directory / "only hidden" / ".gitkeep").touch()
    assert sorted(map(str, empty_directories(directory))) == ["figures/deep", "only hidden"]
    assert [str(one) for one in empty_directories(directory / "figures" / "deep")] == ["."]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("import os\nprint(os.listdir('figures'), os.listdir('only hidden'))")]
    )
    nbformat.write(notebook, directory / "n.ipynb")
    bundle = api.build(directory / "n.ipynb").write(directory / "bundle")
    assert sorted(path.relative_to(bundle / "files").as_posix() for path in (bundle / "files").rglob(".nbcompile")) == [
        "figures/deep/.nbcompile",
        "only hidden/.nbcompile",
    ]
