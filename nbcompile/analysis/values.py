"""What an expression may be: a light type, the mutable objects it may be, and what happens when it is called."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TypeAlias, cast

if TYPE_CHECKING:
    from nbcompile.analysis.bindings import Frame, Origin

Objects = frozenset[int]
NO_OBJECTS: Final[Objects] = frozenset()


class _Missing:
    """Says that a value is no literal; `None` is one."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


class Value:
    """An abstract value; never changed after it was made.

    `type` is a qualified name, `""` when unknown and `"scalar"` for some immutable value; `objects` numbers the mutable
    objects that the value may be (none for an immutable one); `const` is the literal; `items` are the elements of a tuple;
    `view` says that the value shows the memory of its objects without being one of them.
    """

    __slots__ = ("callee", "const", "items", "objects", "type", "view")

    def __init__(
        self,
        type: str = "",  # noqa: A002 - the field's name is the word for it
        objects: Objects = NO_OBJECTS,
        callee: Callee = None,
        const: object = MISSING,
        items: tuple[Value, ...] | None = None,
        view: bool = False,
    ) -> None:
        self.type = type
        self.objects = objects
        self.callee = callee
        self.const = const
        self.items = items
        self.view = view

    def __repr__(self) -> str:
        parts = [self.type or "?"]
        parts += [f"objects={sorted(self.objects)}"] if self.objects else []
        parts += [f"callee={self.callee}"] if self.callee is not None else []
        parts += [f"const={self.const!r}"] if self.const is not MISSING else []
        return f"<{' '.join(parts)}>"


class Function:
    """A notebook's function, lambda or generator expression; `number` tells it from others of the same name.

    `frame` is where it was made, for the names of enclosing functions; `captured` holds them once that call has returned.
    It is `cached` if it keeps what it returned, and `kept` if its object does, as an attribute; `compiled` with what was bound then.
    """

    __slots__ = ("cached", "captured", "cell", "code", "compiled", "defaults", "frame", "kept", "name", "number", "owner")

    def __init__(self, name: str, code: Code, defaults: dict[str, Value], frame: Frame | None, cell: int, number: int) -> None:
        self.name = name
        self.code = code
        self.defaults = defaults
        self.frame = frame
        self.captured: dict[str, Value] = {}
        self.cell = cell
        self.number = number
        self.owner: Class | None = None
        self.cached = False
        self.kept = False
        self.compiled = False

    def __repr__(self) -> str:
        return f"{self.name}#{self.number}"


class Code:
    """What all functions made by one `def` or `lambda` share."""

    __slots__ = ("arguments", "body", "entered", "is_generator", "locals", "node", "outer_names", "summaries")

    def __init__(self, node: ast.AST, arguments: ast.arguments | None, body: list[ast.stmt] | ast.expr) -> None:
        self.node = node
        self.arguments = arguments
        self.body = body
        self.locals: frozenset[str] = frozenset()
        self.entered = False
        self.outer_names: frozenset[str] = frozenset()
        self.is_generator = False
        self.summaries: dict[object, object] = {}


class Class:
    """A notebook's class; `type` is the type of its instances."""

    __slots__ = ("attributes", "bases", "doc", "keeps_arguments", "members", "metaclass", "name", "object", "order", "origin", "type")

    def __init__(self, name: str, type: str, bases: tuple[Value, ...], origin: Origin) -> None:  # noqa: A002
        self.name = name
        self.type = type
        self.bases = bases
        self.origin = origin
        self.metaclass: Value | None = None
        self.members: dict[str, Value] = {}
        self.attributes: list[str] = []
        self.keeps_arguments = False
        self.doc = ""
        self.object = -1
        self.order: tuple[Class, ...] = ()

    def __repr__(self) -> str:
        return self.type


class Bound:
    """A method taken from its object."""

    __slots__ = ("name", "receiver", "target")

    def __init__(self, receiver: Value, name: str, target: Callee = None) -> None:
        self.receiver = receiver
        self.name = name
        self.target = target

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bound) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.name, self.receiver.objects))

    def _key(self) -> tuple[object, ...]:
        return self.name, self.receiver.objects, self.receiver.type, self.target


