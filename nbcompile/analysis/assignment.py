"""Assignment to every kind of target: names, parts of objects, attributes, and tuples of these."""

from __future__ import annotations

import ast

from nbcompile.analysis import channels, classes, namespace, rows, surveyed, types
from nbcompile.analysis.aliases import ANY, KEYS
from nbcompile.analysis.bindings import MAIN, Frame
from nbcompile.analysis.values import Class, Value, join_all, single
from nbcompile.analysis.visit import Arguments, Call, evaluate


def assign(frame: Frame, target: ast.expr, value: Value) -> None:
    """`target = value`."""
    kind = type(target)
    if kind is ast.Name:
        frame.bind(target.id, value)  # type: ignore[attr-defined]
    elif kind is ast.Tuple or kind is ast.List:
        _unpack(frame, target.elts, value, target)  # type: ignore[attr-defined]
    elif kind is ast.Attribute:
        receiver = evaluate(frame, target.value)  # type: ignore[attr-defined]
        store_attribute(frame, receiver, target.attr, value, target)  # type: ignore[attr-defined]
    elif kind is ast.Subscript:
        receiver = evaluate(frame, target.value)  # type: ignore[attr-defined]
        key = evaluate(frame, target.slice)  # type: ignore[attr-defined]
        store_item(frame, receiver, key, value, target)
    elif kind is ast.Starred:
        holder = Value("list", single(frame.make(target, "list")))
        frame.capture(holder, ANY, value, target)
        assign(frame, target.value, holder)  # type: ignore[attr-defined]


def _unpack(frame: Frame, targets: list[ast.expr], value: Value, node: ast.AST) -> None:
    star = next((place for place, target in enumerate(targets) if type(target) is ast.Starred), None)
    items = value.items
    if items is not None and (len(items) == len(targets) if star is None else len(items) >= len(targets) - 1):
        if star is None:
            for target, item in zip(targets, items, strict=True):
                assign(frame, target, item)
            return
        after = len(targets) - star - 1
        for target, item in zip(targets[:star], items[:star], strict=True):
            assign(frame, target, item)
        assign(frame, targets[star], join_all(list(items[star : len(items) - after])))
        for target, item in zip(targets[star + 1 :], items[len(items) - after :], strict=True):
            assign(frame, target, item)
        return
    for place, target in enumerate(targets):
        element = types.element(frame, value, node)
        if element.objects and not value.objects & element.objects and element.type and frame.walk.is_new(value, element):
            # What a library just made anew is not the same object for each target.
            element = frame.fresh(target, element.type, role=f"target {place}")
        assign(frame, target, element)


def store_attribute(frame: Frame, receiver: Value, name: str, value: Value, node: ast.AST) -> None:
    """`receiver.name = value`."""
    walk = frame.walk
    if receiver.callee == MAIN:
        namespace.store(frame, Value("str", const=name), value, node)
        return
    if type(receiver.callee) is str:
        channels.library_store(frame, receiver.callee, name, node, value)
        return
    if receiver.type == "shell":
        walk.effect(frame, channels.SHELL, "write", name, node)
        return
    if type(receiver.callee) is Class:
        members = receiver.callee.members
        members[name] = value if name not in members else join_all([members[name], value])
    else:
        for instance in classes.of_class(frame, receiver):
            _ask_class(frame, instance, name, value, node)
    if name == "__class__" and type(value.callee) is Class:
        _exchange_class(frame, receiver, value.callee)
    if receiver.type == _INDEX and isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
        # An index has no life of its own: it is a part of its table, and of what shows the table's rows.
        frame.change(evaluate(frame, node.value.value), node, f"`.{node.value.attr}.{name} =` names its index", deep=True)
        return
    row = (walk.known.method(receiver.type, f".{name}=") or walk.known.method(receiver.type, _ANY_ATTRIBUTE)) if receiver.type else None
    if row is not None:
        rows.apply(Call(frame, node, Arguments((value,)), receiver, f"{receiver.type}.{name}"), row)
        return
    _set_attribute(frame, receiver, name, value, node)


