"""Objects that cannot travel, and what stands for them where they were sent."""

from __future__ import annotations

import sys
from typing import Any, Dict, NamedTuple, Optional, Tuple

# Types whose objects mean nothing in another process: where they are defined, and what they are called in a message.
_TIED_TO_A_PROCESS: Tuple[Tuple[str, str, str], ...] = (
    ("types", "GeneratorType", "a generator"),
    ("types", "CoroutineType", "a coroutine"),
    ("types", "AsyncGeneratorType", "an asynchronous generator"),
    ("types", "FrameType", "a frame"),
    ("types", "TracebackType", "a traceback"),
    ("types", "CodeType", "compiled code"),
    ("_io", "FileIO", "an open file"),
    ("_io", "BufferedReader", "an open file"),
    ("_io", "BufferedWriter", "an open file"),
    ("_io", "BufferedRandom", "an open file"),
    ("_io", "TextIOWrapper", "an open file"),
    ("_thread", "LockType", "a lock"),
    ("_thread", "RLock", "a lock"),
    ("_thread", "_local", "thread-local data"),
    ("threading", "Thread", "a thread"),
    ("threading", "Condition", "a lock"),
    ("threading", "Event", "an event between threads"),
    ("threading", "Semaphore", "a lock"),
    ("threading", "Barrier", "a lock"),
    ("queue", "Queue", "a queue between threads"),
    ("_queue", "SimpleQueue", "a queue between threads"),
    ("socket", "socket", "a connection"),
    ("ssl", "SSLContext", "a connection's settings"),
    ("select", "epoll", "a selector"),
    ("selectors", "BaseSelector", "a selector"),
    ("subprocess", "Popen", "a process"),
    ("multiprocessing.process", "BaseProcess", "a process"),
    ("multiprocessing.pool", "Pool", "a pool of processes"),
    ("multiprocessing.queues", "Queue", "a queue between processes"),
    ("multiprocessing.queues", "SimpleQueue", "a queue between processes"),
    ("multiprocessing.synchronize", "SemLock", "a lock between processes"),
    ("multiprocessing.connection", "_ConnectionBase", "a connection between processes"),
    ("multiprocessing.shared_memory", "SharedMemory", "shared memory"),
    ("concurrent.futures._base", "Executor", "an executor"),
    ("concurrent.futures._base", "Future", "a future"),
    ("asyncio.futures", "Future", "a future"),
    ("asyncio.events", "AbstractEventLoop", "an event loop"),
    ("mmap", "mmap", "a mapped file"),
    ("sqlite3", "Connection", "a database connection"),
    ("sqlite3", "Cursor", "a database cursor"),
    ("zipfile", "ZipFile", "an open archive"),
    ("tarfile", "TarFile", "an open archive"),
    ("gzip", "GzipFile", "an open file"),
    ("bz2", "BZ2File", "an open file"),
    ("lzma", "LZMAFile", "an open file"),
    ("tempfile", "_TemporaryFileWrapper", "a temporary file"),
    ("tempfile", "TemporaryDirectory", "a temporary directory"),
    ("shelve", "Shelf", "an open database"),
    ("numpy.lib.npyio", "NpzFile", "an open archive"),
    ("numpy.lib._npyio_impl", "NpzFile", "an open archive"),
    ("pandas.io.pytables", "HDFStore", "an open file"),
    ("pandas.io.excel._base", "ExcelWriter", "an open file"),
    ("pandas.io.parsers.readers", "TextFileReader", "an open file"),
    # Reading the text of a tree again, as its pickles do, makes other elements.
    ("bs4.element", "Tag", "a part of a tree"),
    ("sqlalchemy.engine.base", "Engine", "a database connection"),
    ("sqlalchemy.engine.base", "Connection", "a database connection"),
    ("sqlalchemy.orm.session", "Session", "a database session"),
    ("unittest.mock", "_patch", "a patch"),
    ("unittest.mock", "_patch_dict", "a patch"),
    ("contextvars", "ContextVar", "a context variable"),
    ("contextvars", "Token", "a context variable"),
    ("_weakref", "ReferenceType", "a weak reference"),
    ("weakref", "WeakValueDictionary", "a dictionary of weak references"),
    ("weakref", "WeakKeyDictionary", "a dictionary of weak references"),
    ("weakref", "WeakSet", "a set of weak references"),
)


