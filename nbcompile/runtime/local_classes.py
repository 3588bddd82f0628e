"""Classes that no definition statement makes again: taken apart into what `type` is called with and what is set afterwards.

A class is one class however often it travels: every step knows it by the id it was given where it was made.
"""

from __future__ import annotations

import abc
import contextlib
import copyreg
import enum
import itertools
import sys
import types
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from .instances import is_own

# What `type` makes itself, what belongs to one class object only, and what pickle notes in a class whose instances it writes.
_MADE_BY_TYPE = ("__dict__", "__weakref__", "_abc_impl", "__module__", "__qualname__", "__slots__", "__abstractmethods__", "__slotnames__")
# What Python asks a class or its instances for that no class above need have.
_ASKED_FOR_WORDS = (
    "__class_getitem__ __setstate__ __getnewargs__ __getnewargs_ex__ __getattr__ __del__ __set_name__ __set__ __get__ __delete__"
)
_ASKED_FOR = frozenset(_ASKED_FOR_WORDS.split())
# What `typing.NamedTuple` adds to a named tuple.
_OF_TYPED_TUPLES = ("__annotations__", "__orig_bases__")
_GENERATED_FILE = "<string>"
_NOTED = "noted"


class ClassParts(NamedTuple):
    """What a class is made with.

    `how` is `class`, `enum`, `namedtuple` or `registered`; `extra` are slots, members or field names, or what is called, and with what.
    `order` are names that its body bound, in order: whoever looks at the class finds them so.
    """

    id: str
    how: str
    metaclass: Any
    module: str
    name: str
    qualname: str
    bases: Tuple[Any, ...]
    extra: Any
    order: Tuple[str, ...]


class EnumParts(NamedTuple):
    """The values of an enum's members by their names; what each is made of as one of another type; what flags do with bits of nobody."""

    values: Dict[str, Any]
    made_of: Dict[str, Tuple[Any, ...]]
    boundary: Any


class ClassState(NamedTuple):
    """What is set on a class when it is there: attributes, fields of a dataclass, virtual subclasses, attributes of an enum's members.

    `subclasses` are those of the notebook: whoever has the class can ask for them.
    """

    attributes: Dict[str, Any]
    dataclass: Optional[Dict[str, bool]]
    fields: Tuple[Dict[str, Any], ...]
    abstract: Tuple[str, ...]
    virtual: Tuple[Any, ...]
    members: Dict[str, Dict[str, Any]]
    subclasses: Tuple[type, ...]


class LocalClasses:
    """The classes of this kind that this process has made or was sent. `origin` makes its ids unlike those of other steps."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._ids: Dict[int, Tuple[type, str]] = {}
        self._classes: Dict[str, type] = {}
        self._complete: Dict[str, bool] = {}
        # What is set on classes once the class above them is there: it may be read together with them.
        self._waiting: Dict[str, List[Tuple[type, Any]]] = {}

    def take_apart(self, value: type) -> Tuple[ClassParts, ClassState]:
        """What is needed to make this class again."""
        how, extra = _how(value)
        given = _enum_parts(value) if how == "enum" else extra
        parts = ClassParts(self._id(value), how, type(value), *_called(value), _original_bases(value), given, _order(value, how))
        return ClassParts(*parts), _state(value, how, extra)

    def make(self, *made: Any) -> type:
        """The class that was taken apart: empty when it is new, complete when it was sent before."""
        parts = ClassParts(*made)
        if parts.id not in self._classes:
            value = _make(parts)
            self._classes[parts.id] = value
            self._ids[id(value)] = value, parts.id
        return self._classes[parts.id]

    def complete(self, value: type, state: Any) -> None:
        """Set what belongs to the class, unless that was done, and after what belongs to the classes above it.

        A class is sent with those below it, and a dataclass looks up what fields it is given from above.
        """
        number = self._ids[id(value)][1]
        if self._complete.setdefault(number, False):
            return
        above = (self._ids[id(base)][1] for base in value.__mro__[1:] if id(base) in self._ids)
        missing = next((one for one in above if not self._complete.get(one)), None)
        if missing is not None:
            self._waiting.setdefault(missing, []).append((value, state))
            return
        self._complete[number] = True
        _complete(value, ClassState(*state))
        for waiting in self._waiting.pop(number, ()):
            self.complete(*waiting)

    def named(self, name: str) -> type:
        """The class of this name that came last. Raises KeyError where there is none."""
        found = [one for one in self._classes.values() if one.__qualname__ == name]
        if not found:
            raise KeyError(name)
        return found[-1]

    def _id(self, value: type) -> str:
        known = self._ids.get(id(value))
        if known is None:
            known = self._ids[id(value)] = value, f"{self._origin}/{len(self._ids)}"
            self._classes[known[1]] = value
            self._complete[known[1]] = True
        return known[1]


def _called(value: type) -> Tuple[str, str, str]:
    return value.__module__, value.__name__, value.__qualname__


def _original_bases(value: type) -> Tuple[Any, ...]:
    return tuple(getattr(value, "__orig_bases__", value.__bases__)) if "__orig_bases__" in vars(value) else value.__bases__


def _how(value: type) -> Tuple[str, Any]:
    """How a class is made; and the members of an enum, the fields and defaults of a named tuple, or the slots of a class."""
    if issubclass(value, enum.Enum):
        return "enum", dict(value.__members__)
    if value.__bases__ == (tuple,) and "_fields" in vars(value) and "_field_defaults" in vars(value):
        return "namedtuple", (tuple(vars(value)["_fields"]), dict(vars(value)["_field_defaults"]))
    registered = copyreg.dispatch_table.get(type(value))
    if registered is not None and not is_own(registered):
        return "registered", registered(value)[:2]
    return "class", vars(value).get("__slots__")


def _order(value: type, how: str) -> Tuple[str, ...]:
    """The names that a plain class bound in its body, in order: as far as they can be there before what they are bound to."""
    if how != "class" or type(value) not in (type, abc.ABCMeta) or "__slots__" in vars(value) or "__dataclass_params__" in vars(value):
        return ()
    bound = itertools.takewhile(lambda name: name not in ("__dict__", "__weakref__"), vars(value))
    return tuple(name for name in bound if name not in _MADE_BY_TYPE and not _must_wait(value, name))


def _must_wait(value: type, name: str) -> bool:
    return name in _ASKED_FOR and _found_above(value.__bases__, name) is None


def _found_above(bases: Tuple[Any, ...], name: str) -> Any:
    above = (vars(one) for base in (*bases, object) for one in getattr(base, "__mro__", ()))
    return next((attributes[name] for attributes in above if name in attributes), None)


def _make(parts: ClassParts) -> Any:
    if parts.how == "registered":
        return _make_as_registered(parts.extra)
    if parts.how == "namedtuple":
        import collections

        fields, defaults = parts.extra
        made: Any = collections.namedtuple(parts.name, fields, defaults=defaults.values(), module=parts.module)  # type: ignore[misc]
        made.__qualname__ = parts.qualname
        return made

    names: Dict[str, Any] = {"__module__": parts.module, "__qualname__": parts.qualname}
    words = {"metaclass": parts.metaclass}
    if parts.how == "enum":
        of_enum = EnumParts(*parts.extra)
        if of_enum.boundary is not None:
            words["boundary"] = of_enum.boundary
        if of_enum.made_of:
            names["__new__"] = _member_again
            names.update({name: (of_enum.made_of[name], member) for name, member in of_enum.values.items()})
        else:
            names.update(of_enum.values)
    elif parts.extra is not None:
        names["__slots__"] = parts.extra
    # Until the class is complete it has what it would have without them.
    names.update((name, _found_above(types.resolve_bases(parts.bases), name)) for name in parts.order)
    if parts.how != "enum" and parts.metaclass.__module__ == "__main__":
        return _make_without_its_metaclass(parts, names)

    def fill(body: Any) -> None:
        for name, item in names.items():
            body[name] = item

    with _nobody_hears(parts.bases):
        return types.new_class(parts.name, parts.bases, words, fill)


def _enum_parts(value: Any) -> EnumParts:
    members = value.__members__
    kind = getattr(value, "_member_type_", object)
    # The class's own code says what a value makes of such a member.
    made_of = {}
    made_by = getattr(getattr(value, "__new_member__", None), "__func__", getattr(value, "__new_member__", None))
    if kind is not object and isinstance(made_by, types.FunctionType) and hasattr(kind, "__getnewargs__"):
        made_of = {name: kind.__getnewargs__(member) for name, member in members.items()}
    boundary = getattr(value, "_boundary_", None)
    usual = next((getattr(base, "_boundary_", None) for base in value.__mro__[1:] if issubclass(base, enum.Enum)), None)
    return EnumParts({name: member.value for name, member in members.items()}, made_of, None if boundary is usual else boundary)


def _member_again(enumeration: Any, made_of: Tuple[Any, ...], value: Any) -> Any:
    kind = enumeration._member_type_
    made = kind.__new__(enumeration, *made_of)
    made._value_ = value
    return made


def _make_as_registered(extra: Any) -> Any:
    """A class whose library has told pickle how to make those of its kind, as SymPy its functions."""
    make, args = extra
    return make(*args)


def _make_without_its_metaclass(parts: ClassParts, names: Dict[str, Any]) -> Any:
    """The class, made without the code of the notebook that makes its classes: that ran where it was made first."""
    bases = types.resolve_bases(parts.bases)
    if bases != parts.bases:
        names["__orig_bases__"] = parts.bases
    with _nobody_hears(bases):
        return _native(parts.metaclass).__new__(parts.metaclass, parts.name, bases, names)


def _native(metaclass: Any) -> Any:
    """The first metaclass above that is not the notebook's."""
    return next(one for one in metaclass.__mro__ if one.__module__ != "__main__")


