"""Which function looks at which kind of node or callee; the modules that hold those functions fill the tables."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from nbcompile.analysis.bindings import Frame
from nbcompile.analysis.known import Action, Target
from nbcompile.analysis.values import SCALAR, Value


class Arguments:
    """The values given to a call; `rest` is what `*args` and `**kwargs` bring, when it cannot be told apart."""

    __slots__ = ("keywords", "positional", "rest")

    def __init__(self, positional: tuple[Value, ...] = (), keywords: dict[str, Value] | None = None, rest: Value | None = None) -> None:
        self.positional = positional
        self.keywords = keywords or {}
        self.rest = rest

    def all(self) -> list[Value]:
        """Every value, in the order in which they are written."""
        found = [*self.positional, *self.keywords.values()]
        return [*found, self.rest] if self.rest is not None else found


NO_ARGUMENTS = Arguments()


class Call:
    """One call: where it stands, what it is a method of, what it is given, and what it is called in messages."""

    __slots__ = ("arguments", "frame", "label", "node", "receiver")

    def __init__(self, frame: Frame, node: ast.AST, arguments: Arguments, receiver: Value | None = None, label: str = "") -> None:
        self.frame = frame
        self.node = node
        self.arguments = arguments
        self.receiver = receiver
        self.label = label

    @property
    def owner(self) -> Value:
        """What a method is called on."""
        return self.receiver if self.receiver is not None else SCALAR

    @property
    def first(self) -> Value:
        """The first argument."""
        given = self.arguments
        return given.positional[0] if given.positional else given.rest if given.rest is not None else SCALAR

    def values(self) -> list[Value]:
        """The receiver and every argument."""
        return self.arguments.all() if self.receiver is None else [self.receiver, *self.arguments.all()]

    def given(self, target: Target) -> Value | None:
        """The value given for a row's target, if one was."""
        arguments = self.arguments
        if target.keyword in arguments.keywords:
            return arguments.keywords[target.keyword]
        if target.position is not None and target.position < len(arguments.positional):
            return arguments.positional[target.position]
        return self.receiver if target.keyword == "self" else None

    def chosen(self, action: Action) -> list[Value]:
        """The values that a row's action means in this call."""
        return [value for target in action.targets for value in self.meant(target)]

    def meant(self, target: Target) -> list[Value]:
        """The values that one of a row's targets means."""
        if target.keyword == "*":
            return self.arguments.all()
        found = self.given(target)
        if found is not None:
            return [found]
        return [self.arguments.rest] if self.arguments.rest is not None and target.keyword != "self" else []


EXPRESSIONS: dict[type[ast.AST], Callable[[Frame, Any], Value]] = {}
STATEMENTS: dict[type[ast.AST], Callable[[Frame, Any], None]] = {}
CALLEES: dict[type, Callable[[Frame, ast.AST, Value, Arguments], Value]] = {}


def evaluate(frame: Frame, node: ast.expr) -> Value:
    """The value of an expression."""
    return EXPRESSIONS[type(node)](frame, node)


def execute(frame: Frame, statements: Sequence[ast.stmt]) -> None:
    """Run statements until control leaves."""
    for statement in statements:
        if frame.dead:
            return
        STATEMENTS[type(statement)](frame, statement)


def call_back(frame: Frame, node: ast.AST, target: Value) -> Value:
    """Call something with arguments that nobody sees."""
    return call_given(frame, node, target, Arguments(rest=frame.walk.anything))


def call_given(frame: Frame, node: ast.AST, target: Value, arguments: Arguments, role: str = "") -> Value:
    """Call a function that something at this node was given: what it makes there is not what the node makes itself."""
    return call_value(frame, frame.walk.aside(node, role), target, arguments)


def call_value(frame: Frame, node: ast.AST, target: Value, arguments: Arguments) -> Value:
    """Call what a value may be."""
    return CALLEES[type(target.callee)](frame, node, target, arguments)
