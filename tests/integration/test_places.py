"""One notebook gives the same here, by ssh, by Slurm and at all of them at once; and what happens when a place does not do its part."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from nbcompile import api
from nbcompile.backend import Secret
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from nbcompile.tenancy.relay import QuestionDesk
from tests.integration.gate import gate
from tests.integration.placed import HELD_SHOWN, PERSON, Client, Held, away, host, left_behind, own_site, shown, write_deployments
from tests.integration.streamflow_environment import STREAMFLOW
from tests.services import daemons, ground, pythons, science, slurm, sshd
from tests.services.ground import ROOT, run

NOTEBOOK = """\
# %%
import numpy as np
generator = np.random.default_rng(7)
grid = generator.normal(size=(40, 3))
print(grid.shape)

# %%
# {one}
means = grid.mean(axis=0)
means

# %%
# {two}
spread = grid.std(axis=0)
print(spread.round(6))

# %%
# {three}
import sys
scaled = grid.copy()
scaled -= means
scaled /= spread
print("scaled", file=sys.stderr)

# %%
print(float(np.abs(scaled).max()), scaled.flags.c_contiguous)
scaled[:2]
"""
WAITS = """\
# %%
first = 1

# %%
import time
print("waiting", flush=True)
time.sleep({seconds})
second = first + 1

