"""Parsed cells -> Environment: imports that run whenever their cell runs, and lines that would install something.

Installing lines are facts about the environment: no step runs them, and a run compares them with what is installed.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterable, Iterator

from nbcompile.model.diagnostic import Place, Span
from nbcompile.model.environment import Environment, ImportedModule, Requirement
from nbcompile.model.source import Magic, MagicKind, ParsedCell

_INSTALLER = re.compile(r"(?:\S*/)?(pip|conda|mamba|micromamba)3?(?:\.\d+)?")
_WITH_VALUE = {
    "pip": frozenset(
        (
            "-c",
            "--constraint",
            "-i",
            "--index-url",
            "--extra-index-url",
            "-f",
            "--find-links",
            "-t",
            "--target",
            "--prefix",
            "--root",
            "--platform",
        )
    ),
    "conda": frozenset(("-c", "--channel", "-n", "--name", "-p", "--prefix", "--solver")),
}
_FILE_OPTIONS = frozenset(("-r", "--requirement", "-e", "--editable", "--file"))
_PIP_NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*([<>=!~][^;@]*)?(?:;.*)?")
_CONDA_NAME = re.compile(r"(?:[\w-]+::)?([A-Za-z0-9_][A-Za-z0-9._-]*?)\s*([<>=!][^\s]*)?")
_CATCHES_IMPORT_ERRORS = frozenset(("ImportError", "ModuleNotFoundError", "Exception", "BaseException"))
_MODULE_FILE = re.compile(r"([A-Za-z_]\w*)(?:\.py\b|/)")
_PATH_CHANGES = re.compile(r"\bsys\s*\.\s*path\b|\bsite\s*\.\s*addsitedir\b|\bPYTHONPATH\b|\bchdir\b|(?m:^\s*%(?:cd|pushd)\b)")


def read_environment(cells: Iterable[ParsedCell]) -> Environment:
    """What the cells import and would install, in notebook order."""
    imports: list[ImportedModule] = []
    requirements: list[Requirement] = []
    path_changes = False
    named: set[str] = set()
    for parsed in cells:
        path_changes = path_changes or _PATH_CHANGES.search(parsed.cell.source) is not None
        if parsed.tree is None:
            continue
        for node in _always_run(parsed.tree.body):
            # A module whose file an earlier cell names may be written by it.
            imports += [ImportedModule(name, place_in(parsed, node)) for name in _modules(node) if name not in named]
        for magic in ast.walk(parsed.tree) if parsed.has_magics else ():
            if isinstance(magic, Magic):
                requirements += _requirements(magic, place_in(parsed, magic))
        named.update(_MODULE_FILE.findall(parsed.cell.source))
    return Environment(tuple(imports), tuple(requirements), path_changes)


def _always_run(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run whenever the body does, or would fail with an import that nothing catches."""
    for node in body:
        yield node
        if isinstance(node, ast.With | ast.AsyncWith):
            yield from _always_run(node.body)
        elif isinstance(node, ast.Try) and not any(_catches_import_errors(handler) for handler in node.handlers):
            yield from _always_run([*node.body, *node.orelse, *node.finalbody])
        elif isinstance(node, ast.Expr) and isinstance(node.value, Magic):
            yield from _always_run(node.value.body)


def _catches_import_errors(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in _CATCHES_IMPORT_ERRORS) for kind in caught)


def _modules(node: ast.stmt) -> tuple[str, ...]:
    if isinstance(node, ast.Import):
        return tuple(alias.name.split(".")[0] for alias in node.names)
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module and node.module != "__future__":
        return (node.module.split(".")[0],)
    return ()


def place_in(parsed: ParsedCell, node: ast.stmt | ast.expr) -> Place:
    """Where a node stands."""
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return Place(parsed.cell.index, parsed.cell.id, Span(node.lineno, node.col_offset + 1, end_line, end_column + 1))


def _requirements(magic: Magic, place: Place) -> Iterator[Requirement]:
    for line in _command_lines(magic):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            words = line.split()
        installer, rest = _installation(words)
        if installer:
            yield from _named(installer, rest, place)


def _command_lines(magic: Magic) -> list[str]:
    if magic.kind is MagicKind.LINE and _INSTALLER.fullmatch(magic.name):
        return [f"{magic.name} {magic.argument}"]
    if magic.kind in (MagicKind.SYSTEM, MagicKind.CAPTURE):
        return re.split(r"&&|;|\|\|", magic.argument)
    if magic.kind is MagicKind.CELL and magic.name in ("bash", "sh", "!", "sx", "system"):
        return [part for line in magic.text.splitlines() for part in re.split(r"&&|;", line)]
    return []


def _installation(words: list[str]) -> tuple[str, list[str]]:
    """The installer that the words start with `install`, and what follows: `python -m pip install x` -> `pip`, `x`."""
    for place, word in enumerate(words[:4]):
        found = _INSTALLER.fullmatch(word)
        if found and "install" in words[place + 1 : place + 2]:
            return ("pip" if found[1] == "pip" else "conda"), words[place + 2 :]
    return "", []


def _named(installer: str, words: list[str], place: Place) -> Iterator[Requirement]:
    rest = iter(words)
    for word in rest:
        if word in _WITH_VALUE[installer]:
            next(rest, None)
        elif word in _FILE_OPTIONS:
            yield Requirement(f"{word} {next(rest, '')}".strip(), "", "", installer, place)
        elif not word.startswith("-"):
            found = (_PIP_NAME if installer == "pip" else _CONDA_NAME).fullmatch(word)
            name, specifier = (found[1], found[2] or "") if found and not word.endswith((".whl", ".gz", ".txt", ".")) else ("", "")
            yield Requirement(word, name, specifier.strip(), installer, place)
