"""Code cells -> syntax trees, one cell at a time, so that a long notebook never holds all its trees at once."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterator, Sequence

from nbcompile.frontend.directives import read_directives
from nbcompile.frontend.magics import magic_word, to_python, with_percent
from nbcompile.model.diagnostic import Diagnostic, Place, Span
from nbcompile.model.notebook import Cell, Notebook
from nbcompile.model.source import Magic, MagicKind, ParsedCell
from nbcompile.rules import reading

# The magics that run Python: the options that take a value, and whether the names they bind stay.
_RUNS_PYTHON = {
    "time": ("", True),
    "timeit": ("nrtpo", False),
    "prun": ("lsTD", True),
    "memit": ("rtio", True),
    "mprun": ("fT", True),
    "lprun": ("fmTDsu", True),
    "capture": ("", True),
    "debug": ("b", True),
}
_RUNS_ITS_CELL = frozenset(("time", "timeit", "prun", "memit", "capture", "python_in_place"))
_MARKS = re.compile(r"[%!?]|>>>|In \[|^[ \t]|[,;/]", re.MULTILINE)
_BINDS_ANYTHING = re.compile(r"import\s*\*|%(?:run|load|store|macro|pylab)\b|\b(?:exec|globals|vars|locals|user_ns)\b")
_ENDS = "raises-exception"
_SKIPPED = "skip-execution"


def parse_cells(notebook: Notebook) -> Iterator[ParsedCell]:
    """Each code cell as it is asked for."""
    cells = notebook.code_cells
    return (parse_cell(cell, cells[:number]) for number, cell in enumerate(cells))


def parse_cell(cell: Cell, earlier: Sequence[Cell] = ()) -> ParsedCell:
    """One cell, after others. A cell without IPython syntax costs one parse and nothing else."""
    directives, findings = read_directives(cell) if "nbc" in cell.source or cell.tags else ((), ())
    if _SKIPPED in cell.tags:
        return ParsedCell(cell=cell, tree=ast.Module([], []), directives=directives, diagnostics=findings)
    tree, error = _parse(cell.source)
    source = _as_magic(cell.source, tree is not None, earlier)
    has_magics = (tree is None and _MARKS.search(source) is not None) or "In [" in source or source != cell.source
    if has_magics:
        tree, second = _parse(to_python(source))
        error = second or error
    if tree is None:
        shown = () if _ENDS in cell.tags else (_syntax_error(cell, error),)
        return ParsedCell(cell=cell, directives=directives, diagnostics=findings + shown)
    if has_magics or "get_ipython" in cell.source:
        tree = _WithMagics(cell.source.splitlines()).visit(tree)
        has_magics = True
    return ParsedCell(cell=cell, tree=tree, has_magics=has_magics, directives=directives, diagnostics=findings)


def _as_magic(source: str, parses: bool, earlier: Sequence[Cell]) -> str:
    """The cell, with a `%` if it is a magic without one. What is Python as well counts as that where an earlier cell has such a name."""
    word = magic_word(source)
    if not word or (parses and any(_may_bind(cell.source, word) for cell in earlier)):
        return source
    return with_percent(source)


def _may_bind(source: str, word: str) -> bool:
    """Whether a cell has the word elsewhere than in magics and commands, or binds what nobody can tell."""
    lines = [line for line in source.splitlines() if not line.lstrip().startswith(("%", "!")) and magic_word(line) != word]
    text = "\n".join(lines)
    return re.search(rf"(?<![\w.]){word}\b", text) is not None or _BINDS_ANYTHING.search(source) is not None


def _parse(text: str) -> tuple[ast.Module | None, Exception | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text), None
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return None, error


# What looks like syntax of a newer Python, and the first that has it.
_NEWER = (
    ((3, 11), re.compile(r"^\s*except\s*\*")),
    ((3, 12), re.compile(r"^\s*type\s+\w+\s*(?:\[.*\])?\s*=|^\s*(?:async\s+)?def\s+\w+\[|^\s*class\s+\w+\[")),
)
# The same of literals. They begin in the code, not within another one or a comment.
_NEWER_LITERALS = (
    ((3, 12), re.compile(r"""[rR]?[fF][rR]?(["'])(?:(?!\1)[^{}])*\{(?:(?!\1)[^{}])*\1(?:(?!\1)[^{}])*\1(?:(?!\1)[^{}])*\}""")),
    ((3, 14), re.compile(r"""(?:[tT][rR]?|[rR][tT])['"]""")),
)
_LITERAL = re.compile(r"""#.*|(?:(?<!\w)[a-zA-Z]{1,2})?(?:('{3}|"{3}).*?(?:\1|$)|(['"])(?:\\.|(?!\2)[^\\])*(?:\2|$))""")


