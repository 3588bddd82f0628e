"""Expressions: one evaluation of each node gives its value and leaves uses, changes and effects in the frame."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, cast

from nbcompile.analysis import calls, classes, filled, namespace, types
from nbcompile.analysis.aliases import ANY, KEYS
from nbcompile.analysis.assignment import assign
from nbcompile.analysis.bindings import BlockFrame, CellFrame, Frame
from nbcompile.analysis.functions import make_function
from nbcompile.analysis.magics import evaluate_magic
from nbcompile.analysis.values import FALSE, MISSING, NONE, TRUE, Function, Value, join, join_all, plain, single, tuple_of
from nbcompile.analysis.visit import EXPRESSIONS, evaluate
from nbcompile.model.source import Magic

# What has ended when the call was awaited.
_WAITED_FOR = frozenset(f"asyncio.{name}" for name in ("gather", "sleep", "wait_for", "to_thread", "create_task", "ensure_future"))
# Types of which every process has the same objects.
_THE_SAME_EVERYWHERE = frozenset(("NoneType", "bool", "ellipsis", "type", "module", "function"))


def constant(_: Frame, node: ast.Constant) -> Value:
    """A literal."""
    value = node.value
    if value is None:
        return NONE
    if value is True or value is False:
        return TRUE if value else FALSE
    kind = type(value)
    if kind is str or kind is int:
        return Value(kind.__name__, const=value)
    return plain(kind.__name__)


def name(frame: Frame, node: ast.Name) -> Value:
    """A name that is read."""
    return frame.read(node.id, node)


def attribute(frame: Frame, node: ast.Attribute) -> Value:
    """`value.name`, not called."""
    return types.attribute(frame, evaluate(frame, node.value), node.attr, node)


def subscript(frame: Frame, node: ast.Subscript) -> Value:
    """`value[key]`."""
    value = evaluate(frame, node.value)
    return types.subscript(frame, value, evaluate(frame, node.slice), node)


def slice_(frame: Frame, node: ast.Slice) -> Value:
    """`a:b:c` in a subscript."""
    for part in (node.lower, node.upper, node.step):
        if part is not None:
            evaluate(frame, part)
    return plain("slice")


def starred(frame: Frame, node: ast.Starred) -> Value:
    """`*value` outside a call: its elements."""
    return types.element(frame, evaluate(frame, node.value), node)


def binary(frame: Frame, node: ast.BinOp) -> Value:
    """`a + b` and its like. A long chain is walked without recursion: generated code adds thousands of terms."""
    chain = [node]
    left: ast.expr = node.left
    while type(left) is ast.BinOp:
        chain.append(left)
        left = left.left
    value = evaluate(frame, left)
    for link in reversed(chain):
        value = types.operate(frame, value, type(link.op), evaluate(frame, link.right), link)
    return value


def unary(frame: Frame, node: ast.UnaryOp) -> Value:
    """`-a`, `not a`."""
    value = evaluate(frame, node.operand)
    if type(node.op) is ast.Not:
        types.tested(frame, value, node)
        return plain("bool")
    return types.operate(frame, value, type(node.op), value, node)


def boolean(frame: Frame, node: ast.BoolOp) -> Value:
    """`a and b`: what comes after the first may not happen."""
    result = evaluate(frame, node.values[0])
    skipped = []
    for part in node.values[1:]:
        if frame.walk.has_walrus:
            skipped.append(frame.fork())
        types.tested(frame, result, node)
        result = join(result, evaluate(frame, part))
    if skipped:
        frame.merge([*skipped, frame.fork()])
    return result


def compare(frame: Frame, node: ast.Compare) -> Value:
    """`a < b <= c`; `is` between objects looks at their identity."""
    left = evaluate(frame, node.left)
    result = plain("bool")
    for operator, right_node in zip(node.ops, node.comparators, strict=True):
        kind = type(operator)
        if kind in (ast.In, ast.NotIn) and namespace.looked_up(frame, left, right_node, node):
            left = plain("list")
            continue
        right = evaluate(frame, right_node)
        if kind is ast.Is or kind is ast.IsNot:
            if left.objects and right.objects:
                frame.trace.compared |= left.objects | right.objects
            elif isinstance(frame.home, CellFrame) and _may_be_one(left, right):
                roots = (part.id for part in ast.walk(node) if type(part) is ast.Name)
                frame.walk.compared.update(dict.fromkeys(roots))
        elif right.type == namespace.NAMESPACE:
            namespace.read(frame, left, node)
        elif right.type == types.MODULES:
            types.ask_for_modules(frame, node)
        elif kind is not ast.In and kind is not ast.NotIn:
            result = types.compare(frame, left, right, node)
            classes.compare(frame, node, left, right)
        else:
            classes.compare(frame, node, left, among=right)
            if frame.walk.classes and classes.call_member(frame, right, "__contains__", (left,), node) is None:
                types.gone_through(frame, right, node)
        left = right
    return result


def _may_be_one(left: Value, right: Value) -> bool:
    """Whether two values, of which one has no identity that anybody follows, may be one object here and two where they were sent."""
    if any(one.type in _THE_SAME_EVERYWHERE or one.callee is not None or (one.objects and one.type) for one in (left, right)):
        return False
    return left.const is MISSING or right.const is MISSING


def conditional(frame: Frame, node: ast.IfExp) -> Value:
    """`a if c else b`."""
    test = evaluate(frame, node.test)
    types.tested(frame, test, node)
    if test.const is True or test.const is False:
        return evaluate(frame, node.body if test.const else node.orelse)
    if not frame.walk.has_walrus:
        return join(evaluate(frame, node.body), evaluate(frame, node.orelse))
    state = frame.fork()
    one = evaluate(frame, node.body)
    after = frame.fork()
    frame.restore(state)
    other = evaluate(frame, node.orelse)
    frame.merge([after, frame.fork()])
    return join(one, other)


def sequence(frame: Frame, node: ast.List | ast.Set) -> Value:
    """`[a, b]`, `{a, b}`: an object that holds its elements."""
    kind = "list" if type(node) is ast.List else "set"
    result = Value(kind, single(frame.make(node, kind)))
    for element in node.elts:
        value = evaluate(frame, element)
        if value.objects:
            if kind == "set":
                classes.compare(frame, element, value)
            frame.capture(result, ANY, value, element)
    if any(type(element) is not ast.Starred for element in node.elts):
        filled.fill(frame, result)
    return result


def tuple_(frame: Frame, node: ast.Tuple) -> Value:
    """`(a, b)`: immutable itself; its elements keep their values."""
    items = tuple(evaluate(frame, element) for element in node.elts)
    if any(type(element) is ast.Starred for element in node.elts):
        return frame.tuple_of_any(node, items)
    return tuple_of(items)


def dictionary(frame: Frame, node: ast.Dict) -> Value:
    """`{k: v}`: an object that holds its values, by their keys where these are literal."""
    result = Value("dict", single(frame.make(node, "dict")))
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        if key_node is None:
            inner = evaluate(frame, value_node)
            types.taken_as_mapping(frame, inner, value_node)
            frame.capture(result, ANY, Value("", frame.walk.heap.parts(inner.objects, ANY)), value_node)
            continue
        key, value = evaluate(frame, key_node), evaluate(frame, value_node)
        classes.compare(frame, key_node, key)
        frame.capture(result, KEYS, key, key_node)
        if value.objects:
            frame.capture(result, key.const if type(key.const) is str else ANY, value, value_node)
    if any(key is not None for key in node.keys):
        filled.fill(frame, result)
    return result


def formatted(frame: Frame, node: ast.JoinedStr) -> Value:
    """An f-string; its text is known when all its parts are."""
    parts = [
        Value("str", const=part.value) if type(part) is ast.Constant else formatted_value(frame, part)  # type: ignore[arg-type]
        for part in node.values
    ]
    return types.joined_name("str", parts, lambda *texts: "".join(texts)) if parts else Value("str", const="")


def formatted_value(frame: Frame, node: ast.FormattedValue) -> Value:
    """`{value:spec}` in an f-string."""
    value = evaluate(frame, node.value)
    if node.format_spec is not None:
        evaluate(frame, node.format_spec)
    types.shown(frame, value, node)
    return value if node.format_spec is None and node.conversion == -1 else plain("str")


def lambda_(frame: Frame, node: ast.Lambda) -> Value:
    """A function without a name."""
    return make_function(frame, node, "<lambda>", node.args, node.body)


def comprehension(frame: Frame, node: ast.ListComp | ast.SetComp | ast.DictComp) -> Value:
    """`[f(x) for x in xs]`."""
    inner = BlockFrame(frame, is_class=False)
    first = evaluate(frame, node.generators[0].iter)
    certain = len(node.generators) == 1 and not node.generators[0].ifs and filled.is_filled(frame, first)
    _generators(inner, node.generators, first)
    kind = "dict" if isinstance(node, ast.DictComp) else "set" if isinstance(node, ast.SetComp) else "list"
    result = Value(kind, single(frame.make(node, kind)))
    if isinstance(node, ast.DictComp):
        frame.capture(result, KEYS, evaluate(inner, node.key), node)
        frame.capture(result, ANY, evaluate(inner, node.value), node)
    else:
        frame.capture(result, ANY, evaluate(inner, node.elt), node)
    if certain:
        filled.fill(frame, result)
    return result


def _generators(inner: BlockFrame, generators: list[ast.comprehension], first: Value) -> None:
    for place, generator in enumerate(generators):
        values = first if place == 0 else evaluate(inner, generator.iter)
        assign(inner, generator.target, types.element(inner, values, generator.iter))
        for test in generator.ifs:
            types.tested(inner, evaluate(inner, test), test)


def generator(frame: Frame, node: ast.GeneratorExp) -> Value:
    """`(f(x) for x in xs)`: the first iterable is evaluated now, everything else when it is consumed."""
    first = evaluate(frame, node.generators[0].iter)
    inner = BlockFrame(frame, is_class=False)
    _generators(inner, node.generators, first)
    value = evaluate(inner, node.elt)
    function = make_function(frame, node, "<genexpr>", None, node.elt)
    cast("Function", function.callee).captured.update(inner.local.values)
    for number in function.objects:
        frame.walk.heap.types[number] = "generator"
    result = Value("generator", function.objects, function.callee)
    frame.capture(result, ANY, value, node)
    frame.capture(result, ANY, first, node)
    return result


def walrus(frame: Frame, node: ast.NamedExpr) -> Value:
    """`(x := value)` binds outside comprehensions."""
    value = evaluate(frame, node.value)
    target = frame
    while isinstance(target, BlockFrame) and not target.is_class:
        target = target.parent
    target.bind(node.target.id, value)
    return value


def await_(frame: Frame, node: ast.Await) -> Value:
    """`await value`. What a call starts that is waited for right there has ended when the cell goes on."""
    running = len(frame.trace.live)
    value = evaluate(frame, node.value)
    if len(frame.trace.live) > running and type(node.value) is ast.Call:
        callee = evaluate(frame, node.value.func).callee
        if type(callee) is str and frame.walk.known.canonical(callee) in _WAITED_FOR:
            frame.trace.live[running:] = [one for one in frame.trace.live[running:] if one[0].via]
    return value if value.type != "coroutine" else Value("", value.objects)


def yield_(frame: Frame, node: ast.Yield) -> Value:
    """`yield value` gives to the caller and gets from it."""
    if node.value is not None:
        value = evaluate(frame, node.value)
        frame.returned = value if frame.returned is None else join(frame.returned, value)
    return frame.fresh(node, "")


def yield_from(frame: Frame, node: ast.YieldFrom) -> Value:
    """`yield from values`."""
    value = types.element(frame, evaluate(frame, node.value), node)
    frame.returned = value if frame.returned is None else join(frame.returned, value)
    return frame.fresh(node, "")


def template(frame: Frame, node: Any) -> Value:  # noqa: ANN401 - a node that newer Pythons have
    """A t-string: a template that holds its values."""
    return join_all([evaluate(frame, part) for part in node.values])


def interpolation(frame: Frame, node: Any) -> Value:  # noqa: ANN401
    """`{value}` in a t-string."""
    return evaluate(frame, node.value)


_VISITORS: dict[type[ast.AST], Callable[[Frame, Any], Value]] = {
    ast.Constant: constant,
    ast.Name: name,
    ast.Attribute: attribute,
    ast.Call: calls.call,
    ast.Subscript: subscript,
    ast.Slice: slice_,
    ast.Starred: starred,
    ast.BinOp: binary,
    ast.UnaryOp: unary,
    ast.BoolOp: boolean,
    ast.Compare: compare,
    ast.IfExp: conditional,
    ast.List: sequence,
    ast.Set: sequence,
    ast.Tuple: tuple_,
    ast.Dict: dictionary,
    ast.JoinedStr: formatted,
    ast.FormattedValue: formatted_value,
    ast.Lambda: lambda_,
    ast.ListComp: comprehension,
    ast.SetComp: comprehension,
    ast.DictComp: comprehension,
    ast.GeneratorExp: generator,
    ast.NamedExpr: walrus,
    ast.Await: await_,
    ast.Yield: yield_,
    ast.YieldFrom: yield_from,
    Magic: evaluate_magic,
}
EXPRESSIONS.update(_VISITORS)
for newer, visitor in (("TemplateStr", template), ("Interpolation", interpolation)):
    if hasattr(ast, newer):
        EXPRESSIONS[getattr(ast, newer)] = visitor
