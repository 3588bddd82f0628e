"""A library's source -> what each of its functions reads, sets, hands on and keeps of what it is given."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

# What changes a container of an object, such as its cache.
_CHANGES_CONTAINER_WORDS = """
    add append appendleft clear discard extend fill insert pop popitem remove resize reverse setdefault sort update
"""
_CHANGES_CONTAINER = frozenset(_CHANGES_CONTAINER_WORDS.split())
_SETTERS = frozenset(("setattr", "delattr", "__setattr__", "__delattr__"))
_PASSES_ELEMENTS = frozenset(("enumerate", "iter", "list", "reversed", "sorted", "tuple", "zip"))
_KEEPING_DECORATORS = frozenset(("cached_property", "cache_readonly", "lazy_property", "lazyproperty", "reify"))
_PROPERTY = re.compile(r".*property")
_NO_PART_OF_A_LIBRARY = re.compile(r"tests?|testing|conftest|examples?|_?vendor(?:ed)?|extern(?:al)?s?")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_CHAIN = (ast.Attribute, ast.Subscript, ast.Starred)


class Place(NamedTuple):
    """A parameter, and the attributes by which something is reached from it; subscripts are left out."""

    parameter: str
    attributes: tuple[str, ...] = ()

    @property
    def inner(self) -> str:
        """The attribute of the parameter in which the place is; empty for the parameter itself."""
        return self.attributes[0] if self.attributes else ""


class Passed(NamedTuple):
    """A place is given to a function, or to a method of the same object, at a position or by a keyword."""

    name: str
    own: bool
    at: int | str
    place: Place


@dataclass
class Facts:
    """What a function does to its parameters. `kept` are the attributes of its object in which it leaves them."""

    parameters: tuple[str, ...] = ()
    stored: set[Place] = field(default_factory=set)
    read: set[Place] = field(default_factory=set)
    passed: set[Passed] = field(default_factory=set)
    kept: set[tuple[str, str]] = field(default_factory=set)


@dataclass(eq=False)
class Function:
    """A function or method; `kind` is function, method, static, class, property, or kept for a property that always keeps its value."""

    name: str
    kind: str
    facts: Facts
    # The parameters that it changes, and in which of their attributes.
    changes: set[tuple[str, str]] = field(default_factory=set)

    @property
    def receiver(self) -> str:
        """The name by which a method knows its object."""
        return self.facts.parameters[0] if self.kind in ("method", "property", "kept") and self.facts.parameters else ""


@dataclass(eq=False)
class Class:
    """A class: the names of its bases, its members, itself with its ancestors, and these with its descendants."""

    name: str
    bases: list[str]
    members: dict[str, Function]
    line: list[Class] = field(default_factory=list)
    kin: list[Class] = field(default_factory=list)


@dataclass
class Source:
    """All of a library."""

    functions: list[Function]
    classes: list[Class]


def belongs(parts: tuple[str, ...]) -> bool:
    """Whether a file is a part of the library: no test, no example, no copy of another library."""
    return not any(_NO_PART_OF_A_LIBRARY.fullmatch(part.removesuffix(".py")) for part in parts)


def read_source(trees: list[ast.Module]) -> Source:
    """A library, from its modules."""
    keeping = _KEEPING_DECORATORS | {node.name for tree in trees for node in tree.body if _makes_keeping_properties(node)}
    classes = [_class(node, keeping) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    _relate(classes)
    functions = [node for tree in trees for node in tree.body if isinstance(node, _FUNCTIONS)]
    return Source([Function(node.name, "function", facts_of(node)) for node in functions], classes)


def imports_of(trees: list[ast.Module]) -> set[str]:
    """The libraries that the modules import."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    whole = {alias.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return whole | {(node.module or "").partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}


def parsed(texts: Iterable[str]) -> Iterator[ast.Module]:
    """The modules that this Python can read."""
    for text in texts:
        # Templates, and the syntax of other versions, are left out.
        with contextlib.suppress(SyntaxError, ValueError):
            yield ast.parse(text)


