"""Daemons in the foreground, each in a session of its own, known by process id and start time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.services.ground import MARK, ROOT, ServiceError, directory


def start(name: str, *argv: str | Path, user: str | None = None, env: dict[str, str] | None = None, ready: Callable[[], bool]) -> None:
    """Start a daemon unless it runs, and wait until `ready`."""
    if running(name) is None:
        record, log = _record(name), directory(ROOT / "log") / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**_plain_environment(), **(env or {}), MARK[0]: MARK[1]},
                user=user,
                group=user,
                extra_groups=[] if user else None,
                start_new_session=True,
                cwd="/",
            )
        record.write_text(json.dumps({"pid": process.pid, "start": start_time(process.pid), "argv": [str(word) for word in argv]}))
    wait_for(ready, f"{name} is ready", unless=lambda: running(name) is None)


def running(name: str) -> int | None:
    """The process id of a daemon that we started and that still runs."""
    try:
        record = json.loads(_record(name).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return record["pid"] if record["start"] is not None and start_time(record["pid"]) == record["start"] else None


def stop(*names: str, hard: bool = False) -> None:
    """End daemons and everything they started, gently unless `hard`."""
    pids = [pid for name in names if (pid := running(name)) is not None]
    family = descendants(pids)
    end(pids, hard=hard)
    end([pid for pid in family if pid not in pids], hard=hard)
    for name in names:
        _record(name).unlink(missing_ok=True)


def names() -> tuple[str, ...]:
    """Every daemon with a record, in alphabetical order."""
    return tuple(sorted(path.stem for path in (ROOT / "run").glob("*.json")))


def end(pids: Iterable[int], *, hard: bool = False) -> None:
    """End these processes: SIGTERM, and SIGKILL for what is there ten seconds later."""
    alive = {pid: start_time(pid) for pid in pids}
    for number, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))[1 if hard else 0 :]:
        alive = {pid: start for pid, start in alive.items() if start is not None and start_time(pid) == start}
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        until = time.monotonic() + patience
        while time.monotonic() < until and any(start_time(pid) == start for pid, start in alive.items()):
            time.sleep(0.02)


def strays() -> tuple[int, ...]:
    """Processes that carry our mark: what a dead run left, and what jobs started."""
    mark = "=".join(MARK).encode()
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError):
            if pid != os.getpid() and mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(pid)
    return tuple(found)


def descendants(pids: Iterable[int]) -> tuple[int, ...]:
    """The processes that these started, directly or not, themselves left out."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        fields = _stat(pid)
        if fields:
            children.setdefault(int(fields[1]), []).append(pid)
    found: list[int] = []
    ahead = list(pids)
    while ahead:
        new = children.get(ahead.pop(), [])
        found += new
        ahead += new
    return tuple(found)


def start_time(pid: int) -> int | None:
    """When a process started, in ticks since boot; none when it is gone or a zombie."""
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] not in "ZX" else None


def wait_for(true: Callable[[], bool], what: str, *, seconds: float = 30, unless: Callable[[], bool] = lambda: False) -> None:
    """Wait until `true`; raises when time is up or `unless` says that it never will be."""
    until = time.monotonic() + seconds
    while not true():
        if unless() or time.monotonic() > until:
            name = what.split(maxsplit=1)[0]
            log = ROOT / "log" / f"{name}.log"
            tail = log.read_text(errors="replace")[-800:] if log.exists() else ""
            raise ServiceError(f"waited in vain until {what}\n{tail}")
        time.sleep(0.05)


def _record(name: str) -> Path:
    return directory(ROOT / "run") / f"{name}.json"


def _plain_environment() -> dict[str, str]:
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root"}


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _stat(pid: int) -> list[str]:
    """The fields after the command's name, whatever characters that holds: state, parent, ..., start time (the 20th)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
