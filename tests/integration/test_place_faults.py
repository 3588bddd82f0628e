"""What places, networks and people do to a placed run: each is told as what it is, leaves nothing behind, and the run goes on afterwards.

Hosts that go away while steps run, jobs that are cancelled by hand, memory, and nodes that fail are in test_places.py.
"""

import contextlib
import json
import os
import pty
import signal
import time
from pathlib import Path

import pytest

from nbcompile import api
from tests.integration.placed import HELD_SHOWN, PERSON, Client, Held, away, host, left_behind, own_site, shown, write_deployments
from tests.integration.streamflow_environment import STREAMFLOW
from tests.services import slurm, sshd
from tests.services.ground import ROOT, run

BRANCHES = """\
# %%
import os
import time
while not os.path.exists({path!r}):
    time.sleep(0.05)
1 / 0

# %%
import time as clock
clock.sleep(300)
"""
CELLS = ("run", "cells.py", "--granularity", "cell", "-o", "out")


@pytest.fixture
def site(ssh_hosts, calm):
    with own_site("faults") as site:
        yield site


def write(tmp_path, text, **settings):
    (tmp_path / "cells.py").write_text(text, "utf-8")
    if settings:
        (tmp_path / "nbcompile.yml").write_text(json.dumps({"version": 1, **settings}))


def place(monkeypatch, tmp_path, **more):
    monkeypatch.setenv("NBCOMPILE_STREAMFLOW", str(STREAMFLOW))
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml", **more)))


def attempts(client, title=""):
    """The numbers of all attempts at steps whose names begin so."""
    return [note["attempt"] for note in client.notes() if note["note"] == "submitted" and note["step"].startswith(title)]


@pytest.mark.slurm
class TestPreemption:
    """A partition's one node is taken by a job with precedence."""

    @pytest.fixture(autouse=True)
    def _alone(self, slurm_facility, storm, tmp_path, monkeypatch):
        options = {"account": "acct-a", "partition": "long", "qos": "scavenge", "exclusive": True}
        scavenger = {"backend": "slurm", "conf": str(slurm.CONF), "minPollSeconds": 1, "via": "login", "options": options}
        place(monkeypatch, tmp_path, scavenger=scavenger)
        self.held = Held(tmp_path / "cells.py")

    def preempted(self, tmp_path, *, again):
        client = Client(tmp_path, *CELLS, "--on", "scavenger")
        native = client.until_running("os-")["ref"]["native"]
        urgent = ("sbatch", "--parsable", "--partition=long", "--qos=urgent", "--account=acct-a", "--exclusive", "--chdir=/")
        run("runuser", "-u", PERSON, "--", *urgent, "--output=/dev/null", "--wrap=sleep 1", env=slurm.ENVIRONMENT)
        if again:
            client.until("again")
            self.held.let_go()
        code, said = client.end()
        assert slurm.sacct(native, "state").startswith("PREEMPTED")
        return client, native, code, said

    def test_a_step_whose_node_is_taken_is_tried_again(self, tmp_path):
        client, _, code, said = self.preempted(tmp_path, again=True)
        assert code == 0, said
        assert "is tried again at scavenger: PREEMPTED" in said
        assert (attempts(client, "os-"), shown(client.output)) == ([1, 2], HELD_SHOWN)
        assert left_behind(client) == []

    @pytest.mark.full
    def test_a_project_may_not_want_that(self, tmp_path):
        (tmp_path / "nbcompile.yml").write_text(json.dumps({"version": 1, "retries": {"on": ["lost"]}}))
        client, native, code, said = self.preempted(tmp_path, again=False)
        assert (code, attempts(client, "os-")) == (5, [1])
        assert f"(cell 1) at scavenger, job {native}" in said
        assert "PREEMPTED: a job with precedence took its node" in said
        assert "`nbcompile runs resume last` goes on where this run ended" in said
        assert left_behind(client) == []


@contextlib.contextmanager
def small_disk(megabytes):
    """A directory of the person's that has its own file system, of a size that can be changed."""
    path = ROOT / "home" / PERSON / f"small-{os.getpid()}"
    run("runuser", "-u", PERSON, "--", "mkdir", path)
    run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700,uid={PERSON}", "tmpfs", path)
    try:
        yield path
    finally:
        run("umount", "--lazy", path)
        path.rmdir()


