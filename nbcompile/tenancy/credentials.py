"""Who gives credentials: each provider is what a person writes of it, and reads the credential when a login needs it."""

from __future__ import annotations

import base64
import errno
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbcompile.backend import AgentIdentity, AuthExpired, Challenge, Credential, PrivateKey, Prompt, Secret, option, read_options
from nbcompile.model.errors import UsageError
from nbcompile.model.personal import CredentialReference

Ask = Callable[[Challenge], Awaitable[tuple[Secret, ...]]]
"""Puts questions to the person; raises `AuthExpired` when nobody can be asked."""

_PATH = r"(?:~|/)[^\x00-\x1f\x7f]*"
_FINGERPRINT = r"SHA256:[A-Za-z0-9+/]{43}"
_LARGEST_KEY = 64 << 10
_KEY_ADVICE = {
    errno.ELOOP: "name the file itself, not a link to it",
    errno.ENOENT: "correct `path` of the credential in your file of deployments, or put the key there",
}
_OPENSSH = b"openssh-key-v1\0"


class Provider(ABC):
    """Gives the credentials of a deployment, anew at each login."""

    @abstractmethod
    async def credentials(self, ask: Ask) -> tuple[Credential, ...]:
        """What to log in with. Raises `AuthExpired` when there is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile(Provider):
    """A private key in a file that nobody else can read, with its certificate."""

    path: str = option("the file of the private key", pattern=_PATH)
    certificate: str = option("the file of its certificate; KEY-cert.pub by default, where there is one", default="", pattern=_PATH)

    async def credentials(self, ask: Ask) -> tuple[Credential, ...]:
        """The key, and the passphrase that the person types where it has one."""
        path = _expanded(self.path)
        key = _read_private(path)
        passphrase = None
        if _has_passphrase(key):
            (passphrase,) = await ask(Challenge(str(path), "", "", (Prompt(f"Passphrase of {path}: ", echo=False),)))
        # A certificate that happens to lie beside the key is not all that the file allows.
        return (PrivateKey(Secret(key), self._certificate(path), passphrase, alone=not self.certificate),)

    def _certificate(self, key: Path) -> str:
        path = _expanded(self.certificate) if self.certificate else key.with_name(f"{key.name}-cert.pub")
        try:
            return path.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            if not self.certificate and isinstance(error, FileNotFoundError):
                return ""
            raise AuthExpired(f"cannot read the certificate {path}: {error}", "get a new one from your site") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentKey(Provider):
    """One identity of an ssh-agent: a key, or whichever certificate an authority gave a principal."""

    fingerprint: str = option("the fingerprint of the key, as `ssh-add -l` shows it", default="", pattern=_FINGERPRINT)
    authority: str = option("the fingerprint of the key that signs the certificates", default="", pattern=_FINGERPRINT)
    principal: str = option("the principal of the certificate", default="", pattern=r"[A-Za-z0-9_][A-Za-z0-9_.@-]*")
    socket: str = option("the agent's socket; that of SSH_AUTH_SOCK by default", default="", pattern=_PATH)

    def __post_init__(self) -> None:
        """An agent may hold keys that open other places: one of them is meant."""
        if bool(self.fingerprint) == bool(self.authority and self.principal):
            raise UsageError(
                "an ssh-agent is pinned by `fingerprint`, or by `authority` and `principal`", "see `ssh-add -l`, or use `deployment add`"
            )

    async def credentials(self, ask: Ask) -> tuple[Credential, ...]:  # noqa: ARG002 - the agent asks by itself
        """Where the agent is, and which of its identities is meant."""
        socket = self.socket or os.environ.get("SSH_AUTH_SOCK", "")
        if not socket:
            raise AuthExpired("there is no ssh-agent: SSH_AUTH_SOCK is not set", "start one, or log in at your site again")
        return (AgentIdentity(_expanded(socket), self.fingerprint, self.authority, self.principal),)


@dataclass(frozen=True, slots=True)
class Interactive(Provider):
    """Nothing but the answers to what the host asks."""

    async def credentials(self, ask: Ask) -> tuple[Credential, ...]:  # noqa: ARG002 - the host asks, not we
        """Nothing."""
        return ()


PROVIDERS: Mapping[str, type[Provider]] = {"file": KeyFile, "ssh-agent": AgentKey, "interactive": Interactive}


def find_provider(reference: CredentialReference, where: str) -> Provider:
    """The provider that a reference names. Raises `UsageError` that names `where`."""
    kind = PROVIDERS.get(reference.provider)
    if kind is None:
        raise UsageError(f"{where}: nobody gives credentials by `{reference.provider}`", f"known: {', '.join(PROVIDERS)}")
    return read_options(kind, reference.parameters, where, beside=("provider",))


def _expanded(path: str) -> Path:
    return Path(path).expanduser()


def _read_private(path: Path) -> str:
    """The content of a file that is ours alone; what is checked is the file that is read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        advice = _KEY_ADVICE.get(error.errno or 0, "see that it is yours and that you may read it")
        raise AuthExpired(f"cannot read the key {path}: {error.strerror}", advice) from None
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise UsageError(f"the key {path} is no plain file", "name the file of a private key")
        if state.st_uid != os.geteuid() or state.st_mode & 0o077:
            raise UsageError(f"the key {path} can be read by others", f"chmod 600 {path}, and see that it is yours")
        for parent in path.absolute().parents:
            if parent.stat().st_mode & 0o022 and not parent.stat().st_mode & stat.S_ISVTX:
                raise UsageError(f"others can put another file where the key {path} is", f"chmod go-w {parent}")
        content = file.read(_LARGEST_KEY)
    try:
        return content.decode("ascii")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no private key", "name a key as `ssh-keygen` writes it") from None


def _has_passphrase(key: str) -> bool:
    """Whether a key is encrypted: its head says so."""
    if "ENCRYPTED" in key.partition("\n\n")[0]:
        return True
    _, _, body = key.partition("\n")
    head = base64.b64decode(body[:64])
    if not head.startswith(_OPENSSH):
        return False
    size = int.from_bytes(head[len(_OPENSSH) : len(_OPENSSH) + 4], "big")
    return head[len(_OPENSSH) + 4 :][:size] != b"none"
