"""Images of Pillow that were read from files: its own pickles have the pixels, and nothing of what the file said besides."""

from __future__ import annotations

import contextlib
import sys
from typing import Any, Dict

# What any image has; Pillow takes care of it.
_OF_ALL = frozenset(("_im", "im", "_mode", "mode", "_size", "info", "palette", "pyaccess", "_readonly", "readonly", "_exif", "tile"))

_READ_FROM_FILES = (int, float, bool, str, bytes, type(None))


def is_image_of_file(kind: type) -> bool:
    """Whether objects of this class are images that were opened, and not made."""
    opened = getattr(sys.modules.get("PIL.ImageFile"), "ImageFile", None)
    return isinstance(opened, type) and issubclass(kind, opened)


def has_several(image: Any) -> bool:
    """Whether it is one of several in its file, which is open because the others are read when they are asked for."""
    return bool(_asked(image, "is_animated").get("is_animated"))


def said_by_file(image: Any) -> Dict[str, Any]:
    """The attributes of an image that has been loaded: no file is open any more that somebody asks for pixels, or how many there are."""
    attributes = {name: item for name, item in _asked(image, "n_frames").items() if name in vars(image) and name not in _OF_ALL}
    return {name: item if _was_read(item) else None for name, item in attributes.items()}


def _was_read(item: Any) -> bool:
    """Whether this is something that was read, and not what reads."""
    if type(item) in (list, tuple):
        return all(map(_was_read, item))
    if type(item) is dict:
        return all(map(_was_read, item.values()))
    return type(item) in _READ_FROM_FILES or type(item).__name__.startswith("ImageFileDirectory")


def _asked(image: Any, question: str) -> Dict[str, Any]:
    """What an image has, and the answer to a question. It notes what it was asked, and forgets that again."""
    before = dict(vars(image))
    answer = {}
    # Its file may be closed.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        answer = {question: getattr(image, question, None)}
    after = {**vars(image), **answer}
    vars(image).clear()
    vars(image).update(before)
    return after
