"""What importing a module beside the notebook loads: these run once in a kernel, whichever cell is the first to import them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping


def loaded_with(sources: Mapping[str, str], module: str) -> frozenset[str]:
    """The top-level modules beside the notebook that importing one of them may load, itself among them."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        top = waiting.pop()
        texts = [text for name, text in sources.items() if name.partition(".")[0] == top]
        if texts and top not in found:
            found.add(top)
            waiting += [name for text in texts for name in _imported_in(text)]
    return frozenset(found)


def _imported_in(text: str) -> Iterator[str]:
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]