def _makes_keeping_properties(node: ast.stmt) -> bool:
    """Whether a definition is a descriptor, or a decorator that makes properties, and what it makes stores something in the object."""
    if isinstance(node, ast.ClassDef):
        getters = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__get__"]
        return any(len(one.args.args) > 1 and _stores_in(one, one.args.args[1].arg) for one in getters)
    if not isinstance(node, ast.FunctionDef) or not any(isinstance(one, ast.Name) and one.id == "property" for one in ast.walk(node)):
        return False
    inner = [one for one in ast.walk(node) if isinstance(one, ast.FunctionDef) and one is not node and one.args.args]
    return any(_stores_in(one, one.args.args[0].arg) for one in inner)


def _stores_in(function: ast.FunctionDef, name: str) -> bool:
    found = Facts((name,))
    _Reader(found, {name: Place(name)}).look(list(ast.walk(function)))
    return bool(found.stored)


def _class(node: ast.ClassDef, keeping: frozenset[str] | set[str]) -> Class:
    made = Class(node.name, [leaf(base) for base in node.bases], {})
    for statement in node.body:
        if isinstance(statement, _FUNCTIONS):
            if not any(ast.unparse(one).endswith((".setter", ".deleter")) for one in statement.decorator_list):
                kind = _kind([leaf(one) for one in statement.decorator_list], keeping)
                made.members[statement.name] = Function(statement.name, kind, facts_of(statement, bound=kind != "static"))
        elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call) and statement.value.args:
            # `x = property(get_x)`
            getter = made.members.get(leaf(statement.value.args[0]))
            kind = _kind([leaf(statement.value)], keeping)
            for target in statement.targets if getter is not None and kind != "method" else ():
                if isinstance(target, ast.Name) and getter is not None:
                    made.members[target.id] = Function(target.id, kind, getter.facts, getter.changes)
    return made


def _kind(decorators: list[str], keeping: frozenset[str] | set[str]) -> str:
    for decorator in decorators:
        if decorator in keeping:
            return "kept"
        if decorator in ("staticmethod", "classmethod"):
            return decorator.removesuffix("method")
        if _PROPERTY.fullmatch(decorator):
            return "property"
    return "method"


def _relate(classes: list[Class]) -> None:
    """Find the ancestors and descendants of classes by the names of their bases."""
    named: dict[str, list[Class]] = {}
    for one in classes:
        named.setdefault(one.name, []).append(one)
    below: dict[Class, list[Class]] = {one: [] for one in classes}
    for one in classes:
        one.line = [one]
        for current in one.line:
            one.line += [base for name in current.bases for base in named.get(name, ()) if base not in one.line]
        for ancestor in one.line[1:]:
            below[ancestor].append(one)
    for one in classes:
        one.kin = [*one.line, *below[one]]


def facts_of(node: ast.FunctionDef | ast.AsyncFunctionDef, bound: bool = False) -> Facts:
    """What a function does to its parameters."""
    arguments = node.args
    parameters = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    found = Facts(tuple(parameters))
    nodes = [inner for statement in node.body for inner in ast.walk(statement)]
    places = {name: Place(name) for name in parameters}
    receiver = parameters[0] if bound and parameters else ""
    for inner in nodes:
        for target in inner.targets if isinstance(inner, ast.Assign) and not _may_be_the_same(inner.value) else ():
            for name in (one.id for one in _targets(target) if isinstance(one, ast.Name) and one.id != receiver):
                # `x = x.copy()`: what is done to it from here on is done to something else.
                places.pop(name, None)
    reader = _Reader(found, places, receiver)
    # A name may be used above the line that a loop gives it its value in.
    reader.name(nodes)
    reader.name(nodes)
    reader.look(nodes)
    return found


def _may_be_the_same(value: ast.expr) -> bool:
    return isinstance(value, ast.Name | ast.IfExp | ast.BoolOp)


