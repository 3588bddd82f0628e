"""`with model:` where the model is of a library that nobody has described: what is made in the body may become a part of it.

Such libraries keep a stack of what was entered, and whatever they make registers with the topmost: nobody passes the model on.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from nbcompile.analysis import surveyed
from nbcompile.analysis.aliases import KEPT
from nbcompile.analysis.bindings import Frame
from nbcompile.analysis.values import Value
from nbcompile.analysis.visit import execute
from nbcompile.model.facts import GUESS


def run(frame: Frame, managers: Sequence[Value], body: list[ast.stmt], node: ast.AST) -> None:
    """Run the body of a `with`; the managers change if anything runs in it of which nobody knows what it does."""
    models = [] if frame.walk.is_pure(node) else [one for one in managers if surveyed.is_foreign(frame, one)]
    if not models:
        execute(frame, body)
        return
    home = frame.home
    around, home.entered = home.entered, (*home.entered, *models)
    spoke, frame.trace.speaks = frame.trace.speaks, False
    execute(frame, body)
    home.entered = around
    for model in models if frame.trace.speaks else ():
        frame.change(model, node, f"`with`{GUESS}let what is made inside be added to it")
    frame.trace.speaks |= spoke


def register(frame: Frame, made: Value, given: Sequence[Value], node: ast.AST) -> None:
    """A part of a model was made, by a class of an undescribed library or one like it: what is entered may hold it from now on.

    What the part was made of and the model holds already, it finds again by its identity.
    """
    heap = frame.walk.heap
    for model in frame.home.entered:
        frame.trace.compared |= heap.below(model.objects).intersection(one for value in given for one in value.objects)
        frame.capture(model, KEPT, made, node)
