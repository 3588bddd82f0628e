"""Deployments of a person, against real sshd and Slurm: from the file to a job's result."""

import asyncio
import json

import pytest

from nbcompile import api
from nbcompile.backend import Job, JobKey, JobState, RunId, Secret, Stream
from tests.services import slurm, sshd

RUN = RunId("tests-deployments")
PERSON = "nbc-alice"


def host(site, **more):
    """A deployment on one of the hosts of the services."""
    return {
        "backend": "ssh",
        "host": f"{site.address}:{site.port}",
        "user": PERSON,
        "workRoot": "~/nbcompile",
        "hostKeys": [site.host_key],
        "credential": {"ref": "key"},
        **more,
    }


@pytest.fixture
def file(ssh_hosts, calm, tmp_path):
    """A person's file. JSON is YAML."""
    job = {"account": "acct-a", "partition": "cpu"}
    deployments = {
        "login": host(sshd.LOGIN),
        "inner": host(sshd.HOST1, via="login"),
        "second": host(sshd.OTP),
        "hpc": {"backend": "slurm", "via": "login", "conf": str(slurm.CONF), "minPollSeconds": 1, "options": job},
    }
    credentials = {"key": {"provider": "file", "path": str(sshd.KEYS / PERSON)}}
    path = tmp_path / "deployments.yml"
    path.write_text(json.dumps({"deployments": deployments, "credentials": credentials}))
    return path


async def says(argv, name, file, **more):
    place = await api.open_place(name, RUN, file=file, **more)
    try:
        return (await place.session.exec(argv)).stdout.decode().strip()
    finally:
        await place.session.close()


async def output_of(script, name, file):
    """What a job prints there."""
    place = await api.open_place(name, RUN, file=file)
    try:
        job = Job(key=JobKey(f"{abs(hash((name, script))):064x}"), argv=("sh", "-c", script), options=place.options())
        ref = await place.session.submit(job)
        (status,) = await place.session.wait([ref], 60)
        assert status.state is JobState.FINISHED, status
        return b"".join([piece async for piece in place.session.logs(ref, Stream.STDOUT)]).decode()
    finally:
        await place.session.sweep()
        await place.session.remove()
        await place.session.close()


def scenario(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 120))


@pytest.mark.ssh
def test_a_host_behind_another_is_reached_through_it(file):
    said = scenario(says(["sh", "-c", "echo $SSH_CONNECTION; id -un"], "inner", file)).split()
    assert said[-1] == PERSON


@pytest.mark.ssh
def test_a_one_time_password_is_asked_for(file):
    asked = []

    async def ask(challenge):
        asked.append(challenge.prompts[0].text)
        return (Secret(sshd.next_code(PERSON)),)

    assert scenario(says(["id", "-un"], "second", file, ask=ask)) == PERSON
    assert len(asked) == 1


@pytest.mark.slurm
def test_jobs_ask_for_what_the_deployment_says(slurm_facility, file):
    said = scenario(output_of("echo $SLURM_JOB_ACCOUNT $SLURM_JOB_PARTITION", "hpc", file))
    assert said == "acct-a cpu\n"
