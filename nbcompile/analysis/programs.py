"""Parsed cells -> the programs they start: by `!`, by `%%bash` and its kin, and by lists of words given to `subprocess`.

Only what surely names a program counts: a plain first word, in a command that runs whatever became of those before it.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterable, Iterator

from nbcompile.analysis.environment import place_in
from nbcompile.model.environment import UsedProgram
from nbcompile.model.source import Magic, MagicKind, ParsedCell

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*|/[A-Za-z0-9_.+/-]+")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_UNSURE = re.compile(r"<<|\|\||`|\$\(|\b(?:if|for|while|until|case|select|function|eval|alias)\b|\w\s*\(\)")
"""Words with which a text of shell is more than a list of commands."""
_NOT_PROGRAMS = re.compile(
    r"[.:\[]|alias|bg|break|cd|command|continue|declare|dirs|echo|eval|exec|exit|export|false|fg|getopts|hash|help|history|jobs|kill"
    r"|let|local|popd|printf|pushd|pwd|read|readonly|return|set|shift|shopt|source|test|time|times|trap|true|type|typeset|ulimit"
    r"|umask|unalias|unset|wait|pip3?|conda|mamba|micromamba"
)
"""What the shell does itself, and what no step runs."""
_SHELL_CELLS = frozenset(("bash", "sh", "script", "!", "sx", "system"))
_CALLS = frozenset(("run", "Popen", "call", "check_call", "check_output"))


def read_programs(cells: Iterable[ParsedCell]) -> tuple[UsedProgram, ...]:
    """In notebook order, each program once in a cell."""
    found: dict[tuple[int, str], UsedProgram] = {}
    for parsed in cells:
        for node in ast.walk(parsed.tree) if parsed.tree is not None else ():
            for name in _programs(node):
                found.setdefault((parsed.cell.index, name), UsedProgram(name, place_in(parsed, node)))  # type: ignore[arg-type]
    return tuple(found.values())


def _programs(node: ast.AST) -> Iterator[str]:
    if isinstance(node, Magic):
        if node.kind in (MagicKind.SYSTEM, MagicKind.CAPTURE):
            yield from _of_shell(node.argument)
        elif node.kind is MagicKind.CELL and node.name in _SHELL_CELLS:
            yield from _of_shell(node.text)
    elif isinstance(node, ast.Call) and _starts_process(node.func) and node.args:
        words = node.args[0]
        first = words.elts[0] if isinstance(words, ast.List | ast.Tuple) and words.elts else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and _NAME.fullmatch(first.value):
            yield first.value


def _starts_process(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr in _CALLS
        and isinstance(function.value, ast.Name)
        and function.value.id in ("subprocess", "sp")
    )


def _of_shell(text: str) -> Iterator[str]:
    """The first words of the commands of a text of shell; nothing where it is more than a list of commands."""
    if _UNSURE.search(text):
        return
    for line in text.replace("\\\n", " ").splitlines():
        try:
            words = list(shlex.shlex(line, posix=True, punctuation_chars="|&;<>()"))
        except ValueError:
            return
        yield from _first_words(words)


def _first_words(words: list[str]) -> Iterator[str]:
    expected = True
    for word in words:
        if set(word) <= set("|&;<>()"):
            expected = word in ("|", "|&", "&&", ";", "&")
        elif expected and not _ASSIGNMENT.match(word):
            expected = False
            if _NAME.fullmatch(word) and not _NOT_PROGRAMS.fullmatch(word):
                yield word
