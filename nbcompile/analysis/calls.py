"""Calls: what is called, with which values, and what that does, for callables of every kind."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import cast

from nbcompile.analysis import classes, guesses, modules, namespace, rows, types
from nbcompile.analysis.aliases import ANY
from nbcompile.analysis.bindings import MAIN, Frame
from nbcompile.analysis.builtin import SPECIAL
from nbcompile.analysis.channels import MEMORY, STACK, draw_held, draw_unseeded, stay_entered
from nbcompile.analysis.functions import call_function
from nbcompile.analysis.values import (
    NO_OBJECTS,
    SCALAR,
    Bound,
    Choice,
    Class,
    Function,
    Partial,
    Value,
    Wrapped,
    join,
    join_all,
    plain,
    single,
)
from nbcompile.analysis.visit import CALLEES, Arguments, Call, call_value, evaluate

# Methods that paths have and hardly anything else, and how many arguments they take by position.
_PATH = "pathlib.Path"
_OF_PATHS = {
    "read_text": 2,
    "write_text": 2,
    "write_bytes": 1,
    **dict.fromkeys(("read_bytes", "mkdir", "touch", "unlink", "rmdir", "iterdir"), 0),
}


def call(frame: Frame, node: ast.Call) -> Value:
    """A call expression."""
    function = node.func
    if type(function) is ast.Attribute:
        receiver = evaluate(frame, function.value)
        text = receiver if function.attr == "format" else None
        arguments = arguments_of(frame, node, text)
        if function.attr == "from_address" and (memory := _at_address(frame, node, receiver, arguments)) is not None:
            return memory
        return call_method(frame, node, receiver, function.attr, arguments)
    target = evaluate(frame, function)
    return CALLEES[type(target.callee)](frame, node, target, arguments_of(frame, node))


def _at_address(frame: Frame, node: ast.Call, receiver: Value, arguments: Arguments) -> Value | None:
    """`ctypes.c_long.from_address(number)`, or that of a class which the notebook derives from one of ctypes."""
    if arguments.positional and arguments.positional[0].type != "str":
        frame.walk.effect(frame, MEMORY, "read", "", node)
    is_simple = type(receiver.callee) is str and receiver.callee.startswith("ctypes.")
    return Value("ctypes.AtAddress", frame.fresh(node, "ctypes.AtAddress").objects) if is_simple else None


# Containers whose methods look for what they are given among what they hold.
_LOOKED_INTO = frozenset(("list", "dict", "set", "tuple", "collections.deque", "collections.OrderedDict", "collections.defaultdict"))


# What enters and leaves a context, and does so after the cell, too, where no statement does it.
_BY_HAND = frozenset(("__enter__", "__exit__", "enter_context"))


def _asks_for_one_name(node: ast.Call) -> bool:
    """`getattr(__main__, "x")` and its like say which name they ask for."""
    is_builtin = isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr", "setattr", "delattr")
    return is_builtin and len(node.args) > 1 and isinstance(node.args[1], ast.Constant)


def _runs_text(node: ast.Call) -> bool:
    """`eval` and `exec` say themselves what they do with the names."""
    return isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec")


def arguments_of(frame: Frame, node: ast.Call, text: Value | None = None) -> Arguments:
    """The values of a call's arguments, evaluated in the order in which they are written. They may fill a `text`."""
    positional: list[Value] = []
    rest: Value | None = None
    for argument in node.args:
        if type(argument) is ast.Starred:
            value = evaluate(frame, argument.value)
            if value.items is not None and rest is None:
                positional += value.items
            else:
                element = types.element(frame, value, argument)
                rest = element if rest is None else join(rest, element)
        elif rest is None:
            positional.append(evaluate(frame, argument))
            if positional[-1].type == namespace.NAMESPACE and not _runs_text(node):
                namespace.anything(frame, argument, "what is given `globals()` may read and bind any name")
            if positional[-1].callee == MAIN and not _asks_for_one_name(node):
                namespace.anything(frame, argument, "what is given the module `__main__` may read and bind any name")
        else:
            rest = join(rest, evaluate(frame, argument))
    if not node.keywords:
        return Arguments(tuple(positional), None, rest)
    keywords: dict[str, Value] = {}
    for keyword in node.keywords:
        value = evaluate(frame, keyword.value)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
        else:
            rest = _spread(frame, node, value, keywords, rest, text)
    return Arguments(tuple(positional), keywords, rest)


