"""What an ssh-agent holds, so that a person can choose one identity: asked with the one request that shows nothing secret."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_REQUEST_IDENTITIES, _IDENTITIES = 11, 12
_SECONDS = 5
_LARGEST = 1 << 20
_KEY_FIELDS = {"ssh-ed25519": 1, "ssh-rsa": 2, "ssh-dss": 4, "ecdsa-sha2": 2, "sk-ssh-ed25519": 2, "sk-ecdsa-sha2": 3}
"""How many fields a public key of each type has after its name, as they stand in a certificate."""


class Identity(NamedTuple):
    """A key, or a certificate: then `authority` is who signed it, and `principals` are the accounts it is for."""

    comment: str
    fingerprint: str
    authority: str = ""
    principals: tuple[str, ...] = ()


def identities(path: Path) -> tuple[Identity, ...]:
    """What the agent at a socket holds; nothing where none answers."""
    try:
        with socket.socket(socket.AF_UNIX) as agent:
            agent.settimeout(_SECONDS)
            agent.connect(str(path))
            agent.sendall(struct.pack(">IB", 1, _REQUEST_IDENTITIES))
            answer = _exactly(agent, struct.unpack(">I", _exactly(agent, 4))[0])
        if answer[:1] != bytes([_IDENTITIES]):
            return ()
        fields = iter(_Reader(answer[5:]))
        return tuple(_identity(blob, comment) for blob, comment in zip(fields, fields, strict=False))
    except (OSError, ValueError, struct.error, StopIteration):
        return ()


def _identity(blob: bytes, comment: bytes) -> Identity:
    name, read = comment.decode("utf-8", "replace"), _Reader(blob)
    kind = read.string().decode("ascii")
    base, certified, _ = kind.partition("-cert-v01@")
    if not certified:
        return Identity(name, _fingerprint(blob))
    read.string()  # a nonce
    key = [read.string() for _ in range(next(count for start, count in _KEY_FIELDS.items() if base.startswith(start)))]
    read.skip(12)  # a serial number, and the kind of certificate
    read.string()  # the certificate's id
    principals = _Reader(read.string())
    read.skip(16)  # from when and until when it holds
    *_, authority = [read.string() for _ in range(4)]  # after options, extensions and nothing
    plain = base + ("@openssh.com" if base.startswith("sk-") else "")
    whole = b"".join(map(_string, [plain.encode(), *key]))
    return Identity(name, _fingerprint(whole), _fingerprint(authority), tuple(one.decode("utf-8", "replace") for one in principals))


class _Reader:
    """Reads the fields of ssh's encoding one after the other."""

    def __init__(self, blob: bytes) -> None:
        self._blob = blob
        self._offset = 0

    def string(self) -> bytes:
        (size,) = struct.unpack_from(">I", self._blob, self._offset)
        start = self._offset + 4
        self._offset = start + int(size)
        return self._blob[start : self._offset]

    def skip(self, size: int) -> None:
        self._offset += size

    def __iter__(self) -> Iterator[bytes]:
        while self._offset < len(self._blob):
            yield self.string()


def _string(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def _fingerprint(blob: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _exactly(agent: socket.socket, size: int) -> bytes:
    if size > _LARGEST:
        raise ValueError("no agent says so much")
    content = b""
    while len(content) < size:
        piece = agent.recv(size - len(content))
        if not piece:
            raise ValueError("the agent went away")
        content += piece
    return content
