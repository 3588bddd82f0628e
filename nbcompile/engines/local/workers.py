"""The engine's side of the warm parent (nbcompile/runtime/zygote.py): starts it and talks with the step processes through it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbcompile.model.errors import PlaceFailed
from nbcompile.runtime.launch import launched

# Names a socket of ours, and would be a stranger to the cells.
_QUESTIONS = "NBCOMPILE_QUESTIONS"
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_FIRST_WORD_SECONDS = 60.0
_END_SECONDS = 10.0

Message = dict[str, Any]


def environ_of_steps(environ: Mapping[str, str], threads: int = 0) -> dict[str, str]:
    """The environment of the steps: this one, with a fixed hash seed, so that all steps see sets in one order.

    `threads` is how many threads of its own a library may use, 0 for as many as it does in a plain run.
    """
    theirs = {name: value for name, value in environ.items() if name != _QUESTIONS}
    return {"PYTHONHASHSEED": "0", **theirs, **(dict.fromkeys(_THREADS, str(threads)) if threads else {})}


class WarmParent:
    """A running warm parent. Workers are called by the numbers that `start` gives them."""

    def __init__(self, python: str, runtime: Path, environ: Mapping[str, str], log: Path) -> None:
        """Start it with the interpreter `python` from the runtime file; what it prints goes to `log`."""
        self.python, self.log, self._earlier_log = python, log, log
        self._runtime, self._environ = runtime, dict(environ)
        self._workers = 0
        self._start()

    def start_anew(self) -> None:
        """End it, while no worker is there, and start one that has done no imports."""
        awake = [key.fileobj for key in self._selector.get_map().values() if key.fileobj is not self._socket]
        self.close()
        self._start()
        for descriptor in awake:
            self._selector.register(descriptor, selectors.EVENT_READ)

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        python, runtime = self.python, self._runtime
        with theirs, self.log.open("ab") as output:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - an argv of an interpreter the person chose
                    launched(python, str(runtime), ["serve", str(theirs.fileno())]),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=self._environ,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise PlaceFailed(f"cannot start {python}: {error.strerror}", "name a Python interpreter with --python") from None
        self._socket, self._rest = ours, b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(ours, selectors.EVENT_READ)

    def wake_on(self, descriptor: int) -> None:
        """Let `wait` return also when the descriptor becomes readable, and not for one that was named before."""
        for key in [key for key in self._selector.get_map().values() if key.fileobj is not self._socket]:
            self._selector.unregister(key.fileobj)
        self._selector.register(descriptor, selectors.EVENT_READ)

    def probe(self, modules: Sequence[str], distributions: Sequence[str]) -> Message:
        """What the interpreter is and has."""
        self._send(do="probe", modules=list(modules), distributions=list(distributions))
        deadline = time.monotonic() + _FIRST_WORD_SECONDS
        while time.monotonic() < deadline:
            for message in self.wait(1.0):
                if message["said"] == "probe":
                    return message
        raise PlaceFailed(f"{self.python} does not answer", f"look into {self.log}")

    def print_to(self, log: Path) -> None:
        """Let what it prints go to another file from now on."""
        self._earlier_log, self.log = self.log, log
        self._send(do="print_to", log=str(log))

    def warm_up(self, directory: Path) -> None:
        """Let it make a kernel with its files in `directory`."""
        self._send(do="warm_up", directory=str(directory))

    def prepare(self, directory: Path, imports: Sequence[str]) -> None:
        """Let it make a kernel with its files in `directory`, and execute import statements.

        The message `prepared` will say what came of them and whether it can be forked.
        """
        self._send(do="prepare", directory=str(directory), imports=list(imports))

    def remove_at_end(self, directories: Sequence[Path]) -> None:
        """Let it remove these when everything has ended, whether or not we are still there."""
        self._send(do="remove_at_end", directories=[str(directory) for directory in directories])

    def start(self, step: str, directory: Path, argv: Sequence[str], *, fork: bool, more: bool, log: Path) -> int:
        """Start a worker that runs a command of the runtime in `directory`; what it prints goes to `log`.

        `more` says that another one will be wanted.
        """
        self._workers += 1
        task = {"step": step, "directory": str(directory), "argv": list(argv), "log": str(log)}
        self._send(do="start", worker=self._workers, fork=fork, more=more, task=task)
        return self._workers

    def command(self, argv: Sequence[str], *, directory: Path, environ: Mapping[str, str], log: Path) -> int:
        """Start a worker that is another program; what it prints goes to `log`."""
        self._workers += 1
        words = {"argv": list(argv), "directory": str(directory), "environ": dict(environ), "log": str(log)}
        self._send(do="command", worker=self._workers, **words)
        return self._workers

    def signal(self, worker: int, number: int) -> None:
        """Send a signal to a worker and what it started."""
        self._send(do="signal", worker=worker, number=number)

    def wait(self, timeout: float) -> list[Message]:
        """The messages that came, after `timeout` seconds at the latest.

        Raises `PlaceFailed` when the warm parent has died.
        """
        ready = self._selector.select(timeout)
        if not any(key.fileobj is self._socket for key, _ in ready):
            return []
        try:
            data = self._socket.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        if not data:
            raise self._death()
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """End it and everything it started; returns when all are gone."""
        self._selector.close()
        with contextlib.suppress(OSError):  # it has died
            self._socket.shutdown(socket.SHUT_WR)
        if not _ends_within(self._socket, _END_SECONDS):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._socket.close()
        self._process.wait()

    def _send(self, **message: Any) -> None:  # noqa: ANN401 - JSON
        # A parent that has died is noticed by `wait`, which knows more.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(json.dumps(message).encode("ascii") + b"\n")

    def _death(self) -> PlaceFailed:
        code = self._process.wait(_END_SECONDS)
        if code < 0:
            why = " (out of memory?)" if code == -signal.SIGKILL else ""
            advice = "go on with `nbcompile runs resume last`: steps that had finished do not run again"
            return PlaceFailed(f"the process that starts the steps was ended by signal {_name_of_signal(-code)}{why}", advice)
        logs = [path for path in (self._earlier_log, self.log) if path.exists()]
        lines = [line for path in logs for line in path.read_text("utf-8", "replace").strip().splitlines()]
        said = lines[-1] if lines else f"exit code {code}"
        return PlaceFailed(f"{self.python} ended: {said}", "run with another interpreter (--python)")


def _name_of_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return str(number)


def _ends_within(connection: socket.socket, seconds: float) -> bool:
    """Whether the process at the other end closes it in this time: a process that ends closes everything."""
    deadline = time.monotonic() + seconds
    connection.setblocking(False)
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([connection], [], [], left)[0]:
            return False
        try:
            if not connection.recv(1 << 16):
                return True
        except OSError:
            return True
    return False
