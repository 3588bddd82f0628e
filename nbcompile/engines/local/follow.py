"""The events of a running step, read from the journal that it writes (docs/reference/step.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from nbcompile.model.plan import StepId
from nbcompile.model.run import CellStarted, RunEvent, StreamText

_CELL, _STREAM = b'{"event": "cell"', b'{"event": "stream"'


class StepFollower:
    """Reads on where it stopped. What the step writes last is there even after it has removed its journal."""

    def __init__(self, step: StepId, journal: Path, *, streams: bool) -> None:
        self._step, self._path = step, journal
        self._wanted = (_CELL, _STREAM) if streams else (_CELL,)
        self._file: BinaryIO | None = None
        self._rest = b""

    def news(self) -> Iterator[RunEvent]:
        """What happened since the last time."""
        if self._file is None:
            try:
                self._file = self._path.open("rb")
            except OSError:
                return
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        for line in lines:
            if line.startswith(self._wanted):
                event = json.loads(line)
                if event["event"] == "cell":
                    yield CellStarted(self._step, event["cell"])
                else:
                    yield StreamText(self._step, event["cell"], event["name"], event["text"])

    def last_news(self, outputs: Mapping[str, Any]) -> Iterator[RunEvent]:
        """What is left to tell when the step has ended; one that was too quick to be followed is told from its outputs."""
        if self._file is not None:
            yield from self.news()
            self._file.close()
            return
        for cell in outputs.get("cells", ()):
            yield CellStarted(self._step, cell["index"])
            for output in cell["outputs"] if _STREAM in self._wanted else ():
                if output["output_type"] == "stream":
                    yield StreamText(self._step, cell["index"], output["name"], output["text"])
