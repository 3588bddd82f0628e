"""The shell commands by which StreamFlow asks about files, answered from memory.

It asks some twenty of them for every step, one after the other; none of them has to travel. These are all that StreamFlow 0.2 asks
for workflows such as ours, which a test holds; any other is an error, not a guess.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence

from nbcompile.backend import Unsupported
from nbcompile.engines.streamflow.tree import Content, Tree, contents

_PATH = r"('(?:[^']|'\"'\"')*'|[^\s';&|]+)"
_EXPANDED = frozenset('"\\$`')
Answer = tuple[str, int]


def answer(tree: Tree, command: Sequence[str]) -> Answer:
    """What the command would print, and its exit code. Raises `Unsupported` for one that is not known."""
    text = " ".join(command)
    for pattern, handle in _QUESTIONS:
        found = pattern.fullmatch(text)
        if found:
            return handle(tree, *found.groups())
    raise Unsupported(f"StreamFlow asks `{text[:200]}`, which this version of nbcompile does not know", "see `nbcompile doctor`")


def _plain(word: str) -> str:
    return shlex.split(word)[0]


def _make(tree: Tree, path: str) -> Answer:
    tree.make_directory(path)
    return "", 0


def _test(tree: Tree, kind: str, path: str) -> Answer:
    node = tree.find(_plain(path))
    found = {"e": node is not None, "d": isinstance(node, dict), "f": isinstance(node, Content), "L": False, "x": False}
    return "", 0 if found[kind] else 1


def _resolve(tree: Tree, path: str, again: str) -> Answer:
    found = path == again and tree.find(_plain(path)) is not None
    return (_plain(path), 0) if found else ("", 1)


def _checksum(tree: Tree, path: str, again: str) -> Answer:
    node = tree.find(_plain(path))
    return (node.sha1, 0) if isinstance(node, Content) and path == again else ("", 1)


def _glob(tree: Tree, directory: str, pattern: str) -> Answer:
    # The quotes end where the pattern begins.
    return "\n".join(tree.match(_plain(directory), pattern)), 0


def _size(tree: Tree, words: str) -> Answer:
    nodes = [node for path in shlex.split(words) if (node := tree.find(path)) is not None]
    return str(sum(content.size for node in nodes for _, content in contents(node))), 0


def _list(tree: Tree, path: str, kind: str) -> Answer:
    wanted = dict if kind == "d" else Content
    base, node = _plain(path).rstrip("/"), tree.find(_plain(path))
    found = node.items() if isinstance(node, dict) else ()
    names = sorted(name for name, below in found if isinstance(below, wanted) and _can_be_told(name))
    return "\n".join(f"{base}/{name}" for name in names), 0


def _can_be_told(name: str) -> bool:
    """Whether a name is a line in a list of lines, and stays what it is in the double quotes that StreamFlow puts around it.

    A directory travels as it is, whatever was told of what is in it.
    """
    return name.strip().splitlines() == [name] and not _EXPANDED & {*name}


def _remove(tree: Tree, path: str) -> Answer:
    tree.remove(path)
    return "", 0


_QUESTIONS: tuple[tuple[re.Pattern[str], Callable[..., Answer]], ...] = (
    (re.compile(r"mkdir -m [0-7]+ (?:-p )?(/.+)"), _make),
    (re.compile(rf"test -e {_PATH} && readlink -f {_PATH}"), _resolve),
    (re.compile(rf"test -f {_PATH} && sha1sum {_PATH} \| awk '{{print \$1}}'"), _checksum),
    (re.compile(rf"test -([edfLx]) {_PATH}"), _test),
    (re.compile(rf"set -- {_PATH}/([^/].*) ; test -e \"\$1\" && printf '%s\\n' \"\$@\" ; :"), _glob),
    (re.compile(r"find -L ((?:\"/[^\"]*\"\s*)+)-type f -exec ls -ln \{\} \\?\+ \| awk '.*';? *"), _size),
    (re.compile(rf"find (?:-L )?{_PATH} -mindepth 1 -maxdepth 1 -type ([df])"), _list),
    (re.compile(r"rm -rf (/.+)"), _remove),
)
