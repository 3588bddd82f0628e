"""A row of the table of known calls, applied to one call."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Callable

from nbcompile.analysis import channels, classes, conventions, files, strings, surveyed
from nbcompile.analysis.aliases import ANY, KEPT
from nbcompile.analysis.bindings import BlockFrame, Frame
from nbcompile.analysis.known import Action, Condition, Result, Row
from nbcompile.analysis.values import (
    ARTIST,
    MISSING,
    NO_OBJECTS,
    NONE,
    SCALAR,
    Bound,
    Choice,
    Class,
    Function,
    Objects,
    Partial,
    Value,
    Wrapped,
    join,
    join_all,
    single,
    tuple_of,
)
from nbcompile.analysis.visit import NO_ARGUMENTS, Call, call_back, call_given, evaluate

_ON_CURRENT = ("matplotlib.pyplot.", "seaborn.", "pandas.", "xarray.")
# Libraries whose functions show something, whatever else they do.
_SPEAKING = ("warnings", "tqdm", "IPython", "logging")
_CALLED = (Function, Class, Partial, Wrapped, Choice, Bound)
# What is given to a library by itself to be called, and where what is given is mostly looked at or kept.
_FUNCTIONS = (Function, Partial, Bound)
_GIVEN_TO_BE_KEPT = sys.stdlib_module_names | vars(builtins).keys() | {"IPython"}
_DRAWING = ("draws", "moves", *channels.DRAWS_LATER)
_MAY_BE_TEXT = ("", "str", "scalar")
# Whose values are memory that others can show.
_LIBRARIES_OF_MEMORY = ("numpy.", "pandas.", "torch.", "scipy.")


class _Later:
    """What a call's value goes on doing: the generator that it draws from, files that it has open or reads, functions that it calls."""

    __slots__ = ("called", "drawn", "opened", "streamed")

    def __init__(self) -> None:
        self.drawn: tuple[str, str] | None = None
        self.opened: list[Action] = []
        self.streamed: list[Value] = []
        self.called: list[Value] = []


def apply(call: Call, row: Row) -> Value:
    """Do what the row says; returns the call's value."""
    value: Value | None = None
    inert, later = False, _Later()
    if call.label.partition(".")[0] in _SPEAKING:
        call.frame.trace.speaks = True
    for clause in row:
        holds = _all_hold(call, clause.conditions) if clause.conditions else True
        if holds is False:
            continue
        for action in clause.actions:
            if action.verb == "inert":
                inert = True
            else:
                _act(call, action, later)
        files.log(call, clause.actions)
        if clause.result is not None:
            found = _result(call, clause.result)
            value = found if value is None or holds is True else join(value, found)
    _call_given(call, inert)
    if value is not None:
        _remember(call, value, later)
    value = conventions.follow(call, value if value is not None else SCALAR, row)
    if not inert:
        value = conventions.given_to_overwriting(call, value)
    channels.draw_given(call, value)
    _as_it_is_called(call)
    return value


def _as_it_is_called(call: Call) -> None:
    """What the names of some functions say in every library."""
    if call.label.endswith(".close"):
        files.closed(call.frame, call.owner)
    elif call.label.startswith("traceback."):
        for given in call.arguments.all():
            call.frame.walk.heap.ask_for_frames(given.objects)


def _act(call: Call, action: Action, later: _Later) -> None:
    if action.verb in _DRAWING and action.word != "self" and conventions.is_seeded(call):
        return
    if action.verb in channels.DRAWS_LATER:
        later.drawn = (action.word, channels.DRAWS_LATER[action.verb])
    elif action.verb == "formula":
        later.called += _formula(call, action)
    else:
        _ACTIONS[action.verb](call, action)
        if action.verb in files.OPENING:
            later.opened.append(action)
        elif action.verb == "streams":
            later.streamed += call.chosen(action)


def _remember(call: Call, value: Value, later: _Later) -> None:
    """What a call gives draws numbers later, writes to a file that it has open, or works out a formula for other data."""
    if later.drawn is not None:
        call.frame.walk.heap.draws.update(dict.fromkeys(value.objects, later.drawn))
    for action in later.opened:
        files.stays_open(call, action, value)
    files.read_later(call, value, later.streamed)
    for called in later.called:
        call.frame.capture(value, KEPT, called, call.node)


def _call_given(call: Call, inert: bool) -> None:
    """What a call does to what it is given, whatever its row says: it consumes iterators and may call functions."""
    for given in call.arguments.all():
        if given.objects and "iterator" in call.frame.walk.known.flags(given.type):
            _move_on(call, given)
    if not call.frame.walk.heap.callees:
        return
    if not inert:
        call_held(call)
    elif "." in call.label and call.label.partition(".")[0] not in _GIVEN_TO_BE_KEPT:
        _call_functions(call)


