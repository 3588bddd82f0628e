"""The table of known calls: what library functions and methods do to what they are given, as data.

One text file per library, `LIBRARY.txt` in this directory, read when a notebook first touches the library; the standard
library is one, `standard.txt`. The format is documented in docs/reference/known-calls.md. A section is looked into when one
of its names is first asked for, and a line is decoded then.
"""

from __future__ import annotations

import functools
import itertools
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from typing import NamedTuple

from nbcompile.analysis.values import IMMUTABLE

_FLAGS = frozenset(("immutable", "data", "stuck", "iterator", "plain", "spreads"))
STANDARD = "standard"
HERE = "./"
_EVERYTHING = "*"
_HEADER = re.compile(r"\[(?:class )?(?P<name>[\w.*]+)(?:\((?P<bases>[\w., ]*)\))?\](?P<words>.*)")
_CONDITION = re.compile(r"(if not|if|unless not|unless) ([\w/]+)(?:=([\w|+]+))?")
_CONDITIONS = re.compile(rf"({_CONDITION.pattern}(?: {_CONDITION.pattern})*): *")
_BUILTIN_TYPES_WORDS = """
    bool bytearray bytes complex dict float frozenset int list object range set slice str tuple type memoryview scalar function
    generator iterator file NoneType dict_keys exception
"""
_BUILTIN_TYPES = frozenset(_BUILTIN_TYPES_WORDS.split())
_EXTENSION = re.compile(r"\.\w+")


class Target(NamedTuple):
    """Which argument: the receiver (`self`), a position and a keyword, or all (`*`)."""

    position: int | None
    keyword: str
    deep: bool = False


class Action(NamedTuple):
    """One thing a call does: a verb, what it is done to, and a word that belongs to the verb."""

    verb: str
    targets: tuple[Target, ...] = ()
    word: str = ""


class Result(NamedTuple):
    """What a call gives: `kind` is new, self, argument, view, memory, part, item, holding, calling, same, none or unknown."""

    kind: str
    type: str = ""
    targets: tuple[Target, ...] = ()
    items: tuple[Result, ...] = ()


class Condition(NamedTuple):
    """`if` (`unless`) an argument is given and true, or is one of some texts; `if not` (`unless not`) given and false."""

    word: str
    argument: Target
    texts: tuple[str, ...] = ()


class Clause(NamedTuple):
    """Actions and a result: always without conditions, else when all of them hold."""

    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    result: Result | None


Row = tuple[Clause, ...]
UNKNOWN_RESULT = Result("unknown")


class Section(NamedTuple):
    """One module or class: what its header says, and its lines as text."""

    name: str
    bases: tuple[str, ...]
    flags: tuple[str, ...]
    note: str
    body: str


class Library(NamedTuple):
    """The file of one library: names for the same thing, and the sections; `known_as` has the libraries of both names."""

    same: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    known_as: dict[str, frozenset[str]]


