"""Names: which scope a name belongs to, what it may be bound to there, and which reads come before a sure binding.

A frame is one running piece of code: a cell, a function that is called, the body of a class or of a comprehension.
What it did that others can see is kept in its trace. Control that splits is a `fork`, control that meets again a `merge`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from nbcompile.analysis.aliases import ANY, KEPT, KEYS, Assumption
from nbcompile.analysis.values import NO_OBJECTS, SCALAR, Bound, Function, Value, join, single
from nbcompile.model.facts import RESTORE

if TYPE_CHECKING:
    from nbcompile.analysis.walk import Walk

# The value of a name that was deleted.
GONE = Value("unbound")

Spot = tuple[int, int, int, int]
Chain = tuple[str, ...]
# The module that has the notebook's names as attributes.
MAIN = "__main__"
Snapshot = tuple[tuple[dict[str, Value], set[str]], ...]


# Of 18,000 cells the one that holds most has 120,000; one had millions, and no end.
_MOST_FOLLOWED = 300_000


class TooMuchHeld(Exception):
    """A cell may let so many objects hold so many others that nobody can follow."""


class Origin(NamedTuple):
    """Where the notebook defines a function or a class. It is the same in every walk over the notebook."""

    cell: int
    line: int
    column: int


def origin(cell: int, node: ast.AST) -> Origin:
    """Where a node that defines something stands in the notebook."""
    return Origin(cell, getattr(node, "lineno", 0), getattr(node, "col_offset", 0))


def spot(node: ast.AST) -> Spot:
    """Where a node stands: first line, first column in bytes, last line, last column."""
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]


class Mark(NamedTuple):
    """Where something was seen, and through which functions of the notebook; the last field explains."""

    spot: Spot
    via: Chain = ()
    reason: str = ""


class EffectKey(NamedTuple):
    """Tells effects apart."""

    channel: str
    mode: str
    subject: str


class Trace:
    """What a frame did that is seen outside it."""

    __slots__ = (
        "assumptions",
        "builtins",
        "called",
        "captured",
        "cells",
        "changed",
        "compared",
        "drawn",
        "effects",
        "given",
        "live",
        "opaque",
        "repeated",
        "replayed",
        "speaks",
        "unknowns",
        "uses",
    )

    def __init__(self) -> None:
        self.uses: dict[str, Mark] = {}
        self.builtins: dict[str, Mark] = {}
        self.changed: dict[int, Mark] = {}
        self.captured: dict[tuple[int, str, int], Mark] = {}
        # What a holder was given at more than one place.
        self.repeated: set[tuple[int, int]] = set()
        # Calls whose captures were replayed, and how many edges and bindings there were then.
        self.replayed: dict[tuple[object, ...], tuple[int, int]] = {}
        # Objects that are told from others by their identity.
        self.compared: set[int] = set()
        # Of a function: what it was given that draws, if it was made without a seed or holds a generator.
        self.drawn: dict[int, Mark] = {}
        self.effects: dict[EffectKey, Mark] = {}
        self.unknowns: dict[str, tuple[Mark, str, tuple[int, ...]]] = {}
        self.live: list[tuple[Mark, Value]] = []
        self.called: dict[int, int] = {}
        self.opaque: Mark | None = None
        # Whether something is shown, or may be: unknown code may show anything.
        self.speaks = False
        # Of a function: the names it was given from outside, by where they came from, and what was assumed of them.
        self.given: dict[str, Value] = {}
        self.cells: dict[str, Value] = {}
        self.assumptions: list[Assumption] = []

    def touch(self, key: EffectKey, mark: Mark) -> None:
        """State is touched. What is restored that the same code has replaced is as it was before."""
        if key.mode == RESTORE and self.effects.pop(key._replace(mode="write"), None) is not None:
            return
        self.effects.setdefault(key, mark)


class Scope:
    """Names of one scope, and which of them are bound whichever way control went."""

    __slots__ = ("sure", "values")

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.sure: set[str] = set()


class Frame:
    """A running piece of code. `sites` keeps the objects that its nodes made, so that a second pass makes no others."""

    __slots__ = ("caught", "dead", "entered", "exits", "local", "loops", "returned", "sites", "top", "trace", "walk")

    def __init__(self, walk: Walk, trace: Trace, top: Scope, local: Scope, sites: dict[object, int]) -> None:
        self.walk = walk
        self.trace = trace
        self.top = top
        self.local = local
        self.sites = sites
        self.dead = False
        # Objects of undescribed libraries whose `with` is running.
        self.entered: tuple[Value, ...] = ()
        self.exits: list[Snapshot] = []
        self.loops: list[list[Snapshot]] = []
        self.caught: list[list[Snapshot]] = []
        self.returned: Value | None = None

    @property
    def home(self) -> Frame:
        """The cell or function that it belongs to."""
        return self

    # -- names ---------------------------------------------------------------------------------------------------

    def read(self, name: str, node: ast.AST) -> Value:
        """The value of a name; a read that comes before a sure binding is a use."""
        raise NotImplementedError

    def peek(self, name: str) -> Value | None:
        """The value of a global name, without using it."""
        raise NotImplementedError

    def bind(self, name: str, value: Value) -> None:
        """Bind a name in the scope it belongs to."""
        raise NotImplementedError

    def bind_global(self, name: str, value: Value) -> None:
        """Bind a name of the notebook."""
        self.walk.bindings += 1
        self.top.values[name] = value
        self.top.sure.add(name)

    def bind_perhaps(self, name: str, value: Value) -> None:
        """A name of the notebook may be bound here."""
        self.walk.bindings += 1
        before = self.top.values.get(name)
        self.top.values[name] = value if before is None or before is GONE else before if value is GONE else join(before, value)

    def delete(self, name: str, node: ast.AST) -> None:
        """Unbind a name, which must be bound."""
        self.read(name, node)
        self.bind(name, GONE)

    def read_global(self, name: str, node: ast.AST, via: Chain = ()) -> Value:
        """The value of a name of the notebook."""
        top = self.top
        found = top.values.get(name)
        if found is not None and name in top.sure:
            return SCALAR if found is GONE else found
        before = self.before(name)
        if before is None and found is None:
            return self.walk.unbound(self, name, node, via)
        if name not in self.trace.uses:
            self.trace.uses[name] = Mark(spot(node), via)
        if before is None or found is None or found is GONE:
            return before or found or SCALAR
        return join(found, before)

    def before(self, name: str) -> Value | None:
        """What a name of the notebook was bound to before this piece of code."""
        raise NotImplementedError

    # -- control -------------------------------------------------------------------------------------------------

    def fork(self) -> Snapshot:
        """The state of the names, to come back to."""
        top = (dict(self.top.values), set(self.top.sure))
        return (top,) if self.local is self.top else (top, (dict(self.local.values), set(self.local.sure)))

    def restore(self, state: Snapshot) -> None:
        """Go on from a state; it can be gone back to again."""
        for scope, (values, sure) in zip((self.top, self.local), state, strict=False):
            scope.values, scope.sure = dict(values), set(sure)
        self.dead = False

    def merge(self, states: list[Snapshot]) -> None:
        """Go on from wherever control may have come from; from nowhere, and the rest is dead."""
        if not states:
            self.dead = True
            return
        self.restore(states[0])
        for state in states[1:]:
            for scope, (values, sure) in zip((self.top, self.local), state, strict=False):
                mine = scope.values
                scope.sure -= {name for name in scope.sure & sure if (values[name] is GONE) != (mine[name] is GONE)}
                for name, value in values.items():
                    found = mine.get(name)
                    if found is None or found is GONE:
                        mine[name] = value
                    elif found is not value and value is not GONE:
                        mine[name] = join(found, value)
                scope.sure &= sure

    # -- objects -------------------------------------------------------------------------------------------------

    def make(self, node: ast.AST, type: str, opened: bool = False, role: str = "") -> int:  # noqa: A002
        """The object that this node makes."""
        key = (id(node), role)
        number = self.sites.get(key)
        if number is None:
            number = self.sites[key] = self.walk.heap.new(type, opened=opened)
        return number

    def fresh(self, node: ast.AST, type: str, opened: bool = True, role: str = "") -> Value:  # noqa: A002
        """A value of a type: an object made here, or nothing but its type when that is immutable."""
        if self.walk.known.is_immutable(type):
            return Value(type)
        return Value(type, single(self.make(node, type, opened, role)))

    def change(self, value: Value, node: ast.AST, reason: str, deep: bool = False) -> None:
        """The objects of a value may change in place; `deep` if also what they hold."""
        objects = value.objects
        if not objects:
            return
        changed = self.trace.changed
        if deep:
            objects = self.walk.heap.within(objects)
        self.walk.filled -= objects
        for number in objects:
            self.walk.worked_out.pop(number, None)
            if number not in changed:
                changed[number] = Mark(spot(node), (), reason)

    def capture(self, holders: Value, key: str, held: Value, node: ast.AST) -> None:
        """The objects of one value may hold those of the other from now on."""
        if not held.objects or not holders.objects:
            return
        if held.type == "tuple":
            held = self.as_object(held, node, key)
        elif type(held.callee) is Bound and held.callee.target is not None and key != KEPT:
            held = self._method_as_object(held, node, key)
        heap, captured = self.walk.heap, self.trace.captured
        self.walk.heap.followed += len(holders.objects) * len(held.objects)
        if self.walk.heap.followed > _MOST_FOLLOWED:
            raise TooMuchHeld
        mark, repeatable = Mark(spot(node)), key not in (KEPT, KEYS)
        for holder in holders.objects:
            for number in held.objects:
                edge = holder, key, number
                if heap.hold(holder, key, number) or edge not in captured:
                    captured[edge] = mark
                elif repeatable and captured[edge].spot != mark.spot:
                    self.trace.repeated.add((holder, number))

    def _method_as_object(self, method: Value, node: ast.AST, key: str) -> Value:
        """A method with its object, as others hold it."""
        number = self.make(node, "function", role=f"method {key}")
        self.walk.heap.callees[number] = method.callee
        made = Value("function", single(number), method.callee)
        self.capture(made, KEPT, Value("", method.objects), node)
        return made

    def as_object(self, value: Value, node: ast.AST, role: str = "") -> Value:
        """A tuple as an object that others can hold; any other value as it is."""
        heap = self.walk.heap
        if value.type != "tuple" or (value.items is None and all(heap.types[number] == "tuple" for number in value.objects)):
            return value
        number = self.make(node, "tuple", role=f"tuple {role}")
        made = Value("tuple", single(number))
        if value.items is None:
            self.capture(made, ANY, Value("", heap.parts_of_tuple(value.objects)), node)
            return made
        before = heap.tuples.get(number, value.items)
        for place, item in enumerate(value.items):
            self.capture(made, ANY, self.as_object(item, node, f"{role} {place}"), node)
        heap.tuples[number] = tuple(map(join, before, value.items)) if len(before) == len(value.items) else value.items
        return made

    def tuple_of_any(self, node: ast.AST, items: Iterable[Value]) -> Value:
        """A tuple of unknown length with these among its elements."""
        made = Value("tuple", single(self.make(node, "tuple", role="any")))
        for place, item in enumerate(items):
            self.capture(made, ANY, self.as_object(item, node, f"any {place}"), node)
        return made


class CellFrame(Frame):
    """A cell: its names are the notebook's. `binders` says which of its statements, counted from 0, bound a name last.

    It is straight while a statement runs of which nothing may be skipped.
    """

    __slots__ = ("binders", "is_straight", "statement")

    def __init__(self, walk: Walk) -> None:
        scope = Scope()
        super().__init__(walk, Trace(), scope, scope, {})
        self.statement = 0
        self.is_straight = False
        self.binders: dict[str, int] = {}

    def read(self, name: str, node: ast.AST) -> Value:
        found = self.top.values.get(name)
        if found is not None and found is not GONE and name in self.top.sure:
            return found
        return self.read_global(name, node)

    def before(self, name: str) -> Value | None:
        return self.walk.namespace.get(name)

    def peek(self, name: str) -> Value | None:
        found = self.top.values.get(name)
        if found is None or name not in self.top.sure:
            before = self.walk.namespace.get(name)
            found = before if found is None or found is GONE else join(found, before) if before else found
        return None if found is GONE else found

    def bind(self, name: str, value: Value) -> None:
        self.walk.bindings += 1
        self.walk.outdated(name)
        self.top.values[name] = value
        self.top.sure.add(name)
        self.binders[name] = self.statement

    def bind_global(self, name: str, value: Value) -> None:
        self.bind(name, value)

    def bind_perhaps(self, name: str, value: Value) -> None:
        super().bind_perhaps(name, value)
        self.walk.outdated(name)
        self.binders[name] = self.statement


class FunctionFrame(Frame):
    """A function that is called. What it finds outside are symbols, to be replaced at each call by what is there then."""

    __slots__ = ("caller", "function", "package", "state")

    def __init__(self, walk: Walk, function: Function, caller: Frame, trace: Trace, sites: dict[object, int]) -> None:
        super().__init__(walk, trace, Scope(), Scope(), sites)
        self.function = function
        self.caller = caller
        # Of a module: the package that it is in, and the object that stands for its names.
        self.package = ""
        self.state = -1

    def read(self, name: str, node: ast.AST) -> Value:
        if name in self.function.code.locals:
            return self.local.values.get(name, SCALAR)
        captured = self.trace.cells.get(name) or self._enclosing(name)
        return captured if captured is not None else self.read_global(name, node)

    def _enclosing(self, name: str) -> Value | None:
        actual = enclosing(self.function, name)
        if actual is None:
            return None
        symbol = self.trace.cells[name] = self.mirror(actual)
        return symbol

    def before(self, name: str) -> Value | None:
        symbol = self.trace.given.get(name)
        if symbol is None:
            actual = self.caller.peek(name)
            if actual is None:
                return None
            symbol = self.trace.given[name] = self.mirror(actual)
        return symbol

    def peek(self, name: str) -> Value | None:
        found = self.top.values.get(name)
        if found is not None and found is not GONE and name in self.top.sure:
            return found
        return self.before(name)

    def mirror(self, value: Value) -> Value:
        """A symbol for what comes from outside; immutable values stand for themselves."""
        if not value.objects:
            return value
        heap = self.walk.heap
        items = tuple(map(self.mirror, value.items)) if value.items is not None else None
        if items is not None:
            objects = NO_OBJECTS.union(*(item.objects for item in items))
            return Value(value.type, objects, value.callee, value.const, items)
        number = heap.new(value.type, value.callee, opened=True, keyed=True)
        heap.mirror(number, value.objects, self.trace.assumptions)
        return Value(value.type, single(number), value.callee, value.const, None, value.view)

    def bind(self, name: str, value: Value) -> None:
        scope = self.local if name in self.function.code.locals else self.top
        if scope is self.top:
            module = module_of(self.function)
            if module is not None:
                self.trace.changed.setdefault(module.state, Mark(spot(self.function.code.node)))
            if name in self.function.code.outer_names and bind_enclosing(self.function, name, value):
                return
            if module is not None:
                # A text that is executed binds it: whatever that is of, it is not the notebook.
                scope = self.local
        scope.values[name] = value
        scope.sure.add(name)


class BlockFrame(Frame):
    """The body of a comprehension or of a class: it has names of its own and otherwise those of the frame around it."""

    __slots__ = ("is_class", "outer_names", "parent")

    def __init__(self, parent: Frame, is_class: bool) -> None:
        super().__init__(parent.walk, parent.trace, parent.top, Scope(), parent.sites)
        self.parent = parent
        self.is_class = is_class
        self.outer_names: frozenset[str] = frozenset()

    @property
    def home(self) -> Frame:
        return self.parent.home

    def read(self, name: str, node: ast.AST) -> Value:
        found = self.local.values.get(name)
        if found is None or found is GONE:
            return self.parent.read(name, node)
        if name in self.local.sure:
            return found
        return join(found, self.parent.read(name, node))

    def before(self, name: str) -> Value | None:
        return self.parent.before(name)

    def peek(self, name: str) -> Value | None:
        return self.parent.peek(name)

    def bind_global(self, name: str, value: Value) -> None:
        self.parent.bind_global(name, value)

    def bind_perhaps(self, name: str, value: Value) -> None:
        self.parent.bind_perhaps(name, value)

    def bind(self, name: str, value: Value) -> None:
        if name in self.outer_names:
            self.parent.bind_global(name, value)
        else:
            self.local.values[name] = value
            self.local.sure.add(name)


def enclosing(function: Function, name: str) -> Value | None:
    """The value of a name of an enclosing function."""
    if name in function.captured:
        return function.captured[name]
    frame = function.frame
    while isinstance(frame, BlockFrame):
        if not frame.is_class and name in frame.local.values:
            return frame.local.values[name]
        frame = frame.parent
    if isinstance(frame, FunctionFrame):
        if name in frame.function.code.locals:
            return frame.local.values.get(name, SCALAR)
        return frame.trace.cells.get(name) or frame._enclosing(name)
    return None


def module_of(function: Function) -> FunctionFrame | None:
    """The module that a function is of, if it is not the notebook's."""
    frame = function.frame
    while frame is not None:
        if isinstance(frame, BlockFrame):
            frame = frame.parent
        elif isinstance(frame, FunctionFrame) and frame.state < 0:
            frame = frame.function.frame
        else:
            return frame if isinstance(frame, FunctionFrame) else None
    return None


