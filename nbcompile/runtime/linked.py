"""Large files that cells are given as links, until somebody opens one to write: then it becomes a file of the step's own.

What Python opens or changes is heard of, by whatever path. Libraries that open files in C, and other programs, are not: where it is
known that a cell changes a file, it gets a copy at once.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import threading
from typing import Any, Dict, List, Optional, Tuple

_SEES_LINKS = re.compile(r"\btar(?:file)?\b|\b(?:make_archive|copytree|islink|is_symlink|readlink|lstat|follow_symlinks)\b")
_WRITES = os.O_WRONLY | os.O_RDWR
_CHANGING = ("os.chmod", "os.chown", "os.truncate", "os.utime", "os.setxattr", "sqlite3.connect")
# As many links may lead to each other.
_MOST_LINKS = 40
# Where links lead. An audit hook cannot be removed, so there is one for all of them.
_places: Dict[str, None] = {}
_hears_of_links: List[bool] = []
_lock_on_links = threading.RLock()


def looks_at_links(text: str) -> bool:
    """Whether a cell may tell a link from a file, as an archive does that it packs."""
    return _SEES_LINKS.search(text) is not None


def link_file(place: str, target: str) -> None:
    """Link to a file where cells will look for it."""
    place = os.path.realpath(place)
    os.symlink(place, target)
    _places[place] = None
    if not _hears_of_links:
        _hears_of_links.append(True)
        sys.addaudithook(_hear_of_writing)


def _hear_of_writing(event: str, args: Tuple[Any, ...]) -> None:
    if event not in ("open", *_CHANGING) or not _places or not isinstance(args[0], (str, bytes)):
        return
    if event == "open" and not (isinstance(args[2], int) and args[2] & _WRITES):
        return
    with _lock_on_links:
        link = _link_behind(os.path.abspath(os.fsdecode(args[0])))
        if link is not None:
            _make_own(link)


def _link_behind(path: str) -> Optional[str]:
    """The link to one of the places that a path is, or leads to by other links."""
    for _ in range(_MOST_LINKS):
        if not os.path.islink(path):
            return None
        leads_to = os.readlink(path)
        if leads_to in _places:
            return path
        path = os.path.join(os.path.dirname(path), leads_to)
    return None


def _make_own(link: str) -> None:
    """Put a copy in the place of a link."""
    part = f"{link}.{os.getpid()}.part"
    try:
        shutil.copy2(link, part)
        os.replace(part, link)
    except BaseException:  # an interrupt, too, leaves nothing half-written
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise
