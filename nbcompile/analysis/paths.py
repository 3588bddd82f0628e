"""Paths that cells work out from the directory they run in: `Path.cwd().parent / "data"`, `os.path.abspath("..")`.

No two machines call that directory the same. Here it has a name that none has, deep enough for what may lie above it, and the functions
of `os.path` and `pathlib` are done as they would be there; what a cell opens is told from it again.
"""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath

from nbcompile.analysis.values import Value, plain, tuple_of
from nbcompile.analysis.visit import Call

# The directory that steps stage nothing above.
_TOP = "/above-the-notebook"
_WORKING_DIRECTORY = f"{_TOP}/1/2/3"
_PATH = "pathlib.Path"
# Words of `os` and `os.path` that are parts of paths.
WORDS = {f"{module}.{name}": word for module in ("os", "os.path") for name, word in (("pardir", ".."), ("curdir", "."), ("sep", "/"))}


def relative(text: str) -> str:
    """A path told from the working directory where it was worked out from there."""
    if not text.startswith(_TOP):
        return text
    path = posixpath.relpath(text, _WORKING_DIRECTORY)
    return f"{path}/" if text.endswith("/") else path


def is_below_a_name(text: str) -> bool:
    """Whether a path above the notebook, up to a `*`, names more than directories there, or is one that was worked out below it."""
    return text.startswith((_TOP, "../")) and relative(text.rpartition("/")[0]).rpartition("/")[2] not in (".", "..")


def working_directory(call: Call) -> Value:
    """`os.getcwd()`, `Path.cwd()`: it is known as long as no cell has gone elsewhere."""
    kind = "str" if call.label == "os.getcwd" else _PATH
    return plain(kind) if call.frame.walk.has_moved else Value(kind, const=_WORKING_DIRECTORY)


def absolute(call: Call) -> Value:
    """`os.path.abspath(name)`, `os.path.realpath(name)`."""
    return _absolute(call, "str", call.first)


def resolved(call: Call) -> Value:
    """`path.resolve()`, `path.absolute()`."""
    return _absolute(call, _PATH, call.owner)


def _absolute(call: Call, kind: str, path: Value) -> Value:
    if type(path.const) is not str or call.frame.walk.has_moved or path.const.startswith("~"):
        return Value(kind, path.objects)
    return Value(kind, path.objects, const=posixpath.normpath(posixpath.join(_WORKING_DIRECTORY, path.const)))


def normal(call: Call) -> Value:
    """`os.path.normpath(name)`."""
    path = call.first
    return Value("str", path.objects, const=posixpath.normpath(path.const)) if type(path.const) is str else Value("str", path.objects)


def directory(call: Call) -> Value:
    """`os.path.dirname(name)`."""
    return Value("str", const=posixpath.dirname(call.first.const)) if type(call.first.const) is str else plain("str")


def split(call: Call) -> Value:
    """`os.path.split(name)`."""
    parts = posixpath.split(call.first.const) if type(call.first.const) is str else None
    return tuple_of((plain("str"), plain("str")) if parts is None else tuple(Value("str", const=part) for part in parts))


def attribute(path: Value, name: str) -> Value | None:
    """`path.parent`, and `path.parents`, of a path that is known."""
    if path.type != _PATH or type(path.const) is not str or name not in ("parent", "parents"):
        return None
    parents = tuple(Value(_PATH, path.objects, const=str(one)) for one in PurePosixPath(path.const).parents)
    if name == "parents":
        return tuple_of(parents)
    return parents[0] if parents else path
