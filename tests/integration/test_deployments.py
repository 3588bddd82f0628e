"""Deployments of a person, against real sshd and Slurm: from the file to a job's result."""

import asyncio
import json
import os
import subprocess
import sys

import nbformat
import pytest
from click.testing import CliRunner

from nbcompile import api
from nbcompile.api.deployments import broker_of_run
from nbcompile.api.places import inquire
from nbcompile.backend import AuthExpired, CertificateEnded, Job, JobKey, JobState, RunId, Secret, Stream
from nbcompile.cli import cli
from nbcompile.config import load_personal
from nbcompile.model.errors import UsageError
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from nbcompile.places.agent import identities
from nbcompile.places.software import look_into
from nbcompile.places.ssh_config import fingerprint
from nbcompile.tenancy.relay import QuestionDesk
from tests.integration.placed import write_deployments
from tests.services import daemons, modules, slurm, sshd
from tests.services.ground import run

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
    place = await broker_of_run(RUN, file=file, **more).open(name)
    try:
        return (await place.session.exec(argv)).stdout.decode().strip()
    finally:
        await place.session.close()


async def output_of(script, name, file):
    """What a job prints there."""
    place = await broker_of_run(RUN, file=file).open(name)
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


async def looked_at(name, questions, file):
    """What a deployment has of what its sites are asked."""
    place = await broker_of_run(RUN, file=file).open(name)
    try:
        return {
            site: await look_into(place.session, place.environment(site.environment), question)
            for site, question in questions.items()
            if site.deployment == name
        }
    finally:
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


WITHOUT_A_TERMINAL = """
import asyncio, sys
from pathlib import Path
from nbcompile.api.deployments import broker_of_run
async def main():
    place = await broker_of_run("tests-deployments", file=Path(sys.argv[1])).open("second")
    print((await place.session.exec(["id", "-un"])).stdout.decode(), end="")
    await place.session.close()
asyncio.run(main())
"""


@pytest.mark.ssh
def test_a_process_without_a_terminal_asks_through_the_one_that_started_it(file):
    async def ask(challenge):
        return (Secret(sshd.next_code(PERSON)),)

    desk = QuestionDesk(ask)
    try:
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_A_TERMINAL, file],
            env={**os.environ, **desk.variables()},
            pass_fds=(desk.descriptor,),
            start_new_session=True,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        desk.close()
    assert (done.stdout, done.stderr) == (f"{PERSON}\n", "")


@pytest.mark.slurm
def test_jobs_ask_for_what_the_deployment_says(slurm_facility, file):
    said = scenario(output_of("echo $SLURM_JOB_ACCOUNT $SLURM_JOB_PARTITION", "hpc", file))
    assert said == "acct-a cpu\n"


