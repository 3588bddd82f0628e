"""How long a cell may take, from its text alone, and what a step costs beyond its cells.

Only the order of magnitude matters: cells that surely take no time are not worth a step, cells that may take time are.
A profile replaces these guesses with measurements.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from nbcompile.model.graph import DataflowGraph
from nbcompile.model.notebook import Cell, Notebook
from nbcompile.model.plan import Plan, StepId

# A fork of the warm parent, its payloads and the bookkeeping (tests/benchmarks).
LOCAL_STEP_SECONDS = 0.02
_TRIVIAL_SECONDS = 0.001
_SOME_SECONDS = 0.3
_MUCH_SECONDS = 2.0

_QUICK_CALLS = frozenset(
    [
        "DataFrame",
        "Path",
        "Series",
        "abs",
        "all",
        "any",
        "append",
        "arange",
        "array",
        "astype",
        "bool",
        "capitalize",
        "clear",
        "copy",
        "count",
        "deepcopy",
        "default_rng",
        "describe",
        "dict",
        "difference",
        "display",
        "drop",
        "dropna",
        "endswith",
        "enumerate",
        "extend",
        "figure",
        "fillna",
        "float",
        "format",
        "get",
        "getattr",
        "grid",
        "hasattr",
        "head",
        "id",
        "iloc",
        "info",
        "insert",
        "int",
        "isin",
        "isinstance",
        "isna",
        "issubset",
        "items",
        "iterrows",
        "join",
        "keys",
        "legend",
        "len",
        "linspace",
        "list",
        "loc",
        "lower",
        "lstrip",
        "max",
        "mean",
        "median",
        "min",
        "ndim",
        "nunique",
        "ones",
        "pop",
        "print",
        "query",
        "range",
        "rename",
        "replace",
        "repr",
        "reset_index",
        "reversed",
        "round",
        "rstrip",
        "seed",
        "set",
        "set_index",
        "set_option",
        "setdefault",
        "shape",
        "show",
        "sorted",
        "split",
        "squeeze",
        "startswith",
        "std",
        "str",
        "strip",
        "subplots",
        "sum",
        "tail",
        "tight_layout",
        "title",
        "to_dict",
        "tolist",
        "transpose",
        "tuple",
        "type",
        "unique",
        "update",
        "upper",
        "value_counts",
        "values",
        "var",
        "xlabel",
        "xlim",
        "ylabel",
        "ylim",
        "zeros",
        "zip",
    ]
)
_SLOW_CALLS = (
    "fit",
    "train",
    "cross_val",
    "simulate",
    "optimi",
    "minimize",
    "bootstrap",
    "permut",
    "sample",
    "download",
    "solve",
    "grid_search",
)


def estimate_seconds(cell: Cell) -> float:
    """A rough guess at the CPU seconds of a cell, from its syntax."""
    if not cell.source.strip():
        return 0.0
    try:
        tree = ast.parse(cell.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _SOME_SECONDS
    return max((_node_seconds(node) for node in _running_nodes(tree)), default=_TRIVIAL_SECONDS)


def carried_seconds(graph: DataflowGraph, stored: Mapping[tuple[int, str], float]) -> dict[tuple[int, int], float]:
    """What it takes to bring values from one cell to another that is in another step: they are stored there, and read here.

    `stored` says how long it takes to store what a cell makes, by cell and name; reading takes about as long.
    """
    names: dict[tuple[int, int], set[str]] = {}
    for edge in graph.edges:
        if (edge.source, edge.name) in stored:
            names.setdefault((edge.source, edge.target), set()).add(edge.name)
    return {(source, target): sum(2 * stored[source, name] for name in found) for (source, target), found in names.items()}


def estimate_steps(plan: Plan, notebook: Notebook) -> dict[StepId, float]:
    """A rough guess at the CPU seconds of each step."""
    return {step.id: sum(estimate_seconds(notebook.code_cells[cell]) for cell in step.cells) for step in plan.steps}


def _running_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes that run when the cell does: bodies of functions run when they are called."""
    stack: list[ast.AST] = list(tree.body)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            stack.extend(ast.iter_child_nodes(node))


def _node_seconds(node: ast.AST) -> float:
    if isinstance(node, ast.For | ast.While | ast.AsyncFor | ast.MatMult):
        return _SOME_SECONDS
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        if any(verb in name.lower() for verb in _SLOW_CALLS):
            return _MUCH_SECONDS
        return _TRIVIAL_SECONDS if name in _QUICK_CALLS else _SOME_SECONDS
    return _TRIVIAL_SECONDS
