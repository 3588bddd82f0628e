"""What the runtime uses of the standard library, as it was before any cell ran.

Cells run in this process, and may change what they like: separators of `json`, `time.time`, `open`. What the runtime writes must stay
readable. The joined file has builtins of its own as well.
"""

from __future__ import annotations

import builtins
import sys
import types
from importlib.util import find_spec, module_from_spec
from typing import Any, Dict, List

# Those that only calculate or ask the system. What others keep (`sys`, `warnings`, `threading`) is the process's, and is wanted as it is.
_SEPARATED = ("contextlib", "functools", "glob", "hashlib", "io", "math", "os", "pickle", "re", "shutil", "stat", "struct", "time")


_OWN_BUILTINS = dict(vars(builtins))


def _once_more(package: str, *parts: str) -> Any:
    """A package of the standard library, loaded once more, with builtins of its own; nobody else finds it, so nobody changes it."""
    names = [package, *(f"{package}.{part}" for part in parts)]
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == package}
    made: List[types.ModuleType] = []
    try:
        for name in names:
            made.append(module_from_spec(find_spec(name)))  # type: ignore[arg-type]
            vars(made[-1])["__builtins__"] = _OWN_BUILTINS
            sys.modules[name] = made[-1]
        for module in (*made[1:], made[0]):
            module.__spec__.loader.exec_module(module)  # type: ignore[union-attr]
        return made[0]
    finally:
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)


_JSON = _once_more("json", "scanner", "decoder", "encoder")
json_dump, json_dumps, json_load, json_loads = _JSON.dump, _JSON.dumps, _JSON.load, _JSON.loads


def separate(names: Dict[str, Any]) -> None:
    """Give a namespace copies of the modules of the standard library that it has."""
    copies: Dict[int, types.ModuleType] = {}
    for name in _SEPARATED:
        if isinstance(names.get(name), types.ModuleType):
            names[name] = _copy(names[name], copies)


def _copy(module: types.ModuleType, copies: Dict[int, types.ModuleType]) -> types.ModuleType:
    """A module with the same values, whose functions see this copy and copies of the modules that it uses."""
    if id(module) in copies:
        return copies[id(module)]
    made = copies[id(module)] = types.ModuleType(module.__name__)
    own = vars(made)
    own.update(vars(module))
    own["__builtins__"] = _OWN_BUILTINS
    for name, value in vars(module).items():
        if isinstance(value, types.ModuleType) and value.__name__ in (*_SEPARATED, "posixpath", "genericpath"):
            own[name] = _copy(value, copies)
        elif isinstance(value, types.FunctionType) and value.__globals__ is vars(module):
            own[name] = _with_names(value, own)
    return made


def _with_names(function: types.FunctionType, names: Dict[str, Any]) -> types.FunctionType:
    made = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__, made.__module__, made.__qualname__ = function.__kwdefaults__, function.__module__, function.__qualname__
    return made