# %%
print(second)
"""
AWAY_SECONDS = 10
HELD_WORDS = ("run", "held.py", "--granularity", "cell", "-o", "out")
PLACES = [
    pytest.param(["host1"] * 3, "host1", marks=pytest.mark.ssh, id="ssh"),
    pytest.param(["hpc"] * 3, "hpc", marks=[pytest.mark.slurm, pytest.mark.full], id="slurm-over-ssh"),
    pytest.param(["cluster"] * 3, "cluster", marks=[pytest.mark.slurm, pytest.mark.full], id="slurm-here"),
    pytest.param(["host1", "hpc", "cluster"], "", marks=pytest.mark.slurm, id="hybrid"),
]


@pytest.fixture
def deployments(slurm_facility, calm, tmp_path, monkeypatch):
    monkeypatch.setenv("NBCOMPILE_STREAMFLOW", str(STREAMFLOW))
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml")))


def write_waiting(tmp_path, seconds):
    (tmp_path / "waits.py").write_text(WAITS.format(seconds=seconds), "utf-8")
    return ("run", "waits.py", "--granularity", "cell", "-o", "out")


def jobs_of(user="nbc-alice"):
    return run("squeue", "-h", "-u", user, "-o", "%i %T", env=slurm.ENVIRONMENT).split()


@pytest.mark.parametrize(("places", "on"), PLACES)
def test_every_place_gives_the_same(deployments, tmp_path, places, on):
    marked = dict(zip(("one", "two", "three"), (f"nbc: target={place}" for place in places), strict=True))
    (tmp_path / "grid.py").write_text(NOTEBOOK.format(**marked), "utf-8")
    here, there = (Settings(granularity=Granularity.CELL, on=name) for name in ("local", on))
    assert api.run(tmp_path / "grid.py", here, output=tmp_path / "here", engine="local").failures == ()
    record = api.run(tmp_path / "grid.py", there, output=tmp_path / "there")
    assert record.failures == ()
    assert {step.place for step in record.steps} == ({on} if on else {"local", *places})
    assert shown(tmp_path / "there") == shown(tmp_path / "here")


@pytest.mark.ssh
def test_a_run_goes_on_when_its_host_comes_back(ssh_hosts, calm, tmp_path, monkeypatch):
    with own_site("places") as site:
        monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml", fragile=host(site))))
        held = Held(tmp_path / "held.py")
        client = Client(tmp_path, *HELD_WORDS, "--on", "fragile")
        client.until_running("os-")
        # A job that is being started is a child of the agent for a moment, and would be killed with it, and run again.
        client.until_ended(2)
        with away(site):
            client.until("place", state="away")
            time.sleep(AWAY_SECONDS)
        client.until("place", state="connected")
        held.let_go()
        code, said = client.end()
        assert code == 0, said
        assert "fragile is away" in said
        assert "fragile is back" in said
        assert [note["attempt"] for note in client.notes() if note["note"] == "submitted"] == [1, 1, 1]
        assert shown(client.output) == HELD_SHOWN
        assert left_behind(client) == []


def logins(site):
    return site.log.read_text().count("Accepted publickey for ")


@pytest.mark.ssh
@pytest.mark.parametrize(("cell", "code"), [("b = a + 1", 0), ("b = a / 0", 3)])
def test_a_run_logs_in_once(ssh_hosts, calm, tmp_path, monkeypatch, cell, code):
    with own_site("once") as site:
        before = logins(site)
        monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml", once=host(site))))
        (tmp_path / "two.py").write_text(f"# %%\na = 1\n\n# %%\n{cell}\n", "utf-8")
        client = Client(tmp_path, "run", "two.py", "--granularity", "cell", "--on", "once", "-o", "out")
        ended, said = client.end()
        assert (ended, logins(site) - before) == (code, 1), said
        assert left_behind(client) == []


@pytest.mark.slurm
def test_a_host_that_deployments_share_is_logged_in_to_once(slurm_facility, calm, tmp_path, monkeypatch):
    """A step at the login host and one at the Slurm behind it: whoever asks for a code asks once."""
    with own_site("shared") as site:
        through = {"backend": "slurm", "conf": str(slurm.CONF), "minPollSeconds": 1, "via": "shared", "options": {"account": "acct-a"}}
        more = {"shared": host(site), "queue": through}
        monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml", **more)))
        cells = "# %%\n# nbc: target=shared\na = 1\n\n# %%\n# nbc: target=queue\nb = a + 1\n\n# %%\n# nbc: target=shared\nprint(b)\n"
        (tmp_path / "three.py").write_text(cells, "utf-8")
        client = Client(tmp_path, "run", "three.py", "--granularity", "cell", "-o", "out")
        code, said = client.end()
        assert (code, logins(site)) == (0, 1), said
        assert shown(client.output) == [[1], [2], [3, ["2\n"]]]
        assert left_behind(client) == []
        assert not [path for path in ROOT.glob(f"home/{PERSON}/nbcompile/runs/*") if path.name.startswith("three-")]


@pytest.mark.full
@pytest.mark.ssh
def test_a_host_that_others_are_reached_through_is_logged_in_to_once(ssh_hosts, calm, tmp_path, monkeypatch):
    """A step there, and one at each of two hosts behind it; and once more when the run is gone on with."""
    with own_site("gate") as site:
        behind = {name: {**host(one), "via": "gate"} for name, one in (("one", sshd.HOST1), ("two", sshd.HOST2))}
        monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml", gate=host(site), **behind)))
        marker = ROOT / "home" / PERSON / f"gate-{os.getpid()}"
        last = f"import os\nif not os.path.exists({str(marker)!r}):\n    raise RuntimeError('not yet')"
        cells = "".join(
            f"# %%\n# nbc: target={place}\n{code}\n\n" for place, code in (("gate", "a = 1"), ("one", "b = a + 1"), ("two", last))
        )
        (tmp_path / "three.py").write_text(cells + "print(b)\n", "utf-8")
        client = Client(tmp_path, "run", "three.py", "--granularity", "cell", "-o", "out")
        code, said = client.end()
        assert (code, logins(site)) == (3, 1), said
        try:
            marker.touch()
            code, said = Client(tmp_path, "runs", "resume", "out").end()
        finally:
            marker.unlink()
        assert (code, logins(site)) == (0, 2), said
        assert left_behind(client) == []


@pytest.mark.ssh
def test_what_a_place_lacks_is_told_before_there_is_a_run(ssh_hosts, calm, tmp_path, monkeypatch):
    with own_site("lacks") as site:
        monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml", lacks=host(site))))
        (tmp_path / "needs.py").write_text("# %%\nimport no_such_module_there\n", "utf-8")
        before, runs = logins(site), set(ROOT.glob(f"home/{PERSON}/nbcompile/runs/*"))
        code, said = Client(tmp_path, "run", "needs.py", "--on", "lacks", "-o", "out").end()
        assert (code, "NB321" in said, logins(site) - before) == (1, True, 1), said
        assert not (tmp_path / "out").exists()
        assert not [path for path in set(ROOT.glob(f"home/{PERSON}/nbcompile/runs/*")) - runs if path.name.startswith("needs-")]


OTHER = "# %%\na = [1, 2]\na.append(3)\n\n# %%\n# nbc: target=other\nimport platform\nprint(sum(a), platform.python_version())\n"


@pytest.fixture
def other_python(ssh_hosts):
    """The prefix and the version of a Python of another minor version: a real one, or the system's, which says that it is another."""
    libraries = science.libraries(PERSON)
    prefix = ROOT / "home" / PERSON / f"older-{os.getpid()}"
    try:
        yield pythons.another(PERSON, libraries) or stand_in(prefix, libraries)
    finally:
        run("rm", "-rf", prefix)


