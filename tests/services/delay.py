"""A slow network: a TCP proxy on loopback that holds every byte back for half a round trip."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def delay_proxy(host: str, port: int, *, round_trip: float, listen: str = "127.0.1.40") -> AsyncIterator[int]:
    """Serve a port on `listen` that leads to `host:port` with this round trip in seconds; the bandwidth stays."""
    relays: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, port)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.ensure_future(_relay(source, sink, round_trip / 2))
            relays.add(task)
            task.add_done_callback(relays.discard)

    server = await asyncio.start_server(serve, listen, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(relays):
            task.cancel()
        await asyncio.gather(*relays, return_exceptions=True)


async def _relay(source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay: float) -> None:
    loop = asyncio.get_running_loop()
    held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=10_000)

    async def deliver() -> None:
        while True:
            due, data = await held.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                break
            sink.write(data)
            await sink.drain()
        sink.close()

    delivering = asyncio.ensure_future(deliver())
    try:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                await held.put((loop.time() + delay, data))
        await held.put((loop.time() + delay, b""))
        with contextlib.suppress(ConnectionError):
            await delivering
    finally:
        delivering.cancel()
        sink.close()
