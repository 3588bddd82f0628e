"""Images of Pillow that were read from files: its own pickles have the pixels, and nothing of what the file said besides."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import Any, Dict

# What any image has; Pillow takes care of it.
_OF_ALL = frozenset(("_im", "im", "_mode", "mode", "_size", "info", "palette", "pyaccess", "_readonly", "readonly", "_exif", "tile"))


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
    return {name: None if isinstance(item, io.IOBase) else item for name, item in attributes.items()}


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