def stand_in(prefix, libraries):
    run("runuser", "-u", PERSON, "--", "/usr/bin/python3", "-m", "venv", "--without-pip", prefix)
    (site_packages,) = prefix.glob("lib/python3.*/site-packages")
    (site_packages / "older.pth").write_text(f"{libraries}\nimport platform; platform.python_version = lambda: '3.9.18'\n")
    return prefix, "3.9.18"


@pytest.mark.ssh
def test_a_far_python_of_another_minor_version_is_told_before_there_is_a_run(other_python, calm, tmp_path, monkeypatch):
    """Where no value goes there, and none comes from there, it may be."""
    prefix, version = other_python
    with own_site("other") as site:
        deployments = json.loads(write_deployments(tmp_path / "deployments.yml", other=host(site)).read_text())
        deployments["deployments"]["other"]["environments"] = {"default": {"prefix": str(prefix)}}
        (tmp_path / "deployments.yml").write_text(json.dumps(deployments))
        monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(tmp_path / "deployments.yml"))
        (tmp_path / "two.py").write_text(OTHER, "utf-8")
        code, said = Client(tmp_path, "run", "two.py", "--granularity", "cell", "-o", "out").end()
        ours = ".".join(map(str, sys.version_info[:3]))
        assert (code, f"`a` goes from this machine to `other`, which have Python {ours} and {version}" in said) == (1, True), said
        assert "NB323" in said
        assert not (tmp_path / "out").exists()
        said = run(sys.executable, "-m", "nbcompile", "doctor", "other", env={**os.environ, "COLUMNS": "200"})
        assert f"Python {version}" in said
        client = Client(tmp_path, "run", "two.py", "--granularity", "cell", "--on", "other", "-o", "out")
        code, said = client.end()
        assert code == 0, said
        assert shown(client.output) == [[1], [2, [f"6 {version}\n"]]]
        assert left_behind(client) == []


@pytest.mark.ssh
def test_a_place_whose_python_does_not_start_is_named(ssh_hosts, calm, tmp_path, monkeypatch):
    prefix = ROOT / f"broken-{os.getpid()}"
    (prefix / "bin").mkdir(parents=True)
    ground.write(prefix / "bin" / "python3", "#!/bin/sh\necho no library >&2\nexit 127\n", mode=0o755)
    deployments = json.loads(write_deployments(tmp_path / "deployments.yml").read_text())
    deployments["deployments"]["host1"]["environments"] = {"default": {"prefix": str(prefix)}}
    (tmp_path / "deployments.yml").write_text(json.dumps(deployments))
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(tmp_path / "deployments.yml"))
    (tmp_path / "one.py").write_text("# %%\na = 1\n", "utf-8")
    code, said = Client(tmp_path, "run", "one.py", "--on", "host1", "-o", "out").end()
    assert (code, "`host1`: its Python does not answer: no library" in said) == (5, True), said
    assert not (tmp_path / "out").exists()


