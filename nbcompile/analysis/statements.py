"""Statements: bindings, and control that splits and meets again."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from nbcompile.analysis import channels, classes, entered, files, filled, imports, rows, types
from nbcompile.analysis.aliases import ANY
from nbcompile.analysis.assignment import assign, augment, delete
from nbcompile.analysis.bindings import GONE, BlockFrame, CellFrame, Frame, FunctionFrame, Snapshot
from nbcompile.analysis.functions import make_function
from nbcompile.analysis.values import MISSING, NONE, SCALAR, Value, join, single
from nbcompile.analysis.visit import STATEMENTS, evaluate, execute

# Under these names an exception has others.
_LEADING_ON = ("__cause__", "__context__")
# Exceptions to these end the block they manage without ending the cell.
_SWALLOWS = frozenset(("contextlib.suppress", "pytest.raises", "unittest.TestCase.assertRaises", ""))


def expression(frame: Frame, node: ast.Expr) -> None:
    """An expression that stands alone: nothing is done with its value."""
    frame.walk.discarded = node.value
    evaluate(frame, node.value)


def assignment(frame: Frame, node: ast.Assign) -> None:
    """`a = b = value`."""
    value = evaluate(frame, node.value)
    for target in node.targets:
        if type(target) is ast.Name:
            frame.bind(target.id, value)
        else:
            assign(frame, target, value)


def annotated(frame: Frame, node: ast.AnnAssign) -> None:
    """`name: type = value`; without a value only the annotation is read."""
    value = evaluate(frame, node.value) if node.value is not None else None
    if not isinstance(frame, FunctionFrame) or not isinstance(node.target, ast.Name):
        hint = evaluate(frame, node.annotation)
        if value is not None and value.type == "" and type(hint.callee) is str:
            value = Value(frame.walk.known.canonical(hint.callee).removeprefix("builtins."), value.objects, value.callee)
    if value is not None:
        assign(frame, node.target, value)


def augmented(frame: Frame, node: ast.AugAssign) -> None:
    """`a += value`."""
    augment(frame, node)


def deletion(frame: Frame, node: ast.Delete) -> None:
    """`del a, b[0]`."""
    for target in node.targets:
        delete(frame, target)


def function_definition(frame: Frame, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """`def`: decorators, defaults and annotations are read now, the body when it is called."""
    decorators = [evaluate(frame, decorator) for decorator in node.decorator_list]
    if not getattr(node, "type_params", None):
        _annotations(frame, node.args, node.returns)
    value = make_function(frame, node, node.name, node.args, node.body)
    for decorator in reversed(decorators):
        value = classes.decorate(frame, decorator, value, node)
    frame.bind(node.name, value)


def _annotations(frame: Frame, arguments: ast.arguments, returns: ast.expr | None) -> None:
    for group in (arguments.posonlyargs, arguments.args, arguments.kwonlyargs):
        for argument in group:
            if argument.annotation is not None:
                evaluate(frame, argument.annotation)
    for extra in (arguments.vararg, arguments.kwarg):
        if extra is not None and extra.annotation is not None:
            evaluate(frame, extra.annotation)
    if returns is not None:
        evaluate(frame, returns)


def class_definition(frame: Frame, node: ast.ClassDef) -> None:
    """`class`: the body runs now."""
    decorators = [evaluate(frame, decorator) for decorator in node.decorator_list]
    value = classes.define_class(frame, node)
    for decorator in reversed(decorators):
        value = classes.decorate(frame, decorator, value, node)
    frame.bind(node.name, value)


def type_alias(frame: Frame, node: Any) -> None:  # noqa: ANN401 - a node that newer Pythons have
    """`type Name = value`: the value is evaluated when it is asked for."""
    frame.bind(node.name.id, SCALAR)


def if_(frame: Frame, node: ast.If) -> None:
    """`if`: what is bound on one side only is not certain."""
    test = evaluate(frame, node.test)
    types.tested(frame, test, node)
    if test.const is True or test.const is False or (type(test.const) is int and test.type == "int"):
        execute(frame, node.body if test.const else node.orelse)
        return
    before = frame.fork()
    execute(frame, node.body)
    states = [] if frame.dead else [frame.fork()]
    frame.restore(before)
    if node.orelse:
        execute(frame, node.orelse)
    if not frame.dead:
        states.append(frame.fork())
    frame.merge(states)


def for_(frame: Frame, node: ast.For | ast.AsyncFor) -> None:
    """`for`: the body may not run at all, unless the iterable is plainly not empty."""
    values = evaluate(frame, node.iter)
    before = frame.fork()
    _forget_literals(frame, node)
    certain = filled.is_filled(frame, values)
    element = types.element(frame, values, node.iter)
    if certain and type(node.iter) is ast.Call and node.iter.args:
        first = values.const
        element = Value("int") if type(first) is int else element

    def once() -> None:
        assign(frame, node.target, element)
        execute(frame, node.body)

    _loop(frame, once, before, certain, node.orelse)


def while_(frame: Frame, node: ast.While) -> None:
    """`while`: the body may not run at all, unless the test is plainly true."""
    test = evaluate(frame, node.test)
    types.tested(frame, test, node)
    if test.const is not MISSING and not test.const:
        execute(frame, node.orelse)
        return
    before = frame.fork()
    _forget_literals(frame, node)

    def once() -> None:
        execute(frame, node.body)
        if not frame.dead:
            types.tested(frame, evaluate(frame, node.test), node)

    # A literal stays what it is; a name may be bound anew in the body.
    _loop(frame, once, before, test.const is not MISSING, node.orelse, endless=isinstance(node.test, ast.Constant))


def _forget_literals(frame: Frame, loop: ast.For | ast.AsyncFor | ast.While) -> None:
    """What the body binds anew need not be the literal any more that it is at first."""
    bound = {part.id for statement in loop.body for part in ast.walk(statement) if type(part) is ast.Name and type(part.ctx) is ast.Store}
    loosened = []
    for values, sure in frame.fork():
        known = [name for name in bound & values.keys() if values[name].const is not MISSING and values[name].type != "NoneType"]
        loosened.append(({**values, **{name: Value(values[name].type, values[name].objects) for name in known}}, sure))
    frame.restore(tuple(loosened))


def _loop(
    frame: Frame, once: Callable[[], None], before: Snapshot, certain: bool, otherwise: list[ast.stmt], *, endless: bool = False
) -> None:
    """Run a body once, and once more when it changed what it starts from; then go on from wherever it may end.

    More rounds would find what is passed on from name to name; where functions call each other in loops they multiply.
    """
    frame.loops.append([])
    heap = frame.walk.heap
    around, first = heap.grown, heap.size
    heap.grown = first
    once()
    is_grown, heap.grown = heap.grown < first, min(heap.grown, around)
    after = [] if frame.dead else [frame.fork()]
    if after and (is_grown or _differs(before, after[0])):
        frame.merge([before, after[0]])
        once()
        after += [] if frame.dead else [frame.fork()]
    left = frame.loops.pop()
    if otherwise:
        frame.merge([*after, *([] if certain and after else [before])])
        execute(frame, otherwise)
        after = [] if frame.dead else [frame.fork()]
        certain = True
    frame.merge([*([] if endless else after), *left, *([] if certain and (after or left) else [before])])


def _differs(before: Snapshot, after: Snapshot) -> bool:
    """Whether a second run of a loop's body may see another kind of value under a name than the first."""
    for (old, _), (new, _) in zip(before, after, strict=True):
        for name, value in new.items():
            earlier = old.get(name)
            if earlier is not None and earlier is not value:
                if earlier.type != value.type or earlier.callee is not value.callee or not value.objects <= earlier.objects:
                    return True
            elif earlier is None and value.objects:
                return True
    return False