@dataclass
class _Reader:
    """Collects facts. `places` says which names stand for a parameter or a part of one."""

    found: Facts
    places: dict[str, Place]
    receiver: str = ""

    def name(self, nodes: list[ast.AST]) -> None:
        """Follow names that are bound to places: `w = self.w`, `for part in parts`."""
        for node in nodes:
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                self._bind(node.targets[0], node.value)
            elif isinstance(node, ast.For | ast.comprehension):
                self._bind(node.target, node.iter)

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        names = list(_targets(target))
        values = [value] * len(names)
        if isinstance(value, ast.Call) and leaf(value) in _PASSES_ELEMENTS and value.args:
            names = names[1:] if leaf(value) == "enumerate" else names
            values = value.args if leaf(value) == "zip" else [value.args[0]] * len(names)
        for name, given in zip(names, values, strict=False):
            place = self._place(given)
            if place is not None and isinstance(name, ast.Name):
                self.places.setdefault(name.id, place)

    def look(self, nodes: list[ast.AST]) -> None:
        """Collect what the nodes do."""
        for node in nodes:
            for target, value in _stores(node):
                if isinstance(target, ast.Attribute | ast.Subscript) and (place := self._place(target.value)) is not None:
                    self.found.stored.add(place)
                if isinstance(target, ast.Attribute) and value is not None and self._place(target.value) == (self.receiver, ()):
                    self._keep(target.attr, value)
            if isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and (place := self._place(node)) is not None:
                self.found.read.add(place)

    def _keep(self, attribute: str, value: ast.expr) -> None:
        """`self.w = w`"""
        values = value.values if isinstance(value, ast.BoolOp) else [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
        for place in filter(None, map(self._place, values)):
            if not place.attributes:
                self.found.kept.add((attribute, place.parameter))

    def _call(self, node: ast.Call) -> None:
        function = node.func
        if leaf(function) in _SETTERS and node.args and (place := self._place(node.args[0])) is not None:
            self.found.stored.add(place)
        owner = self._place(function.value) if isinstance(function, ast.Attribute) else None
        if isinstance(function, ast.Attribute) and function.attr in _CHANGES_CONTAINER and owner is not None and owner.attributes:
            self.found.stored.add(owner)
        own = owner is not None and owner == (self.receiver, ())
        if (
            self.receiver
            and isinstance(function, ast.Attribute)
            and isinstance(function.value, ast.Call)
            and leaf(function.value) == "super"
        ):
            own = True
            self.found.read.add(Place(self.receiver, (function.attr,)))
        if own or owner is None:
            given: list[tuple[int | str, ast.expr]] = [*enumerate(node.args)]
            given += [(keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg]
            for at, value in given:
                if (place := self._place(value)) is not None:
                    self.found.passed.add(Passed(leaf(function), own, at, place))

    def _place(self, node: ast.expr) -> Place | None:
        """Which part of which parameter an expression is."""
        names: list[str] = []
        while isinstance(node, _CHAIN):
            names += [node.attr] if isinstance(node, ast.Attribute) else []
            node = node.value
        place = self.places.get(node.id) if isinstance(node, ast.Name) else None
        return Place(place.parameter, (*place.attributes, *reversed(names))) if place is not None else None


def _stores(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """What a statement sets or deletes, and to what."""
    if isinstance(node, ast.Assign | ast.Delete):
        value = node.value if isinstance(node, ast.Assign) else None
        yield from ((one, value) for target in node.targets for one in _targets(target))
    elif isinstance(node, ast.AugAssign) or (isinstance(node, ast.AnnAssign) and node.value is not None):
        yield node.target, node.value
    elif isinstance(node, ast.For):
        yield from ((one, None) for one in _targets(node.target))
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield node.optional_vars, None


def _targets(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.Tuple | ast.List):
        for element in node.elts:
            yield from _targets(element)
    else:
        yield node


def leaf(node: ast.expr) -> str:
    """The last name of a dotted one, also of what is called."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
