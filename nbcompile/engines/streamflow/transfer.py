"""Contents on their way: from files of this machine into a store, from store to store, and from a store to files."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nbcompile.backend import Fatal, Session
from nbcompile.engines.streamflow.allowance import Allowance, Parcel
from nbcompile.engines.streamflow.tree import Content, Node, contents
from nbcompile.model.errors import NbcompileError

_CHUNK = 1 << 20


class Sender:
    """Puts contents into the store of one place, each once however many ask for it at a time.

    What is sent as a parcel is counted, all of it before anything leaves.
    """

    def __init__(self, session: Session, allowance: Allowance | None = None) -> None:
        self._session, self._allowance = session, allowance or Allowance()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._counted: dict[str, int] = {}
        self._known: dict[tuple[str, int, int, int], Content] = {}

    async def take(self, path: Path, parcel: Parcel | None = None) -> Node:
        """Put a file of this machine, or all below a directory, into the store."""
        node = await self._look_at(path)
        await self._count(node, parcel)
        for relative, content in contents(node):
            await self._once(content, _pieces(path / relative if relative else path))
        return node

    async def take_from(self, other: Session, node: Node, parcel: Parcel | None = None) -> None:
        """Put what another place has into this one's store; it passes through here and is not kept."""
        await self._count(node, parcel)
        for _, content in contents(node):
            await self._once(content, other.get(content.sha256))

    async def take_file(self, path: Path) -> Content:
        """Put a file of this machine into the store."""
        content = await self._described(path)
        await self._once(content, _pieces(path))
        return content

    async def _look_at(self, path: Path) -> Node:
        if not path.is_dir():
            return await self._described(path)
        entries = sorted(one for one in path.iterdir() if one.is_dir() or one.is_file())
        return {entry.name: await self._look_at(entry) for entry in entries}

    async def _described(self, path: Path) -> Content:
        status = path.stat()
        stamp = (str(path), status.st_ino, status.st_size, status.st_mtime_ns)
        if stamp not in self._known:
            self._known[stamp] = await asyncio.to_thread(describe, path)
        return self._known[stamp]

    async def _count(self, node: Node, parcel: Parcel | None) -> None:
        """Count what of a parcel nobody sends yet and the place does not have. Raises where it is more than may go."""
        asked = sorted(self._uncounted(node)) if parcel is not None and self._allowance.is_limited else []
        if parcel is None or not asked:
            return
        # Not only where it seems too much: what is there would take from what others may send meanwhile.
        there = await self._session.has(asked)
        new = {digest: size for digest, size in self._uncounted(node).items() if digest not in there}
        self._allowance.take(sum(new.values()), parcel)
        self._counted |= new

    def _uncounted(self, node: Node) -> dict[str, int]:
        known = {*self._under_way, *self._counted}
        return {one.sha256: one.size for _, one in contents(node) if one.sha256 not in known}

    async def _once(self, content: Content, pieces: AsyncIterator[bytes]) -> None:
        if content.sha256 not in self._under_way:
            self._under_way[content.sha256] = asyncio.ensure_future(self._send(content, pieces))
        await asyncio.shield(self._under_way[content.sha256])

    async def _send(self, content: Content, pieces: AsyncIterator[bytes]) -> None:
        noticed = _Noticed(pieces)
        try:
            await self._session.put(aiter(noticed), sha256=content.sha256, size=content.size)
        except BaseException:
            self._under_way.pop(content.sha256, None)
            raise
        finally:
            self._allowance.settle(self._counted.pop(content.sha256, 0), went=noticed.begun)


class Receiver:
    """Brings contents of a place's store to files of this machine; what is here already is copied, and does not come again.

    Nor does what an earlier client of the run has brought to where it is wanted.
    """

    def __init__(self, session: Session, allowance: Allowance | None = None) -> None:
        self._session, self._allowance = session, allowance or Allowance()
        self._coming: dict[str, tuple[Path, asyncio.Future[None]]] = {}
        self._counted: dict[str, int] = {}

    async def bring(self, wanted: Sequence[tuple[Content, Path]], parcel: Parcel | None = None) -> None:
        """Write contents to files. What a parcel holds is counted, all of it before anything comes."""
        await self._find_here(wanted)
        if parcel is not None:
            new = {content.sha256: content.size for content, _ in wanted if content.sha256 not in {*self._coming, *self._counted}}
            self._allowance.take(sum(new.values()), parcel)
            self._counted |= new
        await asyncio.gather(*(self._write(content, target) for content, target in wanted))

    async def _write(self, content: Content, target: Path) -> None:
        if content.sha256 not in self._coming:
            task = asyncio.ensure_future(self._fetch(content, target))
            self._coming[content.sha256] = (target, task)
            try:
                await asyncio.shield(task)
            except (NbcompileError, OSError):
                del self._coming[content.sha256]
                raise
            return
        source, coming = self._coming[content.sha256]
        await asyncio.shield(coming)
        if source != target and not await asyncio.to_thread(_copied, source, target, content):
            await self._fetch(content, target)

    async def _find_here(self, wanted: Sequence[tuple[Content, Path]]) -> None:
        for content, target in wanted:
            if content.sha256 not in self._coming and target.exists() and await asyncio.to_thread(_holds, target, content):
                here = asyncio.get_running_loop().create_future()
                here.set_result(None)
                self._coming.setdefault(content.sha256, (target, here))

    async def _fetch(self, content: Content, target: Path) -> None:
        noticed = _Noticed(self._session.get(content.sha256))
        try:
            await fetch(aiter(noticed), target)
        finally:
            self._allowance.settle(self._counted.pop(content.sha256, 0), went=noticed.begun)


class _Noticed:
    """Contents on their way; `begun` says whether anybody has taken a piece of them."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces, self.begun = pieces, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            self.begun = True
            yield piece


async def fetch(pieces: AsyncIterator[bytes], target: Path) -> None:
    """Write a content of a store to a file, which is there as a whole or not at all."""
    with _staged(target) as staging, staging.open("xb") as file:
        async for piece in pieces:
            file.write(piece)


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


def _holds(path: Path, content: Content) -> bool:
    """Whether a file that can be read has this content, and keeps it meanwhile."""
    try:
        return path.stat().st_size == content.size and describe(path) == content
    except (OSError, Fatal):
        return False


def _copied(source: Path, target: Path, content: Content) -> bool:
    """Whether a file that was brought before could be copied."""
    try:
        if not _holds(source, content):
            return False
        with _staged(target) as staging:
            shutil.copyfile(source, staging)
    except FileNotFoundError:
        return False
    return True


@contextmanager
def _staged(target: Path) -> Iterator[Path]:
    """A name to write to, which becomes the target's when that went well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}")
    try:
        yield staging
        staging.replace(target)
    finally:
        staging.unlink(missing_ok=True)