class Known:
    """The rows of the libraries that were touched so far. `versions` are those of the declared environment."""

    def __init__(self, versions: dict[str, tuple[int, ...]] | None = None) -> None:
        self._versions = versions or {}
        self._loaded: set[str] = set()
        self._sections: dict[str, Section] = {}
        self._lines: dict[str, dict[str, str]] = {}
        self._homes: dict[tuple[str, str], str] = {}
        self._same: dict[str, str] = {}
        self._known_as: dict[str, frozenset[str]] = {}
        self._immutable: dict[str, bool] = dict.fromkeys(IMMUTABLE, True)
        self._stuck: dict[str, bool] = {}
        self._plain: dict[str, bool] = {}
        self._methods: dict[tuple[str, str], Row | None] = {}
        self._load("builtins")

    # -- looking up ----------------------------------------------------------------------------------------------

    def function(self, path: str) -> Row | None:
        """What calling the library function or class at a path does."""
        module, _, name = path.rpartition(".")
        return self.method(module, name)

    def method(self, owner: str, name: str) -> Row | None:
        """What calling `name` of a type or module does; an attribute's name starts with a dot."""
        key = (owner, name)
        if key in self._methods:
            return self._methods[key]
        home = self.home(owner, name)
        row = self._methods[key] = _decode(self._lines_of(home)[name], home) if home else None
        return row

    def covers(self, library: str) -> bool:
        """Whether there are rows for a library, by its top-level module."""
        return library in sys.stdlib_module_names or read_library(library) is not None

    def home(self, owner: str, name: str) -> str:
        """The section in which a type or module has the name: its own or that of a base; empty when there is none."""
        key = (owner, name)
        found = self._homes.get(key)
        if found is None:
            found = self._homes[key] = self._find(owner, name)
        return found

    def is_immutable(self, type: str) -> bool:  # noqa: A002
        """Whether values of the type never change."""
        found = self._immutable.get(type)
        if found is None:
            found = self._immutable[type] = "immutable" in self.flags(type)
        return found

    def is_stuck(self, type: str) -> bool:  # noqa: A002
        """Whether values of the type cannot leave their process."""
        found = self._stuck.get(type)
        if found is None:
            found = self._stuck[type] = "stuck" in self.flags(type)
        return found

    def is_plain(self, type: str) -> bool:  # noqa: A002
        """Whether a new value of the type holds nothing but immutable things."""
        found = self._plain.get(type)
        if found is None:
            found = self._plain[type] = "plain" in self.flags(type)
        return found

    def flags(self, type: str) -> tuple[str, ...]:  # noqa: A002
        """What is said about a type as a whole."""
        section = self._section(type)
        return section.flags if section else ()

    def note(self, type: str) -> str:  # noqa: A002
        """The sentence that stands beside a type: why it cannot travel."""
        section = self._section(type)
        return section.note if section else ""

    def knows(self, name: str) -> bool:
        """Whether there is a section for a module or a type."""
        return self._section(name) is not None

    def canonical(self, path: str) -> str:
        """The path under which the table knows a module, function or class."""
        self._load(path.partition(".")[0])
        if self._same:
            head = path
            while head:
                if head in self._same:
                    return self._same[head] + path[len(head) :]
                head = head.rpartition(".")[0]
        return path

    def homes(self, library: str) -> frozenset[str]:
        """A library, and those under whose names the table knows parts of it: what is set of these is set of it."""
        self._load(library)
        return self._known_as.get(library, frozenset()) | {library}

    # -- reading -------------------------------------------------------------------------------------------------

    def _find(self, owner: str, name: str) -> str:
        seen: list[str] = []
        todo = [owner]
        while todo:
            current = todo.pop(0)
            section = self._section(current)
            if section is None or current in seen:
                continue
            seen.append(current)
            if name in self._lines_of(current):
                return current
            todo += section.bases
        root = owner.partition(".")[0]
        fallback = f"{root}.{_EVERYTHING}"
        if fallback in self._sections and owner != root and name in self._lines_of(fallback):
            return fallback
        return ""

    def _section(self, name: str) -> Section | None:
        root = name.partition(".")[0]
        if root not in self._loaded:
            self._load(root)
        return self._sections.get(name)

    def _load(self, library: str) -> None:
        if library in self._loaded:
            return
        self._loaded.add(library)
        found = read_library(library)
        if found is not None:
            self._sections.update((section.name, section) for section in found.sections)
            if found.same:
                # What has a section of its own is known by its own name, whatever is said of the package it stands in.
                self._same.update((section.name, section.name) for section in found.sections)
                self._same.update(found.same)
                for root, others in found.known_as.items():
                    self._known_as[root] = self._known_as.get(root, frozenset()) | others
        elif library in sys.stdlib_module_names and library != "builtins":
            self._load(STANDARD)

    def _lines_of(self, name: str) -> dict[str, str]:
        """The lines of a section that hold for the versions at hand, by their names; the last one counts."""
        lines = self._lines.get(name)
        if lines is None:
            body = self._sections[name].body
            lines = self._lines[name] = _for_all_versions(body) or self._for_these_versions(body)
        return lines

    def _for_these_versions(self, body: str) -> dict[str, str]:
        lines: dict[str, str] = {}
        for condition, names, clauses in lines_of(body):
            if not condition or self._applies(condition):
                lines.update(dict.fromkeys(names, clauses))
        return lines

    def _applies(self, condition: str) -> bool:
        """Whether a line for some versions holds; with an unknown version only a line marked as the weaker one does."""
        library, comparison, version = re.split(r"(<|>=)", condition, maxsplit=1)
        wanted = tuple(int(part) for part in version.split("."))
        have = self._versions.get(library)
        if have is None:
            return comparison == "<"
        return have < wanted if comparison == "<" else have >= wanted