def _set_attribute(frame: Frame, receiver: Value, name: str, value: Value, node: ast.AST) -> None:
    """Whatever else happens; what an undescribed library makes of terms may hand on to these what it is told."""
    frame.change(receiver, node, f"`.{name} =` sets its attribute")
    terms = surveyed.held(frame, Value("", receiver.objects & frame.walk.expressions))
    frame.change(terms, node, f"`.{name} =` may set it in what it holds")
    frame.capture(receiver, name, value, node)
    if name == "__dict__" and value.objects and value.objects != receiver.objects:
        # From now on these are one, which copies of them are not.
        frame.walk.start_live(frame, node, [receiver, value], "the attributes of an object are a dictionary that others may have")


def _exchange_class(frame: Frame, instance: Value, of: Class) -> None:
    """From now on objects may be instances of another class, under whatever name."""
    walk = frame.walk
    for number in instance.objects:
        walk.heap.become(number, of.type)
    for values in (walk.namespace, frame.top.values):
        for name, held in values.items():
            if held.type in walk.classes and not held.objects.isdisjoint(instance.objects):
                values[name] = Value("", held.objects, held.callee, view=held.view)


def _ask_class(frame: Frame, instance: Value, name: str, value: Value, node: ast.AST) -> None:
    """A property, a descriptor or `__setattr__` is called when an attribute of an instance is set."""
    member, _ = classes.find(frame, frame.walk.classes[instance.type], name)
    if member is not None and member.type == "property":
        classes.call_member(frame, instance, name, (value,), node)
    elif member is not None:
        classes.call_member(frame, member, "__set__", (instance, value), node)
    classes.call_member(frame, instance, "__setattr__", (Value("str", const=name), value), node)


def store_item(frame: Frame, receiver: Value, key: Value, value: Value, node: ast.AST) -> None:
    """`receiver[key] = value`."""
    walk = frame.walk
    classes.compare(frame, node, key)
    if type(receiver.callee) is str:
        channels.library_store(frame, receiver.callee, str(key.const) if type(key.const) is str else "", node)
        return
    if receiver.type == namespace.NAMESPACE:
        namespace.store(frame, key, value, node)
        return
    if walk.classes and classes.call_member(frame, receiver, "__setitem__", (key, value), node) is not None and receiver.type:
        return
    row = types.key_row(frame, receiver.type, key, "=") if receiver.type else None
    if row is not None:
        rows.apply(Call(frame, node, Arguments((value,), {"key": key}), receiver, f"{receiver.type}[]"), row)
        return
    frame.change(receiver, node, "an item of it is set")
    frame.capture(receiver, KEYS if receiver.type in types.MAPPINGS else ANY, key, node)
    frame.capture(receiver, key.const if type(key.const) is str else ANY, value, node)


def delete(frame: Frame, target: ast.expr) -> None:
    """`del target`."""
    if isinstance(target, ast.Name):
        frame.delete(target.id, target)
    elif isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            delete(frame, element)
    elif isinstance(target, ast.Attribute):
        receiver = evaluate(frame, target.value)
        if type(receiver.callee) is str:
            channels.library_store(frame, receiver.callee, target.attr, target)
        frame.change(receiver, target, f"`del .{target.attr}` removes its attribute")
        classes.call_member(frame, receiver, "__delattr__", (Value("str", const=target.attr),), target)
    elif isinstance(target, ast.Subscript):
        _delete_item(frame, evaluate(frame, target.value), evaluate(frame, target.slice), target)