def _spread(frame: Frame, node: ast.AST, value: Value, keywords: dict[str, Value], rest: Value | None, text: Value | None) -> Value | None:
    """`**value`: the keywords that are known, else an argument under any name."""
    heap = frame.walk.heap
    types.taken_as_mapping(frame, value, node)
    if value.type == namespace.NAMESPACE:
        namespace.fill(frame, text, node)
    if value.type == "dict" and not any(heap.is_open(number) for number in value.objects):
        for number in sorted(value.objects):
            for name in heap.fields.get(number, {}):
                if name != ANY:
                    keywords[name] = heap.value(heap.parts(value.objects, name))
    element = heap.value(heap.parts(value.objects, ANY))
    return element if rest is None else join(rest, element)


def call_method(frame: Frame, node: ast.AST, receiver: Value, name: str, arguments: Arguments) -> Value:
    """`receiver.name(arguments)`."""
    walk = frame.walk
    callee = receiver.callee
    if type(callee) is str:
        return call_path(frame, node, f"{callee}.{name}", arguments)
    kind = receiver.type
    if name in _BY_HAND or (kind == STACK and name == "close"):
        stay_entered(frame, node, receiver, arguments.all())
    if kind == namespace.NAMESPACE:
        return namespace.call(frame, node, name, arguments)
    if kind:
        if kind in walk.classes or kind == "super":
            found = classes.call_method(frame, node, receiver, name, arguments)
            return found if found is not None else _call_by_kinds(frame, node, receiver, name, arguments)
        row = walk.known.method(kind, name)
        if row is not None:
            made = Call(frame, node, arguments, receiver, f"{walk.known.home(kind, name)}.{name}")
            if kind in _LOOKED_INTO:
                classes.compare(frame, node, *arguments.positional, among=receiver)
            special = SPECIAL.get(made.label)
            result = rows.apply(made, row) if special is None else special(made)
            draw_held(frame, node, receiver)
            return result
        if type(callee) is Class:
            return _call_of_class(frame, node, receiver, name, arguments)
    elif instances := classes.of_class(frame, receiver):
        return _call_of_instances(frame, node, receiver, instances, name, arguments)
    return _call_untyped(frame, node, receiver, name, arguments)


def _call_of_instances(frame: Frame, node: ast.AST, receiver: Value, instances: list[Value], name: str, arguments: Arguments) -> Value:
    """A method of a value that may be an instance of several classes: each class has its own."""
    rest, results = classes.others(frame, receiver), []
    for one in instances:
        found = classes.call_method(frame, node, one, name, arguments)
        if found is None:
            # Its class has it from a library.
            rest |= one.objects
        else:
            results.append(found)
    if rest:
        results.append(_call_untyped(frame, node, Value("", rest, receiver.callee, view=receiver.view), name, arguments))
    return join_all(results)


def _call_untyped(frame: Frame, node: ast.AST, receiver: Value, name: str, arguments: Arguments) -> Value:
    """A method of a value of which neither class nor type is known."""
    walk = frame.walk
    stored = walk.heap.value(walk.heap.named(receiver.objects, name)) if walk.heap.callees and receiver.objects else SCALAR
    if stored.callee is not None:
        return call_value(frame, node, stored, arguments)
    draw_unseeded(frame, node, receiver)
    most = _OF_PATHS.get(name)
    if most is not None and len(arguments.positional) <= most and not walk.heap.kinds_within(receiver.objects):
        return call_method(frame, node, Value(_PATH, receiver.objects), name, arguments)
    return _call_by_kinds(frame, node, receiver, name, arguments)


def _call_by_kinds(frame: Frame, node: ast.AST, receiver: Value, name: str, arguments: Arguments) -> Value:
    """A method of a value of which at best the types are known that it may have: if one of them has the method, it is that."""
    walk, objects = frame.walk, receiver.objects
    kinds = walk.heap.kinds_within(objects) if objects else frozenset()
    if all(kind in walk.classes or walk.known.knows(kind) for kind in kinds):
        having = [kind for kind in kinds if walk.known.method(kind, name) is not None]
        if len(having) == 1:
            return call_method(frame, node, Value(having[0], objects, view=receiver.view), name, arguments)
    return guesses.method(Call(frame, node, arguments, receiver, name))


def _call_of_class(frame: Frame, node: ast.AST, receiver: Value, name: str, arguments: Arguments) -> Value:
    """`A.method(instance)`, `A.classmethod()`, or what the metaclass has."""
    of, walk = cast("Class", receiver.callee), frame.walk
    member, library = classes.find(frame, of, name)
    if member is None:
        classes.ask(frame, of, name)
        found = classes.call_of_metaclass(frame, node, receiver, name, arguments)
        if found is not None:
            return found
        if library and walk.known.function(f"{library}.{name}") is not None:
            return call_path(frame, node, f"{library}.{name}", arguments)
        return guesses.method(Call(frame, node, arguments, Value("", receiver.objects), name))
    if member.type == "classmethod":
        arguments = Arguments((receiver, *arguments.positional), arguments.keywords, arguments.rest)
    return call_value(frame, node, Value("function", member.objects, member.callee), arguments)


