"""Classes of the notebook: their bodies, their instances, the methods that are called by name and by Python itself."""

from __future__ import annotations

import ast
from typing import cast

from nbcompile.analysis import caches, channels, rows
from nbcompile.analysis.aliases import ANY, FACTORY, KEPT, OWN
from nbcompile.analysis.bindings import BlockFrame, Frame, FunctionFrame, origin
from nbcompile.analysis.modules import followed
from nbcompile.analysis.values import (
    MISSING,
    NO_OBJECTS,
    SCALAR,
    Bound,
    Callee,
    Choice,
    Class,
    Function,
    Objects,
    Value,
    Wrapped,
    join,
    join_all,
    single,
)
from nbcompile.analysis.visit import NO_ARGUMENTS, Arguments, Call, call_back, call_given, call_value, evaluate, execute

_KEEPS_FIELDS = frozenset(("typing.NamedTuple", "typing.TypedDict", "builtins.Exception", "builtins.BaseException", "builtins.tuple"))


def define_class(frame: Frame, node: ast.ClassDef) -> Value:
    """The class that a `class` statement makes; its body runs now."""
    bases = tuple(followed(frame, evaluate(frame, base)) for base in node.bases)
    keywords = {keyword.arg: evaluate(frame, keyword.value) for keyword in node.keywords}
    walk, before = frame.walk, frame.walk.heap.size
    number = frame.make(node, "type")
    found = walk.heap.callees.get(number)
    made = found if isinstance(found, Class) else Class(node.name, f"{OWN}{node.name}.{number}", bases, origin(walk.cell, node))
    inherited = (base.callee.metaclass for base in bases if isinstance(base.callee, Class))
    made.metaclass = keywords.get("metaclass") or next((one for one in inherited if one is not None), None)
    made.object, made.doc = number, ast.get_docstring(node) or ""
    walk.heap.callees[number] = made
    walk.classes[made.type] = made
    walk.heap.has_classes = True
    value = Value("type", single(number), made)
    body = BlockFrame(frame, is_class=True)
    body.outer_names = frozenset(name for part in node.body if isinstance(part, ast.Global) for name in part.names)
    execute(body, node.body)
    for name, member in body.local.values.items():
        made.members[name] = join(made.members[name], member) if name in made.members else member
        frame.capture(value, name, member, node)
        _own(member, made)
        if any(one < before and not walk.heap.is_same_everywhere(one) for one in walk.heap.below(member.objects)):
            # What its instances show of it is somebody else's, too.
            walk.found_stateful.add(made.origin)
    for name, member in body.local.values.items():
        call_member(frame, member, "__set_name__", (value, Value("str", const=name)), node)
    if _is_enumeration(frame, made):
        _make_members(frame, made, node)
    made.attributes = [part.target.id for part in node.body if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)]
    # Of a base that is not known, too, instances may keep what they are made of.
    made.keeps_arguments = any(
        base.callee is None or base.callee in _KEEPS_FIELDS for base in bases if type(base.callee) in (str, type(None))
    )
    _announce(frame, bases, value, node)
    _made_by_metaclass(frame, made, value, node)
    for base in bases:
        if is_stateful(frame, base.callee) or (base.callee is None and base.objects):
            # What changes in a base is seen in its subclasses; a base knows them, too.
            frame.capture(value, KEPT, base, node)
            frame.capture(base, KEPT, value, node)
            frame.change(base, node, f"`{node.name}` becomes a subclass of it")
    _enlist(frame, made, node)
    return value


def _enlist(frame: Frame, made: Class, node: ast.ClassDef) -> None:
    """Libraries may keep a list of the classes that descend from theirs, as those for models and plug-ins do."""
    metaclass = made.metaclass.callee if made.metaclass is not None else None
    makers = (metaclass,) if isinstance(metaclass, str) and metaclass.partition(".")[0] not in _KEEP_NOTHING else ()
    for path in dict.fromkeys((*paths_of_bases(made), *makers)):
        home = path.partition(".")[0]
        if not frame.walk.known.covers(home) or path in (*makers, *_KEEP_DESCENDANTS):
            frame.walk.effect(frame, f"library:{home}", "write", node.name, node)


