"""Ctrl-C and its relatives while a run goes on: noted, so that the run can end what it started."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from types import FrameType, TracebackType
from typing import Any

_CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Cancellation:
    """Lets another thread ask a run to end."""

    def __init__(self) -> None:
        self._watches: list[SignalWatch] = []
        self._asked = False

    def cancel(self) -> None:
        """Ask, now and for all runs that are still to begin."""
        self._asked = True
        for watch in self._watches:
            watch.note(signal.SIGTERM)

    def tell(self, watch: SignalWatch) -> None:
        """Tell this one, too."""
        self._watches.append(watch)
        if self._asked:
            watch.note(signal.SIGTERM)


class SignalWatch:
    """While entered, the signals that end a program are noted instead. Outside the main thread it sees only a `Cancellation`."""

    def __init__(self, cancellation: Cancellation | None = None) -> None:
        self.caught: list[int] = []
        self._cancellation = cancellation
        self._ours, self._theirs = socket.socketpair()
        self._theirs.setblocking(False)
        self._before: dict[int, Any] = {}
        self._wakeup = -1

    @property
    def descriptor(self) -> int:
        """Readable after a signal."""
        return self._ours.fileno()

    def __enter__(self) -> SignalWatch:
        if threading.current_thread() is threading.main_thread():
            # `nohup` has it ignored, and means that.
            caught = [number for number in _CAUGHT if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._note) for number in caught}
            self._wakeup = signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        if self._cancellation:
            self._cancellation.tell(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._before:
            signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._ours.close()
        self._theirs.close()

    def note(self, number: int) -> None:
        """Take this for a signal that was caught, and make the descriptor readable."""
        self.caught.append(number)
        with contextlib.suppress(OSError):  # the run is over, or the descriptor is readable anyway
            self._theirs.send(b"\0")

    def quiet(self) -> None:
        """Make the descriptor unreadable again."""
        self._ours.setblocking(False)
        try:
            while self._ours.recv(4096):
                pass
        except BlockingIOError:
            return

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - what `signal` calls
        self.caught.append(number)