MOVED = 40 << 20
RESULT = "# %%\n# nbc: target=fragile\nimport random\nblob = random.Random(1).randbytes({size})\n\n# %%\nprint(len(blob))\n"
INPUT = "# %%\nimport random\nblob = random.Random(1).randbytes({size})\n\n# %%\n# nbc: target=fragile\nprint(len(blob))\n"


@pytest.mark.ssh
@pytest.mark.parametrize(
    ("cells", "upwards", "seconds"),
    [
        pytest.param(RESULT, False, 0, id="results"),
        pytest.param(RESULT, False, AWAY_SECONDS, id="results-long", marks=pytest.mark.full),
        pytest.param(INPUT, True, AWAY_SECONDS, id="inputs", marks=pytest.mark.full),
    ],
)
def test_a_host_that_goes_away_while_values_move_is_waited_for(ssh_hosts, calm, tmp_path, monkeypatch, cells, upwards, seconds):
    with own_site("moves") as site, gate(site.address, site.port, after=12 << 20, upwards=upwards) as network:
        there = {**host(site), "host": f"{network.address}:{network.port}"}
        monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml", fragile=there)))
        (tmp_path / "much.py").write_text(cells.format(size=MOVED), "utf-8")
        client = Client(tmp_path, "run", "much.py", "--granularity", "cell", "-o", "out")
        assert network.reached.wait(120), client.notes()
        with away(site):
            network.cut()
            client.until("place", state="away")
            assert not upwards or not any(note["note"] == "submitted" and note["place"] == "fragile" for note in client.notes())
            time.sleep(seconds)
        code, said = client.end()
        assert code == 0, said
        assert [note["attempt"] for note in client.notes() if note["note"] == "submitted"] == [1, 1]
        assert shown(client.output) == [[1], [2, [f"{MOVED}\n"]]]
        assert left_behind(client) == []


@pytest.mark.ssh
@pytest.mark.full
def test_a_host_that_asks_for_a_code_is_answered(ssh_hosts, calm, tmp_path, monkeypatch):
    async def ask(challenge):
        return (Secret(sshd.next_code(PERSON)),)

    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml", second=host(sshd.OTP))))
    (tmp_path / "one.py").write_text("# %%\nimport getpass\nprint(getpass.getuser())\n", "utf-8")
    with closing(QuestionDesk(ask)) as desk:
        code, said = Client(tmp_path, "run", "one.py", "--on", "second", "-o", "out", desk=desk).end()
    assert code == 0, said
    assert shown(tmp_path / "out") == [[1, [f"{PERSON}\n"]]]


