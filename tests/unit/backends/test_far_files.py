"""Files of the far side that several threads, or processes, write at a time."""

import contextlib
import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from nbcompile.backend import Cause, JobKey, JobRef, JobState, RunId
from nbcompile_backends.agent.far import process, store
from nbcompile_backends.agent.far.jobs import Jobs
from nbcompile_backends.agent.far.layout import Refused, Root, write_whole
from nbcompile_backends.agent.far.serve import Server
from nbcompile_backends.agent.package import package
from nbcompile_backends.agent.status import read_status

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


def test_a_job_that_is_started_twice_runs_once(tmp_path):
    """A scheduler that was killed does that. Both starts say how the job ended, also one that comes when all is over."""
    root = Root(str(tmp_path / "root"))
    root.prepare("run")
    jobs = Jobs(root, store.Store(root), "unused")
    spec = {"job": f"{'a' * 64}.1", "argv": ["/bin/sh", "-c", "echo ran; sleep 1; exit 3"], "inputs": [], "outputs": [], "seconds": 0}
    spec |= {"variables": [], "lease_seconds": 1000, "environment": {"modules": [], "init": "", "prefix": ""}}
    assert jobs.prepare("run", [spec]) == []
    directory, program = root.job("run", spec["job"]), tmp_path / "agent.zip"
    program.write_bytes(package().content)
    words = (sys.executable, "-IBS", program, "batch", directory)
    starts = [subprocess.Popen(words) for _ in range(2)]
    assert [start.wait(60) for start in (*starts, subprocess.Popen(words))] == [3, 3, 3]
    assert Path(directory, "stdout").read_text() == "ran\n"


@pytest.mark.parametrize(("blocks", "words"), [(0, "the disk is full; make room"), (1 << 20, "its supervisor was killed")])
def test_a_job_that_could_not_write_down_its_end_is_told_from_one_that_was_killed(tmp_path, monkeypatch, blocks, words):
    root, job = Root(str(tmp_path / "root")), f"{'a' * 64}.1"
    root.prepare("run")
    jobs = Jobs(root, store.Store(root), "unused")
    spec = {"job": job, "argv": ["true"], "inputs": [], "outputs": [], "seconds": 0, "variables": [], "lease_seconds": 1000}
    jobs.prepare("run", [spec | {"environment": {"modules": [], "init": "", "prefix": ""}}])
    claims = f"from nbcompile_backends.agent.far.process import claim; claim({root.job('run', job)!r})"
    subprocess.run([sys.executable, "-c", claims], check=True)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=blocks, f_frsize=4096))
    ref = JobRef(deployment="d", run=RunId("run"), key=JobKey("a" * 64), attempt=1, native=job)
    status = read_status(ref, jobs.status("run", job))
    assert (status.state, status.cause) == (JobState.LOST, Cause.LOST)
    assert words in status.reason


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


def far_root(tmp_path, run="run"):
    """A work root with one run, its store and its jobs."""
    root = Root(str(tmp_path / "root"))
    root.prepare(run)
    return root, store.Store(root)


def keep(files, tmp_path, content):
    """A file of the store."""
    source = tmp_path / hashlib.sha256(content).hexdigest()
    source.write_bytes(content)
    digest, _, _ = store.hash_file(str(source).encode())
    files.adopt(str(source).encode(), digest)
    source.unlink()
    return digest


def test_several_send_the_same_at_a_time(tmp_path):
    root, files = far_root(tmp_path)
    content = os.urandom(3_000_000)
    digest = hashlib.sha256(content).hexdigest()

    def send(number):
        # As many processes have.
        own, sender = store.Store(root), f"{number:016x}"
        for offset in range(0, len(content), 1_000_000):
            own.write(digest, sender, offset, content[offset : offset + 1_000_000])
        assert own.accept(digest, sender, len(content))

    assert at_once(send) == []
    assert files.has(digest)
    assert Path(files.path(digest)).read_bytes() == content
    assert list(Path(root.path, "store", "partial").iterdir()) == []


@pytest.mark.parametrize("before", ["truncate", "chmod"])
def test_a_file_may_be_taken_by_the_process_of_a_connection_that_broke(tmp_path, monkeypatch, before):
    root, files = far_root(tmp_path)
    content, sender, real = b"content", "f" * 16, getattr(os, before)
    digest = hashlib.sha256(content).hexdigest()
    files.write(digest, sender, 0, content)

    def late(*given):
        monkeypatch.setattr(os, before, real)
        assert store.Store(root).accept(digest, sender, len(content))
        return real(*given)

    monkeypatch.setattr(os, before, late)
    assert files.accept(digest, sender, len(content))
    assert Path(files.path(digest)).read_bytes() == content


JOB = "a" * 64 + ".1"


def prepared(root, files, tmp_path, *more):
    """A job that was prepared for a run, with one input, and files of its own besides."""
    digest = keep(files, tmp_path, b"x" * 1000)
    spec = {"job": JOB, "argv": ["true"], "inputs": [["0/given", digest]]}
    server = Server(root, "nbcompile.zip")
    server.answer({"verb": "prepare", "run": "run", "jobs": [spec]}, b"")
    for name in more:
        Path(root.job("run", JOB), name).write_text("7")
    return server, digest


def ago(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_what_nobody_has_used_goes_and_its_run_with_it(tmp_path):
    root, files = far_root(tmp_path)
    server, digest = prepared(root, files, tmp_path)
    lone = keep(files, tmp_path, b"y" * 500)
    ago(Path(root.run("run"), "lease"), 7200)
    prune = {"verb": "prune", "before": time.time() + 3600}
    freed, _ = server.answer(prune, b"")
    assert freed >= 1500
    assert (root.runs(), files.has(digest), files.has(lone)) == ([], False, False)


@pytest.mark.parametrize(
    ("lease", "more"),
    [pytest.param(-7200, (), id="a client asks for it"), pytest.param(7200, ("native",), id="a scheduler has it")],
)
def test_a_run_that_goes_on_keeps_its_files(tmp_path, lease, more):
    root, files = far_root(tmp_path)
    server, digest = prepared(root, files, tmp_path, *more)
    ago(Path(root.run("run"), "lease"), lease)
    server.answer({"verb": "prune", "before": time.time() + 3600}, b"")
    assert (root.runs(), files.has(digest)) == (["run"], True)


def test_what_somebody_asked_for_since_stays(tmp_path):
    _, files = far_root(tmp_path)
    digest = keep(files, tmp_path, b"z")
    seen = Path(files.path(digest) + ".seen")
    ago(seen, 100 * 86400)
    assert files.has(digest)
    assert time.time() - seen.stat().st_mtime < 3600
    assert files.unused(time.time() - 60) == []