def bind_enclosing(function: Function, name: str, value: Value) -> bool:
    """Bind a `nonlocal` name where it belongs; whether it belongs to an enclosing function."""
    frame = function.frame
    while isinstance(frame, BlockFrame):
        frame = frame.parent
    if isinstance(frame, FunctionFrame) and name in frame.function.code.locals:
        found = frame.local.values.get(name)
        frame.local.values[name] = value if found is None else join(found, value)
        return True
    if name in function.captured:
        function.captured[name] = join(function.captured[name], value)
        return True
    return False


def local_names(code_arguments: ast.arguments | None, body: list[ast.stmt] | ast.expr) -> tuple[frozenset[str], frozenset[str], bool]:
    """The names that belong to a function, those it declares to be others', and whether it is a generator."""
    bound: set[str] = set()
    outer: set[str] = set()
    generator = False
    if code_arguments is not None:
        bound.update(argument.arg for argument in all_arguments(code_arguments))
    todo: list[ast.AST] = list(body) if isinstance(body, list) else [body]
    while todo:
        node = todo.pop()
        kind = type(node)
        if kind is ast.Name:
            if type(node.ctx) is not ast.Load:  # type: ignore[attr-defined]
                bound.add(node.id)  # type: ignore[attr-defined]
            continue
        if kind in _SCOPES:
            inner = _outside_parts(node, bound)
            todo.extend(inner)
            continue
        if kind in _BINDING_NODES:
            outer_here = _bind_statement(node, bound)
            outer.update(outer_here)
        elif kind is ast.Yield or kind is ast.YieldFrom:
            generator = True
        todo.extend(ast.iter_child_nodes(node))
    return frozenset(bound - outer), frozenset(outer), generator


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = frozenset((*_FUNCTIONS, ast.ClassDef, ast.Lambda, *_COMPREHENSIONS))
_BINDING_NODES = frozenset(
    (ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom, ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping)
)


