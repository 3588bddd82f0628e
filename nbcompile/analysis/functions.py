"""Functions of the notebook: what a call does, found once for each kind of arguments and replayed at every call.

The body is evaluated with symbols for the parameters and for everything it finds outside. A call replaces the symbols by
what is there at that moment: names are read then, in the versions of then, through the functions that led there.
"""

from __future__ import annotations

import ast
from typing import NamedTuple, cast

from nbcompile.analysis import caches, channels, escapes
from nbcompile.analysis.aliases import ANY, Assumption, Heap
from nbcompile.analysis.bindings import GONE, EffectKey, Frame, FunctionFrame, Mark, Trace, all_arguments, enclosing, local_names, spot
from nbcompile.analysis.values import (
    MISSING,
    NO_OBJECTS,
    NONE,
    SCALAR,
    Bound,
    Callee,
    Choice,
    Code,
    Function,
    Objects,
    Partial,
    Value,
    Wrapped,
    join,
    names_read,
    one_of,
    plain,
    single,
)
from nbcompile.analysis.visit import Arguments, evaluate, execute

RUNNING = "running"
# Calls beyond these are looked at one by one.
# In calls that are nested deeper, texts count as any text.
_DEEPEST_TEXT = 6
_MOST_SUMMARIES = 64
_DEEPEST_CALL = 25


class Summary(NamedTuple):
    """What a function did with symbols for its arguments (`parameters`, with what these were taken to be)."""

    parameters: dict[str, Value]
    actual: dict[str, Value]
    given: dict[str, Value]
    cells: dict[str, Value]
    trace: Trace
    made: frozenset[int]
    sites: dict[int, object]
    bound: dict[str, Value]
    sure: frozenset[str]
    returned: Value


class Provisional(NamedTuple):
    """A summary that waits for functions which are still running; where it belongs when they have ended."""

    summary: Summary
    awaited: frozenset[int]
    summaries: list[Summary]


def make_function(frame: Frame, node: ast.AST, name: str, arguments: ast.arguments | None, body: list[ast.stmt] | ast.expr) -> Value:
    """The function that a `def` or `lambda` makes here; its defaults are evaluated now."""
    walk = frame.walk
    code = walk.codes.get(id(node))
    if code is None:
        code = walk.codes[id(node)] = Code(node, arguments, body)
    number = frame.make(node, "function")
    function = Function(name, code, {}, frame if walk.in_function(frame) else None, walk.cell, number)
    walk.heap.callees[number] = function
    value = Value("function", single(number), function)
    if arguments is not None:
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs: list[tuple[ast.arg, ast.expr | None]] = list(zip(reversed(positional), reversed(arguments.defaults), strict=False))
        pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        for argument, default in pairs:
            if default is not None:
                function.defaults[argument.arg] = evaluate(frame, default)
                frame.capture(value, argument.arg, function.defaults[argument.arg], node)
    return value


def call_function(frame: Frame, node: ast.AST, target: Value, arguments: Arguments) -> Value:
    """Call a notebook's function."""
    function = cast("Function", target.callee)
    code, walk = function.code, frame.walk
    if not code.entered:
        code.entered = True
        code.locals, code.outer_names, code.is_generator = local_names(code.arguments, code.body)
    actual = bind_arguments(frame, function, arguments, node)
    summary: Summary | None = None
    key = id(_identity(function))
    running = walk.running.get(key)
    if running is not None:
        walk.recursive.add(key)
        walk.awaited.add(key)
        returned = replay(frame, running, actual, function, node) if running is not _FIRST else SCALAR
    elif len(walk.running) > _DEEPEST_CALL:
        walk.unknown(frame, node, f"calls are nested too deep at `{function.name}`", "", list(actual.values()))
        returned = frame.fresh(node, "")
    else:
        summary = _summary(frame, function, actual)
        returned = replay(frame, summary, actual, function, node)
    if function.cached and summary is not None:
        returned = caches.called(frame, node, target, summary, actual, returned)
    elif function.compiled and summary is not None:
        caches.compiled(frame, node, target, summary)
    if any(name in function.captured for name in code.outer_names):
        frame.change(target, node, f"a call of `{function.name}` binds a name of the function that made it")
    if code.is_generator and target.type != RUNNING:
        return _generator(frame, node, function, returned, arguments)
    return returned


def _generator(frame: Frame, node: ast.AST, function: Function, yielded: Value, arguments: Arguments) -> Value:
    """The generator that a call gives; consuming it runs the body."""
    number = frame.make(node, "generator", role="generator")
    again = Partial(Value(RUNNING, single(function.number), function), arguments.positional, arguments.keywords)
    frame.walk.heap.callees[number] = again
    if _runs_when_closed(function):
        frame.walk.heap.closing.add(number)
    result = Value("generator", single(number), again)
    frame.capture(result, ANY, yielded, node)
    for value in arguments.all():
        frame.capture(result, ANY, value, node)
    return result


