"""Run one job to its end, whoever goes away meanwhile, and write down how it ended."""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from typing import Any, Dict, List, Optional

from . import environment
from .layout import Refused, Root, to_bytes, to_text, write_whole
from .process import claim, claimant, is_alive, read_record
from .store import Store, hash_file, listing

GRACE_SECONDS = 4.0
_LOOK_SECONDS = 1.0
_STARTED_BEFORE = 75
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def detach_and_run(directory: str, *inherited: int) -> int:
    """Run the job in a process and a session of its own, without these descriptors. Returns once it has claimed the job, or cannot."""
    read_end, write_end = os.pipe()
    if os.fork():
        os.close(write_end)
        claimed = os.read(read_end, 1)
        os.close(read_end)
        return 0 if claimed else 1
    for descriptor in (read_end, *inherited):
        os.close(descriptor)
    os.setsid()
    if os.fork():  # whoever ends all children of a login must not find the job among them
        os._exit(0)
    _hold_signals()
    if claim(directory):
        os.write(write_end, b"1")
        os.close(write_end)
        Supervisor(directory).run(environment.plain())
    os._exit(0)


def run_in_batch(directory: str) -> int:
    """Run the job in this process, which a scheduler started; the exit status is the job's own.

    A scheduler that was killed may start again what it has not written down as started: the job runs once, and both say how it ended.
    """
    _hold_signals()
    if not claim(directory):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        return _end_of_other(directory)
    variables = environment.plain()
    variables.update(environment.scheduler_variables())
    return Supervisor(directory).run(variables)


def _end_of_other(directory: str) -> int:
    """The exit status of a job that another process has claimed, once it has ended; 75 when nobody here will tell."""
    while True:
        owner = claimant(directory)
        record = read_record(directory)
        if record:
            return _exit_status(record)
        if owner is None or not is_alive(owner):
            record = read_record(directory)  # it may have ended between the two looks
            return _exit_status(record) if record else _STARTED_BEFORE
        time.sleep(_LOOK_SECONDS)


def _exit_status(record: Dict[str, Any]) -> int:
    """What a shell would say of the job."""
    code: Optional[int] = record["code"]
    if record["cause"]:
        return code or 1
    return code if code is not None else 128 + int(record["signal"])


