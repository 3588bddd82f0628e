"""asyncssh, told exactly what to use: no configuration file, no ambient agent or key, no host key that is not pinned."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakValueDictionary

import asyncssh

from nbcompile.backend import (
    AgentIdentity,
    AuthExpired,
    CertificateEnded,
    Challenge,
    Credential,
    Fatal,
    Lease,
    Opening,
    PrivateKey,
    Prompt,
    Retryable,
)
from nbcompile.model.errors import PlaceFailed
from nbcompile_backends.agent.client import LinkLost
from nbcompile_backends.agent.package import BOOT
from nbcompile_backends.agent.plain import plain
from nbcompile_backends.ssh.options import Address, SshSettings

_CONNECT_SECONDS, _LOGIN_SECONDS = 20, 120
_KEEPALIVE_SECONDS, _KEEPALIVE_COUNT = 15, 3
_REFUSAL_SECONDS = 300
_HOST_KEY_ALGORITHMS = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256"
_WINDOW = 16 << 20
_USER_CERTIFICATE = 1
_RENEW = f"{CertificateEnded.usual_advice}; `nbcompile doctor` says whether it works"
_TOO_MANY = "Too many authentication failures"
_PROBLEMS = (asyncssh.Error, OSError, ValueError, asyncio.TimeoutError, PlaceFailed)


class SshPipe:
    """The streams of the agent on a host; closing it lets go of the connection and of the hops before it."""

    def __init__(self, name: str, process: asyncssh.SSHClientProcess[bytes], stack: AsyncExitStack) -> None:
        self._name = name
        self._process = process
        self._stack = stack

    async def read(self, size: int) -> bytes:
        """Exactly so many bytes."""
        try:
            return await self._process.stdout.readexactly(size)
        except (asyncio.IncompleteReadError, asyncssh.Error, OSError):
            raise LinkLost(f"the connection to {self._name} broke") from None

    async def write(self, content: bytes) -> None:
        """Send all of it."""
        try:
            self._process.stdin.write(content)
            await self._process.stdin.drain()
        except (asyncssh.Error, OSError):
            raise LinkLost(f"the connection to {self._name} broke") from None

    async def complaint(self) -> str:
        """What the far side said on standard error."""
        try:
            return (await asyncio.wait_for(self._process.stderr.read(4096), 5)).decode("utf-8", "replace")
        except (asyncssh.Error, OSError, asyncio.TimeoutError):
            return ""

    async def close(self) -> None:
        """Let go of the agent, the connection and the hops."""
        await self._stack.aclose()


class Login:
    """How one account of one deployment is reached, and what was refused last time."""

    def __init__(self, opening: Opening) -> None:
        if not isinstance(opening.settings, SshSettings):
            raise Fatal(f"`{opening.deployment}` is not a deployment of the ssh backend")
        self.settings = opening.settings
        self._opening = opening
        self._refused: tuple[str, float] = ("", 0.0)

    async def connect(
        self, address: Address, tunnel: asyncssh.SSHClientConnection | None, stack: AsyncExitStack
    ) -> asyncssh.SSHClientConnection:
        """Log in to one host, through a tunnel where there is one. Every way in which that fails is one of our errors."""
        credentials = await self._opening.lease.credentials()
        identity = _identity(credentials)
        if identity == self._refused[0] and time.monotonic() < self._refused[1]:
            raise self._refusal(AuthExpired(""), address, identity, credentials)
        client = _Client(address, self._opening.lease)
        try:
            keys = [key for credential in credentials for key in await _keys(credential, stack)]
            connection = await self._log_in(address, tunnel, keys, client)
        except _PROBLEMS as error:
            problem = translated(error, address, self._opening.deployment)
            raise client.problem or self._refusal(problem, address, "" if client.asked else identity, credentials) from None
        stack.push_async_callback(_close, connection)
        return connection

    def _refusal(self, problem: PlaceFailed, address: Address, identity: str, credentials: Sequence[Credential]) -> PlaceFailed:
        """What to say of a failed login. Credentials that were refused are not offered again for a while; answers may be."""
        if not isinstance(problem, AuthExpired) or problem.advice:
            return problem
        if identity:
            self._refused = (identity, time.monotonic() + _REFUSAL_SECONDS)
        said = f"{address} does not accept the credential of `{self._opening.deployment}` for the user {self.settings.user}"
        if ended := _ended(credentials):
            return CertificateEnded(f"{CertificateEnded.code} {said}: its certificate ended on {ended}", _RENEW)
        return AuthExpired(
            said, "see that the user and the key are right, or log in again at your site; `nbcompile doctor` says whether it works"
        )

    async def _log_in(
        self, address: Address, tunnel: asyncssh.SSHClientConnection | None, keys: list[asyncssh.SSHKeyPair], client: _Client
    ) -> asyncssh.SSHClientConnection:
        trusted = [asyncssh.import_public_key(line) for line in self.settings.host_keys]
        authorities = [asyncssh.import_public_key(line) for line in self.settings.host_ca]
        connecting = asyncssh.connect(
            address.host,
            address.port,
            tunnel=tunnel or (),
            client_factory=lambda: client,
            config=[],
            known_hosts=lambda *_: (trusted, authorities, []),
            username=self.settings.user,
            client_keys=keys or None,
            agent_path=None,
            public_key_auth=bool(keys),
            kbdint_auth=True,
            password_auth=False,
            host_based_auth=False,
            gss_kex=False,
            gss_auth=False,
            x509_trusted_certs=None,
            # That would count the time that a person takes to answer.
            connect_timeout=None,
            login_timeout=_LOGIN_SECONDS,
            keepalive_interval=_KEEPALIVE_SECONDS,
            keepalive_count_max=_KEEPALIVE_COUNT,
            compression_algs=None,
        )
        return await _in_time(asyncio.ensure_future(connecting), client)


class SharedLogin:
    """One login of a deployment at one host, for all that goes on there and through it; it lasts as long as anybody has it."""

    def __init__(self, login: Login, address: Address) -> None:
        self.settings = login.settings
        self._login, self._address = login, address
        self._one_at_a_time = asyncio.Lock()
        self._connection: _Shared | None = None

    async def connect(self, tunnel: asyncssh.SSHClientConnection | None, stack: AsyncExitStack) -> asyncssh.SSHClientConnection:
        """The connection that there is, or a new one through this tunnel. Raises as `Login.connect`."""
        async with self._one_at_a_time:
            if self._connection is None or self._connection.connection.is_closed():
                async with AsyncExitStack() as own:
                    connection = await self._login.connect(self._address, tunnel, own)
                    self._connection = _Shared(connection, own.pop_all())
            shared = self._connection
            shared.users += 1
        stack.push_async_callback(self._leave, shared)
        return shared.connection

    async def _leave(self, shared: _Shared) -> None:
        shared.users -= 1
        if not shared.users:
            if self._connection is shared:
                self._connection = None
            await shared.stack.aclose()


@dataclass(slots=True)
class _Shared:
    """An open connection, what closes it, and how many have it."""

    connection: asyncssh.SSHClientConnection
    stack: AsyncExitStack
    users: int = 0


_logins: WeakValueDictionary[tuple[Lease, object, Address], SharedLogin] = WeakValueDictionary()


def shared_login(opening: Opening, address: Address | None = None) -> SharedLogin:
    """The login of whoever has this lease at one of a deployment's hosts, by default the first."""
    login = Login(opening)
    address = address or login.settings.addresses[0]
    key = (opening.lease, opening.settings, address)
    found = _logins.get(key)
    if found is None:
        found = _logins[key] = SharedLogin(login, address)
    return found


