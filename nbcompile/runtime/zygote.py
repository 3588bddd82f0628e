"""The warm parent: starts the step processes of a local run and sees to it that none outlives the run.

It has done the imports and forks itself where that is safe, and starts fresh processes where it is not.
It speaks JSON lines over one socket with the engine and over one with each step process ("worker"). The engine's side
of the socket closes when the engine ends, however it ends: then everything that was started here ends too.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import platform
import selectors
import shutil
import signal
import socket
import sys
import time
import traceback
import warnings
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple

from .channels import reseed
from .launch import launched
from .loaded import LOADED
from .memory import peak_kib, reset_peak
from .own import json_dumps, json_loads
from .supervisor import leave

# How long what a step left running may take to notice that its step has ended (joblib and multiprocessing clean up then).
LINGER_SECONDS = 0.5
_TICK_SECONDS = 0.1
WORKER_BROKE = 70

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_ADOPT_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER
# The thread of jemalloc, which pyarrow starts when it is imported, and pandas imports that. A child has none, and its memory is in order.
_KNOW_OF_FORKS = ("jemalloc_bg_thd",)


class JsonLines:
    """One end of a stream socket that carries JSON documents, one a line."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._rest = b""

    def send(self, **message: Any) -> None:
        """Send one message; the other side may be gone."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(json_dumps(message).encode("ascii") + b"\n")

    def receive(self) -> Optional[List[Dict[str, Any]]]:
        """Wait for messages and return all that came, or None when the other side is gone."""
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            return None
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json_loads(line) for line in lines]


class WarmParent:
    """Imports modules, then starts workers and hands messages between them and the engine."""

    def __init__(self, engine: JsonLines, steps: Any) -> None:
        self.engine = engine
        self._steps = steps
        self._runtime = os.path.abspath(sys.argv[0])
        self._workers: Dict[int, Tuple[int, JsonLines]] = {}
        self._groups: Dict[int, float] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(engine.socket, selectors.EVENT_READ, self._from_engine)
        self._open = True
        self._leftovers: List[str] = []
        self._spare: Optional[Tuple[int, JsonLines]] = None
        self._spare_wanted = False
        self._written: Dict[str, str] = {}
        self._orphans_possible, self._orphans_sought = False, 0.0

    def serve(self) -> None:
        """Work until the engine's side of the socket closes."""
        wake = _wake_on_child()
        self._selector.register(wake, selectors.EVENT_READ, lambda: wake.recv(4096))
        while self._open:
            waits = bool(self._groups or self._orphans_possible)
            for key, _ in self._selector.select(0 if self._spare_wanted else _TICK_SECONDS if waits else None):
                key.data()
            self._reap()
            self._end_groups()
            if self._orphans_possible and not self._groups and time.monotonic() > self._orphans_sought + LINGER_SECONDS:
                self._end_orphans()
            if self._spare_wanted and self._open:
                self._spare, self._spare_wanted = self._spare or self._start_worker(self._become_worker), False
        self._end_everything()

    # What the engine asks for.

    def _from_engine(self) -> None:
        messages = self.engine.receive()
        if messages is None:
            self._open = False
            return
        for message in messages:
            getattr(self, "_do_" + message.pop("do"))(**message)

    def _do_probe(self, modules: List[str], distributions: List[str]) -> None:
        self.engine.send(said="probe", **_describe(modules, distributions))

    def _do_print_to(self, log: str) -> None:
        _print_to(log)

    def _do_warm_up(self, directory: str) -> None:
        _die_with_parent(signal.SIGKILL)
        os.chdir(directory)
        # What goes wrong is told when it is tried again, for a run.
        _quietly(lambda: self._steps.warm_up(directory))
        _die_with_parent(0)

    def _do_prepare(self, directory: str, imports: List[str]) -> None:
        # While an import runs, nobody would notice that the engine has gone.
        _die_with_parent(signal.SIGKILL)
        # What lies beside the notebook must not be found here: it belongs to the steps.
        os.chdir(directory)
        error = _quietly(lambda: self._steps.warm_up(directory))["error"]
        started: Dict[str, Set[str]] = {}
        with LOADED.watch():
            report = [{"statement": one, **self._import(one, started)} for one in imports]
        _die_with_parent(0)
        safe, why = (False, error) if error else _fork_is_safe()
        left = set(_threads())
        threads = [] if safe or error else [one for one in imports if not left.isdisjoint(started[one])]
        # What exists now is shared by all forks: the collector need not look at it, and so does not copy its pages.
        gc.freeze()
        self._spare_wanted = safe
        edges = {name: list(others) for name, others in LOADED.edges.items()}
        self.engine.send(
            said="prepared", imports=report, forks=safe, why=why, threads=threads, edges=edges, sources=LOADED.sources(directory)
        )

    def _import(self, statement: str, started: Dict[str, Set[str]]) -> Dict[str, str]:
        """Do an import, or do it again for the repair of a run: it writes something only the first time. Notes the threads it starts."""
        before = set(_threads())
        found = _quietly(partial(self._steps.run_import, statement))
        started[statement] = set(_threads()) - before
        return {**found, "written": self._written.setdefault(statement, found["written"])}

    def _do_remove_at_end(self, directories: List[str]) -> None:
        self._leftovers += directories

    def _do_command(self, worker: int, argv: List[str], directory: str, environ: Dict[str, str], log: str) -> None:
        pid, lines = self._start_worker(lambda theirs: _execute(argv, directory, environ, log))
        self._workers[pid] = worker, lines

    def _do_start(self, worker: int, fork: bool, more: bool, task: Dict[str, Any]) -> None:
        begin_anew = partial(self._begin_anew, log=task["log"])
        pid, lines = (self._spare or self._start_worker(self._become_worker)) if fork else self._start_worker(begin_anew)
        lines.send(**task)
        if fork:
            self._spare = None
            # The next worker is made while this one works, unless the engine has something to say first.
            self._spare_wanted = more
        self._workers[pid] = worker, lines
        self._selector.register(lines.socket, selectors.EVENT_READ, lambda: self._from_worker(worker, lines))

    def _start_worker(self, become: Callable[[socket.socket], None]) -> Tuple[int, JsonLines]:
        ours, theirs = socket.socketpair()
        parent, pid = os.getpid(), _fork()
        if pid == 0:
            _die_with_parent(signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(WORKER_BROKE)
            ours.close()
            become(theirs)
        theirs.close()
        return pid, JsonLines(ours)

    def _do_signal(self, worker: int, number: int) -> None:
        for pid, (one, _) in self._workers.items():
            if one == worker:
                _signal_group(pid, number)

    # What workers say, and how they end.

    def _from_worker(self, worker: int, lines: JsonLines) -> None:
        messages = lines.receive()
        if messages is None:
            self._selector.unregister(lines.socket)
            return
        for message in messages:
            self.engine.send(**{**message, "worker": worker})

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self._spare and pid == self._spare[0]:
                self._spare = None
            if pid not in self._workers:
                continue  # what a step had left behind
            worker, lines = self._workers.pop(pid)
            self._last_words(worker, lines)
            self._groups[pid] = time.monotonic() + LINGER_SECONDS
            self._orphans_possible = True
            used = usage.ru_utime + usage.ru_stime
            self.engine.send(said="gone", worker=worker, status=status, cpu_seconds=used, peak_kib=usage.ru_maxrss)

    def _last_words(self, worker: int, lines: JsonLines) -> None:
        """What the worker said before it ended comes before the message that it is gone."""
        if lines.socket in self._selector.get_map():
            self._selector.unregister(lines.socket)
            lines.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                for message in lines.receive() or ():
                    self.engine.send(**{**message, "worker": worker})
        lines.socket.close()

    def _end_groups(self) -> None:
        """End what is left of the process groups of steps that ended."""
        now = time.monotonic()
        for group, when in list(self._groups.items()):
            if when <= now:
                _signal_group(group, signal.SIGKILL)
            if when <= now or not _group_lives(group):
                del self._groups[group]

    def _end_orphans(self) -> None:
        """End what has left the process group of a step that ended; the orphans of a running step are still with that step."""
        self._orphans_possible, self._orphans_sought = False, time.monotonic()
        for pid in _children(os.getpid()):
            if pid not in self._workers and pid not in self._groups and (self._spare is None or pid != self._spare[0]):
                _kill_tree(pid)

    def _end_everything(self) -> None:
        for group in (*self._workers, *self._groups, *(self._spare or ())[:1]):
            _signal_group(group, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                for pid in _children(os.getpid()):
                    _kill_tree(pid)
                os.waitpid(-1, 0)
        for directory in self._leftovers:
            shutil.rmtree(directory, ignore_errors=True)

    # In the new process.

    def _begin_anew(self, connection: socket.socket, log: str) -> None:
        """Become a worker that has loaded nothing."""
        connection.set_inheritable(True)
        argv = launched(sys.executable, self._runtime, ["work", str(connection.fileno())])
        _execute(argv, os.getcwd(), dict(os.environ), log)

    def _become_worker(self, connection: socket.socket) -> None:
        """Go on as a worker with everything that this process has loaded."""
        code = WORKER_BROKE
        try:
            _detach()
            _print_to(os.devnull)
            self.engine.socket.close()
            for _, lines in self._workers.values():
                lines.socket.close()
            self._selector.close()
            gc.enable()
            # No exit handler of the parent's.
            atexit._clear()
            reseed()
            self._steps.rehearse()
            LOADED.forget()
            code = work(connection, self._steps)
        except BaseException:  # noqa: BLE001 (whatever it is, it goes to the log and this process ends)
            traceback.print_exc()
        finally:
            leave(code)


def serve(descriptor: int, steps: Any) -> None:
    """Be the warm parent of the engine at the other end of the socket `descriptor`; `steps` runs the commands of the runtime.

    Does not return: taking a process apart that has loaded much takes long, and the engine waits for its end.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _go_on_watched()
    _prctl(_ADOPT_ORPHANS, 1)
    # Nearly all that imports make stays: looking for the rest would take a part of their time, and is done by nobody.
    gc.disable()
    code = WORKER_BROKE
    try:
        WarmParent(JsonLines(_adopted(descriptor)), steps).serve()
        code = 0
    except BaseException:  # noqa: BLE001 (whatever it is, it goes to the log and this process ends)
        traceback.print_exc()
    finally:
        leave(code)


def _go_on_watched() -> None:
    """Go on in a child, and stay behind only to end what it has started, should somebody kill it.

    The engine hears that the socket was closed when this process ends, too, so when all is gone. It ends as the child did, or with the
    engine: the child notices that itself, or ends with this process while it is too busy to notice.
    """
    child = _fork()
    if child == 0:
        return
    _die_with_parent(signal.SIGKILL)
    _prctl(_ADOPT_ORPHANS, 1)
    status = os.waitpid(child, 0)[1]
    with contextlib.suppress(ChildProcessError):
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                for pid in _children(os.getpid()):
                    _kill_tree(pid)
                os.waitpid(-1, 0)
    if os.WIFSIGNALED(status):
        with contextlib.suppress(OSError):
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))


def work(connection: socket.socket, steps: Any) -> int:
    """Be a worker: run the step that comes over the socket."""
    _prctl(_ADOPT_ORPHANS, 1)
    engine = JsonLines(connection)
    tasks = engine.receive()
    while tasks == []:
        # The beginning of a long one.
        tasks = engine.receive()
    for task in tasks or ():
        _print_to(task["log"])
        engine.send(said="done", step=task["step"], **_measured(steps.run, task["directory"], task["argv"]))
    return 0


def work_alone(descriptor: int, steps: Any) -> None:
    """Be a worker in a process of its own. Does not return."""
    code = WORKER_BROKE
    try:
        code = work(_adopted(descriptor), steps)
    except BaseException:  # noqa: BLE001 (whatever it is, it goes to the log and this process ends)
        traceback.print_exc()
    finally:
        leave(code)


def _measured(run: Callable[[List[str]], int], directory: str, argv: List[str]) -> Dict[str, Any]:
    """Run one command in `directory`; says how it ended and what it cost."""
    reset_peak()
    before, started = _cpu_seconds(), time.monotonic()
    os.chdir(directory)
    try:
        code = run(argv)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else WORKER_BROKE
    seconds = time.monotonic() - started
    return {"code": code, "seconds": seconds, "cpu_seconds": _cpu_seconds() - before, "peak_kib": peak_kib()}


# Imports before the first fork.


def _quietly(action: Callable[[], None]) -> Dict[str, str]:
    """Do something of which nothing may be seen; says whether it failed and what it wrote."""
    with _caught_output() as written:
        error = ""
        try:
            action()
        except BaseException as problem:  # noqa: BLE001 (the step that does the same tells it)
            error = type(problem).__name__ + ": " + str(problem)
    return {"error": error, "written": written()}


@contextlib.contextmanager
def _caught_output() -> Iterator[Callable[[], str]]:
    """What is written to standard output and error, also by libraries below Python."""
    import tempfile

    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as file:
        kept = os.dup(1), os.dup(2)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)

        def written() -> str:
            return text

        text = ""
        try:
            yield written
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, copy in enumerate(kept, 1):
                os.dup2(copy, number)
                os.close(copy)
            file.seek(0)
            text = file.read(4096).decode("utf-8", "replace")


def _fork_is_safe() -> Tuple[bool, str]:
    """Whether forks of this process can be trusted with any library, and why not.

    OpenBLAS starts threads when it is loaded and ends them before a fork, so a fork is tried first; the threads that
    are still there do not know about forks: a child would wait for them for ever.
    """
    if sys.platform != "linux":
        return False, "forking is safe only on Linux"
    pid = _fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    threads = len(_threads())
    if threads > 1:
        return False, "an import started " + ("a thread" if threads == 2 else str(threads - 1) + " threads")
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        if "/dev/nvidia" in maps.read():
            return False, "an import opened a GPU"
    return True, ""


def _threads() -> List[str]:
    """The numbers of the threads of this process, where the system tells them, but of those that know of forks."""
    found = []
    for task in os.listdir("/proc/self/task") if sys.platform == "linux" else ():
        with contextlib.suppress(OSError), open(f"/proc/self/task/{task}/comm", encoding="utf-8", errors="replace") as file:
            if file.read().strip() not in _KNOW_OF_FORKS:
                found.append(task)
    return found


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return os.fork()


# What a new process does first.


def _execute(argv: List[str], directory: str, environ: Dict[str, str], log: str) -> None:
    """Become another program. Does not return."""
    try:
        _detach()
        _print_to(log)
        os.chdir(directory)
        os.execvpe(argv[0], argv, environ)  # noqa: S606 (a shell is not wanted)
    finally:
        traceback.print_exc()
        os._exit(WORKER_BROKE)


def _detach() -> None:
    """A session of its own, nothing to read, and the usual signals."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _print_to(path: str) -> None:
    """Append to a file what this process and its children print."""
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def _adopted(descriptor: int) -> socket.socket:
    """The socket behind an inherited descriptor, which no process that a cell starts inherits."""
    connection = socket.socket(fileno=descriptor)
    connection.set_inheritable(False)
    return connection


def _die_with_parent(number: int) -> None:
    """Be sent this signal when the parent ends; 0 for none."""
    _prctl(_DIE_WITH_PARENT, number)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


# Processes, as the kernel shows them.


def _wake_on_child() -> socket.socket:
    """A socket that becomes readable when a child ends."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(theirs.detach(), warn_on_full_buffer=False)
    return ours


def _children(parent: int) -> List[int]:
    """The direct children of a process, where the system shows them."""
    found: List[int] = []
    for name in os.listdir("/proc") if sys.platform == "linux" else ():
        if name.isdigit():
            with contextlib.suppress(OSError), open("/proc/" + name + "/stat", "rb") as file:
                if int(file.read().rpartition(b")")[2].split()[1]) == parent:
                    found.append(int(name))
    return found


def _kill_tree(pid: int) -> None:
    """End a process and what it started, the ancestors first so that they start nothing new."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    descendants = _children(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    for child in descendants:
        _kill_tree(child)


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _cpu_seconds() -> float:
    """What this process and the children it has waited for have used."""
    import resource

    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


# What the interpreter has.


def _describe(modules: List[str], distributions: List[str]) -> Dict[str, Any]:
    """The interpreter, which of the modules it would not find, and which versions of distributions it has."""
    from importlib import metadata
    from importlib.util import find_spec

    missing = []
    for name in modules:
        try:
            found = name in sys.modules or find_spec(name) is not None
        except (ImportError, ValueError, AttributeError):
            found = False
        if not found:
            missing.append(name)
    versions: Dict[str, Optional[str]] = dict.fromkeys(distributions)
    for name in distributions:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "platform": sys.platform + "-" + platform.machine(),
        "path": [os.path.abspath(entry) for entry in sys.path if entry],
        "missing": missing,
        "versions": versions,
    }