@pytest.mark.ssh
class TestFullDisk:
    """The disk of a host is full, and then it is not."""

    @pytest.fixture(autouse=True)
    def _small(self, site, tmp_path, monkeypatch):
        with small_disk(6) as self.disk:
            place(monkeypatch, tmp_path, small={**host(site), "workRoot": str(self.disk / "work")})
            yield

    def resumed(self, client):
        run("mount", "-o", "remount,size=100m", self.disk)
        ended = [note["step"] for note in client.notes() if note["note"] == "ended" and note["state"] == "finished"]
        assert api.resume(str(client.output)).state.value == "finished"
        assert {attempt for step in ended for attempt in attempts(client, step)} == {1}

    @pytest.mark.full
    def test_what_a_step_writes(self, tmp_path):
        write(tmp_path, "# %%\nfirst = 1\nprint('first')\n\n# %%\nimport os\nblob = os.urandom(20 << 20)\n\n# %%\nprint(len(blob))\n")
        client = Client(tmp_path, *CELLS, "--on", "small")
        code, said = client.end()
        assert code == 5, said
        assert "there is no space left for" in said
        assert "(cell 1) at small" in said
        assert left_behind(client) == []
        self.resumed(client)
        assert shown(client.output)[2] == [3, [f"{20 << 20}\n"]]

    def test_what_it_is_sent(self, tmp_path):
        write(tmp_path, "# %%\nimport os\nblob = os.urandom(20 << 20)\n\n# %%\n# nbc: target=small\nprint(len(blob))\n")
        client = Client(tmp_path, *CELLS)
        code, said = client.end()
        assert code == 5, said
        assert "is full, or your quota on it" in said
        assert "(cell 1) at small: `os-" in said
        assert f"make room below {self.disk}/work" in said
        assert left_behind(client) == []
        self.resumed(client)
        assert shown(client.output) == [[1], [2, [f"{20 << 20}\n"]]]


@pytest.mark.ssh
@pytest.mark.full
def test_a_certificate_that_ends_meanwhile_can_be_renewed(site, tmp_path, monkeypatch):
    def certify(validity):
        sshd.certify(key.with_name("key.pub"), principals=(PERSON,), key_id="faults", validity=validity)

    key = tmp_path / "key"
    sshd.make_key(key)
    certify("-1m:+10m")
    place(monkeypatch, tmp_path, fragile={**host(site), "credential": {"ref": "certificate"}})
    deployments = json.loads((tmp_path / "deployments.yml").read_text())
    deployments["credentials"]["certificate"] = {"provider": "file", "path": str(key)}
    (tmp_path / "deployments.yml").write_text(json.dumps(deployments))
    held = Held(tmp_path / "cells.py")
    client = Client(tmp_path, *CELLS, "--on", "fragile")
    client.until_running("os-")
    certify("-2m:-1m")
    with away(site):
        client.until("place", state="away")
    client.until("place", state="waiting-for-login")
    certify("-1m:+10m")
    client.until("place", state="connected")
    held.let_go()
    code, said = client.end()
    assert code == 0, said
    assert "fragile waits for a login: NB327" in said
    assert "its certificate ended on" in said
    assert "get a new certificate" in said
    assert (attempts(client), shown(client.output)) == ([1, 1, 1], HELD_SHOWN)
    assert left_behind(client) == []


class Terminal:
    """A client at a terminal of its own."""

    def __init__(self, tmp_path, *words):
        self.output = tmp_path / "out"
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(tmp_path)
            os.execv(Client.PROGRAM[0], [*Client.PROGRAM, *words])  # noqa: S606 - in a terminal of its own
        os.set_blocking(self.descriptor, False)
        self.said = b""

    notes, until, until_submitted, until_running = Client.notes, Client.until, Client.until_submitted, Client.until_running

    def is_over(self):
        """Keep reading, so that it can keep writing."""
        with contextlib.suppress(BlockingIOError, OSError):
            while piece := os.read(self.descriptor, 1 << 16):
                self.said += piece
        return False

    def type(self, keys):
        os.write(self.descriptor, keys)

    def until_says(self, words):
        deadline = time.monotonic() + 180
        while words not in self.said:
            assert time.monotonic() < deadline, self.said
            self.is_over()
            time.sleep(0.05)

    def end(self):
        deadline = time.monotonic() + 90
        while (found := os.waitpid(self.pid, os.WNOHANG))[0] == 0:
            assert time.monotonic() < deadline, self.said
            self.is_over()
            time.sleep(0.05)
        self.is_over()
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(found[1])