async def open_pipe(address: Address, logins: Sequence[SharedLogin]) -> SshPipe:
    """Start the agent on the last of these hosts, going through the others. One connection, and one session on it, per host."""
    async with AsyncExitStack() as stack:
        tunnel = None
        for login in logins:
            tunnel = await login.connect(tunnel, stack)
        if tunnel is None:
            raise Fatal(f"there is no way to {address}")
        python = logins[-1].settings.python
        try:
            process = await tunnel.create_process(f"exec {python} -IBS -c '{BOOT}'", encoding=None, window=_WINDOW)
        except _PROBLEMS as error:
            raise translated(error, address) from None
        return SshPipe(str(address), process, stack.pop_all())


async def host_key(address: Address, hops: Sequence[SharedLogin]) -> str:
    """The key that a host shows, as `type base64`, before anybody logs in to it. It is nobody's word but that of whoever answers."""
    async with AsyncExitStack() as stack:
        tunnel = None
        for login in hops:
            tunnel = await login.connect(tunnel, stack)
        try:
            shown = asyncssh.get_server_host_key(
                address.host, address.port, tunnel=tunnel or (), config=[], server_host_key_algs=_HOST_KEY_ALGORITHMS
            )
            key = await asyncio.wait_for(shown, _CONNECT_SECONDS)
        except _PROBLEMS as error:
            raise translated(error, address) from None
        if key is None:
            raise Fatal(f"{address} shows no host key")
        return " ".join(key.export_public_key().decode("ascii").split()[:2])