def paths_of_bases(of: Class) -> tuple[str, ...]:
    """The classes of libraries from which one of the notebook descends."""
    paths = (base.callee for one in linearized(of) for base in one.bases)
    return tuple(dict.fromkeys(path for path in paths if isinstance(path, str)))


def libraries_of(of: Class) -> tuple[str, ...]:
    """The libraries from whose classes one of the notebook descends."""
    return tuple(dict.fromkeys(path.partition(".")[0] for path in paths_of_bases(of)))


def _is_enumeration(frame: Frame, of: Class) -> bool:
    return find(frame, of, "")[1].startswith("enum.")


def _make_members(frame: Frame, of: Class, node: ast.ClassDef) -> None:
    """What the body of an enumeration binds are instances of it."""
    number = frame.make(node, of.type, role="member")
    frame.walk.heap.constants.add(number)
    member = Value(of.type, single(number))
    for name, given in tuple(of.members.items()):
        if given.type not in _IN_ENUMERATIONS and not name.startswith("_"):
            of.members[name] = member
            items = given.items if given.items is not None else (given,)
            call_member(frame, member, "__new__", (Value("type", single(of.object), of), *items), node)
            call_member(frame, member, "__init__", items, node)


def _member_of(frame: Frame, of: Class) -> Value | None:
    """Some member of an enumeration."""
    heap, line = frame.walk.heap, linearized(of)
    kinds = {one.type for one in line}
    members = (given for one in line for given in one.members.values() if given.type in kinds)
    return next((given for given in members if not given.objects.isdisjoint(heap.constants)), None)


def of_itself(frame: Frame, value: Value, method: str, arguments: tuple[Value, ...], node: ast.AST) -> Value | None:
    """What iterating over a class or a subscript of it gives: a member of an enumeration, or what its metaclass says."""
    of = cast("Class", value.callee)
    if method == "__getitem__":
        found = find(frame, of, "__class_getitem__")[0]
        if found is not None:
            return _call(frame, node, found, Arguments((value, *arguments)))
    made = call_of_metaclass(frame, node, value, method, Arguments(arguments))
    return made if made is not None else _member_of(frame, of)


def is_stateful(frame: Frame, of: Callee) -> bool:
    """Whether what is stored in a class, or in a base of it, is a part of what the notebook computes."""
    stateful = frame.walk.stateful
    return bool(stateful) and type(of) is Class and (of.origin in stateful or any(is_stateful(frame, base.callee) for base in of.bases))


def ask(frame: Frame, of: Class, name: str) -> None:
    """A class is asked for what every class has."""
    if name == "__subclasses__":
        frame.walk.found_stateful.add(of.origin)


def _made_by_metaclass(frame: Frame, made: Class, value: Value, node: ast.AST) -> None:
    """A metaclass of the notebook makes the class; it may keep it."""
    metaclass = made.metaclass
    if metaclass is None or not isinstance(metaclass.callee, Class):
        return
    names, body = Value("tuple"), Value("dict", value.objects)
    for method, first in (("__prepare__", metaclass), ("__new__", metaclass), ("__init__", value)):
        member, _ = find(frame, metaclass.callee, method)
        if member is not None:
            _call(frame, node, member, Arguments((first, Value("str", const=made.name), names, body)))
            frame.change(metaclass, node, f"`{made.name}` is made by it")
            frame.capture(metaclass, KEPT, value, node)


def _own(member: Value, made: Class) -> None:
    callee = member.callee
    for option in callee.options if isinstance(callee, Choice) else (callee,):
        inner = option.inner[0].callee if isinstance(option, Wrapped) and option.inner else option
        if isinstance(inner, Function) and inner.owner is None:
            inner.owner = made