def break_(frame: Frame, node: ast.Break | ast.Continue) -> None:
    """`break` and `continue`: the names as they are now are seen after the loop."""
    if frame.loops:
        frame.loops[-1].append(frame.fork())
        frame.dead = True
    else:
        frame.walk.not_python(node, f"'{type(node).__name__.lower()}' outside loop")


def return_(frame: Frame, node: ast.Return) -> None:
    """`return value`."""
    value = evaluate(frame, node.value) if node.value is not None else NONE
    if isinstance(frame, CellFrame | BlockFrame):
        frame.walk.not_python(node, "'return' outside function")
        return
    frame.returned = value if frame.returned is None else join(frame.returned, value)
    frame.exits.append(frame.fork())
    frame.dead = True


def raise_(frame: Frame, node: ast.Raise) -> None:
    """`raise`: control goes to the nearest `except`, or out."""
    for part in (node.exc, node.cause):
        if part is not None:
            evaluate(frame, part)
    if frame.caught:
        frame.caught[-1].append(frame.fork())
    elif isinstance(frame, CellFrame):
        frame.walk.ends_early = True
        frame.exits.append(frame.fork())
    frame.dead = True


def assert_(frame: Frame, node: ast.Assert) -> None:
    """`assert test, message`."""
    types.tested(frame, evaluate(frame, node.test), node)
    if node.msg is not None:
        evaluate(frame, node.msg)