class _Client(asyncssh.SSHClient):
    """Puts a host's questions to the person, and keeps the first problem with that."""

    def __init__(self, address: Address, lease: Lease) -> None:
        self._address = address
        self._lease = lease
        self.problem: PlaceFailed | None = None
        self.asking, self.asked = False, False

    def kbdint_auth_requested(self) -> str | None:
        return None if self.problem else ""

    async def kbdint_challenge_received(
        self,
        name: str,
        instructions: str,
        lang: str,  # noqa: ARG002 - asyncssh's signature
        prompts: Sequence[tuple[str, bool]],
    ) -> Sequence[str] | None:
        if not prompts:
            return []
        self.asking = True
        questions = tuple(Prompt(plain(text, 200), echo) for text, echo in prompts)
        try:
            answers = await self._lease.answer(Challenge(str(self._address), plain(name, 200), plain(instructions, 500), questions))
        except PlaceFailed as problem:
            self.problem = problem
            return None
        self.asked = True
        return [answer.reveal() for answer in answers]


async def _in_time(connecting: asyncio.Future[asyncssh.SSHClientConnection], client: _Client) -> asyncssh.SSHClientConnection:
    """The connection, unless a host takes too long that has asked nothing; who is asked has as long as the login may take."""
    try:
        await asyncio.wait((connecting,), timeout=_CONNECT_SECONDS)
        if not (connecting.done() or client.asking):
            raise asyncio.TimeoutError
        return await connecting
    finally:
        if not connecting.done():
            connecting.cancel()
            await asyncio.wait((connecting,))


async def _keys(credential: Credential, stack: AsyncExitStack) -> list[asyncssh.SSHKeyPair]:
    if isinstance(credential, AgentIdentity):
        return await _agent_keys(credential, stack)
    key = asyncssh.import_private_key(credential.key.reveal(), credential.passphrase.reveal() if credential.passphrase else None)
    if not credential.certificate:
        return list(asyncssh.load_keypairs([key]))
    certificate = _certificate(credential.certificate)
    alone = credential.alone and bool(_end(certificate))
    return [pair for pair in asyncssh.load_keypairs([(key, certificate)]) if pair.has_cert != alone]


def _certificate(text: str | bytes) -> asyncssh.SSHCertificate:
    try:
        return asyncssh.import_certificate(text)
    except asyncssh.KeyImportError:
        raise AuthExpired("the certificate of the key cannot be read", "get a new one from your site") from None


def _end(certificate: asyncssh.SSHCertificate) -> str:
    """When a certificate ended, if it has."""
    until: int = certificate._valid_before  # type: ignore[attr-defined]
    return f"{datetime.fromtimestamp(until).astimezone():%Y-%m-%d at %H:%M:%S %Z}" if until <= time.time() else ""


def _ended(credentials: Sequence[Credential]) -> str:
    """When the certificate that was to let us in ended, if it has."""
    certificates = [one.certificate for one in credentials if isinstance(one, PrivateKey) and one.certificate]
    with contextlib.suppress(AuthExpired):
        return next(filter(None, map(_end, map(_certificate, certificates))), "")
    return ""