@pytest.mark.slurm
class TestSlurm:
    def running(self, tmp_path, seconds):
        """A client whose step that waits runs in Slurm, and that job's id."""
        client = Client(tmp_path, *write_waiting(tmp_path, seconds), "--on", "hpc")
        return client, client.until_running("time-")["ref"]["native"]

    def test_a_job_that_is_cancelled_by_hand_fails_and_says_so(self, deployments, tmp_path):
        client, native = self.running(tmp_path, 60)
        run("scancel", native, env=slurm.ENVIRONMENT)
        code, said = client.end()
        assert code == 5
        assert "CANCELLED" in said
        assert f"job {native}" in said
        assert client.record()["state"] == "failed"

    def test_what_a_killed_client_left_in_the_queue_is_found_again(self, deployments, tmp_path):
        client, native = self.running(tmp_path, 8)
        os.kill(client.process.pid, signal.SIGKILL)
        client.process.communicate()
        record = api.resume(str(client.output))
        assert record.state.value == "finished"
        submitted = [note for note in client.notes() if note["note"] == "submitted"]
        natives = {note["step"]: set() for note in submitted}
        for note in submitted:
            natives[note["step"]].add(note["ref"]["native"])
        assert all(len(found) == 1 for found in natives.values()), natives
        assert {native} in natives.values()

    def test_a_cancelled_run_leaves_no_job(self, deployments, tmp_path):
        client, native = self.running(tmp_path, 60)
        os.kill(client.process.pid, signal.SIGTERM)
        code, said = client.end(60)
        assert code == 143, said
        assert jobs_of() == []
        assert slurm.sacct(native, "state").startswith("CANCELLED")

    def test_memory_that_runs_out_is_told(self, deployments, tmp_path):
        assert slurm.has_memory_limits(), "this host has no memory cgroup"
        (tmp_path / "big.py").write_text("# %%\nprint('starts', flush=True)\nblob = b'x' * (600 << 20)\n", "utf-8")
        (tmp_path / "nbcompile.yml").write_text(
            "version: 1\nplacement: {rules: [{cells: {defines: [blob]}, target: hpc, resources: {memory: 120MiB}}]}\n"
        )
        client = Client(tmp_path, "run", "big.py", "-o", "out")
        code, said = client.end()
        assert code == 5
        assert "OUT_OF_MEMORY" in said or "OUT-OF-MEMORY" in said
        assert "ask for more `memory`" in said

    @pytest.mark.full
    def test_time_that_runs_out_is_told(self, deployments, tmp_path):
        (tmp_path / "long.py").write_text("# %%\nimport time\nx = time.sleep(300)\n", "utf-8")
        (tmp_path / "nbcompile.yml").write_text(
            "version: 1\nplacement: {rules: [{cells: {defines: [x]}, target: hpc, resources: {time: 1m}}]}\n"
        )
        client = Client(tmp_path, "run", "long.py", "-o", "out")
        code, said = client.end(240)
        assert code == 5
        assert "TIMEOUT" in said
        assert "ask for more `time`" in said


@pytest.mark.slurm
def test_a_step_whose_node_fails_is_run_at_another(slurm_facility, storm, tmp_path, monkeypatch):
    monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml")))
    held = Held(tmp_path / "held.py")
    client = Client(tmp_path, *HELD_WORDS, "--on", "hpc")
    try:
        native = client.until_running("os-")["ref"]["native"]
        node = run("squeue", "-h", "-j", native, "-o", "%N", env=slurm.ENVIRONMENT).strip()
        run("scontrol", "update", f"nodename={node}", "state=down", "reason=test", env=slurm.ENVIRONMENT)
        client.until("again")
        held.let_go()
        code, said = client.end()
    finally:
        subprocess.run(["scontrol", "update", "nodename=n1,n2", "state=resume"], env={**os.environ, **slurm.ENVIRONMENT}, check=False)
    assert code == 0, said
    assert "is tried again" in said
    assert shown(client.output) == HELD_SHOWN


@contextmanager
def lost_node(tmp_path, *, partition="cpu", host_dies):
    """A client whose held step has lost the daemon of its node, and with `host_dies` all else that it had there; the job, the node."""
    queue = {"backend": "slurm", "conf": str(slurm.CONF), "minPollSeconds": 1, "via": "login"}
    queue |= {"options": {"account": "acct-a", "partition": partition}}
    os.environ["NBCOMPILE_DEPLOYMENTS"] = str(write_deployments(tmp_path / "deployments.yml", queue=queue))
    held = Held(tmp_path / "held.py")
    client = Client(tmp_path, *HELD_WORDS, "--on", "queue")
    ref = client.until_running("os-")["ref"]
    # What the daemon had not started yet dies with it, and is rightly run again.
    client.until_ended(2)
    node = run("squeue", "-h", "-j", ref["native"], "-o", "%N", env=slurm.ENVIRONMENT).strip()
    daemon = daemons.running(f"slurmd-{node}")
    try:
        assert daemon is not None
        daemons.wait_for(lambda: bool(working_in(directory_of(ref))), "the cell runs", seconds=60)
        os.kill(daemon, signal.SIGKILL)
        if host_dies:
            gone = [*working_in(f"slurmstepd: [{ref['native']}."), *working_in(directory_of(ref))]
            for number in (signal.SIGSTOP, signal.SIGKILL):  # nobody sees another one end
                for pid in gone:
                    os.kill(pid, number)
        yield client, held, ref, node
    finally:
        slurm.start_node(node)
        daemons.wait_for(lambda: node in slurm.idle_nodes(), f"slurmctld has {node} again", seconds=120)