def _announce(frame: Frame, bases: tuple[Value, ...], value: Value, node: ast.AST) -> None:
    """A base of the notebook hears of its subclass; it may keep it in a registry."""
    for base in bases:
        if isinstance(base.callee, Class):
            member, _ = find(frame, base.callee, "__init_subclass__")
            if member is not None:
                call_value(frame, node, Value("function", member.objects, member.callee), Arguments((value,)))


def linearized(of: Class) -> tuple[Class, ...]:
    """The class and its bases in the order in which Python looks for members in them, as far as the notebook wrote them."""
    if not of.order:
        bases = [base.callee for base in of.bases if isinstance(base.callee, Class)]
        of.order = (of, *_merged([[*linearized(base)] for base in bases] + [bases]))
    return of.order


def _merged(orders: list[list[Class]]) -> list[Class]:
    """Orders that are all kept; of those that contradict each other, of which Python makes no class, the first."""
    found: list[Class] = []
    while any(orders):
        heads = [order[0] for order in orders if order]
        good = next((head for head in heads if not any(head in order[1:] for order in orders)), heads[0])
        found.append(good)
        orders = [[one for one in order if one is not good] for order in orders]
    return found


def find(frame: Frame, of: Class, name: str) -> tuple[Value | None, str]:
    """A member of a class or of its bases; else the library class that may have it."""
    return _find_among(frame, linearized(of), name)


def _find_among(frame: Frame, order: tuple[Class, ...], name: str) -> tuple[Value | None, str]:
    library = ""
    for one in order:
        if name in one.members:
            return one.members[name], ""
        if ANY in one.members and name:
            # Something was set under a name that is not literal.
            return one.members[ANY], ""
        for base in () if library else one.bases:
            if isinstance(base.callee, str):
                library = library or frame.walk.known.canonical(base.callee)
    return None, library


def of_class(frame: Frame, value: Value) -> list[Value]:
    """The instances of the notebook's classes that a value may be, apart by class; those of a value of one type are all of it."""
    if value.type or not value.objects or not frame.walk.classes:
        return [value] if value.type in frame.walk.classes else []
    heap, found = frame.walk.heap, dict[str, set[int]]()
    for number in value.objects:
        for kind in heap.kinds(number):
            found.setdefault(kind, set()).add(number)
    return [Value(kind, frozenset(found[kind]), view=value.view) for kind in sorted(found) if kind in frame.walk.classes]


def is_instance(frame: Frame, value: Value) -> bool:
    """Whether a value may be an instance of a class of the notebook."""
    return value.type in frame.walk.classes or bool(not value.type and of_class(frame, value))


def others(frame: Frame, value: Value) -> Objects:
    """The objects of a value of several types that may be something else than instances of the notebook's classes."""
    heap, kinds = frame.walk.heap, frame.walk.classes.keys()
    return frozenset(number for number in value.objects if not heap.kinds(number) <= kinds)


def instantiate(frame: Frame, node: ast.AST, target: Value, arguments: Arguments) -> Value:
    """Call a class. What its metaclass gives may be another instance than the new one."""
    of = cast("Class", target.callee)
    given = call_of_metaclass(frame, node, target, "__call__", arguments)
    if (constant := _member_of(frame, of)) is not None:
        return constant
    made = _make_instance(frame, node, target, of, arguments)
    if find(frame, of, "__del__")[0] is not None:
        # At the latest where a function that made it ends.
        call_member(frame, made, "__del__", (), node)
        reason = f"`{of.name}.__del__` is called when nothing holds the object any more"
        frame.walk.start_live(frame, node, [made, Value("type", single(of.object), of)], reason)
    return made if given is None else join(made, given)