def try_(frame: Frame, node: Any) -> None:  # noqa: ANN401 - `try` or `try*`
    """`try`: the body may have been left anywhere when a handler starts."""
    before, first = frame.fork(), frame.walk.heap.size
    frame.caught.append([])
    execute(frame, node.body)
    raised = frame.caught.pop()
    after_body = [] if frame.dead else [frame.fork()]
    if after_body and node.orelse:
        execute(frame, node.orelse)
    ends = [] if frame.dead else [frame.fork()]
    for handler in node.handlers:
        frame.merge([before, *after_body, *raised])
        _handle(frame, handler, first)
        ends += [] if frame.dead else [frame.fork()]
    if node.finalbody:
        dead = not ends
        frame.merge(ends or [before, *after_body, *raised])
        execute(frame, node.finalbody)
        frame.dead = frame.dead or dead
    else:
        frame.merge(ends)


def _handle(frame: Frame, handler: ast.ExceptHandler, first: int) -> None:
    """A handler; `first` is the first object that was made in what it guards."""
    if handler.type is not None:
        evaluate(frame, handler.type)
    if handler.name:
        caught = _caught(frame, handler, first)
        frame.bind(handler.name, Value("exception", single(caught)))
        frame.walk.handled.append(caught)
        execute(frame, handler.body)
        frame.walk.handled.pop()
    else:
        execute(frame, handler.body)
    if handler.name and not frame.dead:
        frame.bind(handler.name, GONE)


def _caught(frame: Frame, handler: ast.ExceptHandler, first: int) -> int:
    """An exception, which leads to those that were caught on the way, and to those that are being handled."""
    heap, number = frame.walk.heap, frame.make(handler, "exception", opened=True)
    others = {*(error for error in heap.errors if error >= first), *frame.walk.handled} - {number}
    for name in _LEADING_ON:
        frame.capture(Value("exception", single(number)), name, Value("exception", frozenset(others)), handler)
    return number


def with_(frame: Frame, node: ast.With | ast.AsyncWith) -> None:
    """`with`: the managers' methods are called; some managers swallow what is raised in the body."""
    swallows = False
    managers = []
    for item in node.items:
        manager = evaluate(frame, item.context_expr)
        given = _enter(frame, manager, node)
        swallows = swallows or _may_swallow(frame, manager)
        managers.append(manager)
        if item.optional_vars is not None:
            assign(frame, item.optional_vars, given)
    before = frame.fork() if swallows else None
    set_before = set(frame.trace.effects)
    entered.run(frame, managers, node.body, node)
    if any(manager.type == channels.STACK for manager in managers):
        channels.left_again(frame, set_before)
    if before is not None:
        frame.merge([before, *([] if frame.dead else [frame.fork()])])
    for manager in managers:
        exits = "__aexit__" if isinstance(node, ast.AsyncWith) else "__exit__"
        classes.call_member(frame, manager, exits, (NONE, NONE, NONE), node)
        files.closed(frame, manager)


def _enter(frame: Frame, manager: Value, node: ast.AST) -> Value:
    entered = classes.call_member(frame, manager, "__aenter__" if isinstance(node, ast.AsyncWith) else "__enter__", (), node)
    if entered is not None:
        return entered
    if manager.type == "generator":
        return types.element(frame, manager, node)
    row = frame.walk.known.method(manager.type, "with()") if manager.type else None
    if row is not None:
        return rows.look(frame, node, row, manager, f"with {manager.type}")
    return manager


def _may_swallow(frame: Frame, manager: Value) -> bool:
    return manager.type in _SWALLOWS or manager.type in frame.walk.classes or manager.type == "generator"


