"""How deep calls may go: as deep as in a kernel, which has another number of frames below a cell.

Python counts them all, and before 3.12 functions of C that have called Python as well. Whoever tries how deep a recursion gets, or runs
into the limit, would find another number. So the limit is shifted while a cell runs. It is one for all threads: in others than that of
the cell, which have no frames of a kernel below them, calls go as much deeper.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import sys
import threading
from types import CodeType, FrameType
from typing import Any, Callable, Iterator, List, Optional, Set, Tuple, TypeVar

_COUNTS_C = sys.version_info < (3, 12)
# CPython 3.11 counts the call of `exec` in IPython's `run_code` only until that has run some times, as in a kernel it soon has.
_UNTIL_WARM = 16
_EXEC = int(sys.version_info < (3, 11))
# What a kernel has down to the frame of a cell: frames, and functions of C. A cell finds the frames by following `f_back`, and the sum of
# both by subtracting from the limit how deep a function gets. So it was measured in kernels of ipykernel 6.9 to 7.4.
_IN_KERNEL, _IN_KERNEL_6_29 = (22, 4 + _EXEC), (23, 4 + _EXEC)
# The same for a cell that awaits, which is a task.
_IN_TASK = (13, 3)
# What IPython has from the coroutine that runs a cell to its frame.
_TO_CELL, _TO_TASK = (5, 1 + _EXEC), (4, 0)
# How deep it is tried how deep calls go, and how deep at most: a stack has room for that.
_ROOM, _HIGHEST = 100, 5_000
_OWN_THREADS = ("MainThread", "Streams", "Hasher")
# What follows a chain of objects that long, and the stack that it then has. Only what is used of it costs memory.
_DEEP, _DEEP_STACK_BYTES = 100_000, 1 << 30
_DEEP_THREADS: Set[int] = set()
# Whoever sets a limit beyond this wants none.
_GREATEST = 1_000_000_000

_Result = TypeVar("_Result")


class Depth:
    """How deep the stack is on which this process runs cells, and what a kernel's would be."""

    def __init__(self) -> None:
        # Functions of C that have called what runs a cell: always the same ones.
        self._calls_of_c: Optional[int] = None if _COUNTS_C else 0

    def warm_up(self, run_code: Callable[[CodeType], Any]) -> None:
        """Run nothing a few times by what runs code."""
        nothing = compile("pass", "<nothing>", "exec")
        for _ in range(_UNTIL_WARM):
            run_code(nothing)

    def of_cell(self, frame: FrameType, kernel: Tuple[int, int]) -> "contextlib.AbstractContextManager[None]":
        """The limit for a cell that this frame runs; `kernel` is the version of ipykernel."""
        return self._as_below(_IN_KERNEL_6_29 if (6, 29) <= kernel < (7, 0) else _IN_KERNEL, frame, _TO_CELL)

    def of_task(self, frame: FrameType) -> "contextlib.AbstractContextManager[None]":
        """The limit for a cell that runs in a task, which this frame starts."""
        return self._as_below(_IN_TASK, frame, _TO_TASK)

    @contextlib.contextmanager
    def _as_below(self, there: Tuple[int, int], frame: FrameType, above: Tuple[int, int]) -> Iterator[None]:
        usual = sys.getrecursionlimit()
        if self._calls_of_c is None and usual <= _HIGHEST:
            self._calls_of_c = _count_calls_of_c(usual)
        if self._calls_of_c is None or usual > _GREATEST:
            yield
            return
        calls = self._calls_of_c + above[1] - there[1] if _COUNTS_C else 0
        shifted = usual + _count_frames(frame) + above[0] - there[0] + calls
        sys.setrecursionlimit(shifted)
        try:
            yield
        finally:
            if sys.getrecursionlimit() == shifted:
                sys.setrecursionlimit(usual)


def as_deep_as_needed(work: Callable[[], _Result]) -> _Result:
    """What some work gives; where objects lead too deep, as a long chain of nodes does, it is done once more with a stack for that.

    Where the notebook lets calls go deeper than the stack has room for, it is done there at once. Raises what the work raises. Since
    Python 3.12, code in C has a limit of its own, which nobody can set.
    """
    if is_deep():
        return work()
    if sys.getrecursionlimit() <= _HIGHEST:
        try:
            return work()
        except RecursionError:
            pass
    return _on_a_deep_stack(work)


def is_deep() -> bool:
    """Whether this thread has as much room as there can be."""
    return threading.get_ident() in _DEEP_THREADS


def works_beside(main: Optional[int]) -> bool:
    """Whether this thread is another one than that of the cells, and does no work for it."""
    return threading.get_ident() != main and not is_deep()


def is_its_own(error: RecursionError) -> bool:
    """Whether what was called just now went deep by itself, from wherever it was called."""
    count, entry = 0, error.__traceback__
    while entry is not None and count < _ROOM:
        count, entry = count + 1, entry.tb_next
    return count == _ROOM


def _on_a_deep_stack(work: Callable[[], _Result]) -> _Result:
    results: List[_Result] = []
    errors: List[BaseException] = []

    def run() -> None:
        _DEEP_THREADS.add(threading.get_ident())
        try:
            results.append(context.run(work))
        except BaseException as error:  # noqa: BLE001 (the other thread raises it)
            errors.append(error)
        finally:
            _DEEP_THREADS.discard(threading.get_ident())

    context = contextvars.copy_context()
    limit, size = sys.getrecursionlimit(), threading.stack_size(_DEEP_STACK_BYTES)
    try:
        sys.setrecursionlimit(_DEEP)
        thread = threading.Thread(target=run, name="Deep")
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)
    if errors:
        raise errors[0]
    return results[0]


def write_as_deep_as_a_kernel() -> None:
    """Need as much of the stack as the stream of a kernel: in an endless recursion it is the last text that does not come through."""
    _ask_the_system()


def _ask_the_system() -> None:
    os.getpid()


def _count_calls_of_c(limit: int) -> int:
    """How many functions of C have called what is running: how many frames less than allowed there may be.

    No thread of the notebook finds the limit lower meanwhile than it was.
    """
    is_alone = all(one.name in _OWN_THREADS for one in threading.enumerate())
    room = min(_ROOM, limit) if is_alone else limit
    sys.setrecursionlimit(_count_frames(sys._getframe()) + room)
    try:
        return room - _dive(1)
    finally:
        sys.setrecursionlimit(limit)


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
