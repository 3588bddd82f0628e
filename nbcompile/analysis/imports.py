"""Imports: which library a name stands for. Nothing is ever imported to find out."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from nbcompile.analysis.bindings import MAIN, Frame, FunctionFrame
from nbcompile.analysis.known.stars import Star, star
from nbcompile.analysis.modules import public_names
from nbcompile.analysis.replayable import candidate, dotted


def reloaded_modules(trees: Iterable[ast.AST]) -> frozenset[str]:
    """The top-level modules that a notebook loads once more with `reload`, under whatever name it had imported them."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    calls = [node for node in nodes if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "reload" and node.args]
    if not calls:
        return frozenset()
    given = {dotted(call.args[0]).partition(".")[0] for call in calls}
    named = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    whole = {alias.name.partition(".")[0] for alias in named if (alias.asname or alias.name.partition(".")[0]) in given}
    parts = {
        (node.module or "").partition(".")[0]
        for node in nodes
        if isinstance(node, ast.ImportFrom) and not given.isdisjoint(alias.asname or alias.name for alias in node.names)
    }
    return frozenset(whole | parts - {""})


# What cells are compiled like; the others are in every Python by now.
FUTURE, _STILL_TO_COME = "library:__future__", frozenset(("annotations", "barry_as_FLUFL"))
# What an import finds and fills in, when it is the first one: pyplot chooses its backend.
_COMPLETES = {"matplotlib.pyplot": "matplotlib.rcParams"}


def import_(frame: Frame, node: ast.Import) -> None:
    """`import a.b.c` binds `a`; `import a.b as c` binds `c` to the inner module."""
    for alias in node.names:
        root = alias.name.partition(".")[0]
        frame.walk.imported(frame, root, node)
        _complete(frame, alias.name, node)
        if alias.asname:
            frame.bind(alias.asname, frame.walk.library(frame.walk.known.canonical(alias.name)))
        else:
            frame.bind(root, frame.walk.library(root))


def import_from(frame: Frame, node: ast.ImportFrom) -> None:
    """`from a import b`; with a star, the names that are listed for the module, or that it has where it stands beside the notebook."""
    walk = frame.walk
    module = "." * node.level + (node.module or "")
    if node.level and isinstance(frame, FunctionFrame) and frame.package:
        base = frame.package.split(".")[: len(frame.package.split(".")) - node.level + 1]
        module = ".".join([*base, *([node.module] if node.module else [])])
    walk.imported(frame, module.partition(".")[0] if not node.level else module, node)
    if module == "__future__" and not _STILL_TO_COME.isdisjoint(alias.name for alias in node.names):
        # The shell compiles later cells as it says, too.
        walk.effect(frame, FUTURE, "write", node.names[0].name, node)
    module = walk.known.canonical(module) if not node.level else module
    _complete(frame, module, node)
    for alias in node.names:
        _complete(frame, f"{module}.{alias.name}", node)
        if alias.name == "*":
            _import_star(frame, module, node)
        elif module == MAIN:
            frame.bind(alias.asname or alias.name, frame.read_global(alias.name, node))
        else:
            frame.bind(alias.asname or alias.name, walk.library(walk.known.canonical(f"{module}.{alias.name}")))


def _import_star(frame: Frame, module: str, node: ast.ImportFrom) -> None:
    walk = frame.walk
    names = _beside(frame, module) if module in walk.sources else star(module)
    if names is None:
        walk.starred.add(module.lstrip(".").partition(".")[0])
        walk.opaque(frame, node, f"`from {module} import *` binds names that are not known")
    else:
        bind_stars(frame, names)


def _beside(frame: Frame, module: str) -> tuple[Star, ...] | None:
    """What a star imports from a module beside the notebook."""
    names = public_names(frame, module)
    return None if names is None else tuple(Star(name, f"{module}.{name}", sure) for name, sure in names.items())


def bind_stars(frame: Frame, names: Iterable[Star]) -> None:
    """Bind what a star imports: first what it surely does, then what it does perhaps."""
    walk = frame.walk
    sure, perhaps = ([one for one in names if one.sure is wanted] for wanted in (True, False))
    for one in sure:
        frame.bind(one.name, walk.library(walk.known.canonical(one.path)))
    before = frame.fork()
    for one in perhaps:
        frame.bind(one.name, walk.library(walk.known.canonical(one.path)))
    frame.merge([frame.fork(), before])


def _complete(frame: Frame, module: str, node: ast.AST) -> None:
    """The first import of a module reads, and completes, what the notebook may have a name for."""
    walk = frame.walk
    if module not in _COMPLETES or module in walk.completed:
        return
    walk.completed.add(module)
    for name in [name for name, value in walk.namespace.items() if value.callee == _COMPLETES[module]]:
        frame.read_global(name, node, (module,))


def is_stateless(text: str) -> bool:
    """Whether a module of this text holds nothing that a call of its functions could change."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return False
    names = {name for node in tree.body if (found := candidate(node, 0)) is not None for name in found.binds}
    return all(_is_fixed(node) for node in tree.body) and not any(_may_change(node, names) for node in ast.walk(tree))


def _is_fixed(node: ast.stmt) -> bool:
    """A definition, a text, or what runs only in a program."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Compare) and isinstance(node.test.left, ast.Name) and node.test.left.id == "__name__"
    return candidate(node, 0) is not None


def _may_change(node: ast.AST, names: set[str]) -> bool:
    """Whether a node binds a name of the module, sets a part of what one stands for, or keeps results."""
    if isinstance(node, ast.Global | ast.Nonlocal):
        return True
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return any("cache" in ast.unparse(decorator) for decorator in node.decorator_list)
    if not isinstance(node, ast.Attribute | ast.Subscript) or isinstance(node.ctx, ast.Load):
        return isinstance(node, ast.Name) and node.id in ("setattr", "type", "__class__", "globals")
    root: ast.AST = node
    while isinstance(root, ast.Attribute | ast.Subscript):
        root = root.value
    return not isinstance(root, ast.Name) or root.id in names or root.id == "cls"
