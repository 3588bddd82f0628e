"""What of this machine a run may use: cores and memory, as affinity and control groups allow."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

_MIB = 2**20
_UNLIMITED = 1 << 60


def available_cores() -> int:
    """Cores that this process may use."""
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quota = min(_cpu_quotas(), default=float(allowed))
    return max(1, min(allowed, int(quota + 0.5), _allocated_cores(os.environ) or allowed))


def free_memory_mib() -> float:
    """Memory that can be taken without swapping and without being killed for it."""
    return min([_available_bytes(), *_group_room()]) / _MIB


def _allocated_cores(environ: Mapping[str, str]) -> int:
    """Cores of this node that a job of Slurm was given. Not every site binds its jobs to them; none where there is no job."""
    given = environ.get("SLURM_CPUS_ON_NODE", "") if environ.get("SLURM_JOB_ID") else ""
    return int(given) if given.isdecimal() else 0


def _cpu_quotas() -> Iterator[float]:
    for group in _groups("cpu"):
        limit = _read(group / "cpu.max").split()
        if len(limit) == 2 and limit[0] != "max":
            yield int(limit[0]) / int(limit[1])
        quota, period = _read(group / "cpu.cfs_quota_us").strip(), _read(group / "cpu.cfs_period_us").strip()
        if quota.isdigit() and period.isdigit():
            yield int(quota) / int(period)


def _available_bytes() -> int:
    for line in _read(Path("/proc/meminfo")).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return _UNLIMITED


def _group_room() -> Iterator[int]:
    """What is left below the limit of each control group we are in; file pages that can be dropped count as left."""
    for limit, usage_file, droppable_name in _memory_limits():
        usage = _read(usage_file).strip()
        if usage.isdigit():
            lines = _read(usage_file.with_name("memory.stat")).splitlines()
            droppable = next((int(line.split()[1]) for line in lines if line.startswith(droppable_name + " ")), 0)
            yield max(0, limit - int(usage) + droppable)


@cache
def _memory_limits() -> tuple[tuple[int, Path, str], ...]:
    """The limits of our control groups in bytes, where what each uses stands, and what its file pages are called there.

    Looked up once: whoever starts steps asks before each of them, most groups have no limit, and one that is there stays.
    """
    found = []
    for group in _groups("memory"):
        for limit_name, usage_name, droppable_name in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            limit = _read(group / limit_name).strip()
            if limit.isdigit() and int(limit) < _UNLIMITED:
                found.append((int(limit), group / usage_name, droppable_name))
    return tuple(found)


@cache
def _groups(controller: str) -> tuple[Path, ...]:
    """The control groups of this process for a controller, from its own up to the root (version 2, then version 1)."""
    found: list[Path] = []
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root = Path("/sys/fs/cgroup")
        elif controller in controllers.split(","):
            root = Path("/sys/fs/cgroup") / controllers
        else:
            continue
        here = root / path.lstrip("/")
        found += [folder for folder in (here, *here.parents) if folder.is_dir() and (folder == root or root in folder.parents)]
    return tuple(found)


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""
