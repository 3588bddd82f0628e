"""What running cells has in common with and without IPython: an event loop, sources that tracebacks find, refused input."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import contextvars
import getpass
import logging
import sys
import types
from typing import Any, Callable, ContextManager, Dict, FrozenSet, Iterator, Optional, Tuple

from .recorder import Recorder
from .sources import CellSource, CellSources

# After a cell, tasks that it left behind go on for at most this many turns of the event loop, as between two messages.
_IDLE_TURNS = 20


class InputRefused(Exception):
    """Stands for IPython's StdinNotImplementedError where IPython is too old to have it."""


class CellKernel:
    """Runs cells one after the other in `namespace`, with an event loop that is running while they do."""

    kind = ""

    def __init__(self, recorder: Recorder, namespace: Dict[str, Any]) -> None:
        self.recorder = recorder
        self.namespace = namespace
        self.sources = CellSources()
        self._inputs: Dict[int, str] = {}
        self._watched: FrozenSet[str] = frozenset()
        self._watching: Any = builtins
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._context = contextvars.copy_context()
        self._ended: Optional[contextlib.ExitStack] = None
        # Whether what was defined elsewhere may ask how deep calls go, or set it.
        self.asks_for_limit = False

    def run(self, source: CellSource) -> Optional[BaseException]:
        """Run one cell; returns the exception that ended it."""
        raise NotImplementedError

    def show_result(self, cell: int, number: Optional[int], value: Any) -> None:
        """Show a value as that of the last expression of a cell."""
        raise NotImplementedError

    def compile(self, tree: Any, file_name: str, mode: str = "exec") -> types.CodeType:
        """Compile with the `__future__` imports that cells have made so far."""
        raise NotImplementedError

    def builtins_of_cells(self) -> ContextManager[Any]:
        """While entered, builtins are as cells find them."""
        raise NotImplementedError

    def in_context(self, function: Callable[..., Any], *values: Any) -> Any:
        """Call something with the context variables that cells see."""
        return self._context.run(function, *values)

    def transform(self, text: str) -> str:
        """The cell as plain Python."""
        return text

    def register(self, cell: int, text: str, count: Optional[int]) -> CellSource:
        """Make the text of a cell known to tracebacks, with the number it has in the notebook."""
        source = CellSource(cell, text, self.transform(text), count)
        self._number(self.sources.add(source), count)
        return source

    def register_transformed(self, cell: int, file_name: str, text: str, count: Optional[int]) -> None:
        """Make a cell known whose code came with a payload."""
        if not self.sources.find(file_name):
            self._number(self.sources.add(CellSource(cell, text, text, count), file_name), count)

    def _number(self, file_name: str, count: Optional[int]) -> None:
        """Let tracebacks show the number of a cell."""

    def watch(self, names: FrozenSet[str], watching: Any) -> None:
        """Let functions that look up one of these names look up their builtins in `watching`."""
        self._watched, self._watching = names, watching

    def function(self, code: types.CodeType, closure: Optional[Tuple[Any, ...]]) -> types.FunctionType:
        """A function of the notebook, whose code was found somewhere else than in a cell that ran here."""
        # A function takes its builtins from its globals when it is made.
        kept = self.namespace.setdefault("__builtins__", builtins)
        if _looks_up(code, self._watched):
            self.namespace["__builtins__"] = self._watching
        try:
            return types.FunctionType(code, self.namespace, None, None, closure)
        finally:
            self.namespace["__builtins__"] = kept

    def know_inputs(self, texts: Dict[int, str]) -> None:
        """Know what earlier cells had in them, by their numbers."""
        self._inputs = dict(texts)

    def _turn(self, coroutine: Any) -> Any:
        if self._loop is None:
            self._loop = _new_loop()
            asyncio.set_event_loop(self._loop)
        with contextlib.ExitStack() as self._ended:
            cell = self._run_out(coroutine, self._ended)
            if sys.version_info >= (3, 11):
                result = self._loop.run_until_complete(self._loop.create_task(cell, context=self._context))
            else:
                result = self._context.run(self._loop.run_until_complete, self._and_keep_context(cell))
            self._loop.run_until_complete(_idle())
        self._ended = None
        return result

    async def _run_out(self, coroutine: Any, ended: contextlib.ExitStack) -> Any:
        """A kernel says that a cell has ended before tasks go on: nobody waits for what they show then."""
        try:
            return await coroutine
        finally:
            # Whoever interrupts the loop itself leaves this here until some later cell runs.
            if self._ended is ended:
                ended.enter_context(self.recorder.mute())

    async def _and_keep_context(self, coroutine: Any) -> Any:
        """An older task has a context of its own: what a cell set in it is there for the next cell, but tokens are not taken back."""
        try:
            return await coroutine
        finally:
            self._context = contextvars.copy_context()

    @contextlib.contextmanager
    def _without_input(self) -> Iterator[None]:
        kept = builtins.input, getpass.getpass
        builtins.input, getpass.getpass = self._refuse_input, self._refuse_password
        try:
            yield
        finally:
            builtins.input, getpass.getpass = kept

    def _refuse_input(self, prompt: object = "") -> str:
        raise self._input_error()("raw_input was called, but this frontend does not support input requests.")

    def _refuse_password(self, prompt: str = "", stream: Any = None, **_: Any) -> str:
        raise self._input_error()("getpass was called, but this frontend does not support input requests.")

    def _input_error(self) -> Any:
        """What is raised where a cell asks for input."""
        return InputRefused


def _looks_up(code: types.CodeType, names: FrozenSet[str]) -> bool:
    """Whether code, or a function that it makes, may look up one of these names."""
    inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return not names.isdisjoint(code.co_names) or any(_looks_up(one, names) for one in inner)


def _new_loop() -> asyncio.AbstractEventLoop:
    """An event loop, which says nothing of itself: a kernel has had its own for long when a cell asks for everything to be logged."""
    log = logging.getLogger("asyncio")
    before, log.disabled = log.disabled, True
    try:
        return asyncio.new_event_loop()
    finally:
        log.disabled = before


async def _idle() -> None:
    for _ in range(_IDLE_TURNS):
        await asyncio.sleep(0)
