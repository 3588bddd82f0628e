"""What kind of disk a path lies on, and what it refuses."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from nbcompile.model.errors import DiskRefuses

# Kept in memory or on a disk of this machine; anything else may be shared with other machines.
_LOCAL = frozenset(
    ("apfs", "bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "ramfs", "xfs", "zfs", "hfs", "reiserfs", "jfs")
)

_ADVICE = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some of your quota",
    errno.EROFS: "make it writable",
    errno.EACCES: "see that you may write there",
    errno.EPERM: "see that you may write there",
    errno.ENOENT: "see that it is still there",
    errno.ENOTDIR: "see that every part of the path is a directory",
}


def is_local(path: Path) -> bool:
    """Whether only this machine writes to the file system that holds `path`."""
    return file_system(path) in _LOCAL


def file_system(path: Path) -> str:
    """The type of the file system that holds `path`, as the system calls it; empty where it does not say."""
    if sys.platform == "darwin":
        return "apfs"
    best, found = "", ""
    real = os.path.realpath(path)
    try:
        mounts = Path("/proc/self/mounts").read_text("utf-8", "replace")
    except OSError:
        return ""
    for line in mounts.splitlines():
        _, mount, kind, *_ = line.split(" ")
        mount = mount.replace("\\040", " ")
        below = real == mount or real.startswith(mount.rstrip("/") + "/")
        if below and len(mount) >= len(best):
            best, found = mount, kind
    return found


def remedy(error: OSError) -> str:
    """What to do about something that a disk refuses."""
    return _ADVICE.get(error.errno or 0, "look into it")


@contextlib.contextmanager
def told_as_place_failure(directory: Path, then: str = "", cells: Callable[[], Sequence[int]] = tuple) -> Iterator[None]:
    """Tell what the disk refuses as what it is: a failure of the place, after which a run can be resumed, or what else to do `then`.

    `cells` says which are concerned, once it is known that some are.
    """
    try:
        yield
    except DiskRefuses as error:
        raise error.at(error.cells or cells()) from error.__cause__
    except OSError as error:
        what = f"{error.filename or directory}: {error.strerror or error}"
        advice = f"{remedy(error)}, then {then or f'go on with `nbcompile runs resume {directory}`'}"
        raise DiskRefuses(what, advice, cells()) from error
