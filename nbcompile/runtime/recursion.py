"""How deep calls may go: as deep as in a kernel, which has another number of frames below a cell.

Python counts them all, and before 3.12 functions of C that have called Python as well. Whoever tries how deep a recursion gets, or runs
into the limit, would find another number.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from types import CodeType, FrameType
from typing import Any, Callable, Iterator, Optional, Tuple

_COUNTS_C = sys.version_info < (3, 12)
# CPython 3.11 counts the call of `exec` in IPython's `run_code` only until that has run some times, as in a kernel it soon has.
_UNTIL_WARM = 16
_EXEC = int(sys.version_info < (3, 11))
# What a kernel has down to the frame of a cell, as measured with ipykernel 6.9 to 7.4: frames, and functions of C.
_IN_KERNEL, _IN_KERNEL_6_29 = (22, 4 + _EXEC), (23, 4 + _EXEC)
# The same for a cell that awaits, which is a task.
_IN_TASK = (13, 3)
# What IPython has from the coroutine that runs a cell to its frame.
_TO_CELL, _TO_TASK = (5, 1 + _EXEC), (4, 0)
_ROOM = 100


class RecursionLimit:
    """Python's limit, which is shifted while a cell runs; what cells ask for and set is without the shift."""

    def __init__(self) -> None:
        self._get: Callable[[], int] = sys.getrecursionlimit
        self._set: Callable[[int], None] = sys.setrecursionlimit
        self._shift = 0
        self._installed = False

    def install(self, run_code: Callable[[CodeType], Any]) -> None:
        """Let cells ask for the limit of a kernel; `run_code` is how IPython runs code."""
        if self._installed:
            return
        nothing = compile("pass", "<nothing>", "exec")
        for _ in range(_UNTIL_WARM):
            run_code(nothing)

        @functools.wraps(self._get)
        def getrecursionlimit() -> int:
            return self._get() - self._shift

        @functools.wraps(self._set)
        def setrecursionlimit(limit: int) -> None:
            self._set(limit + self._shift if isinstance(limit, int) else limit)

        self._installed = True
        sys.getrecursionlimit, sys.setrecursionlimit = getrecursionlimit, setrecursionlimit

    def of_cell(self, frame: FrameType, kernel: Tuple[int, int]) -> "contextlib.AbstractContextManager[None]":
        """The limit for a cell that this frame runs; `kernel` is the version of ipykernel."""
        return self._as_below(_IN_KERNEL_6_29 if (6, 29) <= kernel < (7, 0) else _IN_KERNEL, frame, _TO_CELL)

    def of_task(self, frame: FrameType) -> "contextlib.AbstractContextManager[None]":
        """The limit for a cell that runs in a task, which this frame starts."""
        return self._as_below(_IN_TASK, frame, _TO_TASK)

    @contextlib.contextmanager
    def _as_below(self, there: Tuple[int, int], frame: FrameType, above: Tuple[int, int]) -> Iterator[None]:
        shift = _count_frames(frame) + above[0] - there[0]
        if _COUNTS_C:
            shift += self._calls_of_c() + above[1] - there[1]
        self._shift = shift
        self._set(self._get() + shift)
        try:
            yield
        finally:
            self._set(self._get() - shift)
            self._shift = 0

    def _calls_of_c(self) -> int:
        """How many functions of C have called what is running: how many frames less than allowed there may be."""
        limit = self._get()
        here = _count_frames(sys._getframe())
        self._set(here + _ROOM)
        try:
            return _ROOM - _dive(1)
        finally:
            self._set(limit)


def _count_frames(frame: Optional[FrameType]) -> int:
    """How many frames there are from the first one of the process to this one."""
    count = 0
    while frame is not None:
        frame, count = frame.f_back, count + 1
    return count


def _dive(depth: int) -> int:
    try:
        return _dive(depth + 1)
    except RecursionError:
        return depth


RECURSION_LIMIT = RecursionLimit()
