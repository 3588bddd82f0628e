"""What of a key and its certificate is shown to a host, and what is said when that does not let anybody in."""

import asyncio
import contextlib
import time

import asyncssh
import pytest

from nbcompile.backend import AuthExpired, CertificateEnded, Lease, Opening, PrivateKey, Retryable, RunId, Secret
from nbcompile.model.errors import NbcompileError
from nbcompile.rules import find_rule
from nbcompile_backends.ssh import client
from nbcompile_backends.ssh.client import Login
from nbcompile_backends.ssh.options import SshSettings

HOST, AUTHORITY, KEY = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(3))
LINES = {"key": KEY, "certificate": AUTHORITY}


def line(key):
    return key.export_public_key().decode().strip()


def credential(seconds, *, alone):
    """A key with a certificate that ends in so many seconds."""
    now = time.time()
    certificate = AUTHORITY.generate_user_certificate(KEY, "tests", principals=["me"], valid_after=now - 3600, valid_before=now + seconds)
    return PrivateKey(Secret(KEY.export_private_key().decode()), certificate.export_certificate().decode(), alone=alone)


def log_in(given, *accepted):
    """How the host took it, whose file of accepted keys has these."""
    prefix = {"key": "", "certificate": "cert-authority "}
    keys = asyncssh.import_authorized_keys("".join(f"{prefix[name]}{line(LINES[name])}\n" for name in accepted))

    async def give():
        return (given,)

    async def nobody(challenge):
        raise AuthExpired("nobody is there")

    async def scenario():
        async with contextlib.AsyncExitStack() as stack:
            server = await stack.enter_async_context(
                asyncssh.listen("127.0.0.1", 0, server_host_keys=[HOST], authorized_client_keys=keys, server_factory=asyncssh.SSHServer)
            )
            settings = SshSettings(host=f"127.0.0.1:{server.get_port()}", user="me", host_keys=(line(HOST),), work_root="~/nbcompile")
            login = Login(Opening(deployment="hpc", run=RunId("tests"), settings=settings, lease=Lease("hpc", give, nobody)))
            await login.connect(settings.addresses[0], None, stack)

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_certificate_lets_in_while_it_lasts():
    log_in(credential(600, alone=True), "certificate")
    with pytest.raises(AuthExpired) as told:
        log_in(credential(600, alone=True), "key")
    assert not isinstance(told.value, CertificateEnded)


def test_a_key_that_may_be_used_alone_lets_in_when_the_certificate_beside_it_has_ended():
    log_in(credential(-60, alone=True), "key")


@pytest.mark.parametrize(("alone", "accepted"), [(True, "certificate"), (False, "key")])
def test_a_certificate_that_has_ended_is_told_with_when(alone, accepted):
    ended = time.localtime(time.time() - 60)
    with pytest.raises(CertificateEnded, match=r"NB327 .* does not accept the credential of `hpc` for the user me: ") as told:
        log_in(credential(-60, alone=alone), accepted)
    assert time.strftime("its certificate ended on %Y-%m-%d at %H:%M", ended) in told.value.message
    assert "get a new certificate" in told.value.advice


def test_a_certificate_that_is_none_is_told():
    given = credential(600, alone=True)._replace(certificate="ssh-ed25519-cert-v01@openssh.com AAAA")
    with pytest.raises(AuthExpired, match="the certificate of the key cannot be read"):
        log_in(given, "key")


def test_the_codes_of_errors_are_rules():
    def kinds(kind):
        return [kind, *(below for one in kind.__subclasses__() for below in kinds(one))]

    assert all(find_rule(kind.code) for kind in kinds(NbcompileError) if kind.code)


class Asking(asyncssh.SSHServer):
    """Lets in who knows the word."""

    def begin_auth(self, username):
        return True

    def kbdint_auth_supported(self):
        return True

    def get_kbdint_challenge(self, username, lang, submethods):
        return "", "", "", [("Code: ", False)]

    def validate_kbdint_response(self, username, responses):
        return list(responses) == ["open"]


def answer_after(seconds, factory):
    async def none():
        return ()

    async def answer(challenge):
        await asyncio.sleep(seconds)
        return (Secret("open"),)

    async def scenario():
        async with contextlib.AsyncExitStack() as stack:
            server = await stack.enter_async_context(factory())
            port = server.get_port() if hasattr(server, "get_port") else server.sockets[0].getsockname()[1]
            settings = SshSettings(host=f"127.0.0.1:{port}", user="me", host_keys=(line(HOST),), work_root="~/nbcompile")
            login = Login(Opening(deployment="hpc", run=RunId("tests"), settings=settings, lease=Lease("hpc", none, answer)))
            await login.connect(settings.addresses[0], None, stack)

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_person_may_take_longer_to_answer_than_a_host(monkeypatch):
    monkeypatch.setattr(client, "_CONNECT_SECONDS", 0.5)
    answer_after(1.0, lambda: asyncssh.listen("127.0.0.1", 0, server_host_keys=[HOST], server_factory=Asking))


def test_a_host_that_says_nothing_is_given_up(monkeypatch):
    async def keep_quiet(reader, writer):
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    @contextlib.asynccontextmanager
    async def silent():
        server = await asyncio.start_server(keep_quiet, "127.0.0.1", 0)
        yield server
        server.close()

    monkeypatch.setattr(client, "_CONNECT_SECONDS", 0.5)
    with pytest.raises(Retryable, match="TimeoutError"):
        answer_after(0, silent)