def attempts(client):
    """The steps that were submitted, by what their names begin with, and the numbers of their attempts."""
    return sorted((note["step"].partition("-")[0], note["attempt"]) for note in client.notes() if note["note"] == "submitted")


TWICE = [("first", 1), ("os", 1), ("os", 2), ("print", 1)]
ONCE = [("first", 1), ("os", 1), ("print", 1)]


@pytest.mark.slurm
@pytest.mark.full
class TestLostNode:
    """The daemon of a node is killed while a step runs there, alone or with all that the step has on the node."""

    @pytest.fixture(autouse=True)
    def _deployments(self, slurm_facility, storm, monkeypatch):
        monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", "")

    @pytest.mark.parametrize("host_dies", [False, True], ids=["daemon", "host"])
    def test_a_node_whose_daemon_is_killed_goes_down(self, tmp_path, host_dies):
        """Nobody can end a job on such a node; where only the daemon died, the job ends when it sees that it is not wanted."""
        with lost_node(tmp_path, host_dies=host_dies) as (client, held, ref, node):
            again = client.until("again", seconds=240)
            assert again["reason"].startswith("NODE_FAIL"), again
            assert "down" in run("sinfo", "-h", "-n", node, "-o", "%T", env=slurm.ENVIRONMENT)
            daemons.wait_for(lambda: not working_in(directory_of(ref)), "the orphan has ended", seconds=60)
            held.let_go()
            code, said = client.end()
        assert code == 0, said
        assert "is tried again at queue: NODE_FAIL" in said
        assert attempts(client) == TWICE, client.notes()
        assert shown(client.output) == HELD_SHOWN
        assert left_behind(client) == []

    def test_a_job_outlives_the_daemon_of_its_node(self, tmp_path):
        with lost_node(tmp_path, host_dies=False) as (client, held, ref, node):
            slurm.start_node(node)
            daemons.wait_for(lambda: node in slurm.idle_nodes(), f"slurmctld has {node} again", seconds=120)
            held.let_go()
            code, said = client.end()
        assert code == 0, said
        assert attempts(client) == ONCE, client.notes()
        assert slurm.sacct(ref["native"], "state") == "COMPLETED"
        assert shown(client.output) == HELD_SHOWN
        assert left_behind(client) == []

    def test_a_node_comes_back_without_the_job(self, tmp_path):
        with lost_node(tmp_path, host_dies=True) as (client, held, ref, node):
            slurm.start_node(node)
            client.until("again", seconds=240)
            held.let_go()
            code, said = client.end()
        assert code == 0, said
        assert attempts(client) == TWICE, client.notes()
        assert slurm.sacct(ref["native"], "state") != "COMPLETED"
        assert shown(client.output) == HELD_SHOWN
        assert left_behind(client) == []

    def test_the_only_node_is_waited_for(self, tmp_path):
        with lost_node(tmp_path, partition="long", host_dies=True) as (client, held, _, node):
            client.until("again", seconds=240)
            waits = client.until("state", state="pending", step=client.until_submitted("os-", attempt=2)["step"], seconds=240)
            assert waits["reason"], waits
            slurm.start_node(node)
            held.let_go()
            code, said = client.end()
        assert code == 0, said
        assert attempts(client) == TWICE, client.notes()
        assert shown(client.output) == HELD_SHOWN
        assert left_behind(client) == []

    def test_a_project_may_not_want_another_attempt(self, tmp_path):
        (tmp_path / "nbcompile.yml").write_text(json.dumps({"version": 1, "retries": {"on": []}}))
        with lost_node(tmp_path, host_dies=True) as (client, _, ref, _):
            code, said = client.end(240)
        assert (code, attempts(client)) == (5, ONCE), said
        assert "(cell 1) at queue, job " + ref["native"] in said
        assert "NODE_FAIL: its node failed" in said
        assert "`nbcompile runs resume last` goes on where this run ended" in said
        assert left_behind(client) == []


