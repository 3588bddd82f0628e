"""Definition statements: which top-level statements a step may run again instead of being sent what they bind.

Only what is cheap, has no effect, does not depend on host or moment, and whose objects nobody ever changes.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from nbcompile.analysis.values import says_nan

_PURE_CALLS_WORDS = """
    int float str bool bytes complex frozenset range tuple abs min max round len sum slice ord chr pathlib.Path re.compile
    collections.namedtuple typing.TypeVar typing.NewType datetime.date datetime.datetime datetime.timedelta decimal.Decimal
    fractions.Fraction math.sqrt math.log math.exp math.sin math.cos os.path.join logging.getLogger
"""
_PURE_CALLS = frozenset(_PURE_CALLS_WORDS.split())
_SAFE_DECORATORS_WORDS = """
    staticmethod classmethod property dataclass dataclasses.dataclass functools.lru_cache lru_cache functools.cache cache
    functools.wraps wraps contextlib.contextmanager contextmanager numba.njit njit numba.jit jit nb.njit nb.jit
    functools.total_ordering total_ordering abc.abstractmethod abstractmethod functools.cached_property cached_property
"""
_SAFE_DECORATORS = frozenset(_SAFE_DECORATORS_WORDS.split())
# Given types, these look at once for what the function reads.
_COMPILE_FOR_TYPES = frozenset(("jit", "njit", "numba.jit", "numba.njit", "nb.jit", "nb.njit"))
# What a class makes of these when it is made is its own: fields of dataclasses, and members of enumerations.
_PARTS_OF_CLASSES = frozenset(("field", "dataclasses.field", "auto", "enum.auto"))
# Where statements hold other statements.
_BLOCKS = ("body", "handlers", "cases", "orelse", "finalbody")
_FOR_FUNCTIONS_ONLY = frozenset(("functools.lru_cache", "lru_cache", "functools.cache", "cache"))


class Candidate(NamedTuple):
    """A statement that may be run again, if the names it reads can be had and nobody changes what it makes."""

    ordinal: int
    lines: tuple[int, int]
    binds: tuple[str, ...]
    imports: tuple[str, ...] = ()
    star: bool = False


def candidate(statement: ast.stmt, ordinal: int) -> Candidate | None:
    """The statement as a candidate, judged by its form alone; what a star imports is not among the names that it binds."""
    if not _is_definition(statement):
        return None
    first = min([statement.lineno, *(decorator.lineno for decorator in getattr(statement, "decorator_list", ()))])
    found: dict[str, None] = {}
    _collect(statement, found)
    if not found and not imports_star(statement):
        return None
    return Candidate(ordinal, (first, statement.end_lineno or first), tuple(found), _imported(statement))


def imports_star(statement: ast.stmt) -> bool:
    """Whether the form of a definition does not say which names it binds."""
    if isinstance(statement, ast.Try):
        handled = [part for handler in statement.handlers for part in handler.body]
        return any(map(imports_star, [*statement.body, *handled, *statement.orelse, *statement.finalbody]))
    return isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"


def _imported(statement: ast.stmt) -> tuple[str, ...]:
    """The top-level modules that a statement imports; those beside a package it is in have no name."""
    found: dict[str, None] = {}
    waiting: list[ast.AST] = [statement]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, ast.Import):
            found.update((alias.name.partition(".")[0], None) for alias in part.names)
        elif isinstance(part, ast.ImportFrom):
            found["" if part.level else (part.module or "").partition(".")[0]] = None
        else:
            waiting += [inner for field in _BLOCKS for inner in getattr(part, field, ())]
    return tuple(found)


def setting(statement: ast.stmt, ordinal: int) -> Candidate | None:
    """A statement that may set the state of a library: a call, or a store below a name, with nothing but plain values."""
    if isinstance(statement, ast.Expr):
        plain = isinstance(statement.value, ast.Call) and _is_reached(statement.value)
    elif isinstance(statement, ast.Assign):
        below = all(isinstance(target, ast.Attribute | ast.Subscript) and _is_reached(target) for target in statement.targets)
        plain = below and _is_plain(statement.value)
    else:
        plain = False
    if not plain:
        return None
    return Candidate(ordinal, (statement.lineno, statement.end_lineno or statement.lineno), ())


def _is_reached(node: ast.expr) -> bool:
    """Whether something is found below a name, by attributes, plain keys, and calls with plain values: `logging.getLogger("a").level`."""
    if isinstance(node, ast.Attribute):
        return _is_reached(node.value)
    if isinstance(node, ast.Subscript):
        return _is_plain(node.slice) and _is_reached(node.value)
    if isinstance(node, ast.Call):
        return all(map(_is_plain, [*node.args, *(keyword.value for keyword in node.keywords)])) and _is_reached(node.func)
    return isinstance(node, ast.Name)


def _is_plain(node: ast.expr) -> bool:
    """Whether an argument is a constant, or a display of constants."""
    if isinstance(node, ast.List | ast.Set):
        return all(map(_is_plain, node.elts))
    if isinstance(node, ast.Dict):
        return all(key is not None and _is_constant(key) for key in node.keys) and all(map(_is_plain, node.values))
    # `"{:.2f}".format` is as constant as its text.
    return _is_constant(node.value if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Constant) else node)


def _is_definition(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass):
        return True
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        defaults = [*statement.args.defaults, *(default for default in statement.args.kw_defaults if default)]
        if not all(map(_is_annotation, _annotations(statement))):
            return False
        return all(map(_is_safe_decorator, statement.decorator_list)) and all(map(_is_constant, defaults))
    if isinstance(statement, ast.ClassDef):
        return _is_plain_class(statement)
    if isinstance(statement, ast.Assign):
        return _is_constant(statement.value) and not _is_stream(statement.value) and all(map(_is_name, statement.targets))
    if isinstance(statement, ast.AnnAssign):
        return statement.value is not None and _is_constant(statement.value) and _is_name(statement.target)
    return _is_choice_of_definitions(statement)


def _annotations(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    """What is worked out besides the defaults when a function is made."""
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, *(one for one in (given.vararg, given.kwarg) if one)]
    return [one for one in (function.returns, *(argument.annotation for argument in named)) if one is not None]


def _is_annotation(node: ast.expr) -> bool:
    """Whether an annotation calls nothing, as `list[int] | None` does not."""
    return not any(isinstance(part, ast.Call | ast.Await | ast.NamedExpr) for part in ast.walk(node)) or _is_constant(node)


def _is_stream(node: ast.expr) -> bool:
    """Whether this has where everything is printed, which is another while a cell has put something in its place."""
    return any(isinstance(part, ast.Attribute) and part.attr in ("stdout", "stderr") for part in ast.walk(node))


def _is_choice_of_definitions(statement: ast.stmt) -> bool:
    """`try: import a` / `except ImportError: a = None`, and `if` with a constant-like test."""
    if isinstance(statement, ast.Try):
        handlers = [part for handler in statement.handlers for part in handler.body]
        named = any(handler.name for handler in statement.handlers)
        imports = any(isinstance(part, ast.Import | ast.ImportFrom) for part in statement.body)
        return imports and not named and all(map(_is_definition, [*statement.body, *handlers, *statement.orelse, *statement.finalbody]))
    return False


def _is_plain_class(node: ast.ClassDef) -> bool:
    if not all(map(_is_safe_decorator, node.decorator_list)) or not all(map(_is_constant, node.bases)) or node.keywords:
        return False
    if any(name_of(decorator) in _FOR_FUNCTIONS_ONLY for decorator in node.decorator_list):
        return False
    return all(
        _is_definition(part)
        or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
        or (isinstance(part, ast.AnnAssign) and (part.value is None or _is_constant(part.value) or _is_part_of_class(part.value)))
        or (isinstance(part, ast.Assign) and _is_part_of_class(part.value) and all(map(_is_name, part.targets)))
        or (isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and _is_definition(part))
        for part in node.body
    )


def _is_part_of_class(node: ast.expr) -> bool:
    """`field(default_factory=list)`, `auto()`."""
    if not isinstance(node, ast.Call) or dotted(node.func) not in _PARTS_OF_CLASSES:
        return False
    return not node.args and all(_is_constant(keyword.value) for keyword in node.keywords)


def _is_name(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) or (isinstance(target, ast.Tuple | ast.List) and all(map(_is_name, target.elts)))


def _is_safe_decorator(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and not all(map(_is_constant, [*node.args, *(keyword.value for keyword in node.keywords)])):
        return False
    name = name_of(node)
    if isinstance(node, ast.Call) and name in _COMPILE_FOR_TYPES and (node.args or any(one.arg == "signature" for one in node.keywords)):
        return False
    return name in _SAFE_DECORATORS or (name.endswith((".setter", ".getter", ".deleter")) and name.count(".") == 1)


def name_of(decorator: ast.expr) -> str:
    """A decorator as text, without what it is given; empty for anything that is no name."""
    return dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)


def _is_constant(node: ast.expr) -> bool:
    """Whether an expression is a literal, or made of literals and other names by operators and a few pure calls."""
    kind = type(node)
    if kind in (ast.Constant, ast.Name):
        return True
    if isinstance(node, ast.Attribute):
        return dotted(node) != ""
    if isinstance(node, ast.Tuple):
        return all(map(_is_constant, node.elts))
    if isinstance(node, ast.UnaryOp):
        return _is_constant(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_constant(node.left) and _is_constant(node.right)
    if isinstance(node, ast.JoinedStr):
        inner = [part for part in node.values if isinstance(part, ast.FormattedValue)]
        return all(_is_constant(part.value) and (part.format_spec is None or _is_constant(part.format_spec)) for part in inner)
    if isinstance(node, ast.Call):
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        is_nan = any(isinstance(one, ast.Constant) and says_nan(one.value) for one in given)
        return dotted(node.func).removeprefix("builtins.") in _PURE_CALLS and all(map(_is_constant, given)) and not is_nan
    if isinstance(node, ast.Lambda):
        return all(map(_is_constant, [*node.args.defaults, *(default for default in node.args.kw_defaults if default)]))
    return False


def dotted(node: ast.expr) -> str:
    """`a.b.c` as text; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _collect(statement: ast.stmt, found: dict[str, None]) -> None:
    """The names that a definition binds, in the order in which they are written."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        found.update(dict.fromkeys((alias.asname or alias.name).partition(".")[0] for alias in statement.names if alias.name != "*"))
    elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        found[statement.name] = None
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            found.update(dict.fromkeys(node.id for node in ast.walk(target) if isinstance(node, ast.Name)))
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        found[statement.target.id] = None
    elif isinstance(statement, ast.Try):
        handlers = [part for handler in statement.handlers for part in handler.body]
        for part in (*statement.body, *handlers, *statement.orelse, *statement.finalbody):
            _collect(part, found)
