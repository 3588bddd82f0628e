"""A deployment's name becomes an open place: what the file says, which credential goes where, and what is refused."""

import asyncio
import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from nbcompile.api.deployments import broker_of_run
from nbcompile.backend import AgentIdentity, AuthExpired, Challenge, PrivateKey, Prompt, Secret
from nbcompile.backend.plugins import load
from nbcompile.model.errors import UsageError
from nbcompile.model.plan import Resources
from nbcompile.tenancy import broker
from nbcompile.tenancy.asking import TerminalAsk

FILE = """\
version: 1
deployments:
  gate: {backend: ssh, host: gate.example, user: me, workRoot: ~/nbc, hostKeys: [ssh-ed25519 AAAA], credential: {ref: gate-key}}
  login: {backend: ssh, via: gate, host: login.example, user: me, workRoot: ~/nbc, hostKeys: [ssh-ed25519 AAAA], credential: {ref: agent}}
  hpc:
    backend: slurm
    via: login
    resources: {memory: 2GiB, time: 1h, gpus: {count: 1}}
    options: {account: gen01, partition: cpu}
    services: {big: {partition: long}}
    environments: {default: {prefix: /opt/base}, scrna: {modules: [python/3.11], modulesInit: /etc/modules.sh}}
credentials:
  gate-key: {provider: file, path: KEY}
  agent: {provider: ssh-agent, fingerprint: "SHA256:DIGEST"}
"""


@pytest.fixture
def key(tmp_path, openssh):
    path = tmp_path / "private" / "key"
    path.parent.mkdir(mode=0o700)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.fixture
def file(tmp_path, key):
    path = tmp_path / "deployments.yml"
    path.write_text(FILE.replace("KEY", str(key)).replace("DIGEST", "x" * 43))
    return path


@pytest.fixture
def opened(monkeypatch):
    """What backends were asked to open; nothing is opened."""
    openings = []

    class Nothing:
        async def close(self):
            openings.append("closed")

    def fake(name):
        backend = load(name)

        async def open_(opening):
            openings.append(opening)
            return Nothing()

        monkeypatch.setattr(backend, "open", open_)
        return backend

    monkeypatch.setattr(broker, "load", fake)
    return openings


def open_place(name, file, **more):
    return asyncio.run(broker_of_run("a-run", file=file, **more).open(name))


def credentials(opening):
    return asyncio.run(opening.lease.credentials())


class TestWays:
    def test_hosts_of_one_backend_are_hops_and_another_backends_is_opened_first(self, file, opened):
        place = open_place("hpc", file)
        login, hpc = opened
        assert [login.deployment, *(hop.deployment for hop in login.hops), hpc.deployment] == ["login", "gate", "hpc"]
        assert (hpc.hops, hpc.via is not None, login.via) == ((), True, None)
        assert {login.run, hpc.run, login.hops[0].run} == {"a-run"}
        assert (place.options().partition, place.options("big").partition, place.options("big").account) == ("cpu", "long", "gen01")
        assert (place.environment().prefix, place.environment("scrna").modules) == ("/opt/base", ("python/3.11",))

    def test_a_deployment_asks_for_what_steps_leave_to_it(self, file, opened):
        place = open_place("hpc", file)
        assert place.resources(Resources()) == Resources(memory_mib=2048, minutes=60, gpus=1)
        own = Resources(cpus=4, memory_mib=512, gpus=2, gpu_type="a100")
        assert place.resources(own) == replace(own, minutes=60)

    def test_each_opening_leases_the_credential_of_its_own_deployment(self, file, opened, key, monkeypatch):
        monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
        open_place("hpc", file)
        login, hpc = opened
        assert credentials(login) == (AgentIdentity(Path("/run/agent"), fingerprint="SHA256:" + "x" * 43),)
        (found,) = credentials(login.hops[0])
        assert isinstance(found, PrivateKey)
        assert found.key.reveal() == key.read_text()
        assert credentials(hpc) == ()

    def test_what_was_opened_on_the_way_is_closed_when_the_end_is_not_reached(self, file, opened, monkeypatch):
        slurm = load("slurm")
        real = broker.load

        async def fail(opening):
            raise UsageError("no")

        monkeypatch.setattr(slurm, "open", fail)
        monkeypatch.setattr(broker, "load", lambda name: slurm if name == "slurm" else real(name))
        with pytest.raises(UsageError, match="no"):
            open_place("hpc", file)
        assert opened[-1] == "closed"

    @pytest.mark.parametrize("via", ["login", "hpc"])
    def test_a_way_in_circles_is_refused(self, file, opened, via):
        file.write_text(file.read_text().replace("gate: {backend: ssh,", f"gate: {{backend: ssh, via: {via},"))
        with pytest.raises(UsageError, match="too many deployments"):
            open_place("hpc", file)
        assert opened == []