@contextlib.contextmanager
def _nobody_hears(bases: Tuple[Any, ...]) -> Iterator[None]:
    """The notebook's classes are not told of a subclass that is made again."""
    owners = {one: None for base in bases for one in getattr(base, "__mro__", ()) if one.__module__ == "__main__"}
    hooks = [(owner, vars(owner)["__init_subclass__"]) for owner in owners if "__init_subclass__" in vars(owner)]
    for owner, _ in hooks:
        owner.__init_subclass__ = classmethod(lambda cls, **words: None)
    try:
        yield
    finally:
        for owner, hook in hooks:
            owner.__init_subclass__ = hook


def _state(value: type, how: str, extra: Any) -> ClassState:
    attributes = {name: item for name, item in vars(value).items() if name not in _MADE_BY_TYPE}
    if how != "class":
        made = _made_by_machinery(value, how, extra)
        written = {name for name, item in attributes.items() if _is_written(item) or _is_of_values(value, name, item)}
        attributes = {name: item for name, item in attributes.items() if name not in made or name == "__doc__" or name in written}
    elif extra is not None:
        for name in (extra,) if isinstance(extra, str) else extra:
            attributes.pop(_mangled(value, name), None)
    dataclass, fields = _dataclass(value)
    if dataclass is not None:
        attributes = {name: item for name, item in attributes.items() if not name.startswith("__dataclass_") and not _is_generated(item)}
        attributes.pop("__match_args__", None)
    virtual: Tuple[Any, ...] = ()
    if isinstance(value, abc.ABCMeta):
        virtual = tuple(found() for found in abc._get_dump(value)[0])  # type: ignore[attr-defined]
    members = {name: member_attributes(member) for name, member in extra.items()} if how == "enum" else {}
    abstract = tuple(getattr(value, "__abstractmethods__", ()))
    known: List[type] = type.__subclasses__(value)
    subclasses = tuple(one for one in known if one.__module__ == "__main__")
    return ClassState(attributes, dataclass, fields, abstract, virtual, members, subclasses)


def _made_by_machinery(value: type, how: str, extra: Any) -> Set[str]:
    """The names in a class that is no plain one that are there without anybody having set them."""
    if how == "registered":
        return set(vars(_make_as_registered(extra)))
    if how == "enum":
        return {name for name in vars(value) if _is_reserved(name)}.union(value.__members__)  # type: ignore[attr-defined]
    import collections

    plain = vars(collections.namedtuple("_Plain", extra[0]))
    return {name for name in vars(value) if _is_reserved(name) and name not in _OF_TYPED_TUPLES}.union(plain)


