"""What the owner of a deployment says of its hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from nbcompile.backend import Fatal, option

HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
USER = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
KEY = r"(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}(?: [^\n\r]*)?"
PATH = r"(?:~|/)[^\x00-\x1f\x7f]*"
PROGRAM = r"[A-Za-z0-9_./+-]+"


class Address(NamedTuple):
    """Where an sshd listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSettings:
    """One host, or several that share the work."""

    user: str = option("the account to log in to", pattern=USER)
    work_root: str = option("a directory of that account for everything that runs need: absolute, or below `~/`", pattern=PATH)
    host: str = option("the host, as `name`, `name:port` or `[IPv6]:port`", default="", pattern=HOST)
    hosts: tuple[str, ...] = option("several hosts that share the work", default=(), pattern=HOST)
    port: int = option("the port of hosts that name none", default=22, minimum=1)
    host_keys: tuple[str, ...] = option("the public keys of the hosts, as `type base64`", default=(), pattern=KEY)
    host_ca: tuple[str, ...] = option("the public keys of who signs the hosts' certificates", default=(), pattern=KEY)
    python: str = option("a Python 3.6 or later for the agent", default="python3", pattern=PROGRAM)
    slots: int = option("how many jobs may run at a time; 0 for one per processor", default=0, minimum=0)
    patience_seconds: int = option("how long to wait for a host that went away", default=86_400, minimum=1)

    @property
    def named(self) -> tuple[Address, ...]:
        """The hosts, each with its port, whether or not their keys are known. Raises `Fatal` when there are none."""
        names = self.hosts or ((self.host,) if self.host else ())
        if not names or (self.hosts and self.host):
            raise Fatal("an ssh deployment names either `host` or `hosts`")
        return tuple(_address(name, self.port) for name in names)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The hosts to log in to. Raises `Fatal` when there are none, or when their keys are not known."""
        found = self.named
        if not self.host_keys and not self.host_ca:
            raise Fatal(f"the host key of {found[0].host} is not known", "give `hostKeys` or `hostCa`, or use `nbcompile deployment add`")
        return found


@dataclass(frozen=True, slots=True)
class SshOptions:
    """Jobs can ask for nothing special."""


def _address(name: str, port: int) -> Address:
    if name.startswith("["):
        host, _, rest = name[1:].partition("]")
        return Address(host, int(rest[1:]) if rest else port)
    host, colon, given = name.partition(":")
    return Address(host, int(given) if colon else port)