@functools.cache
def read_library(library: str) -> Library | None:
    """The file of a library, cut into sections; nothing when there is no file."""
    place = files(__package__).joinpath(f"{library}.txt")
    if not library.isidentifier() or not place.is_file():
        return None
    head, *blocks = re.split(r"^(?=\[[\w.*]+[^:]*\n|\[class )", place.read_text("utf-8"), flags=re.MULTILINE)
    same = [line.split()[1:] for line in head.splitlines() if line.startswith("same ")]
    pairs = tuple((other, name) for *others, name in same for other in others)
    known_as: dict[str, frozenset[str]] = {}
    for other, name in pairs:
        root, inside, _ = other.partition(".")
        if inside:
            known_as[root] = known_as.get(root, frozenset()) | {name.partition(".")[0]}
    return Library(pairs, tuple(map(_section, blocks)), known_as)


def _section(block: str) -> Section:
    header, _, body = block.partition("\n")
    found = _HEADER.fullmatch(header)
    if found is None:
        raise ValueError(f"not a section of the table of known calls: {header}")
    bases = tuple(base.strip() for base in (found["bases"] or "").split(",") if base.strip())
    words = found["words"].split()
    flags = tuple(itertools.takewhile(_FLAGS.__contains__, words))
    return Section(found["name"], bases, flags, " ".join(words[len(flags) :]), body)


def lines_of(body: str) -> Iterator[tuple[str, list[str], str]]:
    """The lines of a section: for which versions, which names, what they do."""
    for line in body.splitlines():
        if not line or line[0] == "#":
            continue
        names, _, clauses = line.partition(" : ")
        condition = ""
        if names[0] == "<":
            condition, _, names = names[1:].partition("> ")
        yield condition, names.split(), clauses


@functools.cache
def _for_all_versions(body: str) -> dict[str, str] | None:
    """The lines of a section by their names, if no line is for some versions only."""
    lines: dict[str, str] = {}
    for condition, names, clauses in lines_of(body):
        if condition:
            return None
        lines.update(dict.fromkeys(names, clauses))
    return lines


@functools.cache
def _decode(text: str, section: str) -> Row:
    return tuple(_clause(part.strip(), section) for part in text.split(";"))


def _clause(text: str, section: str) -> Clause:
    conditions: tuple[Condition, ...] = ()
    found = _CONDITIONS.match(text)
    if found:
        conditions = tuple(map(_condition, _CONDITION.finditer(found[1])))
        text = text[found.end() :]
    body, arrow, result = text.partition("->")
    actions = tuple(_action(part.strip()) for part in body.split(",") if part.strip())
    return Clause(conditions, actions, _result(result.strip(), section) if arrow else None)


def _condition(found: re.Match[str]) -> Condition:
    return Condition(found[1], _target(found[2]), tuple(found[3].split("|")) if found[3] else ())


def _action(text: str) -> Action:
    verb, *operands = text.split()
    if verb in ("draws", "moves", "seeds", "sets", "gets", "unseeded", "advances", "runs"):
        return Action(verb, tuple(map(_target, operands[1:])), operands[0])
    if verb == "saves" and _EXTENSION.fullmatch(operands[0]):
        return Action(verb, tuple(map(_target, operands[1:])), operands[0])
    return Action(verb, tuple(map(_target, operands)))


def _target(text: str) -> Target:
    deep = text.endswith("+")
    if text == HERE:
        return Target(None, HERE)
    position, _, keyword = text.rstrip("+").partition("/")
    if position.isdigit():
        return Target(int(position), keyword, deep)
    return Target(None, position, deep)


def _result(text: str, section: str) -> Result:
    if not text or text == "?":
        return UNKNOWN_RESULT
    if text == "none":
        return Result("none")
    if text.partition(" ")[0] in ("self", "same"):
        kind, _, name = text.partition(" ")
        return Result(kind, _type(name, section))
    found = re.fullmatch(r"(tuple|list|dict|iterator|generator|set)\((.*)\)", text)
    if found:
        return Result("new", found[1], items=tuple(_result(part.strip(), section) for part in _split(found[2])))
    words = text.split()
    if words[0] in ("view", "memory", "part", "holding", "item", "calling"):
        kind_of_type = words[-1] if len(words) > 2 else ""
        operands = words[1:-1] if kind_of_type else words[1:]
        return Result(words[0], _type(kind_of_type, section), tuple(map(_target, operands)))
    if words[0][0].isdigit() or words[0] == "arg":
        return Result("argument", "", (_target(words[-1]),))
    return Result("new", _type(text, section))


def _split(text: str) -> list[str]:
    """Split at the commas that stand outside brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _type(name: str, section: str) -> str:
    """A type's full name: a bare one belongs to the library of the section."""
    if name == "?":
        return ""
    if not name or "." in name or name in _BUILTIN_TYPES:
        return name
    return f"{section.partition('.')[0]}.{name}"
