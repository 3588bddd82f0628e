"""What the store hands out is what was put in, or nothing."""

import multiprocessing
import os
import time

import pytest

from nbcompile.engines.store import Experience, KeptFile, PlacedResult, Result, Store
from nbcompile.model.output import Output

KEY = "ab" * 32


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def publish(store, tmp_path, text="outputs", key=KEY, payload=b"payload"):
    outputs, data = tmp_path / "o", tmp_path / "p"
    outputs.write_text(text)
    data.write_bytes(payload)
    kept = KeptFile("OUTPUTS.json", store.add(outputs)), KeptFile("x.nbc", store.add(data))
    store.publish(key, Result(step="s", outputs=kept[0], payloads=kept[1:], versions={"numpy": "2.0"}, seconds=1.5))


def taken(store, kept, tmp_path):
    """The bytes that the store hands out."""
    place = tmp_path / "taken" / kept.blob.sha256
    place.unlink(missing_ok=True)
    store.put(kept.blob, place)
    return place.read_bytes()


def test_a_result_is_found_under_its_key(store, tmp_path):
    publish(store, tmp_path)
    (found,) = store.find(KEY)
    assert (found.versions, found.payloads[0].path) == ({"numpy": "2.0"}, "x.nbc")
    assert taken(store, found.payloads[0], tmp_path) == b"payload"
    assert list(store.find("cd" * 32)) == []


def test_the_result_used_last_comes_first(store, tmp_path):
    publish(store, tmp_path, "old")
    for path in store.root.glob("actions/*/*/*.json"):
        os.utime(path, (1, 1))
    publish(store, tmp_path, "new")
    assert [taken(store, result.outputs, tmp_path) for result in store.find(KEY)] == [b"new", b"old"]


def test_what_is_there_already_is_not_written_again(store, tmp_path):
    first, again = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"same")
    again.write_bytes(b"same")
    blob = store.add(first)
    assert store.add(again) == blob
    assert not list(store.root.glob("incoming/*"))


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_a_damaged_blob_is_never_handed_out(store, tmp_path, damage):
    publish(store, tmp_path)
    (path,) = (path for path in store.root.glob("blobs/*/*") if path.read_bytes() == b"payload")
    path.chmod(0o600)
    if damage == "flip":
        with path.open("r+b") as file:
            file.write(b"P")
    elif damage == "truncate":
        os.truncate(path, 3)
    else:
        path.unlink()
    assert list(store.find(KEY)) == []
    publish(store, tmp_path)
    assert taken(store, next(store.find(KEY)).payloads[0], tmp_path) == b"payload"


@pytest.mark.parametrize("keep", [0, 10, -1])
def test_an_action_that_was_cut_short_is_never_read(store, tmp_path, keep):
    publish(store, tmp_path)
    (path,) = store.root.glob("actions/*/*/*.json")
    path.write_bytes(path.read_bytes()[:keep])
    assert list(store.find(KEY)) == []
    assert not path.exists()


def test_an_action_that_was_edited_is_never_read(store, tmp_path):
    publish(store, tmp_path)
    (path,) = store.root.glob("actions/*/*/*.json")
    path.write_text(path.read_text().replace("numpy", "scipy"))
    assert list(store.find(KEY)) == []


def test_a_blob_that_was_only_moved_is_believed_after_a_look(store, tmp_path):
    publish(store, tmp_path)
    moved = tmp_path / "elsewhere"
    for path in store.root.rglob("*"):
        if path.is_file():
            place = moved / path.relative_to(store.root.parent)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    assert len(list(Store(moved).find(KEY))) == 1


def age(store, seconds):
    then = time.time() - seconds
    for path in store.root.rglob("*"):
        os.utime(path, (then, then))


def test_collecting_removes_what_is_old_and_then_what_is_too_much(store, tmp_path):
    publish(store, tmp_path, "a", key="aa" * 32, payload=b"x" * 1000)
    age(store, 5000)
    publish(store, tmp_path, "b", key="bb" * 32, payload=b"y" * 1000)
    assert store.collect(most_seconds=4000)[1] == 1001
    assert [list(store.find(key * 32)) != [] for key in ("aa", "bb")] == [False, True]
    age(store, 2000)
    assert store.collect(most_bytes=0) == (1001, 0)
    assert list(store.find("bb" * 32)) == []


def _publish_many(root, folder):
    folder.mkdir()
    for number in range(30):
        publish(Store(root), folder, f"outputs {number % 3}", payload=bytes([number % 3]) * 10000)


def test_many_writers_of_one_key_disturb_nobody(store, tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_publish_many, args=(tmp_path / "store", tmp_path / f"w{n}")) for n in range(2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert all(len(taken(store, result.payloads[0], tmp_path)) == 10000 for result in store.find(KEY))
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert len(list(store.find(KEY))) == 3
    assert list((tmp_path / "store").rglob("incoming/*")) == []


def test_how_a_result_was_made_is_remembered(store):
    took = Experience(parts={"cell a": "1"}, seconds=2.5, peak_memory_mib=100.0)
    store.note("notebook step", took)
    assert (store.last("notebook step"), store.last("another")) == (took, None)
    for path in store.root.glob("experience/*/*"):
        path.write_text("{")
    assert store.last("notebook step") is None


PLACED = PlacedResult(step="s", files=(Output("s.outputs.json", 2, "a" * 64, "b" * 40),), versions={"numpy": "2.0"}, seconds=2.5)


def test_what_a_place_has_is_known_by_its_digests(store):
    store.publish_placed(KEY, PLACED)
    store.publish_placed(KEY, PLACED)
    assert list(store.find_placed(KEY)) == [PLACED]
    assert list(store.find_placed("cd" * 32)) == []
    assert list(store.find(KEY)) == []


@pytest.mark.parametrize("damage", [lambda text: text[:30], lambda text: text.replace("2.5", "3.5"), lambda text: "[]"])
def test_a_damaged_note_of_what_a_place_has_is_forgotten(store, damage):
    store.publish_placed(KEY, PLACED)
    (path,) = store.root.glob("placed/*/*/*.json")
    path.write_text(damage(path.read_text()))
    assert list(store.find_placed(KEY)) == []
    assert not path.exists()


def test_what_places_have_is_forgotten_when_it_was_not_used_for_long(store):
    store.publish_placed(KEY, PLACED)
    (path,) = store.root.glob("placed/*/*/*.json")
    store.collect(most_seconds=3600)
    assert path.exists()
    os.utime(path, (1, 1))
    store.collect(most_seconds=3600)
    assert not path.exists()