def _call_functions(call: Call) -> None:
    """Whatever a row says, a function that a library is given by itself, or in a container, is called: now, if it does not say when."""
    heap = call.frame.walk.heap
    for value in call.arguments.all():
        if type(value.callee) in _FUNCTIONS:
            call_back(call.frame, call.node, value)
        elif value.type in ("dict", "list", "tuple"):
            for number in sorted(heap.below(value.objects) & heap.callees.keys()):
                if type(heap.callees[number]) in _FUNCTIONS:
                    call_back(call.frame, call.node, Value("function", single(number), heap.callees[number]))


def _move_on(call: Call, value: Value) -> None:
    """An iterator that is given to a call is consumed, and what makes its elements is called."""
    move_on(call.frame, value, call.node, f"`{_short(call.label)}` consumes it")
    if value.callee is not None:
        call_given(call.frame, call.node, Value("function", value.objects, value.callee), NO_ARGUMENTS)


def move_on(frame: Frame, value: Value, node: ast.AST, reason: str) -> None:
    """An iterator is moved on, and so is every other from which it takes what it gives."""
    heap, known = frame.walk.heap, frame.walk.known
    below = heap.below(value.objects)
    sources = (number for number in below if heap.types[number] == "file" or "iterator" in known.flags(heap.types[number]))
    frame.change(Value(value.type, value.objects.union(sources)), node, reason)


def look(frame: Frame, node: ast.AST, row: Row, value: Value, label: str) -> Value:
    """Do what the row says of an attribute, a subscript or an iteration."""
    return apply(Call(frame, node, NO_ARGUMENTS, value, label), row)


def call_held(call: Call) -> None:
    """A library may call the functions it is given, and those that the objects it is given hold."""
    walk = call.frame.walk
    heap = walk.heap
    for value in call.values():
        if type(value.callee) in _CALLED and not value.objects:
            call_back(call.frame, call.node, value)
        for number in sorted(heap.below(value.objects)) if value.objects else ():
            callee = heap.callees.get(number) or (value.callee if number in value.objects else None)
            if type(callee) in _CALLED and walk.calls_anew(call.frame, number):
                call_back(call.frame, call.node, Value("function", single(number), callee))
    walk.call_methods(call)


def _all_hold(call: Call, conditions: tuple[Condition, ...]) -> bool | None:
    """Whether all conditions of a clause hold; `None` when that cannot be told."""
    truths = {_holds(call, condition) for condition in conditions}
    return False if False in truths else None if None in truths else True


def _holds(call: Call, condition: Condition) -> bool | None:
    word, given = condition.word, call.given(condition.argument)
    if given is None:
        truth: bool | None = None if call.arguments.rest is not None else False
    elif condition.texts:
        truth = given.const in condition.texts if given.const is not MISSING else None if given.type in _MAY_BE_TEXT else False
    elif word.endswith("not"):
        truth = None if given.const is MISSING else not given.const
    elif given.const is MISSING:
        truth = True if word == "unless" or given.objects or given.type not in ("bool", "", "scalar") else None
    else:
        truth = bool(given.const) or (word == "unless" and given.const is not None and given.const is not False)
    return not truth if word.startswith("unless") and truth is not None else truth


def _change(call: Call, action: Action) -> None:
    for target in action.targets:
        for value in call.meant(target):
            call.frame.change(value, call.node, f"`{_short(call.label)}` changes it", deep=target.deep)


def _ask(call: Call, action: Action) -> None:
    for value in call.chosen(action):
        surveyed.work_out(call.frame, value, f"{call.label}()", call.node, f"`{_short(call.label)}` has it work out something, and keep it")


def _run(call: Call, action: Action) -> None:
    heap, classes = call.frame.walk.heap, call.frame.walk.classes
    for value in call.chosen(action):
        reached = heap.below(value.objects)
        held = frozenset(number for number in reached if heap.types[number] == action.word or heap.types[number] in classes)
        call.frame.change(Value(action.word, held), call.node, f"`{_short(call.label)}` runs it")
        call.frame.walk.call_methods(Call(call.frame, call.node, NO_ARGUMENTS, Value("", held)))


def _keep(call: Call, action: Action) -> None:
    for value in call.chosen(action):
        call.frame.capture(call.owner, ANY, value, call.node)


