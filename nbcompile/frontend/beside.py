"""Which files beside a notebook its cells mention: they are staged for the cells even where no call could be resolved.

What a mentioned module or script imports and names is mentioned as well, because it runs where the cell does.
"""

from __future__ import annotations

import ast
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from nbcompile.model.notebook import Cell, Notebook
from nbcompile.model.surroundings import CONFIGURES_IMPORTS, Surroundings

# What may stand around a path in Python, in a shell line or in a format string.
_WORD = re.compile(r"[^\s'\"`()\[\]{},;:=<>|&*?]+")
_QUOTED = re.compile(r"""(["'])((?:(?!\1)[^\\\n])+)\1""")
_MOST_ENTRIES = 20_000
_DEEPEST = 6
_IMPORT = re.compile(r"(?m)(?:^|;)[ \t]*(?:from[ \t]+([A-Za-z_][\w.]*)[ \t]+import\b|import[ \t]+([A-Za-z_][\w., \t]*))")
# Modules that are imported without the statement: as extensions of IPython, and by their name as text.
_IMPORTED_OTHERWISE = re.compile(
    r"""(?m)^[ \t]*%(?:load_ext|reload_ext|aimport)[ \t]+([A-Za-z_][\w.]*)|\b(?:import_module|__import__)\([ \t]*["']([A-Za-z_][\w.]*)"""
)
# A cell that moves to another directory, or adds one to where modules are looked for.
_MOVES = re.compile(r"\bsys\s*\.\s*path\b|\bsite\s*\.\s*addsitedir\b|\bchdir\b|(?m:^\s*%(?:cd|pushd)\b)")
_PARENTS = {"os.pardir": "..", "pardir": "..", ".parent": ".."}
_LEVELS_ABOVE = 3
# The directory of the notebook: somebody reads there what nobody can name.
_HERE = "./"
# A cell that works out a directory above its own.
_CLIMBS = re.compile(r"\.parents?\b|\b(?:dirname|pardir|abspath|realpath|resolve)\b|[\"']\.\.[\"'/]")
_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_LAYOUTS = ("", "src/", "lib/", "python/")
# What names files in words: scripts of the shell, and settings that cells read names from.
_OF_WORDS = (".sh", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".json")
_SCRIPTS = (".py", *_OF_WORDS)
# What a library looks for in the working directory, and in those above it, though no cell names it.
_LOOKED_FOR = {"dotenv": ".env"}
_HIDDEN = re.compile(r"(?:^|/)\.(?!\.?(?:/|$))")
_WILD = re.compile(r"[*?\[]")
# What is put into a text when its cell runs: `{name}`, `%s`.
_PUT_IN = re.compile(r"\{[^{}]*\}|%\(?\w*\)?[-\d.]*[sdif]\b")
_LARGEST_SCRIPT = 2 * 2**20
# Longer ones are data.
_LONGEST_SETTINGS = 2**16
_MOST_SCRIPTS = 2_000


def look_beside(notebook: Notebook, given: Sequence[str], written: Iterable[tuple[int, str]], directory: Path) -> Surroundings:
    """The files in `directory` that cells mention, and which of the paths `given` (those no cell writes) are not there.

    Directories above it that cells write to are theirs, too, as far as they are there; `written` pairs a cell with what it writes.

    Of cells and of scripts only names are compared; links that lead out of the directory are left alone. Above the
    directory nothing is looked for, but what is named below a directory that a cell moves to or imports from, or that it
    looks for where nobody can tell.
    """
    roots = tuple(dict.fromkeys(_roots(notebook, directory)))
    reach = _Reach(directory, dict(_entries(directory)), roots, tuple(_installed_from(directory)))
    climbs = _HERE in given and any(_CLIMBS.search(cell.source) for cell in notebook.code_cells)
    named = ((cell.index, _mentioned(cell, reach, climbs=climbs)) for cell in notebook.code_cells)
    mentions = tuple((cell, path) for cell, paths in named for path in reach.with_scripts(paths))
    missing = tuple(path for path in given if path != _HERE and not (directory / path).exists())
    mentioned = dict.fromkeys(path for _, path in mentions)
    modules = tuple(path for path in mentioned if reach.holds_modules(path))
    return Surroundings(
        mentions=mentions,
        folders=(
            *(pair for cell in notebook.code_cells for pair in _folders(cell, mentions, reach)),
            *((cell, folder) for cell, path in written if (folder := reach.folder_above(path))),
        ),
        missing=missing,
        directories=tuple(path for path in given if not path.endswith("/") and (directory / path).is_dir()),
        modules=modules,
        digests=tuple(sorted({(script, reach.script(script).sha256) for path in modules for script in reach.scripts_in(path)})),
        path=tuple(root for root in reach.installed if root in reach.used),
        name=directory.resolve().name,
    )