def _runs_when_closed(function: Function) -> bool:
    """Whether a generator has more to do where it is closed while it waits: it stands inside a `with`, or a `try` that ends anyhow."""
    around = (node for node in ast.walk(function.code.node) if isinstance(node, ast.With | ast.AsyncWith | ast.Try))
    return any(isinstance(inner, ast.Yield | ast.YieldFrom) for node in around for inner in ast.walk(node))


def bind_arguments(frame: Frame, function: Function, arguments: Arguments, node: ast.AST) -> dict[str, Value]:
    """The value of each parameter."""
    written = function.code.arguments
    if written is None:
        return {}
    positional = [argument.arg for argument in (*written.posonlyargs, *written.args)]
    actual: dict[str, Value] = dict(zip(positional, arguments.positional, strict=False))
    extra = arguments.positional[len(positional) :]
    left = dict(arguments.keywords)
    for argument in all_arguments(written):
        name = argument.arg
        if name in left:
            actual[name] = left.pop(name)
        elif name not in actual:
            default = function.defaults.get(name)
            rest = arguments.rest
            actual[name] = (
                default
                if rest is None and default
                else rest
                if default is None and rest
                else join(default, rest)
                if default and rest
                else SCALAR
            )
    if written.vararg is not None:
        objects = NO_OBJECTS.union(*(value.objects for value in extra), arguments.rest.objects if arguments.rest else ())
        items = extra if arguments.rest is None else None
        actual[written.vararg.arg] = Value("tuple", objects, items=items)
    if written.kwarg is not None:
        holder = Value("dict", single(frame.make(node, "dict", role=f"**{function.number}")))
        for name, value in left.items():
            frame.capture(holder, name, value, node)
        if arguments.rest is not None:
            frame.capture(holder, ANY, arguments.rest, node)
        actual[written.kwarg.arg] = holder
    return actual


# -- summaries -----------------------------------------------------------------------------------------------------


def _summary(frame: Frame, function: Function, actual: dict[str, Value]) -> Summary:
    identity = _identity(function)
    summaries = cast("list[Summary]", function.code.summaries.setdefault(identity, []))
    found = _found(frame, function, actual, summaries)
    if found is None and len(frame.walk.running) > _DEEPEST_TEXT:
        # Functions that put texts together and call each other would be looked at for every text that can come of it.
        actual = {name: _any_text(value) for name, value in actual.items()}
        found = _found(frame, function, actual, summaries)
    if found is not None:
        return found
    number = len(summaries) + len(frame.walk.provisional.get(identity, ()))
    return _evaluate(frame, function, actual, summaries if number < _MOST_SUMMARIES else [])


def _found(frame: Frame, function: Function, actual: dict[str, Value], summaries: list[Summary]) -> Summary | None:
    """A summary of a call like this one."""
    for summary in summaries:
        if _fits(frame, summary, actual, function):
            return summary
    for one in frame.walk.provisional.get(_identity(function), ()):
        if _fits(frame, one.summary, actual, function):
            frame.walk.awaited |= one.awaited
            return one.summary
    return None


def _any_text(value: Value) -> Value:
    """Some text instead of a certain one."""
    return Value("str", value.objects, value.callee) if value.type == "str" else value


def _identity(function: Function) -> Function | Code:
    """What summaries are of: the code, or the one function where it is a closure, which may use other things than the next one."""
    return function if function.captured or function.frame is not None else function.code


def _evaluate(frame: Frame, function: Function, actual: dict[str, Value], summaries: list[Summary]) -> Summary:
    """Run the body; twice when it calls itself, so that the second pass knows what the first found.

    What calls a function that is still running knows only a part of what that does. Such summaries hold until the last of
    these functions has run for the first time, are made once more in its second pass, and are good after that.
    """
    walk, identity = frame.walk, _identity(function)
    key = id(identity)
    outer, walk.awaited = walk.awaited, set()
    walk.running[key] = walk.supposed.get(key, _FIRST)
    sites: dict[object, int] = {}
    try:
        summary = _run(frame, function, actual, sites)
        if key in walk.recursive:
            walk.running[key] = summary
            if not walk.awaited - {key}:
                _suppose(frame, key)
            first, summary = summary, _run(frame, function, actual, sites)
            for name, mark in first.trace.uses.items():
                # The first pass knows the shortest ways.
                summary.trace.uses[name] = mark
    finally:
        del walk.running[key]
        walk.recursive.discard(key)
        awaited = frozenset(walk.awaited - {key})
        walk.awaited = outer | awaited
    if awaited:
        walk.provisional.setdefault(identity, []).append(Provisional(summary, awaited, summaries))
    else:
        summaries.append(summary)
        _settle(frame)
    return summary


