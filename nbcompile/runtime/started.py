"""How many threads, executors and processes were started without a name: the next one is named by their number."""

from __future__ import annotations

import importlib
import itertools
import sys
from typing import Any, Dict, Tuple

# Where the numbers are, and whether the next one is kept as a function.
_NAMED_BY_NUMBER: Dict[str, Tuple[str, str, bool]] = {
    "threads": ("threading", "_counter", True),
    "executors": ("concurrent.futures.thread", "ThreadPoolExecutor._counter", True),
    "processes": ("multiprocessing.process", "_process_counter", False),
}
# ipykernel 6.29 to 7.4 has started so many when the first cell runs: one watches its parent, two what is written, and one is for zmq.
_THREADS_OF_KERNELS = 4


def take_started() -> Any:
    """The numbers that come next, of the modules that are loaded."""
    return {kind: _next_number(kind) for kind in _NAMED_BY_NUMBER if _is_counted(kind)}


def set_started(state: Any) -> None:
    """Go on counting from there."""
    for kind, number in state.items():
        importlib.import_module(_NAMED_BY_NUMBER[kind][0])
        if _is_counted(kind):
            _count_from(kind, number)


def start_as_kernels() -> None:
    """Count the threads that a kernel would have started by now."""
    if _is_counted("threads"):
        _count_from("threads", max(_THREADS_OF_KERNELS + 1, _next_number("threads")))


def _is_counted(kind: str) -> bool:
    """Whether the module is there, and counts as all versions of Python so far have done."""
    if _NAMED_BY_NUMBER[kind][0] not in sys.modules:
        return False
    owner, name = _counter_place(kind)
    counter = getattr(owner, name, None)
    return isinstance(getattr(counter, "__self__", counter), itertools.count)


def _counter_place(kind: str) -> Tuple[Any, str]:
    module, path, _ = _NAMED_BY_NUMBER[kind]
    owner: Any = sys.modules[module]
    *owners, name = path.split(".")
    for one in owners:
        owner = getattr(owner, one)
    return owner, name


def _next_number(kind: str) -> int:
    owner, name = _counter_place(kind)
    counter = getattr(owner, name)
    # Asking for the next number would use it up.
    return int(repr(getattr(counter, "__self__", counter)).partition("(")[2].rstrip(")"))


def _count_from(kind: str, number: int) -> None:
    owner, name = _counter_place(kind)
    counter = itertools.count(number)
    setattr(owner, name, counter.__next__ if _NAMED_BY_NUMBER[kind][2] else counter)