def call_path(frame: Frame, node: ast.AST, path: str, arguments: Arguments) -> Value:
    """Call a library's function or class."""
    walk = frame.walk
    path = walk.known.canonical(path)
    special = SPECIAL.get(path)
    if special is not None:
        return special(Call(frame, node, arguments, None, path))
    row = walk.known.function(path)
    if row is not None:
        return rows.apply(Call(frame, node, arguments, None, path), row)
    if walk.sources and (followed := modules.call(frame, node, path, arguments)) is not None:
        return followed
    owner, _, name = path.rpartition(".")
    if owner == MAIN:
        return call_value(frame, node, frame.read_global(name, node), arguments)
    row = walk.known.method(owner, f".{name}")
    if row is not None:
        return call_value(frame, node, rows.look(frame, node, row, walk.library(owner), path), arguments)
    return guesses.function(Call(frame, node, arguments, None, path))


def _library(frame: Frame, node: ast.AST, target: Value, arguments: Arguments) -> Value:
    return call_path(frame, node, cast("str", target.callee), arguments)


def _unknown(frame: Frame, node: ast.AST, target: Value, arguments: Arguments) -> Value:
    """A value of which it is not known what a call does."""
    if target.type in frame.walk.classes:
        found = classes.call_method(frame, node, target, "__call__", arguments)
        return found if found is not None else guesses.method(Call(frame, node, arguments, target, "__call__"))
    if instances := classes.of_class(frame, target) if not target.type else []:
        return _call_of_instances(frame, node, target, instances, "__call__", arguments)
    heap = frame.walk.heap
    callables = [number for number in sorted(target.objects) if number in heap.callees]
    if callables:
        results = [
            call_value(frame, node, Value("function", frozenset((number,)), heap.callees[number]), arguments) for number in callables
        ]
        value = results[0]
        for result in results[1:]:
            value = join(value, result)
        return value
    if target.type:
        row = frame.walk.known.method(target.type, "__call__")
        if row is not None:
            return rows.apply(Call(frame, node, arguments, target, target.type), row)
    return guesses.method(Call(frame, node, arguments, target, "__call__"))


def _bound(frame: Frame, node: ast.AST, target: Value, arguments: Arguments) -> Value:
    bound = cast("Bound", target.callee)
    if bound.target is not None and not isinstance(bound.target, str):
        given = Arguments((bound.receiver, *arguments.positional), arguments.keywords, arguments.rest)
        return call_value(frame, node, Value("function", target.objects, bound.target), given)
    return call_method(frame, node, bound.receiver, bound.name, arguments)


def _partial(frame: Frame, node: ast.AST, target: Value, arguments: Arguments) -> Value:
    partial = cast("Partial", target.callee)
    given = Arguments(partial.arguments + arguments.positional, {**partial.keywords, **arguments.keywords}, arguments.rest)
    return call_value(frame, node, partial.target, given)


def _wrapped(frame: Frame, node: ast.AST, target: Value, arguments: Arguments) -> Value:
    result: Value | None = None
    heap = frame.walk.heap
    called = cast("Wrapped", target.callee).inner
    registered = heap.parts(target.objects, ANY) if target.type == "functools.singledispatch" else NO_OBJECTS
    known = NO_OBJECTS.union(*(inner.objects for inner in called))
    more = [Value("function", single(number), heap.callees[number]) for number in sorted(registered - known) if number in heap.callees]
    for inner in (*called, *more):
        value = call_value(frame, node, inner, arguments)
        result = value if result is None else join(result, value)
    return result if result is not None else plain("scalar")


def _choice(frame: Frame, node: ast.AST, target: Value, arguments: Arguments) -> Value:
    result: Value | None = None
    heap = frame.walk.heap
    for option in cast("Choice", target.callee).options:
        own = frozenset(number for number in target.objects if heap.callees.get(number) == option)
        value = call_value(frame, node, Value(target.type, own or target.objects, option), arguments)
        result = value if result is None else join(result, value)
    return result if result is not None else SCALAR


_KINDS: dict[type, Callable[[Frame, ast.AST, Value, Arguments], Value]] = {
    type(None): _unknown,
    str: _library,
    Function: call_function,
    Class: classes.instantiate,
    Bound: _bound,
    Partial: _partial,
    Wrapped: _wrapped,
    Choice: _choice,
}
CALLEES.update(_KINDS)