async def _agent_keys(pin: AgentIdentity, stack: AsyncExitStack) -> list[asyncssh.SSHKeyPair]:
    """The one identity of an agent that is pinned; among certificates of one authority, the one that lasts longest is the last added."""
    try:
        agent = await stack.enter_async_context(asyncssh.connect_agent(str(pin.socket)))
        pairs = await agent.get_keys()
    except (OSError, ValueError):
        raise AuthExpired(f"there is no ssh-agent at {pin.socket}", "start one and add the key to it") from None
    found = [pair for pair in pairs if _is_pinned(pair, pin)]
    if not found:
        meant = (one for pair in pairs if (one := _certificate_of(pair)) and _is_meant(one, pin))
        if ended := max(map(_end, meant), default=""):
            raise CertificateEnded(f"{CertificateEnded.code} the certificate in the ssh-agent ended on {ended}", _RENEW)
        wanted = pin.fingerprint or f"a certificate of {pin.authority} for {pin.principal}"
        raise AuthExpired(
            f"the ssh-agent holds {len(pairs)} keys, and none is {wanted}", "add it with `ssh-add`, or log in at your site again"
        )
    return [pair for pair in found if pair.has_cert] or found


def _is_pinned(pair: asyncssh.SSHKeyPair, pin: AgentIdentity) -> bool:
    certificate = _certificate_of(pair)
    if certificate is None:
        return bool(pin.fingerprint) and pin.fingerprint == _fingerprint(pair.public_data)
    try:
        certificate.validate(_USER_CERTIFICATE, pin.principal or None)  # type: ignore[attr-defined]
    except ValueError:
        return False
    return _is_meant(certificate, pin)


def _certificate_of(pair: asyncssh.SSHKeyPair) -> asyncssh.SSHCertificate | None:
    return _certificate(f"{pair.get_algorithm()} ".encode() + _base64(pair.public_data)) if pair.has_cert else None


def _is_meant(certificate: asyncssh.SSHCertificate, pin: AgentIdentity) -> bool:
    """Whether a pin is for this certificate, whenever that is valid."""
    principals: Sequence[str] = certificate.principals  # type: ignore[attr-defined]
    if pin.principal and principals and pin.principal not in principals:
        return False
    if pin.fingerprint:
        return pin.fingerprint == certificate.key.get_fingerprint()
    authority: asyncssh.SSHKey = certificate.signing_key  # type: ignore[attr-defined]
    return bool(pin.authority) and authority.get_fingerprint() == pin.authority


def translated(error: Exception, address: Address, deployment: str = "") -> PlaceFailed:
    """Whatever asyncssh raises, as one of our errors. Texts that a host sent are cleaned."""
    if isinstance(error, PlaceFailed):
        return error
    said = plain(str(error), 300)
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        name = f" `{deployment}`" if deployment else ""
        advice = f"if its administrators changed it, replace `hostKeys` of the deployment{name}; otherwise somebody is in between"
        return Fatal(f"{address} shows a host key that is not the pinned one", advice)
    if isinstance(error, asyncssh.PermissionDenied) or (isinstance(error, asyncssh.DisconnectError) and _TOO_MANY in error.reason):
        return AuthExpired(f"{address} does not accept the credential")
    if isinstance(error, (asyncssh.KeyImportError, asyncssh.KeyEncryptionError)):
        return AuthExpired(f"the private key for {address} cannot be read", "is its passphrase right?")
    if isinstance(error, (asyncssh.KeyExchangeFailed, asyncssh.ProtocolNotSupported, asyncssh.IllegalUserName)):
        return Fatal(f"{address} and we do not understand each other: {said}")
    if isinstance(error, (OSError, asyncio.TimeoutError, asyncssh.Error)):
        return Retryable(f"{address} cannot be reached: {said or type(error).__name__}")
    return Fatal(f"{address} cannot be used: {said}")


def _identity(credentials: Sequence[Credential]) -> str:
    """Tells credentials apart, without keeping them."""
    digest = hashlib.sha256()
    for credential in credentials:
        if isinstance(credential, PrivateKey):
            digest.update(credential.certificate.encode() + credential.key.reveal().encode())
        else:
            digest.update(str(time.monotonic_ns()).encode())  # an agent's content changes without us
    return digest.hexdigest()


def _fingerprint(blob: bytes) -> str:
    return "SHA256:" + _base64(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _base64(blob: bytes) -> bytes:
    return base64.b64encode(blob)


async def _close(connection: asyncssh.SSHClientConnection) -> None:
    connection.close()
    with contextlib.suppress(asyncssh.Error, OSError, asyncio.TimeoutError):
        await asyncio.wait_for(connection.wait_closed(), 5)