class TravelFailure(NamedTuple):
    """What could not travel. `version` is the variable it was found in, `what` says in words what it is."""

    version: str
    type: str
    what: str
    reason: str

    @property
    def remedy(self) -> str:
        """What to do about it."""
        cell = self.version.rpartition("@")[2]
        return f"keep the cells that use it in one step with cell {cell} (`# nbc: fuse`), or make it again where it is used"


class CannotTravel(RuntimeError):
    """An object is used that had to stay in the process where it was made; `version` is the variable it was found in."""

    version = ""


# The uses that were refused, also those whose error was caught: what is said of each, and the variable.
REFUSED: Dict[str, str] = {}


def tied_to_a_process(kind: type, known: Dict[type, Optional[str]]) -> Optional[str]:
    """In words, what an object of this type is if it means nothing in another process. `known` remembers answers."""
    if kind not in known:
        known[kind] = _look_up(kind)
    return known[kind]


def _look_up(kind: type) -> Optional[str]:
    for module_name, name, words in _TIED_TO_A_PROCESS:
        tied = getattr(sys.modules.get(module_name), name, None)
        if isinstance(tied, type) and issubclass(kind, tied):
            return words
    return None


def refusal(failure: TravelFailure) -> str:
    """What is said to whoever needs what could not travel."""
    what = f"{failure.what} of type `{failure.type}` in `{failure.version}`"
    return f"{what} could not be sent to this step ({failure.reason}); {failure.remedy}"


def _refuse(failure: TravelFailure) -> Any:
    __tracebackhide__ = True
    error = CannotTravel(refusal(failure))
    error.version = failure.version
    REFUSED[str(error)] = failure.version
    raise error


def _is_ours(names: Dict[str, Any]) -> bool:
    """Whether these are the globals of the runtime: as one file, or as modules."""
    return names is globals() or str(names.get("__name__", "")).startswith(f"{__name__.partition('.')[0]}.")


class Placeholder:
    """Stands for an object that could not travel: it can be bound and passed on, and every other use of it fails."""

    __slots__ = ("_failure",)

    def __init__(self, failure: TravelFailure) -> None:
        object.__setattr__(self, "_failure", failure)

    def __getattribute__(self, name: str) -> Any:
        __tracebackhide__ = True
        # The interpreter asks for these two on our behalf as well: `isinstance` and `vars` are no use of the object then.
        if name in ("__class__", "__dict__") and _is_ours(sys._getframe(1).f_globals):
            return object.__getattribute__(self, name)
        return _refuse(placeholder_failure(self))


def placeholder_failure(placeholder: Placeholder) -> TravelFailure:
    """What a placeholder stands for."""
    failure: TravelFailure = object.__getattribute__(placeholder, "_failure")
    return failure


def _refusing(name: str) -> Any:
    def refuse(self: Placeholder, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return _refuse(placeholder_failure(self))

    refuse.__name__ = name
    return refuse


_SPECIAL_METHODS = (
    "__setattr__", "__delattr__", "__call__", "__repr__", "__str__", "__format__", "__bytes__", "__bool__", "__hash__", "__eq__",
    "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__len__", "__getitem__", "__setitem__", "__delitem__", "__contains__",
    "__iter__", "__next__", "__reversed__", "__enter__", "__exit__", "__aenter__", "__aexit__", "__aiter__", "__anext__", "__await__",
    "__int__", "__float__", "__complex__", "__index__", "__add__", "__radd__", "__iadd__", "__sub__", "__rsub__", "__isub__", "__mul__",
    "__rmul__", "__imul__", "__truediv__", "__rtruediv__", "__floordiv__", "__mod__", "__pow__", "__matmul__", "__and__", "__or__",
    "__xor__", "__neg__", "__pos__", "__abs__", "__invert__",
)  # fmt: skip
for _method in _SPECIAL_METHODS:
    setattr(Placeholder, _method, _refusing(_method))