class Partial:
    """A callable with some arguments already given."""

    __slots__ = ("arguments", "keywords", "target")

    def __init__(self, target: Value, arguments: tuple[Value, ...], keywords: dict[str, Value]) -> None:
        self.target = target
        self.arguments = arguments
        self.keywords = keywords


class Wrapped:
    """Something a library made of callables; calling it calls them."""

    __slots__ = ("inner",)

    def __init__(self, inner: tuple[Value, ...]) -> None:
        self.inner = inner


class Choice:
    """One of several callables."""

    __slots__ = ("options",)

    def __init__(self, options: tuple[Callee, ...]) -> None:
        self.options = options


# A string is the dotted path of a library's module, function or class.
Callee: TypeAlias = str | Function | Class | Bound | Partial | Wrapped | Choice | None


_PLAIN: dict[str, Value] = {}


def plain(name: str) -> Value:
    """Some value of an immutable type."""
    value = _PLAIN.get(name)
    if value is None:
        value = _PLAIN[name] = Value(name)
    return value


# The type of figures and of all that is drawn on them.
ARTIST: Final = "matplotlib.Artist"
SCALAR: Final = plain("scalar")
NONE: Final = Value("NoneType", const=None)
TRUE: Final = Value("bool", const=True)
FALSE: Final = Value("bool", const=False)
_SINGLE: dict[int, Objects] = {}

_IMMUTABLE_WORDS = """
    scalar int float complex bool str bytes NoneType range slice ellipsis type module frozenset datetime.datetime datetime.date
    datetime.time datetime.timedelta datetime.timezone decimal.Decimal fractions.Fraction pathlib.Path re.Pattern re.Match
    uuid.UUID
"""
IMMUTABLE: Final = frozenset(_IMMUTABLE_WORDS.split())


def single(number: int) -> Objects:
    """The set of one object."""
    found = _SINGLE.get(number)
    if found is None:
        found = _SINGLE[number] = frozenset((number,))
    return found


def names_read(code: Code) -> set[str]:
    """The names that the body of a function has in it."""
    if "names" not in code.summaries:
        body = code.body if isinstance(code.body, list) else [code.body]
        found = {node.id for part in body for node in ast.walk(part) if isinstance(node, ast.Name)}
        code.summaries["names"] = found
    return cast("set[str]", code.summaries["names"])


def says_nan(text: object) -> bool:
    """Whether `float(text)` is a NaN, which is equal to nothing, and which containers find by its identity."""
    return isinstance(text, str) and text.strip().lstrip("+-").lower() == "nan"


def tuple_of(items: tuple[Value, ...]) -> Value:
    """A tuple: immutable itself, it reaches what its elements reach."""
    objects = NO_OBJECTS
    for item in items:
        if item.objects:
            objects |= item.objects
    return Value("tuple", objects, items=items)


def join(one: Value, other: Value) -> Value:
    """What may be either."""
    if one is other:
        return one
    objects = one.objects | other.objects if other.objects else one.objects
    if one.type == other.type:
        name = one.type
    elif one.type == "NoneType" or other.type == "NoneType":
        name = other.type if one.type == "NoneType" else one.type
    else:
        name = "" if objects else "scalar"
    items = None
    if one.items is not None and other.items is not None and len(one.items) == len(other.items):
        items = tuple(map(join, one.items, other.items))
    same = one.const is not MISSING and type(one.const) is type(other.const) and one.const == other.const
    return Value(
        name,
        objects,
        one.callee if one.callee is other.callee else one_of((one.callee, other.callee)),
        one.const if same else MISSING,
        items,
        one.view or other.view,
    )


def one_of(callees: Iterable[Callee]) -> Callee:
    """What may be any of these callables; choices among them are taken apart."""
    found: dict[Callee, None] = {}
    for callee in callees:
        found.update(dict.fromkeys(callee.options if isinstance(callee, Choice) else () if callee is None else (callee,)))
    return Choice(tuple(found)) if len(found) > 1 else next(iter(found), None)


def join_all(values: list[Value]) -> Value:
    """What may be any of them; a scalar when there is none."""
    if not values:
        return SCALAR
    result = values[0]
    for value in values[1:]:
        result = join(result, value)
    return result