def command(*words):
    """What a command prints and how it ends."""
    done = CliRunner(env={"NBCOMPILE_DEPLOYMENTS": None}).invoke(cli, [str(word) for word in words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def standings(text):
    """Each thing that doctor looked at, and how it is."""
    return {check["subject"]: check["standing"] for check in json.loads(text)["checks"]}


@pytest.mark.slurm
def test_one_line_of_flags_makes_a_checked_deployment(slurm_facility, calm, tmp_path):
    path = tmp_path / "config" / "deployments.yml"
    host = ("--ssh", f"{PERSON}@{sshd.LOGIN.address}:{sshd.LOGIN.port}", "--key", sshd.KEYS / PERSON)
    words = ("deployment", "add", "hpc", *host, "--slurm", "--slurm-conf", slurm.CONF, "--partition", "cpu", "-y", "--deployments", path)
    with pytest.raises(UsageError, match="nobody knows whether"):
        command(*words)
    assert not path.exists()
    added = command(*words, "--fingerprint", fingerprint(sshd.LOGIN.host_key))
    assert "cpu: at most 1 h, 2 nodes with 4 processors" in added.output
    personal = load_personal(path)
    assert list(personal.deployments) == ["hpc-login", "hpc"]
    assert personal.deployments["hpc"].options == {"partition": "cpu"}
    assert personal.deployments["hpc-login"].settings["hostKeys"] == [sshd.LOGIN.host_key]
    assert (sshd.KEYS / PERSON).read_text()[40:80] not in path.read_text()
    found = standings(command("doctor", "hpc", "--json", "--deployments", path).output)
    assert found["reach"] == found["account"] == found["partition"] == "ok"
    path.write_text(path.read_text().replace("partition: cpu", "partition: big, account: acct-b".replace(", ", "\n      ")))
    found = standings(command("doctor", "hpc", "--json", "--deployments", path).output)
    assert found["account"] == found["partition"] == "problem"


@pytest.mark.ssh
def test_a_host_that_shows_another_key_later_is_a_problem_and_no_login(file):
    file.write_text(file.read_text().replace(sshd.HOST1.host_key, sshd.HOST2.host_key))
    before = sshd.HOST1.log.read_text()
    done = command("doctor", "inner", "--json", "--deployments", file)
    assert done.exit_code == 5
    (check,) = json.loads(done.output)["checks"]
    assert (check["subject"], "not the pinned one" in check["text"], "hostKeys" in check["advice"]) == ("reach", True, True)
    assert "Accepted" not in sshd.HOST1.log.read_text().removeprefix(before)


@pytest.fixture
def certified(file, tmp_path):
    """The person's `login`, with a key that only a certificate of these principals and this time lets in."""

    def make(principal, validity):
        directory = tmp_path / "private"
        directory.mkdir(mode=0o700, exist_ok=True)
        sshd.make_key(directory / "key")
        sshd.certify(directory / "key.pub", principals=(principal,), key_id="tests-deployments", validity=validity)
        return directory / "key"

    return make


def use_credential(file, **credential):
    """Log in to `login` with another credential."""
    document = json.loads(file.read_text())
    document["credentials"]["key"] = credential
    file.write_text(json.dumps(document))


@pytest.mark.ssh
def test_a_certificate_beside_the_key_lets_in_until_it_ends(file, certified):
    use_credential(file, provider="file", path=str(certified(PERSON, "-1m:+10m")))
    assert scenario(says(["id", "-un"], "login", file)) == PERSON
    certified(PERSON, "-2m:-1m")
    (check,) = json.loads(command("doctor", "login", "--json", "--deployments", file).output)["checks"]
    assert check["text"].startswith("NB327")
    assert "its certificate ended on " in check["text"]
    assert "get a new certificate" in check["advice"]
    certified(PERSON, "-1m:+10m")
    assert scenario(says(["id", "-un"], "login", file)) == PERSON


@pytest.mark.ssh
def test_a_certificate_that_was_left_beside_an_accepted_key_keeps_nobody_out(file, tmp_path):
    """As with `ssh`; a certificate that the file names must be valid."""
    directory = tmp_path / "private"
    directory.mkdir(mode=0o700)
    key = directory / "key"
    key.write_text((sshd.KEYS / PERSON).read_text())
    key.chmod(0o600)
    (directory / "key.pub").write_text((sshd.KEYS / f"{PERSON}.pub").read_text())
    certificate = sshd.certify(directory / "key.pub", principals=(PERSON,), key_id="tests-deployments", validity="-2m:-1m")
    use_credential(file, provider="file", path=str(key))
    assert scenario(says(["id", "-un"], "login", file)) == PERSON
    use_credential(file, provider="file", path=str(key), certificate=str(certificate))
    with pytest.raises(CertificateEnded):
        scenario(says(["id", "-un"], "login", file))


@pytest.mark.ssh
def test_a_certificate_in_the_agent_is_found_by_who_signed_it(file, certified, tmp_path):
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        daemons.wait_for(socket.exists, "the agent is there")
        authority = fingerprint((sshd.KEYS / "user_ca.pub").read_text())
        use_credential(file, provider="ssh-agent", socket=str(socket), authority=authority, principal=PERSON)
        with pytest.raises(AuthExpired, match="none is a certificate"):
            scenario(says(["id", "-un"], "login", file))
        run("ssh-add", "-q", certified(PERSON, "-2m:-1m"), env={"SSH_AUTH_SOCK": str(socket)})
        with pytest.raises(CertificateEnded, match="NB327 the certificate in the ssh-agent ended on "):
            scenario(says(["id", "-un"], "login", file))
        run("ssh-add", "-q", certified(PERSON, "-1m:+10m"), env={"SSH_AUTH_SOCK": str(socket)})
        assert scenario(says(["id", "-un"], "login", file)) == PERSON
        assert identities(socket)[-1].authority == authority
    finally:
        agent.terminate()
        agent.wait()


@pytest.mark.ssh
def test_modules_and_prefixes_that_are_not_there_are_problems(file):
    document = json.loads(file.read_text())
    init = str(modules.INIT)
    document["deployments"]["login"]["environments"] = {
        "tool": {"modules": ["tool/1.0"], "modulesInit": init},
        "none": {"modules": ["nothing/1.0"], "modulesInit": init},
        "gone": {"prefix": "/gone"},
    }
    file.write_text(json.dumps(document))
    document = json.loads(command("doctor", "login", "--json", "--deployments", file).output)
    texts = {check["subject"]: check["text"] for check in document["checks"]}
    assert document["environments"]["tool"]["programs"] == ["nbc-tool"]
    assert texts["environment tool"].startswith("Python 3")
    assert "nothing/1.0" in texts["environment none"]
    assert "/gone has no bin directory" in texts["environment gone"]


@pytest.mark.ssh
def test_what_a_place_lacks_is_said_before_anything_is_submitted(file, tmp_path):
    """Modules, programs and files are looked for in the environment of each step."""
    document = json.loads(file.read_text())
    document["deployments"]["login"]["environments"] = {"tool": {"modules": ["tool/1.0"], "modulesInit": str(modules.INIT)}}
    file.write_text(json.dumps(document))
    rule = {"cells": {"tags": ["tool"]}, "target": "login", "environment": "tool"}
    project = {"placement": {"rules": [rule]}, "files": {"resident": {"/srv/gone": "login", "/etc": "login"}}}
    (tmp_path / "nbcompile.yml").write_text(json.dumps(project))
    sources = (
        ("import no_such_module\n!nbc-tool", ["tool"]),
        ("# nbc: target=login\n!nbc-tool\nprint(open('/etc/hostname').read(), open('/srv/gone/cohort.csv').read())", []),
    )
    cells = [nbformat.v4.new_code_cell(source, metadata={"tags": tags}) for source, tags in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "n.ipynb")
    program = api.analyze(tmp_path / "n.ipynb")
    settings = api.in_project(Settings(granularity=Granularity.CELL), program)
    inquiry = inquire(program, api.plan(program, settings), settings, "n.ipynb")
    found = inquiry.judge(scenario(looked_at("login", inquiry.questions, file)))
    said = {(one.rule.code, one.message) for one in found if "IPython" not in one.message}
    assert {code for code, _ in said} == {"NB321", "NB322", "NB422"}
    assert len(said) == 3
    assert any("`login`, environment `tool` has no module `no_such_module`" in message for _, message in said)
    assert any("`login` has no program `nbc-tool`" in message for _, message in said)
    assert any("`/srv/gone/cohort.csv` is not at `login`" in message for _, message in said)


@pytest.mark.slurm
def test_doctor_looks_at_a_node_with_a_job(slurm_facility, calm, tmp_path):
    path = write_deployments(tmp_path / "deployments.yml")
    done = command("doctor", "hpc", "--json", "--deployments", path)
    (check,) = [one for one in json.loads(done.output)["checks"] if one["subject"] == "nodes, environment default"]
    assert (check["standing"], "has the same Python" in check["text"]) == ("ok", True), check