def _suppose(frame: Frame, key: int) -> None:
    """The first pass of a function is over: what was found meanwhile is where its second pass starts from."""
    walk = frame.walk
    for identity, found in list(walk.provisional.items()):
        walk.supposed.update((id(identity), one.summary) for one in found if key in one.awaited)
        walk.provisional[identity] = [one for one in found if key not in one.awaited]


def _settle(frame: Frame) -> None:
    """Summaries that wait for no function any more are good."""
    walk = frame.walk
    for identity in list(walk.provisional):
        waiting = []
        for one in walk.provisional.pop(identity):
            if walk.running.keys().isdisjoint(one.awaited):
                one.summaries.append(one.summary)
            else:
                waiting.append(one)
        if waiting:
            walk.provisional[identity] = waiting
    if not walk.running:
        walk.supposed.clear()


def _run(frame: Frame, function: Function, actual: dict[str, Value], sites: dict[object, int]) -> Summary:
    trace = Trace()
    inner = FunctionFrame(frame.walk, function, frame, trace, sites)
    parameters = {name: inner.mirror(_without_number(value)) for name, value in actual.items()}
    inner.local.values.update(parameters)
    inner.local.sure.update(parameters)
    body = function.code.body
    if isinstance(body, list):
        execute(inner, body)
        if not inner.dead:
            inner.exits.append(inner.fork())
            inner.returned = (
                NONE if inner.returned is None else join(inner.returned, NONE) if not function.code.is_generator else inner.returned
            )
        inner.merge(inner.exits)
        returned = inner.returned or SCALAR
    else:
        returned = evaluate(inner, body)
    bound = inner.top.values
    trace.captured = escapes.lasting(frame.walk.heap, trace, frozenset(sites.values()), (returned, *bound.values()))
    return Summary(
        parameters,
        actual,
        trace.given,
        trace.cells,
        trace,
        frozenset(sites.values()),
        {number: key for key, number in sites.items()},
        bound,
        frozenset(inner.top.sure),
        returned,
    )


_FIRST = Summary({}, {}, {}, {}, Trace(), frozenset(), {}, {}, frozenset(), SCALAR)


def _without_number(value: Value) -> Value:
    """A parameter's value without literal numbers: a summary holds for all numbers."""
    if value.items is not None and any(item.const is not MISSING or item.items for item in value.items):
        return Value(value.type, value.objects, value.callee, value.const, tuple(map(_without_number, value.items)), value.view)
    return plain(value.type) if value.type in _NUMBERS and value.const is not MISSING else value


def _fits(frame: Frame, summary: Summary, actual: dict[str, Value], function: Function) -> bool:
    """Whether what was assumed for the summary holds for these arguments and the names as they are now."""
    heap = frame.walk.heap
    for name, value in actual.items():
        if not _alike(heap, _without_number(summary.actual[name]), _without_number(value)):
            return False
    given = {}
    for name, symbol in summary.given.items():
        now = frame.peek(name)
        if now is None or not _alike(heap, symbol, now):
            return False
        given[name] = now
    for name, symbol in summary.cells.items():
        captured = enclosing(function, name)
        if captured is None or not _alike(heap, symbol, captured):
            return False
    if any(name not in given and frame.peek(name) is not None for names in (summary.trace.uses, summary.trace.builtins) for name in names):
        return False
    if not summary.trace.assumptions:
        return True
    replacing = Replacing(frame, summary, actual, given, function, None)
    return all(_still_true(replacing, assumption) for assumption in summary.trace.assumptions)


def _still_true(replacing: Replacing, assumption: Assumption) -> bool:
    heap = replacing.frame.walk.heap
    if assumption.part is None:
        return not heap.parts(replacing.objects(assumption.symbol), assumption.key)
    parts = replacing.objects(assumption.part)
    if heap.type_of(parts) != assumption.type or tuple(heap.callables(parts)) != assumption.callables:
        return False
    return heap.instances(parts) == assumption.instances


_NUMBERS = ("int", "float", "complex")