class Shared:
    """A Session that may have several users."""

    def __init__(self, users=None):
        self.users = users if users is not None else []
        self.users.append(self)

    def share(self):
        return Shared(self.users) if self.users else None

    async def close(self):
        self.users.remove(self)


class TestLogins:
    """Where several deployments lead through one host, one login is enough."""

    @pytest.fixture
    def logins(self, file, monkeypatch):
        file.write_text(file.read_text().replace("credentials:\n", "  gpu: {backend: slurm, via: login}\ncredentials:\n"))
        made = []

        def fake(name):
            backend = load(name)

            async def open_(opening):
                await asyncio.sleep(0)  # another deployment asks for the same host now
                if opening.via is not None:
                    return opening.via
                made.append((opening.deployment, Shared()))
                return made[-1][1]

            monkeypatch.setattr(backend, "open", open_)
            return backend

        monkeypatch.setattr(broker, "load", fake)
        return made

    def test_they_share_it_and_the_last_one_leaves(self, file, logins):
        async def visit():
            one = broker_of_run("a-run", file=file)
            places = await asyncio.gather(*map(one.open, ("hpc", "login", "gpu")))
            assert [name for name, _ in logins] == ["login"]
            assert len({id(place.session) for place in places}) == 3
            for left, place in zip((2, 1, 0), places, strict=True):
                await place.session.close()
                assert len(logins[0][1].users) == left
            await one.open("hpc")
            assert [name for name, _ in logins] == ["login", "login"]

        asyncio.run(visit())

    def test_a_login_that_fails_fails_for_all_and_is_tried_again(self, file, logins, monkeypatch):
        async def visit():
            one = broker_of_run("a-run", file=file)
            real = broker.load

            async def fail(opening):
                await asyncio.sleep(0)
                raise UsageError("no")

            ssh = load("ssh")
            monkeypatch.setattr(broker, "load", lambda name: ssh if name == "ssh" else real(name))
            monkeypatch.setattr(ssh, "open", fail)
            found = await asyncio.gather(*map(one.open, ("hpc", "login", "gpu")), return_exceptions=True)
            assert [str(problem) for problem in found] == ["no"] * 3
            monkeypatch.setattr(broker, "load", real)
            assert (await one.open("hpc")).name == "hpc"

        asyncio.run(visit())


class TestTheFile:
    @pytest.mark.parametrize(
        ("old", "new", "message", "advice"),
        [
            ("via: login", "vai: login", "`hpc` of .* has no key `vai`", "did you mean `via`"),
            ("hostKeys", "hostKey", "`login` of .* has no key `hostKey`", "did you mean `hostKeys`"),
            ("{partition: long}", "{partitions: long}", "`options` of the deployment `hpc` of .* has no key", "`partition`"),
            ("credentials:", "credential:", "line .*: credential: is not a known key", "`credentials`"),
            ("{ref: agent}", "{ref: agnet}", "uses the credential `agnet`", "has gate-key, agent"),
            ("provider: ssh-agent", "provider: agent", "nobody gives credentials by `agent`", "known: file, ssh-agent, interactive"),
            ("provider: file, path", "provider: file, paths", "has no key `paths`", "`path`"),
            (", fingerprint:", ", authority:", "pinned by", "ssh-add"),
            ("  hpc:\n", "  local:\n", "nothing can be called 'local'", "no deployment"),
            ("backend: slurm", "backend: slrum", "no backend called `slrum`", "slurm, ssh"),
            ("scrna: {modules: [python/3.11]", "scrna: {modules: [$(id)]", "not allowed here", "modules to load"),
        ],
    )
    def test_errors_say_where_and_what(self, file, opened, old, new, message, advice):
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
        name = "local" if "local" in new else "hpc"
        with pytest.raises(UsageError, match=message) as caught:
            open_place(name, file).options("big")
        assert advice in caught.value.advice

    @pytest.mark.parametrize(
        "hostile",
        ["-oProxyCommand=touch x", "a b", "a\nb", "a\n", "$(id)", "a@b", "a;b", "`id`", "../x", "a/b", "", "a%h", "é", "a\0b"],
    )
    @pytest.mark.parametrize("key", ["host", "user"])
    def test_names_of_hosts_and_users_are_names(self, file, opened, key, hostile):
        """T7: nothing that a program could take for an option or a line of shell."""
        document = YAML(typ="safe").load(file)
        document["deployments"]["gate"][key] = hostile
        file.write_text(json.dumps(document))
        with pytest.raises(UsageError, match=f"`{key}` of the deployment `gate`"):
            open_place("gate", file)
        assert opened == []

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda place: place.options("small"), "no service `small`"),
            (lambda place: place.environment("bulk"), "no environment `bulk`"),
        ],
    )
    def test_what_a_deployment_does_not_have_is_an_error(self, file, opened, call, message):
        with pytest.raises(UsageError, match=message):
            call(open_place("hpc", file))

    def test_an_unknown_name_lists_the_known_ones(self, file, opened):
        with pytest.raises(UsageError, match="no deployment called `cloud`") as caught:
            open_place("cloud", file)
        assert "gate, login, hpc" in caught.value.advice
        assert "deployment add cloud" in caught.value.advice

    def test_there_is_one_tenant_and_it_is_personal(self, file, opened):
        assert open_place("gate", file, tenant="personal").name == "gate"
        with pytest.raises(UsageError, match="no tenant called `genomics`"):
            open_place("gate", file, tenant="genomics")

    def test_the_variable_names_another_file(self, file, opened, monkeypatch):
        monkeypatch.setenv("NBCOMPILE_DEPLOYMENTS", str(file))
        assert open_place("gate", None).source == str(file)


