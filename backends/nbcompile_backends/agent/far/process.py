"""Which process runs a job: one claims it by a file that can be made only once, and is known by more than a number."""

import json
import os
import subprocess
from typing import Any, Dict, Optional

from .layout import beside


def claim(directory: str, **more: Any) -> bool:
    """Say that this process runs the job, unless one did before. A hard link is made once even on network file systems."""
    path = os.path.join(directory, "pid")
    staging = beside(path)
    record = {"pid": os.getpid(), "start": start_time(os.getpid()), "boot": boot(), "host": os.uname()[1]}
    record.update(more)
    with open(staging, "w", encoding="utf-8") as handle:
        json.dump(record, handle)
    try:
        os.link(staging, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(staging)
    return True


def claimant(directory: str) -> Optional[Dict[str, Any]]:
    """The record of the process that claimed the job."""
    try:
        with open(os.path.join(directory, "pid"), encoding="utf-8") as handle:
            found: Dict[str, Any] = json.load(handle)
            return found
    except FileNotFoundError:
        return None


def read_record(directory: str) -> Dict[str, Any]:
    """How the job ended, by its own account; empty while it has not."""
    try:
        with open(os.path.join(directory, "exit"), "rb") as handle:
            found: Dict[str, Any] = json.loads(handle.read().decode())
            return found
    except FileNotFoundError:
        return {}


def is_here(record: Dict[str, Any]) -> bool:
    """Whether the process ran on this host, since it started last."""
    return bool(record["host"] == os.uname()[1] and record["boot"] == boot())


def is_alive(record: Dict[str, Any]) -> bool:
    """Whether exactly that process runs here."""
    return is_here(record) and record["start"] is not None and start_time(record["pid"]) == record["start"]


def start_time(pid: int) -> Optional[str]:
    """When a process started, in whatever unit the system has; none when it is gone or only waits to be buried."""
    if os.path.isdir("/proc/self"):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as handle:
                fields = handle.read().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    listed = subprocess.Popen(["/bin/ps", "-o", "lstart=", "-p", str(pid)], stdout=subprocess.PIPE)  # noqa: S603
    return listed.communicate()[0].decode().strip() or None


def boot() -> str:
    """Which start of the machine this is."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as handle:
            return handle.read().strip()
    except OSError:
        return ""
