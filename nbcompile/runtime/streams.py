"""stdout and stderr of the cells: what Python writes, and what C code and child processes write to descriptors 1 and 2.

A kernel holds the text of each stream back until something else is shown, somebody flushes, or a fifth of a second has
passed; so do we, because that decides in which order a front end sees the two. A stream that was not `sys.stdout` or
`sys.stderr` when a cell began still answers the cell before, in a kernel: what the cell writes there nobody is shown.
Descriptors 1 and 2 are files, not pipes: nothing can block on them, text is read in the order of the writes, and what a
dying process said is still there.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
import threading
import time
from typing import Any, Dict, List, Optional, Tuple

from .journal import PIECE
from .recorder import Recorder
from .recursion import works_beside, write_as_deep_as_a_kernel

HELD_BACK_SECONDS = 0.2
READ_AT_ONCE = 1 << 20


class DescriptorFile:
    """Descriptor 1 or 2, led into a file, and how far that file has been read."""

    def __init__(self, descriptor: int, path: str) -> None:
        self.descriptor = descriptor
        self.original = os.dup(descriptor)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._read = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        os.dup2(self._file, descriptor)

    def waiting(self) -> bool:
        """Whether something was written that has not been read."""
        size = os.fstat(self._file).st_size
        if size < self._read:
            # Somebody opened /dev/stdout anew and cut it.
            self._read = 0
        return size > self._read

    def read(self) -> str:
        """Some of what was written and not yet read."""
        data = os.pread(self._file, READ_AT_ONCE, self._read)
        self._read += len(data)
        return self._decoder.decode(data)

    def restore(self) -> None:
        """Give the descriptor back its original."""
        os.dup2(self.original, self.descriptor)
        os.close(self.original)
        os.close(self._file)


class OutStream(io.TextIOBase):
    """What `sys.stdout` and `sys.stderr` are while cells run: no `buffer`, no terminal, as in a kernel."""

    encoding = "UTF-8"
    name: str

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """A kernel's stream to whoever asks with `isinstance`: progress bars and loggers do, and show other things elsewhere."""
        kernel = getattr(sys.modules.get("ipykernel.iostream"), "OutStream", None)
        return type(self) if kernel is None else kernel

    def __init__(self, name: str, recorder: Recorder, descriptor: Optional[DescriptorFile]) -> None:
        self.name = name
        self._recorder = recorder
        self._descriptor = descriptor
        self._lock = threading.RLock()
        # Whether another thread than that of the cells wrote it.
        self._pieces: List[Tuple[str, bool]] = []
        self._length = 0
        self._since = 0.0
        self._in_child = False
        # The cell it answers, as far as anybody told it.
        self._cell: Optional[int] = None

    def write(self, text: str) -> int:
        """Take the text; it is shown with the next flush."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        write_as_deep_as_a_kernel()
        if self._in_child:
            self._write_from_child(text)
            return len(text)
        if self._recorder.is_over:
            return len(text)
        with self._lock:
            if self._descriptor is not None and self._descriptor.waiting():
                self._drain(self._descriptor)
            self._hold(text, works_beside(threading.main_thread().ident))
        return len(text)

    def flush(self) -> None:
        """Show what was written so far, also by C code and child processes."""
        if self._in_child:
            return
        with self._lock:
            while self._descriptor is not None and self._descriptor.waiting():
                self._drain(self._descriptor)
            self._show()

    def flush_if_due(self, now: float) -> None:
        """Show what has been held back long enough."""
        with self._lock:
            if self._descriptor is not None and self._descriptor.waiting():
                self._drain(self._descriptor)
            if self._pieces and now - self._since >= HELD_BACK_SECONDS:
                self._show()

    def fileno(self) -> int:
        """The descriptor the process was started with: in a kernel, too, a child given this writes past the notebook."""
        if self._descriptor is None:
            raise io.UnsupportedOperation("fileno")
        return self._descriptor.original

    def isatty(self) -> bool:
        """A notebook is no terminal."""
        return False

    def writable(self) -> bool:
        """Text can be written."""
        return True

    def set_parent(self, parent: Any) -> None:
        """Answer the cell that runs now: a kernel tells its streams when a cell begins, and so do those put in their place."""
        self._cell = self._recorder.latest

    def after_fork(self) -> None:
        """Start anew in a forked child: its text goes through the descriptor to the process that runs the cell."""
        self._lock = threading.RLock()
        self._pieces, self._length = [], 0
        self._in_child = True

    def _write_from_child(self, text: str) -> None:
        rest = text.encode("utf-8", "replace")
        while rest:
            rest = rest[os.write(1 if self.name == "stdout" else 2, rest) :]

    def _drain(self, descriptor: DescriptorFile) -> None:
        self._hold(descriptor.read())

    def _hold(self, text: str, other_thread: bool = False) -> None:
        if self._cell not in (None, self._recorder.latest):
            return
        if not self._pieces:
            self._since = time.monotonic()
        self._pieces.append((text, other_thread))
        self._length += len(text)
        if self._length > PIECE:
            self._show()

    def _show(self) -> None:
        pieces, self._pieces, self._length = self._pieces, [], 0
        if self._recorder.is_idle:
            self._recorder.late_stream(self.name, "".join(text for text, other_thread in pieces if other_thread))
        else:
            self._recorder.stream(self.name, "".join(text for text, _ in pieces))


# What a kernel's stream calls itself: libraries look.
OutStream.__module__ = "ipykernel.iostream"
# The streams of this process, whatever cells have put in their place.
_OF_PROCESS: Dict[str, OutStream] = {}


def stream_of_process(name: str) -> Any:
    """What `sys.stdout` or `sys.stderr` is before a cell replaces it."""
    return _OF_PROCESS.get(name) or getattr(sys, name)


class Streams:
    """Both streams of a step, from `start` to `stop`. Starts one thread, which shows text while a cell is silent."""

    def __init__(self, recorder: Recorder, directory: Optional[str]) -> None:
        self._recorder = recorder
        self._directory = directory
        self._descriptors: Dict[str, DescriptorFile] = {}
        self._ended = threading.Event()
        self._clock: Optional[threading.Thread] = None
        self._before: Any = None

    def start(self) -> None:
        """Take over `sys.stdout`, `sys.stderr` and, if a directory was given, descriptors 1 and 2."""
        self._before = sys.stdout, sys.stderr
        sys.stdout.flush()
        sys.stderr.flush()
        if self._directory is not None:
            for number, name in ((1, "stdout"), (2, "stderr")):
                self._descriptors[name] = DescriptorFile(number, os.path.join(self._directory, name))
        self.out = OutStream("stdout", self._recorder, self._descriptors.get("stdout"))
        self.err = OutStream("stderr", self._recorder, self._descriptors.get("stderr"))
        sys.stdout, sys.stderr = self.out, self.err
        _OF_PROCESS.update(stdout=self.out, stderr=self.err)
        self._recorder.flush = self.flush
        os.register_at_fork(after_in_child=self._after_fork)
        parent = os.getppid()
        self._clock = threading.Thread(target=self._tick, args=(parent,), name="Streams", daemon=True)
        self._clock.start()

    def flush(self) -> None:
        """Show what both streams hold, stdout first."""
        self.out.flush()
        self.err.flush()

    def stop(self) -> None:
        """Give everything back."""
        self._ended.set()
        if self._clock is not None:
            self._clock.join()
        self.flush()
        self._recorder.flush = lambda: None
        sys.stdout, sys.stderr = self._before
        _OF_PROCESS.clear()
        for descriptor in self._descriptors.values():
            descriptor.restore()

    def _after_fork(self) -> None:
        if not self._ended.is_set():
            self.out.after_fork()
            self.err.after_fork()

    def _tick(self, parent: int) -> None:
        while not self._ended.wait(HELD_BACK_SECONDS):
            if os.getppid() != parent:
                # Whoever waited for this step has gone, so nobody will ever see what it does.
                os._exit(1)
            now = time.monotonic()
            self.out.flush_if_due(now)
            self.err.flush_if_due(now)