def _is_reserved(name: str) -> bool:
    return name.startswith("_") and name.endswith("_")


def member_attributes(member: Any) -> Dict[str, Any]:
    """What a member of an enum was given besides its name and value."""
    return {name: item for name, item in vars(member).items() if not _is_reserved(name)}


def _mangled(value: type, name: str) -> str:
    private = name.startswith("__") and not name.endswith("__")
    return f"_{value.__name__.lstrip('_')}{name}" if private else name


def _is_written(item: Any) -> bool:
    """Whether somebody wrote this attribute in the class's body, rather than the machinery that made the class."""
    inner = getattr(item, "__func__", getattr(item, "fget", item))
    return isinstance(inner, types.FunctionType) and inner.__module__ == "__main__" and not _is_generated(inner)


def _is_of_values(value: type, name: str, item: Any) -> bool:
    """Whether a method of an enum is that of the type of its values: unless somebody writes so, it is that of the enums above."""
    kind = getattr(value, "_member_type_", object)
    return hasattr(kind, name) and item is getattr(kind, name)


def _is_generated(item: Any) -> bool:
    inner = getattr(item, "__func__", item)
    inner = getattr(inner, "__wrapped__", inner)
    return isinstance(inner, types.FunctionType) and inner.__code__.co_filename == _GENERATED_FILE


def _dataclass(value: type) -> Tuple[Optional[Dict[str, bool]], Tuple[Dict[str, Any], ...]]:
    """The parameters of the decorator, and the fields that this class itself declares."""
    if "__dataclass_params__" not in vars(value):
        return None, ()
    params = vars(value)["__dataclass_params__"]
    wanted = ("init", "repr", "eq", "order", "unsafe_hash", "frozen", "kw_only")
    given = {name: getattr(params, name) for name in wanted if hasattr(params, name)}
    own = vars(value).get("__annotations__") or getattr(value, "__annotations__", {})
    fields: List[Dict[str, Any]] = []
    for name, field in vars(value)["__dataclass_fields__"].items():
        if name in own and field._field_type is sys.modules["dataclasses"]._FIELD:
            keys = ("default", "default_factory", "init", "repr", "hash", "compare", "metadata", "kw_only")
            missing = sys.modules["dataclasses"].MISSING
            given_here = {key: getattr(field, key) for key in keys if getattr(field, key, missing) is not missing}
            fields.append({"name": name, **given_here, "metadata": dict(field.metadata) or None})
        elif name in own:
            # Of a variable of the class the decorator notes what it was then.
            missing = sys.modules["dataclasses"].MISSING
            fields.append({"name": name, _NOTED: () if field.default is missing else (field.default,)})
    return given, tuple(fields)


def _complete_dataclass(value: type, state: ClassState, decorator: Dict[str, bool]) -> None:
    import dataclasses

    slots = {name: item for name, item in vars(value).items() if isinstance(item, types.MemberDescriptorType)}
    for given in state.fields:
        if _NOTED in given:
            continue
        field = dict(given)
        setattr(value, field.pop("name"), dataclasses.field(**field))
    dataclasses.dataclass(**decorator)(value)
    for name, slot in slots.items():
        setattr(value, name, slot)
    for given in state.fields:
        if _NOTED in given:
            vars(value)["__dataclass_fields__"][given["name"]].default = next(iter(given[_NOTED]), dataclasses.MISSING)
        elif given["name"] in state.attributes:
            # It was set after the decorator had set the default.
            setattr(value, given["name"], state.attributes[given["name"]])


def _complete(value: type, state: ClassState) -> None:
    # The notebook's own metaclass may forbid it, or count.
    metaclass = _native(type(value))
    for name, item in state.attributes.items():
        metaclass.__setattr__(value, name, item)
    if state.dataclass is not None:
        _complete_dataclass(value, state, state.dataclass)
    for name, given in state.members.items():
        vars(value.__members__[name]).update(given)  # type: ignore[attr-defined]
    if isinstance(value, abc.ABCMeta):
        value.__abstractmethods__ = frozenset(state.abstract)
        for virtual in state.virtual:
            value.register(virtual)