def _alike(heap: Heap, one: Value, other: Value) -> bool:
    if one.type != other.type or one.callee != other.callee:
        return False
    if not one.type and heap.has_classes and heap.instances(one.objects) != heap.instances(other.objects):
        return False
    if (one.items is None) != (other.items is None) or (one.items and len(one.items) != len(other.items or ())):
        return False
    if one.items and not all(_alike(heap, mine, yours) for mine, yours in zip(one.items, other.items or (), strict=True)):
        return False
    return one.const is other.const or one.const == other.const


# -- calls ---------------------------------------------------------------------------------------------------------


class Replacing:
    """The objects that stand for a summary's symbols in one call. Without a node nothing is made."""

    __slots__ = ("_closures", "_found", "frame", "function", "node", "summary")

    def __init__(
        self, frame: Frame, summary: Summary, actual: dict[str, Value], given: dict[str, Value], function: Function, node: ast.AST | None
    ) -> None:
        self.frame = frame
        self.summary = summary
        self.function = function
        self.node = node
        self._found: dict[int, Objects] = {}
        self._closures: dict[Function, Function] = {}
        for name, symbol in summary.parameters.items():
            self._pair(symbol, actual[name])
        for name, symbol in summary.given.items():
            if name in given:
                self._pair(symbol, given[name])
        for name, symbol in summary.cells.items():
            self._pair(symbol, enclosing(function, name) or SCALAR)

    def pairs(self) -> frozenset[tuple[int, Objects]]:
        """What is known by now to stand for what."""
        return frozenset(self._found.items())

    def _pair(self, symbol: Value, actual: Value) -> None:
        if symbol.items is not None:
            if actual.items is not None and len(symbol.items) == len(actual.items):
                for one, other in zip(symbol.items, actual.items, strict=True):
                    self._pair(one, other)
            else:
                for number in symbol.objects:
                    self._found[number] = self._found.get(number, NO_OBJECTS) | actual.objects
            return
        for number in symbol.objects:
            self._found[number] = actual.objects

    def objects(self, number: int) -> Objects:
        """What one of the summary's objects stands for."""
        found = self._found.get(number)
        if found is not None:
            return found
        heap = self.frame.walk.heap
        if number in heap.origin and number not in self.summary.made:
            parent, key = heap.origin[number]
            parts = heap.inside(parent, self.objects(parent), key)
            found = heap.all_below(parts) if heap.is_deepest(number) else parts
        elif number in self.summary.made:
            found = self._made(number)
        elif number in self.frame.walk.figure_numbers:
            # Of the cell in which the function was first called.
            found = single(self.frame.walk.figure())
        else:
            found = single(number)
        self._found[number] = found
        return found

    def _made(self, number: int) -> Objects:
        """The object that this call makes where the function made one."""
        if self.node is None:
            return NO_OBJECTS
        frame, heap = self.frame, self.frame.walk.heap
        key = (id(self.node), self.function.number, number)
        new = frame.sites.get(key)
        if new is None:
            new = frame.sites[key] = heap.new_like(number)
        self._found[number] = single(new)
        if number in heap.tuples:
            heap.tuples[new] = tuple(map(self.value, heap.tuples[number]))
        callee = heap.callees.get(number)
        if callee is not None:
            made = heap.callees[new] = self.callee(callee)
            if isinstance(made, Function) and isinstance(callee, Function) and made is not callee:
                # A function that reads its own name, as one that counts its calls does.
                inner = {name: enclosing(callee, name) for name in names_read(made.code)}
                itself = [name for name, value in inner.items() if value is not None and value.callee is callee]
                made.captured.update(dict.fromkeys(itself, Value("function", single(new), made)))
            for name, value in made.captured.items() if isinstance(made, Function) else ():
                frame.capture(Value("function", single(new)), name, value, self.node)
        return single(new)

    def value(self, value: Value) -> Value:
        """A value of the summary, in this call."""
        if value.items is not None:
            items = tuple(map(self.value, value.items))
            return Value(value.type, NO_OBJECTS.union(*(item.objects for item in items)), None, value.const, items)
        callee = value.callee
        if not value.objects and (callee is None or type(callee) is str):
            return value
        objects = NO_OBJECTS.union(*map(self.objects, value.objects))
        if type(callee) is Function and len(objects) == 1:
            (number,) = objects
            callee = self.frame.walk.heap.callees.get(number) or self.callee(callee)
        elif callee is not None:
            callee = self.callee(callee)
        return Value(value.type, objects, callee, value.const, None, value.view)

    def callee(self, callee: Callee) -> Callee:
        """A callable of the summary, in this call: a closure takes what it captured with it."""
        if isinstance(callee, Function):
            return self._closure(callee)
        if isinstance(callee, Bound):
            return Bound(self.value(callee.receiver), callee.name, self.callee(callee.target))
        if isinstance(callee, Partial):
            keywords = {name: self.value(value) for name, value in callee.keywords.items()}
            return Partial(self.value(callee.target), tuple(map(self.value, callee.arguments)), keywords)
        if isinstance(callee, Wrapped):
            return Wrapped(tuple(map(self.value, callee.inner)))
        if isinstance(callee, Choice):
            return one_of(map(self.callee, callee.options))
        return callee

    def _closure(self, function: Function) -> Function:
        if function.frame is None or function.number not in self.summary.made:
            return function
        if function in self._closures:
            return self._closures[function]
        new = self._closures[function] = Function(function.name, function.code, function.defaults, None, function.cell, function.number)
        new.owner, new.cached, new.kept, new.compiled = function.owner, function.cached, function.kept, function.compiled
        names = names_read(function.code)
        new.captured = dict(function.captured)
        for name in sorted(names):
            inner = enclosing(function, name)
            if inner is not None and inner.callee is not function:
                new.captured[name] = self.value(inner)
        return new