def directory_of(ref, attempt=1):
    """What the directory of a job ends with."""
    return f"/runs/{ref['run']}/jobs/{ref['key']}.{attempt}"


def working_in(directory):
    """The processes that have this in their directory or their command: those of a job, its supervisor among them."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if directory in f"{(process / 'cwd').readlink()} {(process / 'cmdline').read_bytes()!r}":
                found.append(int(process.name))
    return found


@pytest.mark.slurm
@pytest.mark.full
class TestStorms:
    """What breaks the services for everybody."""

    @pytest.fixture(autouse=True)
    def _deployments(self, slurm_facility, storm, tmp_path, monkeypatch):
        monkeypatch.setenv("NBCOMPILE_STREAMFLOW", str(STREAMFLOW))
        monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(write_deployments(tmp_path / "deployments.yml")))

    def test_the_controller_and_accounting_may_be_away(self, tmp_path):
        held = Held(tmp_path / "held.py")
        client = Client(tmp_path, *HELD_WORDS, "--on", "hpc")
        client.until_running("os-")
        client.until_ended(2)
        until_saved(client)
        daemons.stop("slurmctld", "slurmdbd", hard=True)
        try:
            time.sleep(15)
        finally:
            slurm.start_accounting()
            slurm.start_controller()
        held.let_go()
        code, said = client.end()
        assert code == 0, said
        assert shown(client.output) == HELD_SHOWN

    @pytest.mark.parametrize("saved", [True, False], ids=["saved", "forgotten"])
    def test_what_ended_while_nobody_looked_is_not_run_again(self, tmp_path, saved):
        """Killed with the client: a controller, which takes a job that it finds on no node for lost, or has never heard of it."""
        held = Held(tmp_path / "held.py")
        client = Client(tmp_path, *HELD_WORDS, "--on", "hpc")
        ref = client.until_running("os-")["ref"]
        client.until_ended(2)
        daemons.wait_for(lambda: bool(working_in(directory_of(ref))), "the cell runs", seconds=60)
        if saved:
            until_saved(client)
        controller = daemons.running("slurmctld")
        try:
            assert controller is not None
            os.kill(controller, signal.SIGKILL)
            os.kill(client.process.pid, signal.SIGKILL)
            client.process.communicate(timeout=60)
            held.let_go()
            daemons.wait_for(lambda: not working_in(directory_of(ref)), "the step has ended", seconds=60)
        finally:
            slurm.start_controller()
        try:
            record = api.resume(str(client.output))
        finally:
            slurm.recover()
        assert record.state.value == "finished"
        assert {note["attempt"] for note in client.notes() if note["note"] == "submitted"} == {1}, client.notes()
        assert shown(client.output) == HELD_SHOWN
        assert left_behind(client) == []


def until_saved(client):
    """Wait until the controller has written down all that has happened so far."""
    state, last = slurm.CONF.parent / "state" / "job_state", client.notes()[-1]["at"]
    daemons.wait_for(lambda: state.exists() and state.stat().st_mtime > last, "slurmctld has saved the jobs", seconds=120)