def _delete_item(frame: Frame, receiver: Value, key: Value, node: ast.AST) -> None:
    """`del receiver[key]`: what a row says of an item that is set holds of one that is deleted."""
    row = types.key_row(frame, receiver.type, key, "=") if receiver.type else None
    if type(receiver.callee) is str:
        channels.library_store(frame, receiver.callee, str(key.const) if type(key.const) is str else "", node)
    elif receiver.type == namespace.NAMESPACE:
        namespace.anything(frame, node, "`del globals()[…]` may unbind any name")
    elif classes.call_member(frame, receiver, "__delitem__", (key,), node) is not None and receiver.type:
        return
    elif row is not None:
        rows.apply(Call(frame, node, Arguments((), {"key": key}), receiver, f"{receiver.type}[]"), row)
    else:
        frame.change(receiver, node, "an item of it is deleted")


def augment(frame: Frame, node: ast.AugAssign) -> None:
    """`target += value`: the target is read first; an object that can is changed in place, then bound again."""
    target, operator = node.target, type(node.op)
    if isinstance(target, ast.Name):
        old = frame.read(target.id, target)
        frame.bind(target.id, _in_place(frame, old, operator, evaluate(frame, node.value), node))
    elif isinstance(target, ast.Attribute):
        receiver = evaluate(frame, target.value)
        old = types.attribute(frame, receiver, target.attr, target)
        store_attribute(frame, receiver, target.attr, _in_place(frame, old, operator, evaluate(frame, node.value), node), target)
    elif isinstance(target, ast.Subscript):
        receiver, key = evaluate(frame, target.value), evaluate(frame, target.slice)
        old = types.subscript(frame, receiver, key, target)
        store_item(frame, receiver, key, _in_place(frame, old, operator, evaluate(frame, node.value), node), target)


def _in_place(frame: Frame, old: Value, operator: type[ast.AST], value: Value, node: ast.AST) -> Value:
    walk = frame.walk
    if operator is ast.BitOr and type(old.callee) is str and "." in old.callee:
        # A dictionary or set of a library.
        library, _, name = old.callee.rpartition(".")
        channels.library_store(frame, library, name, node, mode="append")
        return old
    if not old.objects or walk.known.is_immutable(old.type) or old.type == "tuple":
        return types.operate(frame, old, operator, value, node)
    if not old.type:
        classes.call_member(frame, old, _DUNDERS[operator], (value,), node)
    if old.type in walk.classes:
        return _in_place_instance(frame, old, operator, value, node)
    if "plain" in walk.known.flags(old.type) and old.type not in _IN_PLACE:
        return types.operate(frame, old, operator, value, node)
    frame.change(old, node, "an augmented assignment changes it")
    types.gone_through(frame, value, node)
    if old.type in ("list", "set", "dict", "collections.deque", ""):
        frame.capture(old, ANY, Value("", walk.heap.parts(value.objects, ANY)), node)
    return old if old.type else join_all([old, frame.fresh(node, "", opened=False)])


_INDEX = "pandas.Index"
# The row that holds for an attribute of any name that is set.
_ANY_ATTRIBUTE = ".*="
_IN_PLACE = frozenset(
    (
        "list",
        "set",
        "dict",
        "bytearray",
        "numpy.ndarray",
        "numpy.item",
        "pandas.DataFrame",
        "pandas.Series",
        "collections.deque",
        "collections.Counter",
    )
)
_DUNDERS: dict[type[ast.AST], str] = {
    ast.Add: "__iadd__",
    ast.Sub: "__isub__",
    ast.Mult: "__imul__",
    ast.Div: "__itruediv__",
    ast.FloorDiv: "__ifloordiv__",
    ast.Mod: "__imod__",
    ast.Pow: "__ipow__",
    ast.MatMult: "__imatmul__",
    ast.BitAnd: "__iand__",
    ast.BitOr: "__ior__",
    ast.BitXor: "__ixor__",
    ast.LShift: "__ilshift__",
    ast.RShift: "__irshift__",
}


def _in_place_instance(frame: Frame, old: Value, operator: type[ast.AST], value: Value, node: ast.AST) -> Value:
    found = classes.call_member(frame, old, _DUNDERS[operator], (value,), node)
    return found if found is not None else types.operate(frame, old, operator, value, node)
