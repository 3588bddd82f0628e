"""Answer requests on standard input until it ends.

A frame is two big-endian 32-bit lengths, a JSON document and raw bytes. Requests carry a number and are answered in any order.
"""

import contextlib
import json
import os
import platform
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, Callable, Dict, List, Optional, Set, Tuple

from . import environment
from .batch import Batches
from .jobs import Jobs, checked_spec
from .layout import RUN, Refused, Root, checked, to_bytes, touch
from .store import Store

PROTOCOL = 1
_HEADER = struct.Struct(">II")
_OUTPUT_LIMIT = 16 << 20
_Answer = Tuple[Any, bytes]


class Server:
    """All that one client can ask."""

    def __init__(self, root: Root, program: str) -> None:
        self._root = root
        self._store = Store(root)
        self._jobs = Jobs(root, self._store, program)
        self._batches = Batches(root)
        self._program = program
        self._abandoned: Set[int] = set()
        self._children: Set["subprocess.Popen[bytes]"] = set()
        self._verbs: Dict[str, Callable[[Dict[str, Any], bytes], _Answer]] = {
            "hello": self._hello,
            "open": self._open,
            "exec": self._exec,
            "has": self._has,
            "put": self._put,
            "write": self._write,
            "accept": self._accept,
            "read": self._read,
            "prepare": self._prepare,
            "submit": self._submit,
            "wait": self._wait,
            "abandon": self._abandon,
            "batch": self._batch,
            "batch-found": self._batch_found,
            "batch-forget": self._batch_forget,
            "cancel": self._cancel,
            "log": self._log,
            "natives": self._natives,
            "batches": self._batches_of,
            "sweep": self._sweep,
            "remove": self._remove,
            "runs": self._runs,
            "prune": self._prune,
            "environment": self._environment,
        }

    def answer(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        """Do what one request asks."""
        verb = self._verbs.get(request["verb"])
        if verb is None:
            raise Refused(f"no verb {request['verb']!r}")
        return verb(request, blob)

    def close(self) -> None:
        """End the quick commands that still run; jobs have left us long ago."""
        for child in tuple(self._children):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, 15)

    def _hello(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        return {
            "protocol": PROTOCOL,
            "python": platform.python_version(),
            "executable": sys.executable,
            "program": self._program,
            "root": self._root.path,
            "user": environment.plain()[b"USER"].decode(),
            "host": os.uname()[1],
            "system": os.uname()[0],
            "machine": os.uname()[4],
            "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        }, b""

    def _open(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        self._root.prepare(checked(RUN, request["run"]))
        return {}, b""

    def _exec(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        variables = _variables(request)
        argv = [to_bytes(word) for word in request["argv"]]
        path = variables[b"PATH"]
        with contextlib.suppress(FileNotFoundError):
            process = subprocess.Popen(  # noqa: S603 - an argv, never a shell
                argv,
                executable=_found(argv[0], path),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=variables,
                cwd="/",
                start_new_session=True,
            )
            self._children.add(process)
            try:
                return _communicate(process, blob, request["seconds"])
            finally:
                self._children.discard(process)
        return {"code": 127, "split": 0, "timeout": False}, b"there is no program " + argv[0]

    def _has(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        return [digest for digest in request["digests"] if self._store.has(digest)], b""

    def _put(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        self._store.write(request["digest"], request["sender"], 0, blob)
        return self._store.accept(request["digest"], request["sender"], len(blob)), b""

    def _write(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        self._store.write(request["digest"], request["sender"], request["offset"], blob)
        return {}, b""

    def _accept(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        return self._store.accept(request["digest"], request["sender"], request["size"]), b""

    def _read(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        try:
            return {}, self._store.read(request["digest"], request["offset"], request["length"])
        except FileNotFoundError:
            raise Refused(f"the file {request['digest']} is not here") from None

    def _prepare(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        return self._jobs.prepare(request["run"], [checked_spec(spec) for spec in request["jobs"]]), b""

    def _submit(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        missing = self._jobs.prepare(request["run"], [checked_spec(spec) for spec in request["jobs"]])
        if not missing:
            for spec in request["jobs"]:
                self._jobs.start(request["run"], spec["job"])
        return missing, b""

    def _wait(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        with contextlib.suppress(FileNotFoundError):  # a run that was removed
            touch(os.path.join(self._root.run(request["run"]), "lease"))
        number = request["id"]
        found = self._jobs.wait(request["run"], request["jobs"], request["seconds"], lambda: number in self._abandoned)
        self._abandoned.discard(number)
        return found, b""

    def _natives(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        return self._batches.natives(request["run"], request["jobs"]), b""

    def _batches_of(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        return self._batches.tokens(request["run"], request["jobs"]), b""

    def _batch(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        run, jobs = request["run"], [spec["job"] for spec in request["jobs"]]
        missing = self._jobs.prepare(run, [checked_spec(spec) for spec in request["jobs"]])
        if missing:
            return {"missing": missing}, b""
        return self._batches.submit(run, request["token"], jobs, request["argv"], _variables(request)), b""

    def _batch_found(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        self._batches.found(request["run"], request["token"], request["jobs"], request["native"])
        return {}, b""

    def _batch_forget(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        self._batches.forget(request["run"], request["token"])
        return {}, b""

    def _abandon(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        self._abandoned.add(request["request"])
        return {}, b""

    def _cancel(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        self._jobs.cancel(request["run"], request["jobs"])
        return {}, b""

    def _log(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        return {}, self._jobs.log(request["run"], request["job"], request["stream"], request["offset"], request["length"])

    def _sweep(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        return self._jobs.sweep(request["run"], request["seconds"]), b""

    def _remove(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        self._jobs.remove(request["run"])
        return {}, b""

    def _runs(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        return self._root.runs(), b""

    def _prune(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        unused = self._store.unused(request["before"])  # before runs let go of theirs, which is a change, too
        freed = self._jobs.prune(request["before"])
        return freed + self._store.remove(unused), b""

    def _environment(self, request: Dict[str, Any], blob: bytes) -> _Answer:
        named = request["environment"]
        found = environment.load(named["modules"], named["init"], named["prefix"], environment.plain())
        return [[name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape")] for name, value in found.items()], b""


def serve(root: Root, program: str) -> None:
    """Answer until standard input ends."""
    server, lock = Server(root, program), threading.Lock()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    with ThreadPoolExecutor(32) as pool:
        while True:
            frame = _read_frame(source)
            if frame is None:
                break
            pool.submit(_answer_one, server, lock, sink, *frame)
        server.close()
        os._exit(0)


def _answer_one(server: Server, lock: threading.Lock, sink: Any, request: Dict[str, Any], blob: bytes) -> None:
    try:
        value, raw = server.answer(request, blob)
        reply = {"id": request["id"], "value": value}
    except Refused as problem:
        reply, raw = {"id": request["id"], "refused": str(problem)}, b""
    except OSError as problem:
        reply, raw = {"id": request["id"], "failed": str(problem), "errno": problem.errno}, b""
    except Exception as problem:  # noqa: BLE001 - whatever it is, the client must hear of it
        reply, raw = {"id": request["id"], "refused": f"{type(problem).__name__}: {problem}"}, b""
    head = json.dumps(reply).encode()
    with lock:
        sink.write(_HEADER.pack(len(head), len(raw)) + head + raw)
        sink.flush()


def _variables(request: Dict[str, Any]) -> environment.Variables:
    variables = environment.plain()
    for name, value in request["variables"]:
        variables[to_bytes(name)] = to_bytes(value)
    return variables


def _read_frame(source: BinaryIO) -> Optional[Tuple[Dict[str, Any], bytes]]:
    header = source.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    head_size, blob_size = _HEADER.unpack(header)
    head, blob = source.read(head_size), source.read(blob_size)
    if len(head) < head_size or len(blob) < blob_size:
        return None
    return json.loads(head.decode()), blob


def _communicate(process: "subprocess.Popen[bytes]", blob: bytes, seconds: Optional[float]) -> _Answer:
    late = False
    try:
        out, err = process.communicate(blob, timeout=seconds)
    except subprocess.TimeoutExpired:
        late = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        out, err = process.communicate()
    out, err = out[:_OUTPUT_LIMIT], err[:_OUTPUT_LIMIT]
    return {"code": process.returncode, "split": len(out), "timeout": late}, out + err


def _found(program: bytes, path: bytes) -> bytes:
    if b"/" in program:
        return program
    candidates: List[bytes] = [os.path.join(folder, program) for folder in path.split(b":") if folder]
    for candidate in candidates:
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    raise FileNotFoundError(2, "no such program", program)
