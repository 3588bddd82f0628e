"""Facts + syntax trees -> how many items names hold, where that is written down."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from nbcompile.model.facts import CellFacts

_ONLY_READ = ("len", "list", "tuple", "sorted", "print", "display", "range", "zip", "enumerate", "sum", "min", "max")
_SAME_LENGTH = ("list", "tuple", "sorted", "enumerate", "reversed")


def known_length(name: str, above: Sequence[CellFacts], trees: Mapping[int, ast.Module]) -> int | None:
    """The number of items in what a name is bound to once, and nothing changes; nothing where that cannot be told."""
    made = [(cell.index, one) for cell in above for one in cell.definitions if one.name == name]
    changed = any(cell.opaque or any(change.name == name for change in cell.changes) for cell in above)
    if len(made) != 1 or changed or not made[0][1].certain:
        return None
    tree = trees.get(made[0][0])
    if tree is None or _may_change_there(name, tree):
        return None
    values = [value for part in tree.body for target, value in _bound(part) if target == name]
    stored = [part for part in ast.walk(tree) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store) and part.id == name]
    if len(values) != 1 or len(stored) != 1:
        return None
    return _length(values[0], above, trees)


def _may_change_there(name: str, tree: ast.Module) -> bool:
    """Whether its own cell does more with what the name holds than go through it."""
    iterables = [part.iter for part in ast.walk(tree) if isinstance(part, ast.For | ast.comprehension)]
    given = [
        argument for part in ast.walk(tree) if isinstance(part, ast.Call) and ast.unparse(part.func) in _ONLY_READ for argument in part.args
    ]
    read = {id(part) for part in (*iterables, *given)}
    loads = (part for part in ast.walk(tree) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id == name)
    return any(id(part) not in read for part in loads)


def _bound(statement: ast.stmt) -> list[tuple[str, ast.expr]]:
    """The names that an assignment binds, each with its own value."""
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        return [(statement.target.id, statement.value)] if isinstance(statement.target, ast.Name) else []
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return []
    (target,), value = statement.targets, statement.value
    pairs = [(target, value)]
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        pairs = list(zip(target.elts, value.elts, strict=True))
    return [(one.id, made) for one, made in pairs if isinstance(one, ast.Name)]


def _length(value: ast.expr, above: Sequence[CellFacts], trees: Mapping[int, ast.Module]) -> int | None:
    if isinstance(value, ast.List | ast.Tuple):
        return None if any(isinstance(item, ast.Starred) for item in value.elts) else len(value.elts)
    if isinstance(value, ast.Name):
        return known_length(value.id, above, trees)
    if isinstance(value, ast.ListComp) and len(value.generators) == 1 and not value.generators[0].ifs:
        return _length(value.generators[0].iter, above, trees)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and not value.keywords:
        numbers = [one.value for one in value.args if isinstance(one, ast.Constant) and type(one.value) is int]
        if value.func.id == "range" and len(numbers) == len(value.args) and 1 <= len(numbers) <= 3 and 0 not in numbers[2:]:
            return len(range(*numbers))
        if value.func.id in _SAME_LENGTH and len(value.args) == 1:
            return _length(value.args[0], above, trees)
    return None
