"""Write the surveys of libraries that nobody has described: `python -m tests.known.survey DIRECTORY…`

The directories hold what is installed; nothing is imported. `surveyed.txt` lists the libraries, with the versions to look for:

    pip install --no-deps --target DIRECTORY --requirement tests/known/surveyed.txt
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple

from nbcompile.analysis import known
from nbcompile.analysis.known import surveys
from tests.known.given import Parameter, changed
from tests.known.source import Class, Function, Passed, Place, Source, belongs, imports_of, parsed, read_source

PLACE = Path(known.__file__).with_name(surveys.DATA)
LISTED = Path(__file__).with_name("surveyed.txt")
HEAD = (
    "# Written by `python -m tests.known.survey`: library, version, libraries it builds on, kept attributes, "
    "functions that change what they are given.\n"
)
# What an attribute of these names is nobody can tell: arrays, tables and containers have them, too.
_OF_DATA = ("numpy.ndarray", "pandas.DataFrame", "pandas.Series", "pandas.Index")
_OF_CONTAINERS = frozenset(name for kind in (str, list, dict, set, tuple) for name in dir(kind))
# Tables have it where their columns are sparse.
_SELDOM_OF_DATA = frozenset(("sparse",))
_TABLE = known.Known()


class Names(NamedTuple):
    """The names of attributes that are kept when they are first read, and of methods that change their object."""

    attributes: frozenset[str]
    methods: frozenset[str]

    def __or__(self, other: Names) -> Names:  # type: ignore[override]
        return Names(self.attributes | other.attributes, self.methods | other.methods)


NOTHING = Names(frozenset(), frozenset())


def survey(trees: list[ast.Module], builds_on: Names = NOTHING) -> Names:
    """What the modules of a library say; `builds_on` are the names of the libraries whose objects it may work with."""
    return _Changes(read_source(trees), builds_on).find()


@dataclass
class _Changes:
    """Who changes what, to a fixed point."""

    source: Source
    builds_on: Names
    attributes: set[str] = field(default_factory=set)
    methods: set[str] = field(default_factory=set)
    called: dict[str, list[Function]] = field(default_factory=dict)

    def find(self) -> Names:
        self.attributes, self.methods = set(self.builds_on.attributes), set(self.builds_on.methods)
        for function in self.source.functions:
            self.called.setdefault(function.name, []).append(function)
        for one in self.source.classes:
            self.called.setdefault(one.name, []).extend(base.members["__init__"] for base in one.line if "__init__" in base.members)
        while sum(self._step(of, function) for of, function in self._all()):
            continue
        return self._names()

    def _all(self) -> Iterator[tuple[Class | None, Function]]:
        yield from ((of, member) for of in self.source.classes for member in of.members.values())
        yield from ((None, function) for function in self.source.functions)

    def _step(self, of: Class | None, function: Function) -> bool:
        """Add what is known by now; whether that is something new."""
        before = len(function.changes)
        facts, found = function.facts, function.changes
        if function.kind == "kept":
            found.add((function.receiver, ""))
        found.update((place.parameter, place.inner) for place in facts.stored)
        for place in facts.read:
            found.update(self._read(of, function, place))
        for passed in facts.passed:
            if any(self._changes(callee, passed) for callee in self._callees(of, passed)):
                found.add((passed.place.parameter, passed.place.inner))
        if function.name == "__init__":
            # The object was given what it goes on to change.
            inner = {name for parameter, name in found if parameter == function.receiver and name}
            found.update((parameter, "") for attribute, parameter in facts.kept if attribute in inner)
        if function.receiver and not function.name.startswith("__") and any(one == function.receiver for one, _ in found):
            (self.methods if function.kind == "method" else self.attributes).add(function.name)
        return len(found) > before

    def _read(self, of: Class | None, function: Function, place: Place) -> Iterator[tuple[str, str]]:
        """What is changed by reading an attribute, or by calling it where it is a method."""
        attributes, inner = place.attributes, ""
        if of is not None and place.parameter == function.receiver and attributes:
            for member in _members(of, attributes[0]):
                if member is not function and member.receiver:
                    yield from ((place.parameter, name) for parameter, name in set(member.changes) if parameter == member.receiver)
            inner, attributes = attributes[0], attributes[1:]
        for number, name in enumerate(attributes):
            if (name in self.attributes or name in self.methods) and not _is_of_data(name):
                yield place.parameter, inner or (place.inner if number else "")
                return

    def _callees(self, of: Class | None, passed: Passed) -> list[Function]:
        return _members(of, passed.name) if passed.own and of is not None else self.called.get(passed.name, [])

    def _changes(self, callee: Function, passed: Passed) -> bool:
        """Whether a function changes the parameter that it is passed."""
        parameters = callee.facts.parameters
        parameter = passed.at
        if isinstance(parameter, int):
            at = parameter + (callee.kind not in ("function", "static"))
            if at >= len(parameters):
                return False
            parameter = parameters[at]
        return any(one == parameter for one, _ in callee.changes)

    def _names(self) -> Names:
        members = [member for of in self.source.classes for member in of.members.values() if not member.name.startswith("__")]
        change = [member for member in members if any(parameter == member.receiver for parameter, _ in member.changes)]
        methods = frozenset(member.name for member in change if member.kind == "method")
        return Names(frozenset(member.name for member in change if member.kind in ("property", "kept")), methods)


def _members(of: Class, name: str) -> list[Function]:
    return [one.members[name] for one in of.kin if name in one.members]


def _is_of_data(name: str) -> bool:
    return name in _OF_CONTAINERS or (
        name not in _SELDOM_OF_DATA and any(_TABLE.method(kind, one) is not None for kind in _OF_DATA for one in (name, f".{name}"))
    )


# -- the file --------------------------------------------------------------------------------------------------------


class Installed(NamedTuple):
    """A library that is installed: the version of its distribution, and the texts of its modules."""

    version: str
    texts: list[str]


def listed() -> dict[str, list[str]]:
    """The distributions of `surveyed.txt`, and the libraries that each of them brings."""
    rows = [line.split(" # ") for line in LISTED.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return {requirement.partition("==")[0]: libraries.split() for requirement, libraries in rows}


def installed(directories: list[str]) -> dict[str, Installed]:
    """The listed libraries that lie in the directories."""
    wanted = listed()
    found: dict[str, Installed] = {}
    for one in distributions(path=directories):
        for library in wanted.get(one.metadata["Name"], ()):
            found.setdefault(library, Installed(one.version, list(_texts(one, library))))
    return found


def _texts(distribution: Distribution, library: str) -> Iterator[str]:
    for path in sorted(distribution.files or ()):
        if path.suffix == ".py" and path.parts[0].removesuffix(".py") == library and belongs(path.parts[1:]):
            place = Path(str(distribution.locate_file(path)))
            if place.is_file():
                yield place.read_text("utf-8", errors="replace")


def lines(found: dict[str, Installed]) -> Iterator[str]:
    """The lines of the file, in order."""
    done: dict[str, Names] = {}
    depends: dict[str, list[str]] = {}
    given: dict[str, dict[str, list[Parameter]]] = {}

    def visit(library: str, above: tuple[str, ...]) -> None:
        if library in done:
            return
        trees = list(parsed(found[library].texts))
        given[library] = changed(trees)
        depends[library] = sorted(name for name in imports_of(trees) & found.keys() if name != library and name not in above)
        for name in depends[library]:
            visit(name, (*above, library))
        done[library] = survey(trees, functools.reduce(Names.__or__, (done[name] for name in depends[library]), NOTHING))

    for library in sorted(found):
        visit(library, ())
    written = {library: sorted(filter(_is_worth_writing, names.attributes)) for library, names in done.items()}
    for library in sorted(found):
        builds_on = [name for name in depends[library] if written[name]]
        functions = [f"{name}:{','.join(map(str, given[library][name]))}" for name in sorted(given[library])]
        yield "\t".join((library, found[library].version, " ".join(builds_on), " ".join(written[library]), " ".join(functions)))


def _is_worth_writing(name: str) -> bool:
    """Whether notebooks may read an attribute, and its name says something of the object."""
    return not name.startswith("_") and not _is_of_data(name)


if __name__ == "__main__":
    PLACE.write_text(HEAD + "".join(line + "\n" for line in lines(installed(sys.argv[1:]))), "utf-8")