def all_arguments(arguments: ast.arguments) -> list[ast.arg]:
    """Every parameter, in the order in which they are written."""
    found = [*arguments.posonlyargs, *arguments.args]
    found += [arguments.vararg] if arguments.vararg else []
    found += arguments.kwonlyargs
    found += [arguments.kwarg] if arguments.kwarg else []
    return found


def _outside_parts(node: ast.AST, bound: set[str]) -> list[ast.AST]:
    """What of a nested scope belongs to the scope around it."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        bound.add(node.name)
        return [*node.decorator_list, *node.args.defaults, *(d for d in node.args.kw_defaults if d)]
    if isinstance(node, ast.ClassDef):
        bound.add(node.name)
        return [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]
    if isinstance(node, ast.Lambda):
        return [*node.args.defaults, *(d for d in node.args.kw_defaults if d)]
    # A walrus in a comprehension binds outside it.
    bound.update(inner.target.id for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
    return [inner for inner in ast.walk(node) if isinstance(inner, ast.Lambda)]


def _bind_statement(node: ast.AST, bound: set[str]) -> list[str]:
    """Add the names that a statement binds without a `Name` node; returns those it says belong elsewhere."""
    if isinstance(node, ast.Global | ast.Nonlocal):
        return node.names
    if isinstance(node, ast.Import | ast.ImportFrom):
        bound.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        bound.update([node.name] if node.name else [])
    elif isinstance(node, ast.MatchMapping):
        bound.update([node.rest] if node.rest else [])
    return []