def _keep_elements(call: Call, action: Action) -> None:
    frame, heap = call.frame, call.frame.walk.heap
    for value in call.chosen(action):
        for place, item in enumerate(value.items or ()):
            frame.capture(call.owner, ANY, frame.as_object(item, call.node, f"item {place}"), call.node)
        if value.items is None:
            held = heap.parts_of_tuple(value.objects) if value.type == "tuple" else heap.parts(value.objects, ANY)
            frame.capture(call.owner, ANY, Value("", held), call.node)


def _put(call: Call, action: Action) -> None:
    *values, holder = action.targets
    for value in (value for target in values for value in call.meant(target)):
        for into in call.meant(holder):
            call.frame.capture(into, ANY, value, call.node)


def _call(call: Call, action: Action) -> None:
    for value in call.chosen(action):
        if value.callee is not None:
            call_back(call.frame, call.node, value)


def _end(call: Call, _: Action) -> None:
    call.frame.walk.ends_early = True


# Others that go on after the cell, as tasks of asyncio, take turns.
_SIDE_BY_SIDE = ("threading.", "multiprocessing.", "concurrent.futures.")


def _start(call: Call, _: Action) -> None:
    values = call.values()
    for argument in call.node.args if isinstance(call.node, ast.Call) else ():
        # What is given may be a coroutine, and the function that it is of runs on.
        if isinstance(argument, ast.Call):
            function = argument.func
            values.append(evaluate(call.frame, function.value if isinstance(function, ast.Attribute) else function))
    if call.label.startswith(_SIDE_BY_SIDE):
        call.frame.walk.effect(call.frame, channels.CONCURRENCY, "read", "", call.node)
    call.frame.walk.start_live(call.frame, call.node, values, f"`{_short(call.label)}` goes on after the cell")


def _query(call: Call, action: Action) -> None:
    for value in call.chosen(action):
        if type(value.const) is str:
            strings.read_query(call.frame, value.const, call.node)


def _sql(call: Call, action: Action) -> None:
    for value in call.chosen(action):
        if type(value.const) is str:
            strings.read_sql(call.frame, value.const, call.node)


def _text(call: Call, action: Action) -> None:
    """Texts are run, one after the other: `executes` in the notebook's names, `times` in a scope of their own."""
    frame = call.frame if action.verb == "executes" else BlockFrame(call.frame, is_class=False)
    for value in call.chosen(action):
        if type(value.const) is str:
            strings.execute_text(frame, value.const, call.node)
        elif value.type == "str":
            frame.walk.unseen(frame, call.node, f"`{_short(call.label)}` of a text that is not literal may use any name")


def _formula(call: Call, action: Action) -> list[Value]:
    texts = [value.const for value in call.chosen(action) if type(value.const) is str]
    return [called for text in texts for called in strings.read_formula(call.frame, text, call.node)]


def _restore(call: Call, _: Action) -> None:
    """Objects are made again of classes and functions that are found by their names, which nobody sees."""
    call.frame.walk.packages.update(name.partition(".")[0] for name in call.frame.walk.sources)
    for name, value in list(call.frame.walk.namespace.items()):
        if type(value.callee) in (Class, Function):
            call.frame.read(name, call.node)
        if type(value.callee) is Class:
            classes.copied(call.frame, Value(value.callee.type, single(value.callee.object)), call.node)


_ACTIONS: dict[str, Callable[[Call, Action], None]] = {
    "changes": _change,
    "asks": _ask,
    "runs": _run,
    "keeps": _keep,
    "extends": _keep_elements,
    "puts": _put,
    "calls": _call,
    "executes": _text,
    "times": _text,
    "ends": _end,
    "starts": _start,
    "draws": channels.draw,
    "fits": channels.fit,
    "moves": channels.move,
    "seeds": channels.write,
    "sets": channels.write,
    "gets": channels.read,
    "loads": files.load,
    "streams": files.load,
    "saves": files.save,
    "appends": files.append,
    "tests": files.load,
    "links": files.link,
    "lists": files.list_,
    "fills": files.fill,
    "opens": files.open_,
    "closes": files.close,
    "names": files.name,
    "query": _query,
    "sql": _sql,
    "restores": _restore,
}


def _result(call: Call, result: Result) -> Value:
    kind, frame = result.kind, call.frame
    if kind == "new":
        if result.items:
            return _container(call, result)
        if _draws_on_current(call, result):
            return Value(result.type, single(frame.walk.figure()))
        if result.type == channels.STREAM and channels.are_streams_replaced(frame):
            return frame.fresh(call.node, "")
        return frame.fresh(call.node, result.type, opened=not frame.walk.known.is_plain(result.type))
    if kind == "none":
        return NONE
    if kind == "unknown":
        return frame.fresh(call.node, "")
    if kind == "self":
        return Value(result.type, call.owner.objects) if result.type else call.owner
    sources = [value for target in result.targets for value in call.meant(target)]
    if kind == "argument":
        return join_all(sources)
    return _sharing(call, result, sources)