def _syntax_error(cell: Cell, error: Exception | None) -> Diagnostic:
    if isinstance(error, RecursionError | MemoryError) or "too complex" in str(error) or "too many nested" in str(error):
        message, advice = "the cell is nested too deep to be parsed", "write generated data to a file of its own, or compute it in a loop"
        return Diagnostic(rule=reading.TOO_DEEP, message=message, place=Place(cell.index, cell.id), help=advice)
    line, column, message = 1, 1, str(error)
    if isinstance(error, SyntaxError):
        line, column, message = error.lineno or 1, error.offset or 1, error.msg or "invalid syntax"
    return Diagnostic(
        rule=reading.SYNTAX_ERROR,
        message=message.lower(),
        place=Place(cell.index, cell.id, Span(line, column, line, column + 1)),
        help=_advice(cell, line),
    )


def _advice(cell: Cell, line: int) -> str:
    lines = cell.source.splitlines()
    text = lines[line - 1] if line <= len(lines) else ""
    newer = _newer(text)
    if newer is not None and sys.version_info < newer:
        here = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return f"Python {newer[0]}.{newer[1]} reads it: install nbcompile there, or write it as Python {here} has it"
    return "correct the cell, or tag it `raises-exception` if the failure is meant"


def _newer(text: str) -> tuple[int, int] | None:
    """The first Python that has what a line looks like, if that is not the oldest."""
    literals = [found.start() for found in _LITERAL.finditer(text)]
    forms = [version for version, form in _NEWER if form.search(text)]
    forms += [version for version, form in _NEWER_LITERALS if any(form.match(text, start) for start in literals)]
    return max(forms, default=None)


class _WithMagics(ast.NodeTransformer):
    """Replaces `get_ipython().run_line_magic('time', 'f(x)')` and its like by `Magic` nodes with their Python parsed."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        function = node.func
        if not isinstance(function, ast.Attribute) or not _is_shell(function.value) or node.keywords:
            return node
        words = [argument.value for argument in node.args if isinstance(argument, ast.Constant) and isinstance(argument.value, str)]
        if len(words) != len(node.args):
            return node
        match function.attr, words:
            case "run_line_magic", [name, argument]:
                return self._magic(node, MagicKind.LINE, name, argument)
            case "magic", [command]:
                return self._magic(node, MagicKind.LINE, *command.removeprefix("%").partition(" ")[::2])
            case "run_cell_magic", [name, argument, text]:
                return self._magic(node, MagicKind.CELL, name, argument, text)
            case "system", [command]:
                return self._magic(node, MagicKind.SYSTEM, "!", command)
            case "getoutput", [command]:
                return self._magic(node, MagicKind.CAPTURE, "!", command)
        return node

    def _magic(self, node: ast.Call, kind: MagicKind, name: str, argument: str, text: str = "") -> Magic:
        magic = ast.copy_location(Magic(), node)
        name = name.lstrip("%")
        magic.kind, magic.name, magic.argument, magic.text = kind, name, argument, text
        magic.setup, magic.body, magic.own_scope, magic.parses = [], [], name == "timeit", True
        line = node.lineno
        if kind is MagicKind.CELL and name in _RUNS_ITS_CELL:
            magic.body = self._python(magic, text, line + 1, 0)
            if name == "timeit":
                magic.setup = self._python(magic, _without_options(name, argument), line, 0)
        elif kind is MagicKind.LINE and name in _RUNS_PYTHON:
            code = _without_options(name, argument)
            shown = self.lines[line - 1] if line <= len(self.lines) else ""
            magic.body = self._python(magic, code, line, max(0, shown.find(code)))
        return magic

    def _python(self, magic: Magic, code: str, line: int, column: int) -> list[ast.stmt]:
        tree, _ = _parse(code)
        if tree is None:
            tree, _ = _parse(to_python(code))
            if tree is None:
                magic.parses = False
                return []
        for found in ast.walk(tree):
            if isinstance(found, ast.stmt | ast.expr | ast.excepthandler | ast.arg | ast.keyword | ast.alias):
                if found.lineno == 1:
                    found.col_offset += column
                    found.end_col_offset = (found.end_col_offset or 0) + (column if found.end_lineno == 1 else 0)
                found.lineno += line - 1
                found.end_lineno = (found.end_lineno or 1) + line - 1
        nested: ast.Module = self.visit(tree) if "get_ipython" in ast.dump(tree) else tree
        return nested.body


def _is_shell(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "get_ipython"


def _without_options(name: str, argument: str) -> str:
    """What stands after the options of a magic: `-n 10 f(x)` -> `f(x)`."""
    with_value = _RUNS_PYTHON.get(name, ("", True))[0]
    rest = argument.lstrip()
    while found := re.match(r"-(-[\w-]+|[A-Za-z]+)(=\S+)?\s*", rest):
        rest = rest[found.end() :]
        letters = found[1]
        if not letters.startswith("-") and letters[-1] in with_value:
            value = re.match(r"\S+\s*", rest)
            rest = rest[value.end() :] if value else rest
        elif letters[0] in with_value:
            continue
    return rest