def _make_instance(frame: Frame, node: ast.AST, target: Value, of: Class, arguments: Arguments) -> Value:
    _, library = find(frame, of, "")
    value = Value(of.type, single(frame.make(node, of.type, opened=library not in ("", "builtins.object"), role=of.type)))
    member, _ = find(frame, of, "__new__")
    if member is not None:
        given = _call(frame, node, member, Arguments((target, *arguments.positional), arguments.keywords, arguments.rest))
        # What a method of a library makes of the class that it is given, such as `array.view(cls)`, may show what there was.
        is_instance = given.type == of.type or (library and given.objects)
        value = join(value, Value(of.type, given.objects, view=given.view)) if is_instance else value
    if is_stateful(frame, of):
        # An instance shows what is set in its class later.
        frame.capture(value, KEPT, Value("type", single(of.object), of), node)
    member, library = find(frame, of, "__init__")
    if member is not None:
        _call(frame, node, member, Arguments((value, *arguments.positional), arguments.keywords, arguments.rest))
    else:
        _fill_fields(frame, of, library, value, arguments, node)
    return value


def _fill_fields(frame: Frame, of: Class, library: str, value: Value, arguments: Arguments, node: ast.AST) -> None:
    """What an instance is made of whose class has no constructor of the notebook's."""
    row = frame.walk.known.function(library) if library else None
    if row is not None:
        rows.apply(Call(frame, node, arguments, value, of.name), row)
    if of.keeps_arguments or library:
        _keep_arguments(frame, of, value, arguments, node)
    for name, given in tuple(of.members.items()):
        if given.type == _FIELD:
            # Each instance gets what the factory makes for it.
            frame.capture(value, name, _made_by_factory(frame, given, name, node), node)
    member, _ = find(frame, of, "__post_init__")
    if member is not None:
        _call(frame, node, member, Arguments((value,)))


def _made_by_factory(frame: Frame, field: Value, name: str, node: ast.AST) -> Value:
    factory = frame.walk.heap.value(frame.walk.heap.named(field.objects, FACTORY))
    if factory.callee is None:
        return frame.fresh(node, "", role=f"field {name}")
    return call_given(frame, node, factory, NO_ARGUMENTS, name)


def call_of_metaclass(frame: Frame, node: ast.AST, target: Value, name: str, arguments: Arguments) -> Value | None:
    """Call what a class has from a metaclass that the notebook wrote."""
    metaclass = cast("Class", target.callee).metaclass
    if metaclass is None or not isinstance(metaclass.callee, Class):
        return None
    member, _ = find(frame, metaclass.callee, name)
    if member is None:
        return None
    return _call(frame, node, member, Arguments((target, *arguments.positional), arguments.keywords, arguments.rest))


def _keep_arguments(frame: Frame, of: Class, value: Value, arguments: Arguments, node: ast.AST) -> None:
    fields = of.attributes
    for place, given in enumerate(arguments.positional):
        frame.capture(value, fields[place] if place < len(fields) else ANY, given, node)
    for name, given in arguments.keywords.items():
        frame.capture(value, name, given, node)
    if arguments.rest is not None:
        frame.capture(value, ANY, arguments.rest, node)


def _call(frame: Frame, node: ast.AST, member: Value, arguments: Arguments) -> Value:
    return call_value(frame, node, Value("function", member.objects, member.callee), arguments)


def attribute(frame: Frame, value: Value, name: str, node: ast.AST) -> Value:
    """An attribute of an instance or of a class of the notebook."""
    if name == "__class__" and value.type in frame.walk.classes:
        of = frame.walk.classes[value.type]
        return Value("type", single(of.object), of)
    if isinstance(value.callee, Class) and value.type not in frame.walk.classes and value.type != "super":
        return _of_class(frame, value, value.callee, name, node)
    if value.type == "super":
        return Value("method", value.objects, Bound(value, name))
    of = frame.walk.classes[value.type]
    stored = _stored(frame, value.objects, name)
    member, library = find(frame, of, name)
    if member is None or (member.type == _FIELD and stored):
        return _not_found(frame, value, name, library, stored, node)
    found = _bind_member(frame, value, member, name, node)
    return join(frame.walk.heap.value(stored), found) if stored else found


def _of_class(frame: Frame, value: Value, of: Class, name: str, node: ast.AST) -> Value:
    member, library = find(frame, of, name)
    if member is None:
        ask(frame, of, name)
        return _from_library(frame, value, f"{library}.{name}", node) if library else SCALAR
    if member.type == "classmethod":
        return Value("method", member.objects, Bound(value, name, member.callee))
    if member.type in ("function", "staticmethod"):
        return Value("function", member.objects, member.callee)
    return member