class _Script(NamedTuple):
    """What a module, a shell script or a file of settings names: modules it imports, and words that may be paths."""

    imports: tuple[str, ...]
    words: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class _Reach:
    """What texts can mean by a name.

    `entries` lie in `directory`, `roots` are directories above it that cells move to, and from `installed` the project may be
    installed as it lies there.
    """

    directory: Path
    entries: dict[str, None]
    roots: tuple[str, ...]
    installed: tuple[str, ...]
    read: dict[str, _Script] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        """The entries by the last part of their paths."""
        found: dict[str, list[str]] = {}
        for path in self.entries:
            found.setdefault(path.rstrip("/").rsplit("/", 1)[-1], []).append(path)
        return found

    def paths(self, words: Iterable[str], folder: str = "") -> Iterator[str]:
        """The paths that words name, as they stand, below `folder`, or by their last part."""
        for word in words:
            path = word.removeprefix("./").rstrip("/.")
            yield from (one for one in dict.fromkeys((path, folder + path)) for one in (one, f"{one}/") if one in self.entries)
            # `os.path.join(DATA, "x.csv")` mentions the file by its last part.
            if "." in path and path not in self.entries:
                yield from self.by_name.get(path.rsplit("/", 1)[-1], ())
            if _HIDDEN.search(path) and not path.startswith(("/", "../")):
                # Entries are what a cell means that names none of them; hidden files have to be named.
                yield from (one for one in dict.fromkeys((path, folder + path)) if self._on_disk(one) == one)

    def patterns(self, texts: Iterable[str]) -> Iterator[str]:
        """What patterns mean: the directory in which they look, or what they match beside the notebook."""
        for text in texts:
            folder = _WILD.split(text, maxsplit=1)[0].rpartition("/")[0]
            if folder:
                yield folder
            elif not re.search(r"\s", text):
                yield from (one for one in self.entries if "/" not in one and fnmatchcase(one, text))

    def folders_of(self, word: str) -> Iterator[str]:
        """The directories of a path that is not there, beside the notebook or where cells move to."""
        words = (word, *(f"{root}{word}" for root in self.roots if not word.startswith((".", "/", "~"))))
        return (folder for one in words if (folder := self._folder_of(one)))

    def _folder_of(self, word: str) -> str:
        """The directory of a path that is not there, if the directory is."""
        path = word.removeprefix("./")
        folder = path.rpartition("/")[0] + "/"
        if folder.startswith("../"):
            return f"{os.path.normpath(folder)}/" if folder.count("../") <= _LEVELS_ABOVE and self._on_disk(folder.rstrip("/")) else ""
        return folder if folder in self.entries and path not in self.entries and f"{path}/" not in self.entries else ""

    def folder_above(self, path: str) -> str:
        """The directory above the notebook that a path leads into as far as it is there."""
        folder = path.rstrip("/")
        while folder.startswith("../") and folder.count("../") <= _LEVELS_ABOVE:
            folder = folder.rpartition("/")[0]
            if folder.rpartition("/")[2] != ".." and self._on_disk(folder):
                return f"{folder}/"
        return ""

    def above(self, words: Iterable[str], folder: str = "") -> Iterator[str]:
        """The paths above the directory that words name, as they stand, or below a directory that cells move to, or below `folder`."""
        roots = dict.fromkeys((*self.roots, *([folder] if folder.startswith("../") else ())))
        for word in words:
            path = word.removeprefix("./").rstrip("/")
            if path.startswith("../"):
                yield from self._as_it_stands(os.path.normpath(path))
            elif _leads_down(path):
                yield from (found for root in roots if (found := self._on_disk(root + path)))

    def _as_it_stands(self, path: str) -> Iterator[str]:
        """What has this path above the directory; of where cells move to only what they name there."""
        if path.count("../") <= _LEVELS_ABOVE and f"{path}/" not in self.roots and (found := self._on_disk(path)):
            yield found

    def climbed(self, words: Sequence[str]) -> Iterator[str]:
        """What words may name in a directory above that nobody knows: the nearest that has it. `ROOT / "data" / "raw"` are two of them."""
        place = 0
        while place < len(words):
            found, length = self._climbed_to(words[place:])
            if found:
                yield found
            place += length

    def _climbed_to(self, words: Sequence[str]) -> tuple[str, int]:
        """The path that the first of these words makes with as many of the others as are below it, and how many these are."""
        first = words[0].rstrip("/")
        if not _leads_down(first) or first in self.entries or f"{first}/" in self.entries:
            return "", 1
        roots = ("../" * level for level in range(1, _LEVELS_ABOVE + 1) if _is_of_a_project(self.directory / ("../" * level)))
        found, length = next((one for root in roots if (one := self._on_disk(root + first))), ""), 1
        for word in (one.strip("/") for one in words[1:]):
            longer = self._on_disk(found + word) if found.endswith("/") and _leads_down(word) else ""
            if not longer:
                break
            found, length = longer, length + 1
        return found, length

    def modules(self, names: Iterable[str], folder: str = "") -> Iterator[str]:
        """The files or directories of modules: beside the notebook, in `folder`, where cells import from, in the project."""
        for top in dict.fromkeys(name.split(".")[0] for name in names):
            found = [path for root in dict.fromkeys(("", folder)) for path in self._module_in(root, top)]
            found += self.above((f"{top}.py", top), folder)
            if not found:
                found += self._of_project(top)
            self.imported.update(found)
            yield from found
            if top in _LOOKED_FOR:
                yield from self._nearest(_LOOKED_FOR[top])

    def _nearest(self, name: str) -> tuple[str, ...]:
        """The file of this name that lies here, or least far above."""
        found = (self._on_disk("../" * level + name) for level in range(_LEVELS_ABOVE + 1))
        return tuple(path for path in found if path.endswith(name))[:1]

    def _of_project(self, top: str) -> tuple[str, ...]:
        for root in self.installed:
            if found := tuple(self._module_in(root, top)):
                self.used.add(root)
                return found
        return ()

    def _module_in(self, root: str, top: str) -> Iterator[str]:
        if root.startswith("../"):
            return filter(None, (self._on_disk(f"{root}{top}.py"), self._on_disk(root + top)))
        return (path for path in (f"{root}{top}.py", f"{root}{top}/") if path in self.entries)

    def _on_disk(self, path: str) -> str:
        """A path above the directory, if something is there that does not hold the directory itself."""
        place = self.directory / path
        try:
            is_directory = stat.S_ISDIR(place.stat().st_mode)
        except (OSError, ValueError):
            # Nothing, or no name at all: texts in scripts may be too long for one.
            return ""
        if not is_directory:
            return path
        return "" if os.path.realpath(place) in _with_parents(self.directory) else f"{path}/"

    def with_scripts(self, paths: Iterable[str]) -> tuple[str, ...]:
        """The paths, and what the scripts among them and below them mention in turn."""
        found = dict.fromkeys(paths)
        waiting, seen = list(found), set[str]()
        while waiting and len(seen) < _MOST_SCRIPTS:
            for path in self.scripts_in(waiting.pop()):
                if path in seen:
                    continue
                seen.add(path)
                script, folder = self.script(path), path.rpartition("/")[0]
                folder += "/" if folder else ""
                named = (*self.modules(script.imports, folder), *self.paths(script.words, folder), *self.above(script.words, folder))
                fresh = [one for one in named if one not in found]
                found.update(dict.fromkeys(fresh))
                waiting += fresh
        return tuple(found)

    def holds_modules(self, path: str) -> bool:
        """Whether a path is a Python module or a directory of some."""
        if not path.endswith("/"):
            return path.endswith(".py")
        return path in self.imported or any("/" not in script.removeprefix(path) for script in self.scripts_in(path))

    def scripts_in(self, path: str) -> Iterator[str]:
        """The modules in a directory, at any depth, or the script itself."""
        if not path.endswith("/"):
            return iter((path,) if path.endswith(_SCRIPTS) else ())
        below = self.entries if not path.startswith("../") else dict(_entries(self.directory / path, path))
        return (one for one in below if one.startswith(path) and one.endswith(".py"))

    def script(self, path: str) -> _Script:
        """What a script says."""
        if path not in self.read:
            self.read[path] = _read_script(self.directory / path)
        return self.read[path]


