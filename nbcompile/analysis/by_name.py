"""What libraries find by the names of the notebook: its tests, and the examples in its texts."""

from __future__ import annotations

import ast
import contextlib
import doctest

from nbcompile.analysis import classes
from nbcompile.analysis.bindings import Frame
from nbcompile.analysis.values import Class, Function, Value
from nbcompile.analysis.visit import NO_ARGUMENTS, Call, call_back

_AROUND_TESTS = ("load_tests", "setUpModule", "tearDownModule")
# Under this name a module has more texts with examples.
_MORE_EXAMPLES = "__test__"


def run_tests(call: Call) -> Value:
    """`unittest.main()` runs all tests of the notebook."""
    frame = call.frame
    for name, value in _all_names(frame).items():
        if type(value.callee) is Class and classes.find(frame, value.callee, "")[1].startswith("unittest."):
            frame.read(name, call.node)
            made = classes.instantiate(frame, call.node, value, NO_ARGUMENTS)
            frame.walk.call_methods(Call(frame, call.node, NO_ARGUMENTS, made))
        elif type(value.callee) is Function and name in _AROUND_TESTS:
            frame.read(name, call.node)
            call_back(frame, call.node, value)
    return frame.fresh(call.node, "")


def run_examples(call: Call) -> Value:
    """`doctest.testmod()` runs the examples in the texts of all functions and classes."""
    frame, names = call.frame, _all_names(call.frame)
    for name, value in names.items():
        for text in _texts_of(frame, name, value):
            _run_examples_in(frame, call.node, name, text, names)
    if _MORE_EXAMPLES in names:
        # What its texts name is not looked for: it may be any function.
        frame.read(_MORE_EXAMPLES, call.node)
        for name, value in names.items():
            if type(value.callee) in (Function, Class):
                frame.read(name, call.node)
                call_back(frame, call.node, value)
    return frame.fresh(call.node, "doctest.TestResults")


def _all_names(frame: Frame) -> dict[str, Value]:
    return {**frame.walk.namespace, **frame.top.values}


def _texts_of(frame: Frame, name: str, value: Value) -> tuple[str, ...]:
    """The texts in which examples may be of what has this name. What decorates a function has a copy of its text."""
    if type(value.callee) is Function:
        return (_text_of(value.callee),)
    if type(value.callee) is Class:
        members = [member for member in value.callee.members.values() if type(member.callee) in (Function, Class)]
        return (value.callee.doc, *(text for member in members for text in _texts_of(frame, name, member)))
    heap = frame.walk.heap
    held = [heap.callees.get(number) for number in sorted(heap.below(value.objects))]
    return tuple(_text_of(one) for one in held if type(one) is Function and one.name == name)


def _text_of(function: Function) -> str:
    node = function.code.node
    return (ast.get_docstring(node) or "") if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else ""


def _run_examples_in(frame: Frame, node: ast.AST, owner: str, text: str, names: dict[str, Value]) -> None:
    """Read what the examples read, and call what they call."""
    for name in _names_in_examples(text):
        frame.read(owner, node)
        if name in names:
            frame.read(name, node)
            if type(names[name].callee) in (Function, Class):
                call_back(frame, node, names[name])


def _names_in_examples(text: str) -> list[str]:
    found: dict[str, None] = {}
    for example in doctest.DocTestParser().get_examples(text) if ">>>" in text else ():
        with contextlib.suppress(SyntaxError):
            found.update((part.id, None) for part in ast.walk(ast.parse(example.source)) if isinstance(part, ast.Name))
    return list(found)