def _draws_on_current(call: Call, result: Result) -> bool:
    """Whether the call gives something of pyplot's current figure, whichever that is."""
    return result.type == ARTIST and call.owner.type != ARTIST and call.label.startswith(_ON_CURRENT)


def _sharing(call: Call, result: Result, sources: list[Value]) -> Value:
    """A view, a part or a holder of what the call was given."""
    frame, heap = call.frame, call.frame.walk.heap
    objects = NO_OBJECTS.union(*(source.objects for source in sources))
    if result.kind == "calling":
        inner = tuple(source for source in sources if type(source.callee) in _CALLED)
        holder = frame.fresh(call.node, "function")
        frame.capture(holder, ANY, Value("", objects), call.node)
        return Value("function", holder.objects, Wrapped(inner)) if inner else holder
    if result.kind == "holding":
        holder = frame.fresh(call.node, result.type)
        frame.capture(holder, ANY, Value("", objects), call.node)
        return holder
    if result.kind == "memory":
        objects = NO_OBJECTS.union(*(source.objects for source in sources if source.type.startswith(_LIBRARIES_OF_MEMORY)))
        if not objects:
            return frame.fresh(call.node, result.type, opened=not frame.walk.known.is_plain(result.type))
    if result.kind in ("view", "memory"):
        return Value(result.type or join_all(sources).type, objects or frame.fresh(call.node, result.type).objects, view=True)
    if result.kind == "item":
        return heap.value(heap.parts(objects, ANY), result.type)
    parts = _parts(call, objects, result.type)
    return Value(result.type or heap.type_of(parts), parts or objects, view=True)


def _parts(call: Call, objects: Objects, kind: str) -> Objects:
    """What objects hold that may be of a type: data are no objects of the notebook's classes, as the model is that a result holds."""
    heap, classes, known = call.frame.walk.heap, call.frame.walk.classes, call.frame.walk.known
    parts = _out_of_containers(call, heap.parts(objects, ANY), kind)
    if not classes or "data" not in known.flags(kind):
        return parts
    instances = frozenset(
        number for number in parts if heap.types[number] in classes and not _derives(call, classes[heap.types[number]], kind)
    )
    if not instances:
        return parts
    if parts == instances:
        for number in objects:
            heap.open(number)
        parts = heap.parts(objects, ANY)
    return parts - instances or parts


def _out_of_containers(call: Call, parts: Objects, kind: str) -> Objects:
    """What containers hold in which a library was given objects of its own: the steps of a pipeline, for one of them."""
    library, _, name = kind.partition(".")
    heap, classes = call.frame.walk.heap, call.frame.walk.classes
    holders = [number for number in parts if heap.types[number] in ("list", "tuple", "dict")] if name else []
    if not holders:
        return parts
    inside = heap.below(holders) - parts
    found = {number for number in inside if heap.types[number].startswith(f"{library}.") or heap.types[number] in classes}
    return frozenset((parts - set(holders)) | found) if found else parts


def _derives(call: Call, of: Class, kind: str) -> bool:
    """Whether a class of the notebook is derived from a type of the table."""
    known = call.frame.walk.known
    return any(
        _derives(call, base.callee, kind)
        if type(base.callee) is Class
        else type(base.callee) is str and known.canonical(base.callee).removeprefix("builtins.") == kind
        for base in of.bases
    )


def _container(call: Call, result: Result) -> Value:
    frame = call.frame
    items: list[Value] = []
    for place, item in enumerate(result.items):
        value = Value(item.type, items[-1].objects) if item.kind == "same" else _result(call, item)
        if item.kind == "new" and value.objects and not item.items and not _draws_on_current(call, item):
            value = frame.fresh(call.node, item.type, opened=not frame.walk.known.is_plain(item.type), role=f"item {place}")
        items.append(value)
    if result.type == "tuple":
        return tuple_of(tuple(items))
    number = frame.make(call.node, result.type, role="container")
    holder = Value(result.type, single(number))
    if len(items) == 1:
        frame.walk.elements[number] = items[0]
        if result.items[0].kind == "new":
            frame.walk.elements_made |= items[0].objects
    for value in items:
        frame.capture(holder, ANY, value, call.node)
    return holder


def _short(label: str) -> str:
    """The last two words of a dotted path."""
    return ".".join(re.split(r"\.", label)[-2:])
