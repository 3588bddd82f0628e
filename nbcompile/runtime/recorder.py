"""What a cell shows, on its way to the journal: the place a front end has for a kernel."""

from __future__ import annotations

import re
from collections import deque
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Callable, Deque, Dict, Iterator, List, Optional

from .journal import Journal

NO_CELL = -1
_UNDEFINED = re.compile(r"NameError: name '([^']+)' is not defined")
_NOT_OPENED = re.compile(
    r"no such file|(?:can't|cannot|could not|couldn't|unable to|failed to) (?:open|read|load|find)|not found|not exist", re.IGNORECASE
)
_MAYBE_PATH = re.compile(r"[\w./-]+")
# How much of a text is looked at for paths.
_LONG = 10_000
# How many of them are looked for in a cell.
_MOST_TOLD = 200
# The cell that a task of an event loop was made by. A thread has none: as in a kernel, what it shows goes to the cell that runs.
_MADE_BY: ContextVar[int] = ContextVar("cell")


class Recorder:
    """Writes the outputs of the cell that runs now. While `muted`, and while none runs, what is shown is dropped.

    `flush` is called before anything but stream text is recorded, so that text written earlier comes earlier.
    `hooks` take outputs away from the cell, the latest first: an Output widget shows them instead. `results` holds values
    of expressions that were shown, where somebody made room for them. `dropped` counts the outputs that nobody was shown.
    `undefined` are the names of which it was shown that they are not defined: whoever calls a notebook's functions may catch what they
    raise, and only tell of it. So may who opens a file in C: `unopened` are the paths in errors, and in texts that say that one is missing.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._cell = self._latest = NO_CELL
        self.muted = 0
        self.dropped = 0
        self.failed: Optional[Dict[str, Any]] = None
        self.flush: Callable[[], None] = lambda: None
        self.hooks: List[Callable[[Dict[str, Any]], None]] = []
        self.results: Deque[Any] = deque(maxlen=0)
        self.undefined: Dict[str, None] = {}
        self.unopened: Dict[str, None] = {}

    @property
    def cell(self) -> int:
        """The cell that runs, or NO_CELL."""
        return self._cell

    @cell.setter
    def cell(self, cell: int) -> None:
        self._cell = cell
        self._latest = self._latest if cell == NO_CELL else cell

    def begin(self, cell: int) -> None:
        """Let a cell begin, in the context that the cell sees."""
        _MADE_BY.set(cell)
        self.cell = cell

    @contextmanager
    def mute(self) -> Iterator[None]:
        """Drop what is shown meanwhile."""
        self.flush()
        self.muted += 1
        try:
            yield
        finally:
            self.flush()
            self.muted -= 1

    @property
    def latest(self) -> int:
        """The cell that runs or, between cells, that ran last."""
        return self._latest

    @property
    def is_idle(self) -> bool:
        """Whether what the thread of the cells writes now belongs to none of them."""
        return bool(self.muted) or self.cell == NO_CELL

    @property
    def is_over(self) -> bool:
        """Whether who shows something now is a task of a cell that has ended: nobody waits for it any more, as in a kernel."""
        return _MADE_BY.get(self._latest) != self._latest

    def late_stream(self, name: str, text: str) -> None:
        """Record text that another thread wrote while no cell ran: as in a kernel it goes to the one that ran last."""
        self._note_absent(text)
        if text and self._latest != NO_CELL:
            self.journal.stream(self._latest, name, text)

    def stream(self, name: str, text: str) -> None:
        """Record text that came on stdout or stderr. Text that comes while no cell runs belongs to none."""
        if not text or self.is_idle:
            return
        self._note_absent(text)
        if self.hooks:
            self.hooks[-1]({"output_type": "stream", "name": name, "text": text})
        else:
            self.journal.stream(self.cell, name, text)

    def display(self, data: Any, metadata: Any, transient: Optional[Dict[str, Any]] = None, update: bool = False) -> None:
        """Record a displayed object, or that what was shown under its display id has changed."""
        display_id = (transient or {}).get("display_id")
        if update:
            self.flush()
            if display_id and not self.is_idle and not self.is_over:
                self.journal.write("update", cell=self.cell, display_id=display_id, data=data, metadata=metadata or {})
            return
        output: Dict[str, Any] = {"output_type": "display_data", "metadata": metadata or {}, "data": data}
        if display_id:
            output["transient"] = {"display_id": display_id}
        self._output(output)

    def result(self, count: int, data: Any, metadata: Any) -> None:
        """Record the value of an expression."""
        self._output({"output_type": "execute_result", "execution_count": count, "data": data, "metadata": metadata or {}})

    def error(self, name: str, value: str, traceback: List[str]) -> None:
        """Record an exception that was shown."""
        output = {"output_type": "error", "ename": name, "evalue": value, "traceback": traceback}
        self.failed = output
        self._note_absent(f"{name}: {value}", raised=True)
        self._output(output)

    def clear(self, wait: bool) -> None:
        """Forget what the cell showed so far, at once or when the next output comes."""
        self.flush()
        if self.is_idle or self.is_over:
            return
        if self.hooks:
            self.hooks[-1]({"output_type": "clear_output", "wait": bool(wait)})
        else:
            self.journal.write("clear", cell=self.cell, wait=bool(wait))

    def _note_absent(self, text: str, raised: bool = False) -> None:
        if "is not defined" in text:
            self.undefined.update(dict.fromkeys(_UNDEFINED.findall(text)))
        told = text[:_LONG]
        if len(self.unopened) < _MOST_TOLD and (raised or _NOT_OPENED.search(told)):
            words = (word.rstrip(".") for word in _MAYBE_PATH.findall(told))
            self.unopened.update((word, None) for word in words if "." in word)

    def _output(self, output: Dict[str, Any]) -> None:
        self.flush()
        if self.is_idle or self.is_over:
            self.dropped += 1
            return
        if self.hooks:
            self.hooks[-1](output)
        else:
            self.journal.write("output", cell=self.cell, output=output)