def match(frame: Frame, node: ast.Match) -> None:
    """`match`: at most one case runs."""
    subject = evaluate(frame, node.subject)
    ends = []
    complete = False
    before = frame.fork()
    for case in node.cases:
        frame.restore(before)
        _pattern(frame, case.pattern, subject)
        if case.guard is not None:
            evaluate(frame, case.guard)
        execute(frame, case.body)
        ends += [] if frame.dead else [frame.fork()]
        complete = complete or (case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None)
    frame.merge([*ends, *([] if complete else [before])])


def _pattern(frame: Frame, pattern: ast.pattern, subject: Value) -> None:
    """Bind what a pattern captures; what it compares with is read."""
    part = frame.walk.heap.value(frame.walk.heap.parts(subject.objects, ANY) | subject.objects)
    if isinstance(pattern, ast.MatchAs):
        if pattern.pattern is not None:
            _pattern(frame, pattern.pattern, subject)
        if pattern.name is not None:
            frame.bind(pattern.name, subject)
    elif isinstance(pattern, ast.MatchStar):
        _rest_pattern(frame, pattern, pattern.name, "list", part)
    elif isinstance(pattern, ast.MatchValue):
        evaluate(frame, pattern.value)
    elif isinstance(pattern, ast.MatchOr):
        _alternatives(frame, pattern, subject)
    else:
        _inner_patterns(frame, pattern, part)


def _inner_patterns(frame: Frame, pattern: ast.pattern, part: Value) -> None:
    inner: list[ast.pattern] = []
    if isinstance(pattern, ast.MatchSequence):
        inner = pattern.patterns
    elif isinstance(pattern, ast.MatchMapping):
        for key in pattern.keys:
            evaluate(frame, key)
        inner = pattern.patterns
        _rest_pattern(frame, pattern, pattern.rest, "dict", part)
    elif isinstance(pattern, ast.MatchClass):
        evaluate(frame, pattern.cls)
        for name in pattern.kwd_attrs if classes.is_instance(frame, part) else ():
            types.attribute(frame, part, name, pattern)
        inner = [*pattern.patterns, *pattern.kwd_patterns]
    for one in inner:
        _pattern(frame, one, part)


def _rest_pattern(frame: Frame, pattern: ast.pattern, name: str | None, kind: str, part: Value) -> None:
    """`*name` and `**name` capture a new container."""
    if name is not None:
        holder = Value(kind, single(frame.make(pattern, kind)))
        frame.capture(holder, ANY, part, pattern)
        frame.bind(name, holder)


def _alternatives(frame: Frame, pattern: ast.MatchOr, subject: Value) -> None:
    before, ends = frame.fork(), []
    for inner in pattern.patterns:
        frame.restore(before)
        _pattern(frame, inner, subject)
        ends.append(frame.fork())
    frame.merge(ends)


def nothing(frame: Frame, node: ast.stmt) -> None:
    """`pass`, `global`, `nonlocal`: no effect of their own when they are reached."""
    if isinstance(node, ast.Nonlocal) and isinstance(frame, CellFrame):
        frame.walk.not_python(node, "nonlocal declaration not allowed at module level")


_VISITORS: dict[type[ast.AST], Callable[[Frame, Any], None]] = {
    ast.Expr: expression,
    ast.Assign: assignment,
    ast.AnnAssign: annotated,
    ast.AugAssign: augmented,
    ast.Delete: deletion,
    ast.FunctionDef: function_definition,
    ast.AsyncFunctionDef: function_definition,
    ast.ClassDef: class_definition,
    ast.Import: imports.import_,
    ast.ImportFrom: imports.import_from,
    ast.If: if_,
    ast.For: for_,
    ast.AsyncFor: for_,
    ast.While: while_,
    ast.Break: break_,
    ast.Continue: break_,
    ast.Return: return_,
    ast.Raise: raise_,
    ast.Assert: assert_,
    ast.Try: try_,
    ast.With: with_,
    ast.AsyncWith: with_,
    ast.Match: match,
    ast.Pass: nothing,
    ast.Global: nothing,
    ast.Nonlocal: nothing,
}
STATEMENTS.update(_VISITORS)
for newer, visitor in (("TryStar", try_), ("TypeAlias", type_alias)):
    if hasattr(ast, newer):
        STATEMENTS[getattr(ast, newer)] = visitor