def _from_library(frame: Frame, value: Value, path: str, node: ast.AST) -> Value:
    """What a class has from a library: where the table does not know it, it may make instances of the class."""
    if frame.walk.known.function(path) is not None:
        return Value("", NO_OBJECTS, path)
    found = frame.fresh(node, "", role=path)
    frame.capture(found, KEPT, value, node)
    return found


def _stored(frame: Frame, objects: Objects, name: str) -> Objects:
    """What was stored under the name, by whatever name it was stored."""
    heap = frame.walk.heap
    found: set[int] = set()
    for number in objects:
        if heap.is_mirror(number):
            found |= heap.parts(single(number), name)
        else:
            fields = heap.fields.get(number, {})
            found |= fields.get(name, set()) | fields.get(ANY, set())
    return frozenset(found)


def _not_found(frame: Frame, value: Value, name: str, library: str, stored: Objects, node: ast.AST) -> Value:
    if stored and not any(frame.walk.heap.is_mirror(number) for number in value.objects):
        return frame.walk.heap.value(stored)
    for hook in ("__getattr__", "__getattribute__"):
        found = call_member(frame, value, hook, (SCALAR,), node)
        if found is not None:
            # Of a symbol it is not known what it has; the hook itself uses what there is.
            return join(frame.walk.heap.value(stored), found) if stored else found
    if library:
        known = frame.walk.known
        row = known.method(library, f".{name}")
        if row is not None:
            return rows.look(frame, node, row, value, f"{library}.{name}")
        parts = stored | frame.walk.heap.parts(value.objects, name)
        if known.method(library, name) is not None or not stored:
            return Value("", parts, Bound(value, name))
        return frame.walk.heap.value(parts)
    return frame.walk.heap.value(stored)


def _bind_member(frame: Frame, value: Value, member: Value, name: str, node: ast.AST) -> Value:
    if member.type == "property":
        return _computed(frame, value, member, name, node)
    if member.type in frame.walk.classes:
        found = call_member(frame, member, "__get__", (value, SCALAR), node)
        return member if found is None else found
    if member.type == "staticmethod":
        return Value("function", member.objects, member.callee)
    if member.type in ("function", "classmethod") or isinstance(member.callee, Wrapped):
        return Value("method", value.objects | member.objects, Bound(_bound_to(frame, value, member), name, member.callee))
    return member


def _computed(frame: Frame, value: Value, member: Value, name: str, node: ast.AST) -> Value:
    """What a property gives; a cached one is computed once, and then an attribute of the object."""
    found = _call(frame, node, member, Arguments((value,)))
    if type(member.callee) is Function and member.callee.kept:
        frame.change(value, node, f"`.{name}` is kept in it")
        frame.capture(value, name, found, node)
    return found


def call_method(frame: Frame, node: ast.AST, receiver: Value, name: str, arguments: Arguments) -> Value | None:
    """Call a method of an instance; nothing when neither the notebook nor a known library has it."""
    if receiver.type == "super":
        return _call_super(frame, node, receiver, name, arguments)
    of = frame.walk.classes[receiver.type]
    member, library = find(frame, of, name)
    if member is not None:
        return _call_found(frame, node, receiver, member, arguments)
    stored = _stored(frame, receiver.objects, name)
    if stored and frame.walk.heap.callables(stored):
        return call_value(frame, node, frame.walk.heap.value(stored), arguments)
    row = frame.walk.known.method(library, name) if library else None
    return rows.apply(Call(frame, node, arguments, receiver, f"{library}.{name}"), row) if row is not None else None


def _call_found(frame: Frame, node: ast.AST, receiver: Value, member: Value, arguments: Arguments) -> Value:
    positional = arguments.positional
    if member.type == "property":
        return call_value(frame, node, _computed(frame, receiver, member, "", node), arguments)
    if member.type != "staticmethod" and (member.type != "" or member.callee is not None):
        positional = (_bound_to(frame, receiver, member), *positional)
    return _call(frame, node, member, Arguments(positional, arguments.keywords, arguments.rest))


