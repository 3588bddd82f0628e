"""The near side of the agent: frames, requests, and a host that is reached again when the channel breaks."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import itertools
import json
import secrets
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from nbcompile.backend import AuthExpired, Completed, Environment, Fatal, Job, Lost, PlaceEvent, Retryable, RunId
from nbcompile_backends.agent.package import package
from nbcompile_backends.agent.plain import plain

PROTOCOL = 1
_HEADER = struct.Struct(">II")
_LARGEST_REPLY = 64 << 20
_NOISE_LIMIT = 64 << 10
_CHUNK = 1 << 20
_WINDOW = 8
_BACK_OFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
# What the bootstrap says before it gives up.
_BOOTSTRAP = "nbcompile: "
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class LinkLost(Exception):
    """The channel to the agent broke."""


class Refused(Exception):
    """The agent says that it will not do what was asked."""


class NotStarted(Fatal):
    """The agent does not start: for good on a host that nobody has used yet; on one that comes back, perhaps not yet."""


class Pipe(Protocol):
    """A channel to a process on the host. `read` and `write` raise `LinkLost` when it breaks."""

    async def read(self, size: int) -> bytes:
        """Exactly so many bytes."""

    async def write(self, content: bytes) -> None:
        """Send all of it."""

    async def complaint(self) -> str:
        """What the process said on standard error, once the channel broke."""

    async def close(self) -> None:
        """Let go of the process."""


class HostFacts(NamedTuple):
    """What an agent says of its host."""

    user: str
    host: str
    python: str
    executable: str
    program: str
    root: str
    system: str
    machine: str
    cpus: int
    memory_mib: int


class _Link:
    """One channel with requests under way on it."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[tuple[Any, bytes]]] = {}
        self._sending = asyncio.Lock()
        self._receiving = asyncio.ensure_future(self._receive())
        self._farewells: set[asyncio.Future[None]] = set()
        self.lost = False

    async def ask(self, verb: str, blob: bytes, arguments: dict[str, object]) -> tuple[Any, bytes]:
        """Send one request and wait for its answer."""
        number = next(self._numbers)
        head = json.dumps({"id": number, "verb": verb, **arguments}).encode()
        future: asyncio.Future[tuple[Any, bytes]] = asyncio.get_running_loop().create_future()
        if self.lost:
            raise LinkLost("the channel is closed")
        self._waiting[number] = future
        try:
            await self._send(head, blob)
            return await future
        except asyncio.CancelledError:
            if not future.done() or future.cancelled():
                self._abandon(number)
            raise
        finally:
            self._waiting.pop(number, None)

    async def _send(self, head: bytes, blob: bytes) -> None:
        async with self._sending:
            await self._pipe.write(_HEADER.pack(len(head), len(blob)) + head + blob)

    def _abandon(self, number: int) -> None:
        """Tell the far side that nobody waits for this answer any more, without waiting ourselves."""
        if not self.lost:
            head = json.dumps({"id": 0, "verb": "abandon", "request": number}).encode()
            sending = asyncio.ensure_future(self._send(head, b""))
            self._farewells.add(sending)
            sending.add_done_callback(self._said)

    def _said(self, sending: asyncio.Future[None]) -> None:
        self._farewells.discard(sending)
        if not sending.cancelled():
            sending.exception()  # a channel that broke meanwhile tells whoever still waits

    async def close(self) -> None:
        """Close the channel; whoever waits is told."""
        self._receiving.cancel()
        with contextlib.suppress(asyncio.CancelledError, LinkLost):
            await self._receiving
        await self._pipe.close()

    async def _receive(self) -> None:
        try:
            while True:
                head_size, blob_size = _HEADER.unpack(await self._pipe.read(_HEADER.size))
                reply = json.loads(await self._bounded(head_size))
                blob = await self._bounded(blob_size)
                future = self._waiting.get(reply["id"])
                if future is not None and not future.done():
                    _settle(future, reply, blob)
        except (ValueError, KeyError, TypeError) as error:
            self._fail(LinkLost(f"the agent does not speak our language: {plain(str(error))}"))
        except LinkLost as error:
            self._fail(error)
        finally:
            self._fail(LinkLost("the channel is closed"))

    async def _bounded(self, size: int) -> bytes:
        if size > _LARGEST_REPLY:
            raise LinkLost("the agent sends frames that are too large")
        return await self._pipe.read(size) if size else b""

    def _fail(self, error: LinkLost) -> None:
        self.lost = True
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(error)


