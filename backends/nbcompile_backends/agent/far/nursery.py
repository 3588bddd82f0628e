"""A process that does nothing but fork supervisors: they need not start Python, nor read this package, once for every job.

It is made before the agent has threads or anything open, and ends with the agent; supervisors do not.
"""

import os
import signal
import socket
import struct
import threading

from .supervise import detach_and_run

_LENGTH = struct.Struct(">I")


class Nursery:
    """The agent's end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ours, theirs = socket.socketpair()
        if os.fork() == 0:
            self._ours.close()
            try:
                _serve(theirs)
            finally:
                os._exit(0)
        theirs.close()

    def start(self, directory: str) -> bool:
        """Fork a supervisor for the job; false when that cannot be done here."""
        path = os.fsencode(directory)
        try:
            with self._lock:
                self._ours.sendall(_LENGTH.pack(len(path)) + path)
                return self._ours.recv(1) == b"1"
        except OSError:
            return False


def _serve(channel: socket.socket) -> None:
    """Fork until the agent ends."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.chdir("/")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for supervisors
    with channel.makefile("rb") as requests:
        while True:
            head = requests.read(_LENGTH.size)
            if len(head) < _LENGTH.size:
                return
            path = requests.read(_LENGTH.unpack(head)[0])
            try:
                detach_and_run(os.fsdecode(path), channel.fileno())
                channel.sendall(b"1")
            except OSError:
                channel.sendall(b"0")
