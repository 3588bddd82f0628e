"""The modules of `nbcompile.runtime` -> ONE self-contained Python file.

Mechanical: module docstrings and imports between the modules are dropped, everything else stays as it is.
The modules share no top-level name, which a test holds.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_HEADER = '''\
"""The step runtime of nbcompile: runs the cells of one step, and collects the executed notebook.

Self-contained: needs only Python, and uses IPython where it is there. Made from the modules of
nbcompile.runtime; change them, not this file.
"""

from __future__ import annotations

import builtins

# What cells do to builtins is for cells: from Python 3.10 on functions take these from their module.
__builtins__ = dict(vars(builtins))
# Classes say in which module they were made, and `__main__` is the notebook's.
_run_as, __name__ = __name__, "nbcompile_runtime"
'''
_BETWEEN_MODULES = re.compile(r"(?m)^ *from \.(\w+) import (?:\([^)]*\)|.*)\n")
_QUOTES = '"""'
_FUTURE = "from __future__ import annotations\n"


@cache
def join_runtime() -> str:
    """The text of the runtime file; modules come after those they import, `main` last."""
    sources = _sources()
    parts = [_HEADER]
    for name in _order(sources):
        body = _BETWEEN_MODULES.sub("", _without_docstring(sources[name]).replace(_FUTURE, "", 1))
        parts.append(f"\n# ---- {name}\n\n{body.strip()}\n")
    return "".join(parts)


def _sources() -> dict[str, str]:
    folder = files("nbcompile.runtime")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".py") and entry.name != "__init__.py")
    return {name[:-3]: folder.joinpath(name).read_text("utf-8") for name in names}


def _order(sources: dict[str, str]) -> list[str]:
    order: list[str] = []

    def visit(name: str) -> None:
        if name not in order:
            for needed in _BETWEEN_MODULES.finditer(sources[name]):
                visit(needed.group(1))
            order.append(name)

    for name in sorted(sources):
        if name != "main":
            visit(name)
    visit("main")
    return order


def _without_docstring(source: str) -> str:
    return source[source.index(_QUOTES, len(_QUOTES)) + len(_QUOTES) :] if source.startswith(_QUOTES) else source