def _settle(future: asyncio.Future[tuple[Any, bytes]], reply: dict[str, Any], blob: bytes) -> None:
    if "refused" in reply:
        future.set_exception(Refused(plain(str(reply["refused"]))))
    elif "failed" in reply:
        future.set_exception(OSError(reply.get("errno") or 0, plain(str(reply["failed"]))))
    else:
        future.set_result((reply["value"], blob))


@dataclass(slots=True)
class Host:
    """One machine behind an agent, for one run. `connect` makes a channel to a process that will read `package.greeting`.

    The last of its `users` to let go closes the channel.
    """

    name: str
    connect: Callable[[], Awaitable[Pipe]]
    root: str
    run: RunId
    deployment: str
    observe: Callable[[PlaceEvent], None]
    patience_seconds: float = 86_400
    users: int = 1

    _link: _Link | None = None
    _facts: HostFacts | None = None
    _connecting: asyncio.Lock | None = None
    _closed: bool = False
    # What tells the pieces of a file that we send from those that another run sends of the same, through all channels.
    _sender: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def facts(self) -> HostFacts:
        """What the host said of itself when it was opened."""
        if self._facts is None:
            raise Fatal(f"{self.name} was not opened")
        return self._facts

    async def open(self) -> None:
        """Reach the host for the first time; raises what keeps us from it."""
        self._connecting = asyncio.Lock()
        try:
            await self._connected(first=True)
        except LinkLost as error:
            raise Retryable(f"{self.name} cannot be used: {error}", "see `nbcompile doctor`") from None
        except OSError as error:
            raise self._translated(error) from None

    async def close(self) -> None:
        """Let go of the host."""
        self.users -= 1
        if self.users > 0:
            return
        self._closed = True
        if self._link is not None:
            await self._link.close()

    async def ask(self, verb: str, blob: bytes = b"", *, again: bool = True, **arguments: object) -> tuple[Any, bytes]:
        """Ask the agent. When the channel breaks, connect and ask again, unless `again` is false: then nobody knows."""
        while True:
            link = await self._connected()
            try:
                return await link.ask(verb, blob, arguments)
            except LinkLost as error:
                self._forget(link, str(error))
                if not again:
                    raise Retryable(f"{self.name} went away while it was asked to {verb}") from None
            except Refused as error:
                raise Fatal(f"{self.name}: {error}") from None
            except OSError as error:
                raise self._translated(error) from None

    async def exec(self, argv: Sequence[str], stdin: bytes, variables: Sequence[tuple[str, str]], seconds: float) -> Completed:
        """Run a quick command."""
        value, raw = await self.ask("exec", stdin, again=False, argv=[*argv], variables=[list(pair) for pair in variables], seconds=seconds)
        if value["timeout"]:
            raise Retryable(f"`{plain(argv[0])}` on {self.name} did not end within {seconds:.0f} s")
        return Completed(int(value["code"]), raw[: value["split"]], raw[value["split"] :])

    async def variables(self, environment: Environment) -> tuple[tuple[str, str], ...]:
        """What an environment sets there."""
        try:
            found, _ = await self.ask("environment", environment=_environment(environment))
        except Fatal as problem:
            raise Fatal(problem.message, "correct it in `environments` of the deployment") from None
        return tuple((str(name), str(value)) for name, value in found)

    async def has(self, digests: Sequence[str]) -> frozenset[str]:
        """Which of these files are in the store."""
        if not digests:
            return frozenset()
        found, _ = await self.ask("has", digests=[*digests])
        return frozenset(found).intersection(digests)

    async def put(self, content: AsyncIterator[bytes], sha256: str) -> None:
        """Send a file; a broken channel costs only the pieces that were on their way. A small one is one request."""
        offset, accepted = 0, None
        async with _Window() as window:
            async for piece in _pieces(content):
                if offset == 0 and len(piece) < _CHUNK:
                    accepted, _ = await self.ask("put", piece, digest=sha256, sender=self._sender)
                else:
                    await window.add(self.ask("write", piece, digest=sha256, sender=self._sender, offset=offset))
                offset += len(piece)
        if accepted is None:
            accepted, _ = await self.ask("accept", digest=sha256, sender=self._sender, size=offset)
        if not accepted:
            raise Fatal(f"what arrived on {self.name} is not the file with the digest {sha256[:12]}…: it changed while it was sent")

    async def get(self, sha256: str) -> AsyncIterator[bytes]:
        """Receive a file, several pieces ahead where it is more than one; its digest is checked after the last one."""
        if not await self.has([sha256]):
            raise Lost(f"the file {sha256[:12]}… is not on {self.name} any more")
        digest = hashlib.sha256()
        ahead: deque[asyncio.Future[tuple[Any, bytes]]] = deque()
        offset, width, last = 0, 1, False
        try:
            while not last:
                while len(ahead) < width:
                    ahead.append(asyncio.ensure_future(self.ask("read", digest=sha256, offset=offset, length=_CHUNK)))
                    offset += _CHUNK
                _, piece = await ahead.popleft()
                width, last = _WINDOW, len(piece) < _CHUNK
                digest.update(piece)
                if piece:
                    yield piece
        finally:
            for future in ahead:
                future.cancel()
        if digest.hexdigest() != sha256:
            raise Fatal(f"what {self.name} sent is not the file with the digest {sha256[:12]}…")

    async def log(self, job: str, stream: str, offset: int) -> AsyncIterator[bytes]:
        """What a job has printed so far."""
        piece = bytes(_CHUNK)
        while len(piece) == _CHUNK:
            _, piece = await self.ask("log", run=self.run, job=job, stream=stream, offset=offset, length=_CHUNK)
            offset += len(piece)
            if piece:
                yield piece

    async def _connected(self, *, first: bool = False) -> _Link:
        if self._link is not None and not self._link.lost:
            return self._link
        if self._connecting is None:
            raise Fatal(f"{self.name} was not opened")
        async with self._connecting:
            if self._link is not None and not self._link.lost:
                return self._link
            self._link = await (self._try() if first else self._try_again())
            return self._link

    async def _try_again(self) -> _Link:
        loop = asyncio.get_running_loop()
        until = loop.time() + self.patience_seconds
        told = ("", "")
        for pause in itertools.chain(_BACK_OFF, itertools.repeat(_BACK_OFF[-1])):
            if self._closed:
                raise Retryable(f"the session on {self.name} is closed")
            try:
                link = await self._try()
            except (AuthExpired, NotStarted) as error:
                problem: Exception = error
                kind = "waiting-for-login" if isinstance(error, AuthExpired) else "away"
                news = (kind, "; ".join(filter(None, (error.message, error.advice))))
                if news != told:
                    told = news
                    self.observe(PlaceEvent(self.deployment, *news))
            except (Retryable, LinkLost, OSError) as error:
                problem = error
            else:
                self.observe(PlaceEvent(self.deployment, "connected", f"{self.name} is back"))
                return link
            if loop.time() + pause > until:
                raise Retryable(f"{self.name} has been away for too long: {problem}", "try again when it is back")
            await asyncio.sleep(pause)
        raise Retryable(f"{self.name} is away")

    async def _try(self) -> _Link:
        pipe = await self.connect()
        try:
            await self._greet(pipe)
        except BaseException:
            await pipe.close()
            raise
        link = _Link(pipe)
        try:
            hello, _ = await link.ask("hello", b"", {})
            if hello.get("protocol") != PROTOCOL:
                raise Fatal(f"{self.name} runs another agent than the one that was sent")  # noqa: TRY301
            await link.ask("open", b"", {"run": self.run})
            self._facts = _facts(hello)
        except Refused as error:
            await link.close()
            raise Fatal(f"{self.name}: {error}") from None
        except BaseException:
            await link.close()
            raise
        return link

    async def _greet(self, pipe: Pipe) -> None:
        """Send the program, and skip what login files print before it answers."""
        marker = secrets.token_hex(16)
        wanted, seen = f"{marker}\n".encode(), b""
        try:
            await pipe.write(package().greeting(marker, self.root))
            while not seen.endswith(wanted):
                seen += await pipe.read(1)
                if len(seen) > _NOISE_LIMIT:
                    raise Fatal(f"{self.name} prints without end when one logs in", "make its login files silent")
        except LinkLost as error:
            said = plain((await pipe.complaint()).strip()) or plain(seen.decode("utf-8", "replace")) or str(error)
            ours = said.startswith(_BOOTSTRAP)
            advice = (
                f"make room there, or name another `workRoot` than {self.root}" if ours else "is there a python3? See `nbcompile doctor`"
            )
            raise NotStarted(f"the agent does not start on {self.name}: {said.removeprefix(_BOOTSTRAP)}", advice) from None

    def _forget(self, link: _Link, why: str) -> None:
        if self._link is link and not self._closed:
            self._link = None
            self.observe(PlaceEvent(self.deployment, "away", f"{self.name}: {why}"))

    def _translated(self, error: OSError) -> Exception:
        if error.errno in _DISK_FULL:
            return Fatal(f"the disk of {self.name} is full, or your quota on it: {error.strerror}", f"make room below {self.root}")
        return Fatal(f"{self.name}: {error.strerror}")