def _read_script(path: Path) -> _Script:
    try:
        content = path.read_bytes()
    except OSError:
        return _Script((), (), "")
    digest = sha256(content).hexdigest()
    text = content.decode("utf-8", "replace") if len(content) <= _LARGEST_SCRIPT else ""
    if path.suffix in _OF_WORDS:
        return _Script((), tuple(dict.fromkeys(_WORD.findall(text if len(text) <= _LONGEST_SETTINGS else ""))), digest)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _Script(_imported(text), (), digest)
    words = dict.fromkeys(word for one in _texts(tree) for word in _WORD.findall(one))
    return _Script(_imported(text), tuple(words), digest)


def _texts(tree: ast.Module) -> Iterator[str]:
    """The literal texts of a module, but for those at the head of a body, which are for people."""
    documentation: set[int] = set()
    # A body comes before what stands in it.
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and id(node) not in documentation:
                yield node.value
        elif isinstance(body := getattr(node, "body", None), list) and body and isinstance(body[0], ast.Expr):
            documentation.add(id(body[0].value))


def _mentioned(cell: Cell, reach: _Reach, *, climbs: bool) -> tuple[str, ...]:
    words = dict.fromkeys(_WORD.findall(cell.source))
    texts = tuple(text for _, text in _QUOTED.findall(cell.source))
    quoted = dict.fromkeys(texts)
    patterns = tuple(reach.patterns(text for text in map(_as_pattern, quoted) if _WILD.search(text)))
    likely = dict.fromkeys((*quoted, *(word for word in words if "/" in word or "." in word), *patterns))
    climbed = reach.climbed(texts) if climbs else ()
    found = (*reach.paths((*words, *patterns, *CONFIGURES_IMPORTS)), *reach.above(likely), *reach.modules(_imported(cell.source)), *climbed)
    return tuple(dict.fromkeys(found))