def _bound_to(frame: Frame, receiver: Value, member: Value) -> Value:
    """What a method gets as its first argument: the instance, or its class."""
    of = frame.walk.classes.get(receiver.type)
    return Value("type", single(of.object), of) if member.type == "classmethod" and of is not None else receiver


def call_member(frame: Frame, value: Value, name: str, arguments: tuple[Value, ...], node: ast.AST) -> Value | None:
    """Call a method that the notebook wrote, if it did."""
    of = frame.walk.classes.get(value.type)
    if of is None:
        return _call_mixed(frame, value, name, arguments, node) if not value.type and value.objects and frame.walk.classes else None
    member, _ = find(frame, of, name)
    return _call_found(frame, node, value, member, Arguments(arguments)) if member is not None else None


def _call_mixed(frame: Frame, value: Value, name: str, arguments: tuple[Value, ...], node: ast.AST) -> Value | None:
    results = [call_member(frame, one, name, arguments, node) for one in of_class(frame, value)]
    found = [result for result in results if result is not None]
    return join_all(found) if found else None


def super_value(call: Call) -> Value:
    """`super()` in a method: the instance, seen from the class that owns the method."""
    inner, arguments = call.frame, call.arguments
    while isinstance(inner, BlockFrame):
        inner = inner.parent
    if len(arguments.positional) == 2:
        receiver = arguments.positional[1]
        owner = arguments.positional[0].callee
    elif isinstance(inner, FunctionFrame) and inner.function.code.arguments is not None and inner.function.code.arguments.args:
        receiver = inner.local.values.get(inner.function.code.arguments.args[0].arg, SCALAR)
        owner = inner.function.owner
    else:
        return SCALAR
    return Value("super", receiver.objects, Bound(receiver, "super", owner))


def _call_super(frame: Frame, node: ast.AST, receiver: Value, name: str, arguments: Arguments) -> Value | None:
    bound = cast("Bound", receiver.callee)
    if not isinstance(bound.target, Class):
        return None
    member, _ = _find_among(frame, _after(frame, bound.receiver, bound.target), name)
    if member is not None:
        return _call_found(frame, node, bound.receiver, member, arguments)
    for base in [base for one in linearized(bound.target) for base in one.bases]:
        if isinstance(base.callee, str):
            path = frame.walk.known.canonical(base.callee)
            row = frame.walk.known.method(path, name)
            if row is not None:
                return rows.apply(Call(frame, node, arguments, bound.receiver, f"{path}.{name}"), row)
            if name == "__init__":
                for given in arguments.all():
                    frame.capture(bound.receiver, ANY, given, node)
            return _made_by_new(frame, arguments, node) if name == "__new__" else SCALAR
    return _made_by_new(frame, arguments, node) if name == "__new__" else SCALAR


def _after(frame: Frame, receiver: Value, owner: Class) -> tuple[Class, ...]:
    """The classes that `super()` in a method of `owner` looks through: what follows it among those of the instance."""
    of = receiver.callee if isinstance(receiver.callee, Class) else frame.walk.classes.get(receiver.type)
    order = linearized(of) if of is not None else ()
    return order[order.index(owner) + 1 :] if owner in order else linearized(owner)[1:]


def _made_by_new(frame: Frame, arguments: Arguments, node: ast.AST) -> Value:
    """`super().__new__(cls)`."""
    of = arguments.positional[0].callee if arguments.positional else None
    return Value(of.type, single(frame.make(node, of.type, role=of.type))) if type(of) is Class else SCALAR


def operate(frame: Frame, left: Value, dunders: tuple[str, str], right: Value, node: ast.AST) -> Value:
    """An operator between values of which one is an instance."""
    found = call_member(frame, left, dunders[0], (right,) if right is not left else (), node)
    other = call_member(frame, right, dunders[1], (left,), node) if right is not left else None
    if found is not None:
        return join(found, other) if other is not None else found
    return other if other is not None else frame.fresh(node, "")


