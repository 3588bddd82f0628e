"""The services that other tests need really do what those tests rely on."""

import subprocess
import time

import pytest

from tests.services import ground, slurm, sshd
from tests.services.delay import delay_proxy
from tests.services.ground import ServiceError, run

AS_ALICE = ("runuser", "-u", "nbc-alice", "--")


def ssh(site, person, *words, key=None):
    key = key or sshd.KEYS / person
    pinned = sshd.SITES / f"{site.name}.known_hosts"
    pinned.write_text(f"[{site.address}]:{site.port} {site.host_key}\n")
    options = {"UserKnownHostsFile": pinned, "BatchMode": "yes", "IdentitiesOnly": "yes", "StrictHostKeyChecking": "yes"}
    flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return run("ssh", "-F", "none", *flags, "-i", key, "-p", str(site.port), f"{person}@{site.address}", *words).strip()


@pytest.mark.ssh
@pytest.mark.parametrize("site", [sshd.LOGIN, sshd.HOST1, sshd.HOST2], ids=lambda site: site.name)
def test_people_log_in_with_key_and_certificate(ssh_hosts, calm, site):
    assert ssh(site, "nbc-alice", "id -un") == "nbc-alice"
    with pytest.raises(ServiceError, match="Permission denied"):
        ssh(site, "nbc-alice", "true", key=sshd.KEYS / "nbc-bob")


@pytest.mark.ssh
def test_a_key_alone_does_not_open_the_host_that_asks_for_a_code(ssh_hosts, calm):
    with pytest.raises(ServiceError, match="Permission denied"):
        ssh(sshd.OTP, "nbc-alice", "true")
    assert sshd.next_code("nbc-alice").isdecimal()


@pytest.mark.ssh
def test_modules_load(ssh_hosts, calm):
    loaded = run("bash", "-c", f". {sshd.ROOT}/modules/init.sh; module load tool/2.0; nbc-tool; echo $NBC_TOOL").split()
    assert loaded == ["tool", "2.0", "2.0"]


@pytest.mark.ssh
def test_what_a_killed_test_left_mounted_goes_with_the_rest(tmp_path):
    ground.require_root()
    outer = tmp_path / "root" / "disk"
    for place in (outer, outer / "inner"):
        place.mkdir(parents=True)
        run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place)
    ground.remove_tree(tmp_path / "root")
    assert list(tmp_path.iterdir()) == []


def test_the_delay_proxy_takes_a_round_trip():
    import asyncio

    async def echo(reader, writer):
        while data := await reader.read(100):
            writer.write(data)

    async def scenario():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with delay_proxy("127.0.0.1", server.sockets[0].getsockname()[1], round_trip=0.05) as port:
            reader, writer = await asyncio.open_connection("127.0.1.40", port)
            started = time.monotonic()
            writer.write(b"ping")
            answer = await reader.readexactly(4)
            took = time.monotonic() - started
            writer.close()
        server.close()
        return answer, took

    answer, took = asyncio.run(scenario())
    assert answer == b"ping"
    assert took >= 0.05


@pytest.mark.slurm
class TestSlurm:
    def submit(self, *options, script="true"):
        return subprocess.run(
            [*AS_ALICE, "sbatch", "--parsable", "--wait", "--output=/dev/null", "--chdir=/", *options, "--wrap", script],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "/usr/bin:/bin:/usr/sbin", **slurm.ENVIRONMENT},
            timeout=60,
        )

    def state(self, job):
        deadline = time.monotonic() + 20
        while (state := slurm.sacct(job, "state")) in ("", "RUNNING", "PENDING") and time.monotonic() < deadline:
            time.sleep(0.2)
        return state

    def test_a_job_runs_under_its_own_account(self, slurm_facility, calm):
        job = self.submit().stdout.strip()
        assert self.state(job) == "COMPLETED"
        assert slurm.sacct(job, "account,user") == "acct-a|nbc-alice"

    def test_another_tenants_account_is_refused(self, slurm_facility, calm):
        refused = self.submit("-A", "acct-b")
        assert (refused.returncode, "Invalid account" in refused.stderr) == (1, True)

    def test_too_much_memory_is_out_of_memory(self, slurm_facility, calm):
        assert slurm.has_memory_limits(), "this host has no memory cgroup"
        job = self.submit("--mem=50M", script="exec python3 -c 'b\"x\" * (300 << 20)'").stdout.strip()
        assert self.state(job) == "OUT_OF_MEMORY"