class _Window:
    """A few requests under way at a time; leaving it waits for all."""

    def __init__(self) -> None:
        self._under_way: deque[asyncio.Future[object]] = deque()

    async def __aenter__(self) -> _Window:
        return self

    async def add(self, request: Awaitable[object]) -> None:
        """Start one more, once there is room."""
        if len(self._under_way) >= _WINDOW:
            await self._under_way.popleft()
        self._under_way.append(asyncio.ensure_future(request))

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        try:
            while self._under_way and kind is None:
                await self._under_way.popleft()
        finally:
            for request in self._under_way:
                request.cancel()


async def _pieces(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in pieces of one size."""
    held = bytearray()
    async for piece in content:
        held += piece
        while len(held) >= _CHUNK:
            yield bytes(held[:_CHUNK])
            del held[:_CHUNK]
    if held:
        yield bytes(held)


def specification(job: Job) -> dict[str, object]:
    """What the agent needs to know of a job.

    The one place where a cell's secrets are opened: they go into a file for its owner alone, which the job removes.
    """
    return {
        "job": f"{job.key}.{job.attempt}",
        "name": job.name,
        "argv": [*job.argv],
        "inputs": [[one.name, one.sha256] for one in job.inputs],
        "outputs": [*job.outputs],
        "variables": [list(pair) for pair in job.variables],
        "secrets": [[name, secret.reveal()] for name, secret in job.secrets],
        "environment": _environment(job.environment),
        "seconds": job.seconds,
        "lease_seconds": job.lease_seconds,
    }


def _environment(one: Environment) -> dict[str, object]:
    return {"modules": [*one.modules], "init": one.modules_init, "prefix": one.prefix}


def _facts(hello: dict[str, Any]) -> HostFacts:
    texts = ("user", "host", "python", "executable", "program", "root", "system", "machine")
    return HostFacts(**{name: plain(str(hello[name])) for name in texts}, cpus=int(hello["cpus"]), memory_mib=int(hello["memory_mib"]))
