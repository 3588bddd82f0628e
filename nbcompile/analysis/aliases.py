"""The objects a notebook's names may reach: who holds whom, what is a part of what, who sees a change.

Objects are numbers. An edge says that one object may hold a reference to another; edges are only ever added, so that
what is found to be shared may not be shared after all, but never the other way round. An *open* object may hold things
that nobody saw being put in (a library made it): they are represented by inner objects, made when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from nbcompile.analysis.values import NO_OBJECTS, SCALAR, Callee, Class, Function, Objects, Value, join, one_of, single, tuple_of

ANY = "*"
# Held where neither a subscript nor an attribute reaches it, as a library keeps what a method was given.
KEPT = "()"
# What makes what a container or a field does not have yet.
FACTORY = "default_factory"
# The keys of a dictionary.
KEYS = "{}"
# What the types of the notebook's own classes begin with.
OWN = "__main__."
_PLAIN_WORDS = "list dict set tuple type collections.OrderedDict collections.defaultdict collections.Counter collections.deque"
_PLAIN = frozenset(_PLAIN_WORDS.split())
# What they hold has no name; that of tuples may.
_WITHOUT_NAMES = frozenset(("list", "set", "collections.deque"))
_DEEPEST_PATH = 3
_GENERATORS = frozenset(("numpy.random.RandomState", "numpy.random.Generator", "random.Random"))
_MOST_PARTS = 48


class Assumption(NamedTuple):
    """While a function was summarised, the part of `symbol` under `key` was taken to have this type and these callables.

    Where it has no one type, these are the notebook's classes among its types. Without a part, there was nothing under
    `key` but what never changes.
    """

    symbol: int
    part: int | None
    key: str
    type: str
    callables: tuple[Callee, ...]
    instances: frozenset[str]


class Heap:
    """All objects of one walk."""

    __slots__ = (
        "_below",
        "_keyed",
        "_kinds",
        "_mirrors",
        "_nothing",
        "_opened",
        "buffered",
        "callees",
        "closing",
        "constants",
        "depth",
        "draws",
        "edges",
        "errors",
        "fields",
        "followed",
        "generators",
        "grown",
        "has_classes",
        "held_open",
        "holders",
        "inner",
        "libraries",
        "origin",
        "overwriting",
        "readers",
        "tied",
        "tuples",
        "types",
        "writers",
    )

    def __init__(self) -> None:
        self.types: list[str] = []
        self.has_classes = False
        # How often an object came to hold another one.
        self.edges = 0
        # How much was done to follow what holds what: who asks that too much for a cell sets it to 0 before.
        self.followed = 0
        # The first object that came to hold another one as an attribute since somebody set this.
        self.grown = 0
        # Members of enumerations, which are the same in every process.
        self.constants: set[int] = set()
        self.depth: list[int] = []
        self.callees: dict[int, Callee] = {}
        self.draws: dict[int, tuple[str, str]] = {}
        # Generators that run code when they are closed.
        self.closing: set[int] = set()
        # What writes to a file that it has open, and to which.
        self.writers: dict[int, str] = {}
        # Those of them that keep back what they write, until they are closed.
        self.buffered: set[int] = set()
        # What reads files later than when it was made, and which.
        self.readers: dict[int, tuple[str, ...]] = {}
        # Which library made what has no type, as nothing is known of that library.
        self.libraries: dict[int, str] = {}
        # What reads from a file that it has open as long as it is not closed, and from which.
        self.held_open: dict[int, str] = {}
        # What is asked for more than can be sent, and why.
        self.tied: dict[int, str] = {}
        # Random generators.
        self.generators: set[int] = set()
        # Exceptions.
        self.errors: set[int] = set()
        # Objects that were allowed to change what their methods are given.
        self.overwriting: set[int] = set()
        # The elements of tuples that others hold, where their number is known.
        self.tuples: dict[int, tuple[Value, ...]] = {}
        self.fields: dict[int, dict[str, set[int]]] = {}
        self.holders: dict[int, set[int]] = {}
        self.inner: dict[int, dict[str, int]] = {}
        self.origin: dict[int, tuple[int, str]] = {}
        self._opened: set[int] = set()
        self._keyed: set[int] = set()
        # Of symbols for things of several types, which stand for the same things as long as they are there.
        self._kinds: dict[int, frozenset[str]] = {}
        self._below: dict[Objects, tuple[int, Objects]] = {}
        self._mirrors: dict[int, tuple[Objects, list[Assumption]]] = {}
        # Symbols and keys of which it is noted that nothing is there.
        self._nothing: set[tuple[int, str]] = set()

    def new(self, type: str, callee: Callee = None, opened: bool = False, keyed: bool = False) -> int:  # noqa: A002
        """A new object; `opened` if it may hold what nobody saw, `keyed` if such parts are told apart by their names."""
        number = len(self.types)
        self.types.append(type)
        if type in _GENERATORS:
            self.generators.add(number)
        elif type == "exception":
            self.errors.add(number)
        self.depth.append(0)
        if callee is not None:
            self.callees[number] = callee
        if opened:
            self._opened.add(number)
        if keyed:
            self._keyed.add(number)
        return number

    def new_like(self, number: int) -> int:
        """A new object that is what another one was when it was made."""
        new = self.new(self.types[number], opened=self.is_open(number))
        if number in self.draws:
            self.draws[new] = self.draws[number]
        if number in self.readers:
            self.readers[new] = self.readers[number]
        if number in self.libraries:
            self.libraries[new] = self.libraries[number]
        for opened in (self.writers, self.held_open):
            if number in opened:
                opened[new] = opened[number]
        for members in (self.buffered, self.closing):
            if number in members:
                members.add(new)
        return new

    def ask_for_frames(self, errors: Objects) -> None:
        """Somebody looks at where exceptions were raised."""
        self.tied.update(dict.fromkeys(errors, "it is asked for its traceback, which belongs to the process it was raised in"))

    @property
    def size(self) -> int:
        """How many objects there are; the next one gets this number."""
        return len(self.types)

    def mirror(self, symbol: int, actual: Objects, assumptions: list[Assumption]) -> None:
        """Let a symbol's parts have the types of the actual objects' parts, and note what was assumed so."""
        self._mirrors[symbol] = (actual, assumptions)

    def is_mirror(self, number: int) -> bool:
        """Whether the object is a symbol for something outside a function."""
        return number in self._mirrors

    def open(self, number: int) -> None:
        """From now on the object may hold what nobody saw."""
        self._opened.add(number)

    def is_open(self, number: int) -> bool:
        """Whether the object may hold what nobody saw."""
        return number in self._opened

    def is_same_everywhere(self, number: int) -> bool:
        """Whether the object is found again in another process by its name: members of enumerations, functions and classes are."""
        return number in self.constants or type(self.callees.get(number)) in (Function, Class)

    def is_plain(self, number: int) -> bool:
        """Whether all that the object holds was seen: it is a container of Python, a class of the notebook, or of such a class."""
        kind = self.types[number]
        return kind in _PLAIN or kind.startswith(OWN)

    def hold(self, holder: int, key: str, held: int) -> bool:
        """Add an edge; whether it is new."""
        parts = self.fields.get(holder)
        if parts is None:
            parts = self.fields[holder] = {}
        elif len(parts) > _MOST_PARTS and key not in parts:
            key = ANY
        found = parts.get(key)
        if found is None:
            parts[key] = {held}
        elif held in found:
            return False
        else:
            found.add(held)
        if holder < self.grown and key not in (ANY, KEPT, KEYS):
            self.grown = holder
        self.holders.setdefault(held, set()).add(holder)
        self.edges += 1
        return True

    def note_libraries(self, objects: Iterable[int], sources: Iterable[int]) -> None:
        """What has no type of its own is of the library that made what it is made of."""
        libraries = [self.libraries[number] for number in sources if number in self.libraries] if self.libraries else []
        if libraries:
            self.libraries.update((number, libraries[0]) for number in objects if not self.types[number])

    def parts(self, objects: Objects, key: str) -> Objects:
        """What may be found under `key` (`ANY` for an unknown one) in any of the objects."""
        found: set[int] = set()
        for number in objects:
            fields = self.fields.get(number)
            if fields:
                if key == ANY:
                    found.update(*(held for name, held in fields.items() if name not in (KEPT, KEYS)))
                else:
                    found.update(fields.get(key, ()), fields.get(ANY, ()))
            if number in self._opened and (key == ANY or not fields or key not in fields or number in self._keyed):
                part = self._inner(number, key)
                if part is not None:
                    found.add(part)
        return frozenset(found) if len(found) != 1 else single(found.pop())

    def parts_of_tuple(self, objects: Objects) -> Objects:
        """The elements of a tuple: what tuples hold, and where a value of unknown length has the elements themselves, these."""
        held = frozenset(number for number in objects if self.types[number] == "tuple")
        return self.parts(held, ANY) | (objects - held)

    def inside(self, holder: int, objects: Objects, key: str) -> Objects:
        """The parts under a key of the objects that `holder` stands for."""
        return self.parts_of_tuple(objects) if self.types[holder] == "tuple" else self.parts(objects, key)

    def named(self, objects: Objects, key: str) -> Objects:
        """What was put into any of the objects under this very key."""
        return frozenset().union(*(self.fields.get(number, {}).get(key, ()) for number in objects))

    def _inner(self, number: int, key: str) -> int | None:
        """The object that stands for what an open object holds under a key; none where a symbol is known to hold nothing there."""
        keyed = number in self._keyed
        key = key if keyed else ANY
        known = self.inner.setdefault(number, {})
        if key in known:
            return known[key]
        parts = self._actual_parts(number, key)
        if parts is not None and not parts:
            return None
        if self.depth[number] >= (_DEEPEST_PATH if keyed else 1):
            known[key] = number
            return number
        part = self.new("", opened=True, keyed=keyed) if parts is None else self._mirrored(number, key, parts)
        self.depth[part] = self.depth[number] + 1
        self.origin[part] = (number, key)
        self.note_libraries((part,), (number,))
        known[key] = part
        self.hold(number, key, part)
        return part

    def _actual_parts(self, number: int, key: str) -> Objects | None:
        """What the objects hold under a key for which a symbol stands, some of it for the deepest one. Of no symbol: `None`."""
        mirrored = self._mirrors.get(number)
        if mirrored is None:
            return None
        actual, assumptions = mirrored
        if not self.is_deepest(number):
            parts = self.inside(number, actual, key)
        else:
            below = self.all_below(actual)
            if key.isidentifier():
                below = frozenset(one for one in below if self.types[one] not in _WITHOUT_NAMES)
            opened = frozenset(one for one in below if one in self._opened and one not in self._mirrors)
            parts = opened or self.parts(below, key)
        if not parts and (number, key) not in self._nothing:
            self._nothing.add((number, key))
            assumptions.append(Assumption(number, None, key, "", (), frozenset()))
        return parts

    def _mirrored(self, number: int, key: str, parts: Objects) -> int:
        """A symbol's part, of the type that the actual parts have."""
        assumptions = self._mirrors[number][1]
        name, callables = self.type_of(parts), tuple(self.callables(parts))
        callee = one_of(callables)
        part = self.new(name, callee, opened=True, keyed=True)
        self._mirrors[part] = (parts, assumptions)
        assumptions.append(Assumption(number, part, key, name, callables, self.instances(parts)))
        return part

    def is_deepest(self, number: int) -> bool:
        """Whether a symbol stands for everything below it."""
        return self.depth[number] >= _DEEPEST_PATH

    def above(self, objects: Iterable[int]) -> set[int]:
        """The objects and all that may reach one of them."""
        found = set(objects)
        todo = list(found)
        while todo:
            holders = self.holders.get(todo.pop())
            if holders:
                new = holders - found
                found |= new
                todo += new
        return found

    def below(self, objects: Iterable[int]) -> set[int]:
        """The objects and all that may be reached from one of them."""
        found, fields = set(objects), self.fields
        todo = [number for number in found if number in fields]
        while todo:
            for held in fields[todo.pop()].values():
                new = held - found
                found |= new
                todo += [number for number in new if number in fields]
        return found

    def all_below(self, objects: Objects) -> Objects:
        """As `below`, for who asks again and again while nothing comes to be held: one object may have many symbols."""
        edges, found = self._below.get(objects, (-1, NO_OBJECTS))
        if edges != self.edges:
            found = frozenset(self.below(objects))
            self.followed += len(found)
            self._below[objects] = self.edges, found
        return found

    def shown(self, objects: Iterable[int], looks_into: Callable[[int], bool] | None = None) -> set[int]:
        """The objects and all that was stored in them (in what is looked into), but for what a library keeps of what it was given."""
        found = set(objects)
        todo = list(found)
        while todo:
            holder = todo.pop()
            if looks_into is not None and not looks_into(holder):
                continue
            for key, held in self.fields.get(holder, {}).items():
                if key != KEPT:
                    todo += held - found
                    found |= held
        return found

    def within(self, objects: Objects) -> Objects:
        """The objects and what they hold, three steps deep; what an open object may hold is asked for."""
        found = objects
        for _ in range(_DEEPEST_PATH):
            inner = self.parts(objects, ANY) - found
            if not inner:
                break
            found, objects = found | inner, inner
        return found

    def type_of(self, objects: Objects) -> str:
        """The type that all the objects have, or nothing."""
        names = {self.types[number] for number in objects}
        return names.pop() if len(names) == 1 else ""

    def kinds(self, number: int) -> frozenset[str]:
        """The types that an object may have: a symbol for several things has those of all of them."""
        kind = self.types[number]
        found = self._kinds.get(number)
        if found is None and (kind or number not in self._mirrors):
            return frozenset((kind,))
        if found is None:
            found = self._kinds[number] = frozenset().union(*(self.kinds(actual) for actual in self._mirrors[number][0]))
        return found

    def kinds_within(self, objects: Objects) -> frozenset[str]:
        """The types that objects may have, of a symbol that stands for everything below it those of all of that."""
        seen: set[int] = set()
        kinds: set[str] = set()
        todo = list(objects)
        while todo:
            number = todo.pop()
            if number in seen:
                continue
            seen.add(number)
            kinds |= self.kinds(number)
            if number in self._mirrors:
                actual = self._mirrors[number][0]
                todo += self.all_below(actual) if self.is_deepest(number) else actual
        return frozenset(kinds)

    def become(self, number: int, kind: str) -> None:
        """The class of an object was exchanged, or may have been."""
        self._kinds[number] = self.kinds(number) | {kind}
        self.types[number] = ""

    def instances(self, objects: Objects) -> frozenset[str]:
        """The classes of the notebook of which the objects are, where they are of several types."""
        if not self.has_classes or self.type_of(objects):
            return frozenset()
        types = self.types
        kinds = {types[number] for number in objects}
        kinds.update(*(self.kinds(number) for number in objects if not types[number]))
        return frozenset(kind for kind in kinds if kind.startswith(OWN))

    def callables(self, objects: Objects) -> list[Callee]:
        """What may be called among the objects, oldest first."""
        return [self.callees[number] for number in sorted(objects) if number in self.callees] if self.callees else []

    def _items(self, objects: Objects) -> tuple[Value, ...] | None:
        """What stands at each place of the tuples that these objects are, if all are tuples of one length."""
        found: tuple[Value, ...] | None = None
        for number in sorted(objects):
            items = self.tuples.get(number)
            if items is None or (found is not None and len(found) != len(items)):
                return None
            found = items if found is None else tuple(map(join, found, items))
        return found

    def value(self, objects: Objects, type: str = "", view: bool = False) -> Value:  # noqa: A002
        """The value that is one of these objects; a scalar when there is none."""
        if not objects:
            return SCALAR
        if self.tuples and (items := self._items(objects)) is not None:
            return tuple_of(items)
        callee = one_of(self.callables(objects)) if self.callees else None
        return Value(type or self.type_of(objects), objects, callee, view=view)