def _leads_down(word: str) -> bool:
    """Whether a word names something below a directory, and nothing hidden."""
    return bool(word) and not word.startswith(("/", "~", ".")) and "/." not in word


def _as_pattern(text: str) -> str:
    """A path above the notebook that is filled in later, as what its results have in common."""
    return _PUT_IN.sub("*", text) if text.startswith("../") else text


def _folders(cell: Cell, mentions: Iterable[tuple[int, str]], reach: _Reach) -> Iterator[tuple[int, str]]:
    """The directories in which the cell, or a script that it uses, names a file that is not there: it may be written."""
    scripts = (script for index, path in mentions if index == cell.index for script in reach.scripts_in(path))
    words = dict.fromkeys((*_WORD.findall(cell.source), *(word for script in scripts for word in reach.script(script).words)))
    for folder in dict.fromkeys(folder for word in words for folder in reach.folders_of(word)):
        yield cell.index, folder


def _imported(text: str) -> tuple[str, ...]:
    """The modules that lines of a text import."""
    names = (part.split()[:1] for source, several in _IMPORT.findall(text) for part in (source or several).split(","))
    otherwise = (one or other for one, other in _IMPORTED_OTHERWISE.findall(text))
    return tuple(dict.fromkeys((*(name for found in names for name in found), *otherwise)))


def _roots(notebook: Notebook, directory: Path) -> Iterator[str]:
    """Directories above the notebook's own that cells move to, or look for modules in, as far as words say which."""
    for cell in notebook.code_cells:
        found = _WORD.findall(cell.source) if _MOVES.search(cell.source) else []
        words = [_PARENTS.get(word, word.strip("/")) for word in found if word.strip("/+")]
        for place, word in enumerate(words):
            # `os.path.join("..", "src")` is three words, of which the last two are a path.
            for end in range(place + 1, min(place + 3, len(words)) + 1) if word.startswith("..") else ():
                path = "/".join(words[place:end])
                if path.split("/").count("..") <= _LEVELS_ABOVE and _is_of_a_project(directory / path):
                    yield f"{os.path.normpath(path)}/"


def _installed_from(directory: Path) -> Iterator[str]:
    """Where the modules of the project lie that the notebook belongs to: `pip install -e` leaves them there."""
    for level in range(_LEVELS_ABOVE + 1):
        above = "../" * level
        if any((directory / above / name).is_file() for name in _PROJECT_FILES):
            yield from (f"{above}{layout}" for layout in _LAYOUTS)
            return


def _is_of_a_project(place: Path) -> bool:
    """Whether a directory is there that a project can be in: at the top of the file system everything lies below it."""
    real = Path(os.path.realpath(place))
    return real.is_dir() and real != Path(real.anchor)


def _with_parents(directory: Path) -> tuple[str, ...]:
    real = Path(os.path.realpath(directory))
    return tuple(map(str, (real, *real.parents)))


def _entries(directory: Path, above: str = "") -> Iterator[tuple[str, None]]:
    """Relative paths of files and (with a final slash) directories, hidden ones and our own runs left out."""
    root, count = os.path.realpath(directory), 0
    for folder, folders, names in os.walk(root):
        relative = os.path.relpath(folder, root)
        prefix = "" if relative == "." else relative.replace(os.sep, "/") + "/"
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")) and not _is_ours(Path(folder, name)))
        if prefix.count("/") >= _DEEPEST:
            folders.clear()
        for name in [*sorted(names), *(f"{folder}/" for folder in folders)]:
            if name.startswith(".") or name.endswith((".ipynb", ".nbcompile.json")):
                continue
            count += 1
            if count > _MOST_ENTRIES:
                return
            yield above + prefix + name, None


def _is_ours(directory: Path) -> bool:
    """Whether a directory holds a run or bundles, which no cell means when it reads everything."""
    if re.fullmatch(r".+\.run(-\d+)?", directory.name) is not None or (directory / ".nbcompile").is_dir():
        return True
    return (directory / "workflow.cwl").is_file() or (directory.name == "build" and any(directory.glob("**/workflow.cwl")))
