"""Functions whose code a library wrote as a text, with names that nobody else has: those that `sympy.lambdify` makes.

The text stands in `linecache`, under a number that each process counts for itself.
"""

from __future__ import annotations

import builtins
import dis
import itertools
import linecache
import re
import sys
import types
from typing import Any, Dict, Iterator, Optional

_NUMBERED = re.compile(r"(?P<what><.*?)(?P<number>\d+)>")
# Who counts the texts of a library.
_COUNTERS = {"<lambdifygenerated-": ("sympy.utilities.lambdify", "_lambdify_generated_counter")}


def generated_text(code: types.CodeType) -> Optional[str]:
    """The text that this code was made of, if it was one of those that are numbered, and stand in no file."""
    entry: Any = linecache.cache.get(code.co_filename)
    # Of a text that is looked for when somebody asks, there is only who looks; what stands in a file has a time.
    is_there = entry is not None and len(entry) > 1 and entry[1] is None
    return "".join(entry[2]) if is_there and _NUMBERED.fullmatch(code.co_filename) else None


def register_generated(file: str, text: str) -> str:
    """Let tracebacks find a text under its name, or the next number that is free here; returns its name."""
    found = _NUMBERED.fullmatch(file)
    what, number = (found["what"], int(found["number"])) if found is not None else (file, 0)
    lines = text.splitlines(True)
    number = next(at for at in itertools.count(number) if linecache.getlines(f"{what}{at}>") in ([], lines))
    home, counter = _COUNTERS.get(what, ("", ""))
    if hasattr(sys.modules.get(home), counter):
        setattr(sys.modules[home], counter, max(getattr(sys.modules[home], counter), number + 1))
    name = f"{what}{number}>"
    linecache.cache[name] = (len(text), None, lines, name)
    return name


def names_looked_up(function: types.FunctionType) -> Optional[Dict[str, Any]]:
    """The global names that a function may look up, and what they are; None if it binds some."""
    codes = list(_all_codes(function.__code__))
    if any(step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL") for code in codes for step in dis.get_instructions(code)):
        return None
    wanted = {name for code in codes for name in code.co_names}
    return {name: item for name, item in sorted(function.__globals__.items()) if name in wanted}


def function_of_text(code: types.CodeType, name: str, closure: Any) -> types.FunctionType:
    """A function that knows no names yet. Equal code may have come from another text; `name` is that of its own."""
    return types.FunctionType(_named_code(code, name), {"__builtins__": vars(builtins)}, None, None, closure)


def _all_codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _all_codes(constant)


def _named_code(code: types.CodeType, name: str) -> types.CodeType:
    constants = tuple(_named_code(one, name) if isinstance(one, types.CodeType) else one for one in code.co_consts)
    return code.replace(co_filename=name, co_consts=constants)
