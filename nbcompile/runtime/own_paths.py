"""Texts that name the step's own directory. Another step has another one, so they travel as what they say around its name."""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import Any, Optional, Tuple, Union

# How far above the cells' directory there is something that is the step's own.
LEVELS_ABOVE = 3
_LONGEST_PATH = 4096


class OwnPaths:
    """The directory that cells run in, and those above it. Without one nothing is told apart."""

    def __init__(self, directory: str = "") -> None:
        levels = [directory]
        for _ in range(LEVELS_ABOVE if directory else 0):
            levels.append(os.path.dirname(levels[-1]))
        self._levels = tuple(levels)
        # What is in every text that names one of them.
        self.mark = self._levels[-1]
        self._mark_in_memory = os.fsencode(self.mark)
        self._numbers = {level: number for number, level in reversed(list(enumerate(levels)))}

    # Most steps ask no pattern, and compiling three takes a millisecond.

    @cached_property
    def _names(self) -> "re.Pattern[str]":
        return re.compile(f"({'|'.join(map(re.escape, self._levels))})(?![\\w.-])")

    @cached_property
    def _names_in_memory(self) -> "re.Pattern[bytes]":
        return re.compile(os.fsencode(self._names.pattern))

    @cached_property
    def _pattern_of_mark(self) -> "re.Pattern[bytes]":
        return re.compile(re.escape(self._mark_in_memory))

    def is_named_in(self, text: str) -> bool:
        """Whether a text may name them."""
        return bool(self.mark) and self.mark in text

    def are_in_memory(self, content: Any) -> bool:
        """Whether texts that lie in this memory, in UTF-8, may name them."""
        if not self.mark:
            return False
        # Of memory that is no bytes object only a pattern can be asked, which takes several times as long.
        return self._mark_in_memory in content if type(content) is bytes else self._pattern_of_mark.search(content) is not None

    def without(self, content: bytes) -> bytes:
        """Texts that lie in memory, with numbers for the directories."""
        return self._names_in_memory.sub(self._number, content) if self.are_in_memory(content) else content

    def _number(self, found: "re.Match[bytes]") -> bytes:
        return b"<directory %d>" % self._numbers[os.fsdecode(found[1])]

    def parts_of(self, text: Union[str, bytes]) -> Optional[Tuple[Any, ...]]:
        """A text as texts, and numbers for the directories between them; nothing for one that names none."""
        if isinstance(text, bytes):
            if not 0 < len(text) < _LONGEST_PATH or not text.startswith(os.fsencode(self.mark)):
                return None
            text = os.fsdecode(text)
        if not self.is_named_in(text):
            return None
        parts = self._names.split(text)
        return tuple(part if number % 2 == 0 else self._numbers[part] for number, part in enumerate(parts)) if len(parts) > 1 else None

    def text_of(self, parts: Tuple[Any, ...]) -> str:
        """The text that names this step's directories."""
        return "".join(part if type(part) is str else self._levels[part] for part in parts)


NO_PATHS = OwnPaths()