def replay(frame: Frame, summary: Summary, actual: dict[str, Value], function: Function, node: ast.AST) -> Value:
    """Do to the frame what the summary says, with the arguments and names of this call."""
    trace, via = summary.trace, (function.name,)
    given = {name: frame.read_global(name, node, via + mark.via) for name, mark in trace.uses.items()}
    for name, mark in trace.builtins.items():
        frame.trace.builtins.setdefault(name, Mark(spot(node), via + mark.via))
    replacing = Replacing(frame, summary, actual, given, function, node)
    here = spot(node)
    _replay_captures(frame, summary, replacing, node)
    changed = frame.trace.changed
    for number, mark in trace.changed.items():
        if number not in summary.made:
            actual_objects = replacing.objects(number)
            frame.walk.filled -= actual_objects
            for actual_number in actual_objects:
                frame.walk.worked_out.pop(actual_number, None)
                if actual_number not in changed:
                    changed[actual_number] = Mark(here, via + mark.via, mark.reason)
    for number in trace.compared:
        frame.trace.compared |= replacing.objects(number)
    for number, mark in trace.drawn.items():
        if number not in summary.made:
            channels.draw_unseeded(frame, node, Value("", replacing.objects(number)), via + mark.via)
    _replay_effects(frame, summary, replacing, node, via)
    _replay_bindings(frame, summary, replacing)
    return replacing.value(summary.returned)


def _replay_captures(frame: Frame, summary: Summary, replacing: Replacing, node: ast.AST) -> None:
    """Let the actual objects hold each other, unless the same call did so and nothing was held or bound since."""
    heap, walk, replayed = frame.walk.heap, frame.walk, frame.trace.replayed
    call = (summary.trace, node, replacing.function, replacing.pairs())
    if replayed.get(call) == (heap.edges, walk.bindings):
        return
    for holder, key, held in summary.trace.captured:
        holders, inner = replacing.objects(holder), replacing.objects(held)
        if holders and inner:
            frame.capture(Value("", holders), key, Value("", inner), node)
    replayed[call] = heap.edges, walk.bindings


def _replay_effects(frame: Frame, summary: Summary, replacing: Replacing, node: ast.AST, via: tuple[str, ...]) -> None:
    trace, here = summary.trace, spot(node)
    for key, mark in trace.effects.items():
        if replacing.function.compiled and key.channel in channels.GENERATORS:
            # What is compiled has a generator of its own.
            frame.trace.touch(EffectKey(channels.COMPILED_RANDOM, "append", ""), Mark(here, via + mark.via, mark.reason))
            if key.mode == "write":
                continue
        frame.trace.touch(key, Mark(here, via + mark.via, mark.reason))
    for reason, (mark, remedy, objects) in trace.unknowns.items():
        real = tuple(number for one in objects for number in replacing.objects(one))
        frame.trace.unknowns.setdefault(reason, (Mark(here, via + mark.via), remedy, real))
    for mark, value in trace.live:
        frame.trace.live.append((Mark(here, via + mark.via, mark.reason), replacing.value(value)))
    frame.trace.speaks = frame.trace.speaks or trace.speaks
    if trace.opaque is not None and frame.trace.opaque is None:
        frame.trace.opaque = Mark(here, via + trace.opaque.via, trace.opaque.reason)


def _replay_bindings(frame: Frame, summary: Summary, replacing: Replacing) -> None:
    """`global x` in the function binds the notebook's `x` here."""
    for name, value in summary.bound.items():
        new = value if value is GONE else replacing.value(value)
        if name in summary.sure:
            frame.bind_global(name, new)
        else:
            frame.bind_perhaps(name, new)