def told_apart(frame: Frame, value: Value) -> Objects:
    """Those of a value's objects that are equal only to themselves: functions, classes, NaNs, and instances that say nothing else."""
    walk, found = frame.walk, []
    for number in value.objects:
        kind = walk.heap.types[number]
        of = walk.classes.get(kind)
        if kind in ("function", "type", NAN) or (of is not None and find(frame, of, "__eq__")[0] is None):
            found.append(number)
    return frozenset(found)


def hashed_by_address(frame: Frame, value: Value) -> Objects:
    """Those of a value's objects whose hash follows from where they lie: functions, classes, and instances that say nothing else."""
    walk, found = frame.walk, []
    for number in value.objects:
        kind = walk.heap.types[number]
        of = walk.classes.get(kind)
        if kind in ("function", "type") or (of is not None and number not in walk.heap.constants and _has_own_hash(frame, of)):
            found.append(number)
    return frozenset(found)


def _has_own_hash(frame: Frame, of: Class) -> bool:
    """Whether the instances of a class have the hash that every object has."""
    member, library = find(frame, of, "__hash__")
    return member is None and library in ("", "builtins.object", "abc.ABC") and not of.keeps_arguments


def compare(frame: Frame, node: ast.AST, *values: Value, among: Value = SCALAR) -> None:
    """Values are looked for among others: what shares those that are equal only to themselves must go on sharing them.

    Others are asked for their hash, and whether they are equal to what is there.
    """
    for value in values:
        if value.objects:
            frame.trace.compared |= told_apart(frame, value)
            if frame.walk.classes:
                _look_up(frame, node, value, among)
    if frame.walk.classes and values and among.objects:
        call_member(frame, frame.walk.heap.value(frame.walk.heap.parts(among.objects, ANY)), "__eq__", values[:1], node)


def _look_up(frame: Frame, node: ast.AST, value: Value, among: Value) -> None:
    for item in value.items or ():
        _look_up(frame, node, item, among)
    if value.items is None:
        call_member(frame, value, "__hash__", (), node)
        call_member(frame, value, "__eq__", (among,), node)


def copied(frame: Frame, instance: Value, node: ast.AST, by: str = "__getnewargs__") -> Value | None:
    """An instance is copied or pickled, and made again: what its class says of that is called; what that makes."""
    made = None
    for name in (by, "__reduce_ex__", "__reduce__"):
        found = call_member(frame, instance, name, (SCALAR,) if name in ("__deepcopy__", "__reduce_ex__") else (), node)
        if found is not None and name.startswith("__reduce"):
            maker, *given = found.items or (SCALAR,)
            items = given[0].items if given and given[0].items is not None else ()
            found = call_value(frame, node, maker, Arguments(items)) if maker.callee is not None else None
        if found is not None:
            made = found if made is None else join(made, found)
    state = call_member(frame, instance, "__getstate__", (), node)
    call_member(frame, instance, "__setstate__", (state if state is not None else SCALAR,), node)
    return made


def methods(of: Class) -> list[Value]:
    """The methods that a library may call on an instance it was given."""
    return [member for member in of.members.values() if member.type in ("function", "property") and member.const is MISSING]


def decorate(frame: Frame, decorator: Value, made: Value, node: ast.AST) -> Value:
    """What a decorator makes of a function or class."""
    callee = decorator.callee
    if isinstance(callee, str):
        return _decorated_by_library(frame, frame.walk.known.canonical(callee), made, node)
    if isinstance(callee, Bound) and callee.receiver.type == "property":
        both = join(callee.receiver, made)
        return Value("property", both.objects, both.callee)
    if callee is None and (found := call_member(frame, decorator, "__call__", (made,), node)) is not None:
        return found
    if callee is None or (isinstance(callee, Bound) and callee.target is None):
        # An object of a library that registers the function.
        keeper = decorator if callee is None else callee.receiver
        frame.change(Value("", keeper.objects | _classes_of(frame, keeper)), node, "it registers what it decorates")
        frame.capture(keeper, ANY, made, node)
        return made if decorator.type != "property" and isinstance(made.callee, Class) else Value(made.type, made.objects, made.callee)
    return call_value(frame, node, decorator, Arguments((made,)))