class TestKeyFiles:
    def test_its_certificate_is_found_and_read_anew_at_each_login(self, file, opened, key):
        open_place("gate", file)
        assert credentials(opened[0])[0].certificate == ""
        key.with_name("key-cert.pub").write_text("a certificate\n")
        assert credentials(opened[0])[0].certificate == "a certificate\n"

    @pytest.mark.parametrize(
        ("spoil", "message"),
        [
            (lambda key: key.chmod(0o640), "can be read by others"),
            (lambda key: key.parent.chmod(0o777), "others can put another file"),
            (lambda key: key.rename(key.with_name("moved")) and key.symlink_to("moved"), "cannot read the key .*not a link to it"),
            (lambda key: key.unlink(), "cannot read the key .*correct `path` of the credential"),
            (lambda key: key.unlink() or os.mkfifo(key, 0o600), "no plain file"),
            (lambda key: key.write_bytes(b"\xff\xfe"), "no private key"),
        ],
    )
    def test_a_key_that_others_could_read_or_put_there_is_not_used(self, file, opened, key, spoil, message):
        open_place("gate", file)
        spoil(key)
        with pytest.raises((UsageError, AuthExpired)) as told:
            credentials(opened[0])
        assert re.search(message, f"{told.value.message} {told.value.advice}")

    @pytest.mark.parametrize("form", ["RFC4716", "PEM", "PKCS8"])
    def test_the_passphrase_is_asked_for_once(self, file, opened, key, form):
        kind = ["-t", "rsa", "-b", "2048"]
        key.unlink()
        subprocess.run(["ssh-keygen", "-q", *kind, "-m", form, "-N", "open sesame", "-f", key], check=True)
        asked = []

        async def ask(challenge):
            asked.append(challenge)
            return (Secret("open sesame"),)

        open_place("gate", file, ask=ask)
        found = [credentials(opened[0])[0].passphrase.reveal() for _ in range(2)]
        assert found == ["open sesame"] * 2
        assert [one.prompts[0].text for one in asked] == [f"Passphrase of {key}: "]

    def test_a_key_without_passphrase_asks_nothing(self, file, opened):
        async def ask(challenge):
            raise AssertionError(challenge)

        open_place("gate", file, ask=ask)
        assert credentials(opened[0])[0].passphrase is None


CODE = Challenge("otp.example", "Second factor", "from \x1b[2Jyour token", (Prompt("One-time password:", echo=False),))
AT_A_TERMINAL = """
import asyncio, os, termios
from nbcompile.tenancy.asking import TerminalAsk
from tests.unit.tenancy.test_broker import CODE
(answer,) = asyncio.run(TerminalAsk()(CODE))
print("got", len(answer.reveal()), bool(termios.tcgetattr(0)[3] & termios.ECHO), flush=True)
"""


class TestAsking:
    def test_a_question_is_put_to_the_terminal_and_the_answer_not_shown(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(sys.executable, [sys.executable, "-c", AT_A_TERMINAL])  # noqa: S606
        shown = b""
        while b"password:" not in shown:
            shown += os.read(terminal, 1000)
        os.write(terminal, b"123456\n")
        while b"got 6 True" not in shown:
            shown += os.read(terminal, 1000)
        os.waitpid(pid, 0)
        os.close(terminal)
        assert b"otp.example: Second factor" in shown
        assert b"\x1b" not in shown
        assert b"123456" not in shown

    @pytest.mark.parametrize("device", ["/dev/null", "/nowhere/tty"])
    def test_without_a_terminal_nobody_can_be_asked(self, device):
        with pytest.raises(AuthExpired, match="asks for 'One-time password:', and nobody can be asked"):
            asyncio.run(TerminalAsk(device)(CODE))
