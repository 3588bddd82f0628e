"""Code by its place in a source: how functions travel without bytecode, and so between Python versions.

A code object is found by the way that leads to it from the source's top: at each level the name and first line of the
code, and which of several alike it is.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
import types
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from .generated import function_of_text, generated_text, register_generated

Step = Tuple[str, int, int]
# One after the other: the statements of a cell, or the whole of a module.
Codes = Tuple[types.CodeType, ...]
# Flags of `from __future__ import …`; the other flags of a code object say nothing about its source.
_FUTURE_FLAGS = 0x0FFE0000


class CodePlace(NamedTuple):
    """Where code is written. `module` is empty for a cell; then `file` is its name in tracebacks and `text` what was compiled."""

    module: str
    cell: int
    file: str
    text: str
    number: Optional[int]
    flags: int
    way: Tuple[Step, ...]


def ways_in(tops: Codes) -> Dict[types.CodeType, Tuple[Step, ...]]:
    """The way to every code object below `tops`. Code that is equal may have any one of its ways."""
    return dict(_walk(tops, ()))


def _walk(codes: Codes, way: Tuple[Step, ...]) -> Iterator[Tuple[types.CodeType, Tuple[Step, ...]]]:
    for step, inner in _inner(codes):
        yield inner, (*way, step)
        yield from _walk((inner,), (*way, step))


def _inner(codes: Codes) -> List[Tuple[Step, types.CodeType]]:
    alike: Dict[Tuple[str, int], int] = {}
    found: List[Tuple[Step, types.CodeType]] = []
    for constant in itertools.chain.from_iterable(code.co_consts for code in codes):
        if isinstance(constant, types.CodeType):
            key = constant.co_name, constant.co_firstlineno
            found.append(((*key, alike.get(key, 0)), constant))
            alike[key] = alike.get(key, 0) + 1
    return found


def follow(tops: Codes, way: Tuple[Step, ...]) -> Optional[types.CodeType]:
    """The code object at the end of a way."""
    codes = tops
    for step in way:
        code = dict(_inner(codes)).get(tuple(step))  # type: ignore[arg-type]
        codes = () if code is None else (code,)
    return codes[0] if way and codes else None


class CodeFinder:
    """Finds the places of code objects, and code objects by their places."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._ways: Dict[Tuple[str, int], Dict[types.CodeType, Tuple[Step, ...]]] = {}
        self._tops: Dict[Tuple[str, int], Codes] = {}

    def place(self, code: types.CodeType, module: Optional[str]) -> Optional[CodePlace]:
        """Where this code is written, if that can be told: in a cell, or in a module that can be imported."""
        flags = code.co_flags & _FUTURE_FLAGS
        for source in self._kernel.sources.find(code.co_filename):
            way = self._ways_in(source.transformed, flags, code.co_filename).get(code)
            if way is not None:
                return CodePlace("", source.cell, code.co_filename, source.transformed, source.number, flags, way)
        if module is None:
            return None
        way = self._ways_in("module " + module, 0, module).get(code)
        return None if way is None else CodePlace(module, -1, "", "", None, 0, way)

    def code(self, place: CodePlace) -> types.CodeType:
        """The code at a place. Raises LookupError where there is none."""
        key = place.text or "module " + place.module, place.flags
        if key not in self._tops:
            self._tops[key] = self._top(place)
        code = follow(self._tops[key], place.way)
        if code is None:
            raise LookupError(f"there is no `{place.way[-1][0]}` at line {place.way[-1][1]} of {place.module or f'cell {place.cell}'}")
        return code

    def generated_place(self, code: types.CodeType) -> Optional[CodePlace]:
        """Where this code is written, if a library has written its text."""
        text, flags = generated_text(code), code.co_flags & _FUTURE_FLAGS
        way = None if text is None else self._ways_in(text, flags, code.co_filename).get(code)
        return None if text is None or way is None else CodePlace("", -1, code.co_filename, text, None, flags, way)

    def generated_function(self, place: CodePlace, closure: Any) -> types.FunctionType:
        """The function at such a place. Raises LookupError where there is none."""
        code = follow(self._compile(place.text, place.file, place.flags), place.way)
        if code is None:
            raise LookupError(f"there is no `{place.way[-1][0]}` in {place.file}")
        return function_of_text(code, register_generated(place.file, place.text), closure)

    def _top(self, place: CodePlace) -> Codes:
        if place.module:
            return _module_code(place.module)
        self._kernel.register_transformed(place.cell, place.file, place.text, place.number)
        return self._compile(place.text, place.file, place.flags)

    def _ways_in(self, text: str, flags: int, name: str) -> Dict[types.CodeType, Tuple[Step, ...]]:
        """The ways to all code of a cell, or of the module `name`."""
        key = text, flags
        if key not in self._ways:
            self._ways[key] = ways_in(_module_code(name) if text == "module " + name else self._compile(text, name, flags))
        return self._ways[key]

    def _compile(self, text: str, file_name: str, flags: int) -> Codes:
        """The statements of a cell, each on its own, as the shell compiles them.

        Python calls a function of a module in another way where the import stands in the same text.
        """
        import ast

        flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        try:
            tree = compile(text, file_name, "exec", flags | ast.PyCF_ONLY_AST, True)
            return tuple(compile(ast.Module([node], []), file_name, "exec", flags, True) for node in tree.body)
        except SyntaxError:
            return ()


def _module_code(name: str) -> Codes:
    """The code of a module that has a source or a compiled file."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    try:
        spec = spec or importlib.util.find_spec(name)
        loader = spec.loader if spec is not None else None
        code = loader.get_code(name) if hasattr(loader, "get_code") else None  # type: ignore[union-attr]
    except (ImportError, ValueError):
        return ()
    return () if code is None else (code,)
