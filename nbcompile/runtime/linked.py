"""Large files that cells are given as links, until somebody opens one to write: then it becomes a file of the step's own.

They are hard links where that is possible, since who packs files into an archive would put in a symbolic one as such.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from typing import Any, Dict, Tuple

_WRITES = os.O_WRONLY | os.O_RDWR
# By where they are. An audit hook cannot be removed, so there is one for all of them.
_linked: Dict[str, None] = {}
_is_heard: Dict[str, bool] = {}


def link_file(place: str, target: str) -> None:
    """Link to a file where cells will look for it."""
    try:
        os.link(os.path.realpath(place), target)
    except OSError:
        # It is on another file system, or somebody else's.
        os.symlink(place, target)
    _linked[os.path.realpath(os.path.dirname(target)) + os.sep + os.path.basename(target)] = None
    if not _is_heard:
        _is_heard["open"] = True
        sys.addaudithook(_hear_of_writing)


def _hear_of_writing(event: str, args: Tuple[Any, ...]) -> None:
    if event == "open" and _linked and isinstance(args[2], int) and args[2] & _WRITES and isinstance(args[0], (str, bytes)):
        directory, name = os.path.split(os.path.abspath(os.fsdecode(args[0])))
        path = os.path.join(os.path.realpath(directory), name)
        if path in _linked:
            del _linked[path]
            _make_own(path)


def _make_own(path: str) -> None:
    """Put a copy in the place of a link, if that is still there."""
    try:
        status = os.lstat(path)
    except OSError:
        return
    if stat.S_ISLNK(status.st_mode) or status.st_nlink > 1:
        shutil.copy2(path, path + ".part")
        os.replace(path + ".part", path)
