"""Contents on their way: from files of this machine into a store, from store to store, and from a store to files."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from nbcompile.backend import Fatal, Session
from nbcompile.engines.streamflow.tree import Content, Node, contents

_CHUNK = 1 << 20


class Sender:
    """Puts contents into the store of one place, each once however many ask for it at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._known: dict[tuple[str, int, int, int], Content] = {}

    async def take(self, path: Path) -> Node:
        """Put a file of this machine, or all below a directory, into the store."""
        if not path.is_dir():
            return await self.take_file(path)
        found: dict[str, Node] = {}
        for entry in sorted(one for one in path.iterdir() if one.is_dir() or one.is_file()):
            found[entry.name] = await self.take(entry)
        return found

    async def take_from(self, other: Session, node: Node) -> None:
        """Put what another place has into this one's store; it passes through here and is not kept."""
        for _, content in contents(node):
            await self._once(content, other.get(content.sha256))

    async def take_file(self, path: Path) -> Content:
        """Put a file of this machine into the store."""
        status = path.stat()
        stamp = (str(path), status.st_ino, status.st_size, status.st_mtime_ns)
        if stamp not in self._known:
            self._known[stamp] = await asyncio.to_thread(describe, path)
        content = self._known[stamp]
        await self._once(content, _pieces(path))
        return content

    async def _once(self, content: Content, pieces: AsyncIterator[bytes]) -> None:
        if content.sha256 not in self._under_way:
            self._under_way[content.sha256] = asyncio.ensure_future(self._send(content, pieces))
        await asyncio.shield(self._under_way[content.sha256])

    async def _send(self, content: Content, pieces: AsyncIterator[bytes]) -> None:
        try:
            await self._session.put(pieces, sha256=content.sha256, size=content.size)
        except BaseException:
            self._under_way.pop(content.sha256, None)
            raise


async def fetch(session: Session, content: Content, target: Path) -> None:
    """Write a content of a store to a file, which is there as a whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}")
    try:
        with staging.open("xb") as file:
            async for piece in session.get(content.sha256):
                file.write(piece)
        staging.replace(target)
    finally:
        staging.unlink(missing_ok=True)


async def fetch_all(session: Session, node: Node, target: Path) -> None:
    """Write a content, or a directory of them, below a path of this machine."""
    if isinstance(node, dict):
        target.mkdir(parents=True, exist_ok=True)
    for relative, content in contents(node):
        await fetch(session, content, target / relative if relative else target)


def describe(path: Path) -> Content:
    """The digests and the size of a file."""
    sha256, sha1, size = hashlib.sha256(), hashlib.sha1(usedforsecurity=False), 0
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            sha256.update(piece)
            sha1.update(piece)
            size += len(piece)
        if os.fstat(file.fileno()).st_size != size:
            raise Fatal(f"{path} changes while it is read", "run again when nothing writes to it")
    return Content(sha256.hexdigest(), sha1.hexdigest(), size)


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _CHUNK):
            yield piece
