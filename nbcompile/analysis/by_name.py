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
        if type(value.callee) is Function:
            _run_examples_in(frame, call.node, name, _text_of(value.callee), names)
        elif type(value.callee) is Class:
            methods = [_text_of(member.callee) for member in value.callee.members.values() if type(member.callee) is Function]
            for text in (value.callee.doc, *methods):
                _run_examples_in(frame, call.node, name, text, names)
    return frame.fresh(call.node, "doctest.TestResults")


def _all_names(frame: Frame) -> dict[str, Value]:
    return {**frame.walk.namespace, **frame.top.values}


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