def in_directory(directory):
    """The processes that work there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == directory:
                found.append((process / "cmdline").read_bytes())
    return found


@pytest.mark.ssh
class TestDetachedAtAHostThatAsks:
    """`run --detach` where one logs in with a code: the command asks for it, and then the run goes on without a terminal."""

    @pytest.fixture
    def client(self, ssh_hosts, calm, tmp_path, monkeypatch):
        place(monkeypatch, tmp_path, second=host(sshd.OTP))
        write(tmp_path, "# %%\nimport getpass\nprint(getpass.getuser())\n")
        client = Terminal(tmp_path, *CELLS, "--on", "second", "--detach")
        client.until_says(b"One-time password")
        return client

    def test_it_is_asked_and_leaves(self, client):
        code = sshd.next_code(PERSON).encode()
        client.type(code + b"\n")
        assert client.end() == 0, client.said
        assert b"the run goes on in" in client.said
        deadline = time.monotonic() + 120
        while not (client.output / "run.json").exists():
            assert time.monotonic() < deadline, client.notes()
            time.sleep(0.1)
        assert shown(client.output) == [[1, [f"{PERSON}\n"]]]
        assert code not in client.said
        assert not [path for path in client.output.rglob("*") if path.is_file() and code in path.read_bytes()]

    @pytest.mark.full
    def test_an_interrupted_command_leaves_nothing_behind(self, client):
        assert in_directory(client.output.parent)
        client.type(b"\x03")
        assert client.end() == 128 + signal.SIGINT, client.said
        assert b"Traceback" not in client.said
        deadline = time.monotonic() + 60
        while found := in_directory(client.output.parent):
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        assert not client.output.exists()


@pytest.mark.slurm
@pytest.mark.full
class TestControlC:
    @pytest.fixture
    def client(self, slurm_facility, calm, tmp_path, monkeypatch):
        place(monkeypatch, tmp_path)
        self.held = Held(tmp_path / "cells.py")
        client = Terminal(tmp_path, *CELLS, "--on", "hpc")
        self.native = client.until_running("os-")["ref"]["native"]
        client.type(b"\x03")
        client.until_says(b"Jobs run at hpc")
        return client

    def test_a_run_that_is_left_goes_on_and_is_found(self, client):
        client.type(b"d\n")
        assert client.end() == 128 + signal.SIGINT
        assert not slurm.sacct(self.native, "state").startswith("CANCELLED")
        self.held.let_go()
        assert api.resume(str(client.output)).state.value == "finished"
        natives = {note["ref"]["native"] for note in client.notes() if note["note"] == "submitted"}
        assert (len(natives), shown(client.output)) == (3, HELD_SHOWN)
        assert left_behind(client) == []

    def test_a_run_that_is_cancelled_leaves_no_job(self, client):
        client.type(b"c\n")
        assert client.end() == 128 + signal.SIGINT
        assert slurm.sacct(self.native, "state").startswith("CANCELLED")
        assert left_behind(client) == []


@pytest.mark.slurm
@pytest.mark.full
def test_a_branch_that_fails_ends_the_later_ones(slurm_facility, calm, tmp_path, monkeypatch):
    place(monkeypatch, tmp_path)
    held = Held(tmp_path / "cells.py", BRANCHES)
    client = Client(tmp_path, *CELLS, "--on", "hpc")
    late = client.until_running("clock-")["ref"]["native"]
    held.let_go()
    code, said = client.end()
    assert code == 3, said
    assert "ZeroDivisionError" in said
    assert slurm.sacct(late, "state").startswith("CANCELLED")
    assert left_behind(client) == []


@pytest.mark.slurm
@pytest.mark.full
def test_twenty_jobs_cancelled_by_hand_are_twenty_failures(slurm_facility, calm):
    """Whenever it comes: a job that is cancelled is never taken for one that has ended well."""
    import asyncio

    from nbcompile.backend import JobState
    from nbcompile.testing import PlaceUnderTest
    from tests.services.logins import open_slurm

    async def cancelled():
        async with PlaceUnderTest(open_slurm, patience_seconds=120).visit() as visit:
            jobs = [visit.job("import time; open('part', 'w').write('1'); time.sleep(60)") for _ in range(20)]
            refs = [await visit.session.submit(job) for job in jobs]
            ends = asyncio.ensure_future(visit.end(*refs))
            for number, ref in enumerate(refs):
                if number % 4:
                    await asyncio.sleep(0.15 * (number % 4))
                await asyncio.to_thread(run, "scancel", ref.native, env=slurm.ENVIRONMENT)
            return await ends

    assert {status.state for status in asyncio.run(cancelled())} == {JobState.CANCELLED}