class Supervisor:
    """One job directory, from the claim to the exit record."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        with open(os.path.join(directory, "job.json"), "rb") as handle:
            self._job: Dict[str, Any] = json.loads(handle.read().decode())
        self._run_directory = os.path.dirname(os.path.dirname(directory))
        self._cause = ""
        self._wake = _wake_on(signal.SIGCHLD, signal.SIGTERM)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])

    def run(self, base: environment.Variables) -> int:
        """Start the command, wait for it, clear up after it, and write the exit record."""
        _become_subreaper()
        started = time.time()
        error = ""
        child: Optional[int] = None
        outputs: List[Dict[str, Any]] = []
        status = 127 << 8
        try:
            child = self._start(base)
        except (Refused, OSError) as problem:
            error = str(problem)
            self._cause = "environment"
            self._complain(error)
        if child is not None:
            status = self._wait(child)
        _end_children()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            outputs = self._outputs()
        except (Refused, OSError) as problem:
            error = str(problem)
            self._cause = self._cause or "outputs"
            self._complain(error)
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        record = {
            "code": code,
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            "cause": self._cause,
            "error": error,
            "started": started,
            "ended": time.time(),
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "peak_kib": used.ru_maxrss,
            "host": os.uname()[1],
            "outputs": outputs,
        }
        write_whole(self._path("exit"), json.dumps(record).encode())
        return _exit_status(record)

    def _start(self, base: environment.Variables) -> int:
        named = self._job["environment"]
        variables = environment.load(named["modules"], named["init"], named["prefix"], base)
        work = to_bytes(self._path("work"))
        variables[b"HOME"], variables[b"TMPDIR"] = work, to_bytes(self._path("tmp"))
        for name, value in self._job["variables"] + self._take_secrets():
            variables[to_bytes(name)] = to_bytes(value)
        argv = [to_bytes(word) for word in self._job["argv"]]
        path = variables.get(b"PATH", os.defpath.encode())
        with open(self._path("stdout"), "ab") as out, open(self._path("stderr"), "ab") as err:
            self._process = subprocess.Popen(  # noqa: S603 - an argv, never a shell
                argv,
                executable=_find(argv[0], path, work),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=work,
                env=variables,
                preexec_fn=_in_child,  # noqa: PLW1509 - this process has one thread
            )
        return self._process.pid

    def _take_secrets(self) -> List[List[str]]:
        """The values for this job's variables that no file may keep."""
        try:
            with open(self._path("secrets"), "rb") as handle:
                found: List[List[str]] = json.loads(handle.read().decode())
        except FileNotFoundError:
            return []
        os.unlink(self._path("secrets"))
        return found

    def _wait(self, child: int) -> int:
        """Wait for the command; end it when it is cancelled, out of time, or nobody has asked for it for too long."""
        deadline = time.monotonic() + self._job["seconds"] if self._job["seconds"] else None
        kill_at: Optional[float] = None
        while True:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return status
            now = time.monotonic()
            if kill_at is None:
                self._cause = self._reason_to_end(now, deadline)
                if self._cause:
                    _signal_group(child, signal.SIGTERM)
                    kill_at = now + GRACE_SECONDS
            elif now >= kill_at:
                _signal_group(child, signal.SIGKILL)
            next_look = min(
                [30.0, self._job["lease_seconds"] / 2] + [at - now for at in (deadline, kill_at) if at is not None and at > now]
            )
            readable, _, _ = select.select([self._wake], [], [], next_look)
            if readable:
                os.read(self._wake, 4096)

    def _reason_to_end(self, now: float, deadline: Optional[float]) -> str:
        if os.path.exists(self._path("cancel")):
            return "cancelled"
        if deadline is not None and now >= deadline:
            return "timeout"
        with contextlib.suppress(OSError):
            if time.time() - os.stat(os.path.join(self._run_directory, "lease")).st_mtime > self._job["lease_seconds"]:
                return "lease"
        return ""

    def _outputs(self) -> List[Dict[str, Any]]:
        """What the job wrote, hashed here where the bytes are, and kept in the store."""
        root = Root(os.path.dirname(os.path.dirname(self._run_directory)))
        store, base, found = Store(root), to_bytes(self._path("work")), []
        for name in listing(base, self._job["outputs"]):
            path = os.path.join(base, name)
            sha256, sha1, size = hash_file(path)
            executable = bool(os.lstat(path).st_mode & 0o100)
            os.chmod(path, 0o555 if executable else 0o444)
            store.adopt(path, sha256)
            found.append({"path": to_text(name), "size": size, "sha256": sha256, "sha1": sha1, "executable": executable})
        return found

    def _complain(self, message: str) -> None:
        with open(self._path("stderr"), "ab") as handle:
            handle.write((f"nbcompile: {message}\n").encode("utf-8", "surrogateescape"))

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)


def _find(program: bytes, path: bytes, work: bytes) -> bytes:
    """The program as a shell would find it."""
    if b"/" in program:
        return os.path.join(work, program)
    for folder in path.split(b":"):
        found = os.path.join(folder or b".", program)
        if os.path.isfile(found) and os.access(found, os.X_OK):
            return found
    raise Refused(f"there is no program {to_text(program)} on the path {to_text(path)}")


def _in_child() -> None:
    """A session of its own, default signals, and the end when the supervisor is killed."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _become_subreaper() -> None:
    """Processes that leave the job's session become our children, so that none outlives the job."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _end_children() -> None:
    """Kill what the command left behind, until there is nothing left to wait for, or only what is not ours to end."""
    until = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < until:
        for pid in _children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.005)
        except ChildProcessError:
            return


def _children() -> List[int]:
    me = str(os.getpid())
    found: List[int] = []
    if not os.path.isdir("/proc/self"):
        return found
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                with open(f"/proc/{name}/stat") as handle:
                    if handle.read().rpartition(")")[2].split()[1] == me:
                        found.append(int(name))
    return found


def _signal_group(leader: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _hold_signals() -> None:
    """Who has claimed a job may be told to end it before it is ready to hear that."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])


def _wake_on(*numbers: int) -> int:
    """A descriptor that becomes readable when one of these signals arrives."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(write_end)
    return read_end
