"""What a person's own ssh knows of a host: ~/.ssh/config and ~/.ssh/known_hosts. Only read, to suggest; nothing of it is run."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from nbcompile.model.errors import UsageError

_NAME = re.compile(r"(?:(?P<user>[^@\s]+)@)?(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<host>[^@:\s\[\]]+))(?::(?P<port>\d{1,5}))?")
_MANY = frozenset(("identityfile",))
_DEEPEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSuggestion:
    """How ssh would reach a host by that name. `jumps` are the hosts to go through, the first one first."""

    host: str
    port: int = 22
    user: str = ""
    keys: tuple[str, ...] = ()
    jumps: tuple[str, ...] = ()


def suggest(name: str, config: Path) -> HostSuggestion:
    """What a configuration says of a host; `user@host:port` is taken apart first, and what it says wins.

    Raises `UsageError` for what is no name of a host.
    """
    found_name = _NAME.fullmatch(name)
    if found_name is None:
        raise UsageError(f"{name!r} is no host", "write `host`, `user@host:port`, `[IPv6]:port`, or a name from ~/.ssh/config")
    user, host, port = found_name["user"] or "", found_name["host"] or found_name["address"], found_name["port"]
    settings = _settings(host, _lines(config, 0))
    found = {key: values[0] for key, values in settings.items()}
    jumps = found.get("proxyjump", "none")
    return HostSuggestion(
        host=found.get("hostname", host).replace("%h", host),
        port=int(port or _number(found.get("port", "")) or 22),
        user=user or found.get("user", ""),
        keys=tuple(str(Path(path).expanduser()) for path in settings.get("identityfile", ()) if "%" not in path),
        jumps=() if jumps.lower() == "none" else tuple(jumps.split(",")),
    )


def host_names(config: Path) -> tuple[str, ...]:
    """The names that a configuration gives to single hosts, in its order."""
    named = (name for keyword, value in _lines(config, 0) if keyword == "host" for name in value.split())
    return tuple(dict.fromkeys(name for name in named if not any(sign in name for sign in "*?!")))


def known_keys(host: str, port: int, text: str) -> tuple[str, ...]:
    """The keys of a host in the text of a known_hosts file, as `type base64`."""
    name = host if port == 22 else f"[{host}]:{port}"
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 3 and not line.startswith(("#", "@")) and any(_is_host(name, pattern) for pattern in words[0].split(",")):
            found.append(" ".join(words[1:3]))
    return tuple(found)


def fingerprint(key: str) -> str:
    """What people compare: `SHA256:…` of a public key `type base64`."""
    blob = base64.b64decode(key.split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _number(text: str) -> str:
    return text if text.isdecimal() else ""


def _settings(host: str, lines: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The settings of the sections that fit; as in ssh, the first value of a keyword counts. `Match` sections are left out."""
    settings: dict[str, list[str]] = {}
    applies = True
    for keyword, value in lines:
        if keyword == "host":
            patterns = value.split()
            applies = any(fnmatchcase(host, one) for one in patterns if not one.startswith("!")) and not any(
                fnmatchcase(host, one[1:]) for one in patterns if one.startswith("!")
            )
        elif keyword == "match":
            applies = value.lower() == "all"
        elif applies and (keyword not in settings or keyword in _MANY):
            settings.setdefault(keyword, []).append(value)
    return settings


def _lines(path: Path, depth: int) -> Iterator[tuple[str, str]]:
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return
    for line in text.splitlines():
        keyword, _, value = line.strip().replace("=", " ", 1).partition(" ")
        value = value.strip().strip('"')
        if keyword.lower() == "include" and depth < _DEEPEST:
            for pattern in shlex.split(value):
                base = Path(pattern).expanduser()
                root = base.parent if base.is_absolute() else path.parent / base.parent
                for file in sorted(root.glob(base.name)):
                    yield from _lines(file, depth + 1)
        elif keyword and not keyword.startswith("#") and value:
            yield keyword.lower(), value


def _is_host(name: str, pattern: str) -> bool:
    if not pattern.startswith("|1|"):
        return pattern == name
    try:
        salt, digest = map(base64.b64decode, pattern.removeprefix("|1|").split("|"))
    except ValueError:
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), "sha1").digest(), digest)
