"""Files of the far side that several threads, or processes, write at a time."""

import contextlib
import hashlib
import threading
from pathlib import Path

import pytest

from nbcompile_backends.agent.far import process, store
from nbcompile_backends.agent.far.layout import Refused, Root, write_whole

THREADS = 16


def at_once(work):
    """What each of many threads that start together raised."""
    barrier, problems = threading.Barrier(THREADS), []

    def run(number):
        barrier.wait(60)
        try:
            work(number)
        except (OSError, Refused) as problem:
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return problems


def test_threads_may_write_the_same_file(tmp_path):
    path = tmp_path / "script"
    for _ in range(20):
        assert at_once(lambda _: write_whole(str(path), b"#!/bin/sh\n")) == []
        assert [entry.name for entry in tmp_path.iterdir()] == ["script"]
        path.unlink()


def test_one_thread_claims_a_job(tmp_path):
    claims = []
    assert at_once(lambda _: claims.append(process.claim(str(tmp_path)))) == []
    assert sorted(claims) == [False] * (THREADS - 1) + [True]


@pytest.mark.parametrize("links", [True, False])
def test_files_are_adopted_whole_where_there_are_no_hard_links(tmp_path, monkeypatch, links):
    def no_link(*_, **__):
        raise OSError(95, "no hard links here")

    if not links:
        monkeypatch.setattr(store.os, "link", no_link)
    root = Root(str(tmp_path / "root"))
    root.prepare("run")
    source = tmp_path / "out"
    source.write_bytes(b"x" * 8_000_000)
    digest, _, size = store.hash_file(str(source).encode())
    stores = [store.Store(root) for _ in range(THREADS)]  # as many processes have
    assert at_once(lambda number: stores[number].adopt(str(source).encode(), digest)) == []
    assert stores[0].has(digest)
    assert Path(stores[0].path(digest)).stat().st_size == size


@contextlib.contextmanager
def meanwhile(work):
    """Done again and again in another thread."""
    over = threading.Event()

    def again():
        while not over.is_set():
            work()

    thread = threading.Thread(target=again)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(60)


def test_another_name_for_a_file_does_not_change_it(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"x" * 30_000_000)

    def name():
        (tmp_path / "name").hardlink_to(path)
        (tmp_path / "name").unlink()

    with meanwhile(name):
        digest, _, size = store.hash_file(str(path).encode())
    assert (digest, size) == (hashlib.sha256(path.read_bytes()).hexdigest(), 30_000_000)


def test_a_file_that_is_written_to_is_refused(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"x" * 30_000_000)

    def write():
        with path.open("r+b") as file:
            file.write(b"y")

    with meanwhile(write), pytest.raises(Refused, match="changes while it is read"):
        store.hash_file(str(path).encode())