def _classes_of(frame: Frame, method: Value) -> Objects:
    """The notebook's classes that something is a method of which they have from a library."""
    heap = frame.walk.heap
    return frozenset(number for number in heap.parts(method.objects, KEPT) if isinstance(heap.callees.get(number), Class))


def _decorated_by_library(frame: Frame, path: str, made: Value, node: ast.AST) -> Value:
    kind = _KINDS.get(path)
    if kind is not None:
        if type(made.callee) is Function:
            made.callee.kept = path == "functools.cached_property"
        return Value(kind, made.objects, made.callee)
    if path in caches.DECORATORS:
        return caches.keep_results(frame, made, node)
    if path == _DISPATCH:
        dispatching = Value(path, single(frame.make(node, path, role="dispatch")), Wrapped((made,)))
        frame.capture(dispatching, ANY, made, node)
        return dispatching
    if path == _OVERLOAD:
        frame.walk.effect(frame, channels.OVERLOADS, "write", "", node)
        return made
    if channels.SETS_BY_DECORATING.fullmatch(path.rpartition(".")[2]) and path not in _TRANSPARENT:
        frame.walk.effect(frame, f"library:{path.partition('.')[0]}", "write", path, node)
    if isinstance(made.callee, Class):
        made.callee.keeps_arguments = made.callee.keeps_arguments or path.rpartition(".")[2] in KEEP_ARGUMENTS
        return made
    if path in (*COMPILES, COMPILES_TYPES) and type(made.callee) is Function:
        made.callee.compiled = True
        frame.capture(made, "py_func", made, node)
    if path in (*COMPILES_AT_ONCE, COMPILES_TYPES) and type(made.callee) is Function:
        call_back(frame, node, made)
    return made if path in _TRANSPARENT else Value("function", made.objects, Wrapped((made,)))


_KINDS = {
    "builtins.property": "property",
    "functools.cached_property": "property",
    "abc.abstractproperty": "property",
    "builtins.staticmethod": "staticmethod",
    "builtins.classmethod": "classmethod",
}
# Decorators of classes whose instances keep what they are made of.
KEEP_ARGUMENTS = ("dataclass", "define", "frozen", "mutable", "attrs", "s")
# A number that is equal to nothing.
NAN = "nan"
_FIELD = "dataclasses.Field"
# What is bound in an enumeration without becoming a member of it.
_IN_ENUMERATIONS = frozenset(("function", "property", "classmethod", "staticmethod", "type"))
# A function of functions: those that are registered with it are held by it.
_DISPATCH = "functools.singledispatch"
# Whose metaclasses keep no list of the classes that they make.
_KEEP_NOTHING = frozenset(("abc", "builtins", "enum", "typing"))
# Classes of described libraries that keep a list of those which descend from them.
_KEEP_DESCENDANTS = frozenset(("pandas.tseries.holiday.AbstractHolidayCalendar",))
# It notes a variant of a function, which the name is bound anew after.
_OVERLOAD = "typing.overload"
_TRANSPARENT_WORDS = """
    functools.wraps functools.total_ordering
    contextlib.contextmanager numba.jit numba.njit numba.vectorize numba.guvectorize abc.abstractmethod
    typing.no_type_check numpy.vectorize asyncio.coroutine contextlib.asynccontextmanager dataclasses.dataclass torch.no_grad
    torch.jit.script jax.jit
"""
COMPILES = ("numba.jit", "numba.njit")
# What those give that are given types.
COMPILES_TYPES = "numba.jit(types)"
# Given the types of arguments, they need what the function reads when it is made.
COMPILES_AT_ONCE = ("numba.guvectorize", "numba.vectorize", "numba.cfunc")
_TRANSPARENT = frozenset((*_TRANSPARENT_WORDS.split(), COMPILES_TYPES))
