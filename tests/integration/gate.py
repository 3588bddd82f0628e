"""A network that breaks at a chosen moment: a TCP proxy on loopback that lets so many bytes from or to a host through, and then holds."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

_CHUNK = 1 << 16


class Gate:
    """Leads to `target`. After `after` bytes from there, or `upwards` to there, it holds them back, and `reached` is set.

    `cut` breaks what is open, and holds no more.
    """

    def __init__(self, target: tuple[str, int], after: int, *, upwards: bool = False, listen: str = "127.0.1.41") -> None:
        self._target, self._left, self._upwards = target, after, upwards
        self._lock = threading.Lock()
        self._opened = threading.Event()
        self._sockets: list[socket.socket] = []
        self.reached = threading.Event()
        self._server = socket.create_server((listen, 0))
        self.address, self.port = self._server.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """Break all connections; new ones are led on without an end."""
        self._opened.set()
        with self._lock:
            broken, self._sockets = self._sockets, []
        for one in broken:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def close(self) -> None:
        """Lead nobody on."""
        self._server.close()
        self.cut()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                try:
                    far = socket.create_connection(self._target, timeout=10)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                with self._lock:
                    self._sockets += [near, far]
                threading.Thread(target=self._relay, args=(near, far, self._upwards), daemon=True).start()
                threading.Thread(target=self._relay, args=(far, near, not self._upwards), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if counts and not self._opened.is_set():
                    self._count(len(data))
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def _count(self, size: int) -> None:
        with self._lock:
            self._left -= size
            over = self._left < 0
        if over:
            self.reached.set()
            self._opened.wait()


@contextlib.contextmanager
def gate(host: str, port: int, *, after: int, upwards: bool = False) -> Iterator[Gate]:
    """A gate in front of `host:port`."""
    made = Gate((host, port), after, upwards=upwards)
    try:
        yield made
    finally:
        made.close()
