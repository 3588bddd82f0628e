"""Secrets and the lease on them: what a Session may know of how to log in, and no more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn


class Secret:
    """A text that prints as stars, equals only itself, and can be neither pickled, copied nor hashed by value.

    `reveal` is called only in a backend's `client` module, where the bytes are handed to a client library.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(********)"

    def __str__(self) -> str:
        return "********"

    def __format__(self, specification: str) -> str:
        return "********"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not written down")


class PrivateKey(NamedTuple):
    """An SSH private key in OpenSSH or PEM form, its certificate, and the passphrase that opens it.

    `alone` says that the key may be used without the certificate when that has ended.
    """

    key: Secret
    certificate: str = ""
    passphrase: Secret | None = None
    alone: bool = False


class AgentIdentity(NamedTuple):
    """One identity of an ssh-agent, pinned by the key's fingerprint (`SHA256:…`), or by issuing CA and principal of its certificate."""

    socket: Path
    fingerprint: str = ""
    authority: str = ""
    principal: str = ""


Credential = PrivateKey | AgentIdentity


class Prompt(NamedTuple):
    """One question of a login; `echo` says whether the answer may be seen while it is typed."""

    text: str
    echo: bool


class Challenge(NamedTuple):
    """What a host asks a person during login, such as a one-time password. Its texts come from the host."""

    host: str
    title: str
    instructions: str
    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class Lease:
    """The credentials of one deployment, for one Session.

    `credentials` is asked at each login and may give others than last time; it raises `AuthExpired` when there are none.
    `answer` puts a challenge to the person; it raises `AuthExpired` when nobody can be asked. Answers are used once and not kept.
    """

    deployment: str
    credentials: Callable[[], Awaitable[tuple[Credential, ...]]]
    answer: Callable[[Challenge], Awaitable[tuple[Secret, ...]]]
