"""Facts -> the imports that a process may do before it becomes the process of any step.

Those of the notebook's beginning, until a cell changes what an import reads: environment variables, the search path, the
working directory. Only imports: a process in which other code has run is no safe parent (docs/architecture.md).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from nbcompile.model.facts import CellFacts
from nbcompile.model.notebook import Notebook
from nbcompile.model.plan import WarmImport
from nbcompile.model.surroundings import Surroundings

_READ_BY_IMPORTS = frozenset(("os.environ", "sys.path", "cwd", "unknown"))
_NEVER = 10**9
# Libraries that add to another one when they are imported, and the word by which a cell before that finds what is added:
# numbers of objects, colormaps, styles.
_ADDS = (
    (frozenset(("geoviews", "holoviews", "hvplot", "lumen", "panel")), re.compile(r"\bparam\b")),
    (
        frozenset(("cmasher", "cmcrameri", "cmocean", "colorcet", "geoviews", "holoviews", "hvplot", "seaborn")),
        re.compile(r"\bcolormaps\b"),
    ),
    (frozenset(("aquarel", "mplcyberpunk", "qbstyles", "scienceplots")), re.compile(r"\bstyle\b")),
)


def warm_imports(facts: Sequence[CellFacts], notebook: Notebook, beside: Surroundings) -> tuple[WarmImport, ...]:
    """The import statements in notebook order; those of what lies beside the notebook, or is written by it, are left to the steps.

    Those cells are named that would see the difference, as an import comes later that adds to what they look at.
    """
    if beside.configures_imports:
        return ()
    own = frozenset(path.rstrip("/").removesuffix(".py") for _, path in beside.mentions if "/" not in path.rstrip("/"))
    own |= {name for cell in facts for name in _written_modules(cell)}
    found: list[WarmImport] = []
    for cell in facts:
        end = _changes_imports(cell)
        lines = notebook.code_cells[cell.index].source.splitlines()
        for statement in cell.statements:
            first, last = statement.lines
            if statement.imports and first < end:
                nodes = _imports("\n".join(lines[first - 1 : last]))
                early = [node for node in nodes if not own & set(_modules(node))]
                found += [WarmImport(cell.index, ast.unparse(node), _seen_by(node, notebook, cell.index, first)) for node in early]
        if end != _NEVER:
            break
    return tuple(dict.fromkeys(found))


def _seen_by(statement: ast.stmt, notebook: Notebook, cell: int, line: int) -> tuple[int, ...]:
    """All cells down to that of the import, if there is such a word before it: it may stand in a function that others call."""
    words = [word for libraries, word in _ADDS if not libraries.isdisjoint(_modules(statement))]
    above = [one.source for one in notebook.code_cells[:cell]] if words else []
    above += notebook.code_cells[cell].source.splitlines()[: line - 1]
    return tuple(range(cell + 1)) if any(word.search(text) for word in words for text in above) else ()


def _written_modules(cell: CellFacts) -> Iterator[str]:
    """What modules and packages are called that a cell writes, wherever they are looked for."""
    for effect in cell.effects:
        if effect.channel == "files" and effect.mode != "read" and effect.subject.endswith(".py"):
            yield from effect.subject.removesuffix(".py").split("/")


def _changes_imports(cell: CellFacts) -> int:
    """The line from which on imports may see something else."""
    if cell.opaque:
        return 0
    lines = (effect.span.line for effect in cell.effects if effect.mode != "read" and effect.channel in _READ_BY_IMPORTS)
    return min(lines, default=_NEVER)


def _imports(text: str) -> list[ast.stmt]:
    """The statements of some lines that may run before their cell does: a single one, or the imports among several."""
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return []
    return body if len(body) == 1 else [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]


def _modules(statement: ast.stmt) -> tuple[str, ...]:
    names = [alias.name for node in ast.walk(statement) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "." for node in ast.walk(statement) if isinstance(node, ast.ImportFrom)]
    return tuple(name.split(".")[0] for name in names)
