"""Runs the cells of one step."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any, NamedTuple, Optional, Tuple

from .document import StepCell, StepDocument, read_document
from .environment import enter_kernel_environment
from .journal import Journal, JournalReader
from .problem import CELL_FAILED, ENVIRONMENT_BROKEN, FINISHED, StepProblem
from .recorder import NO_CELL, Recorder
from .shell import IPythonKernel
from .sources import CellSource
from .streams import Streams
from .supervisor import journal_path


class StepCall(NamedTuple):
    """What a step is started with. `work` is a directory of its own, `home` the one results are written to."""

    step: str
    outputs: str
    work: str
    home: str
    payloads: Tuple[str, ...] = ()
    files: Tuple[Tuple[str, str], ...] = ()
    directories: Tuple[str, ...] = ()
    events: Tuple[int, ...] = ()
    trust_payloads: bool = False


def run_step(call: StepCall, host: Optional["Host"] = None) -> int:
    """Run one step and write what happened. Returns the exit code.

    `host` is a kernel that was made earlier, in the process this one was forked from.
    """
    journal = Journal(journal_path(call.work), call.events)
    host = host or Host(call.work)
    host.recorder.journal = journal
    code = ENVIRONMENT_BROKEN
    try:
        with open(call.step, "rb") as file:
            document = read_document(file.read())
        journal.write("step", step=document.step, kernel=host.kernel.kind)
        code = StepRun(call, document, host, journal).run()
    except StepProblem as problem:
        journal.write("problem", problem={"code": problem.code, "message": problem.message, "advice": problem.advice})
        sys.stderr.write(f"{problem}\n")
    journal.close()
    JournalReader(journal.path).write_report(call.outputs)
    shutil.rmtree(call.work, ignore_errors=True)
    return code


class Host:
    """A kernel that is ready to run cells, and where it shows them. Made once, before a fork or after; no threads."""

    def __init__(self, work: str) -> None:
        enter_kernel_environment()
        self.recorder = Recorder(None)  # type: ignore[arg-type]
        self.kernel = IPythonKernel(self.recorder, work)


class StepRun:
    """One run of the cells of one step."""

    def __init__(self, call: StepCall, document: StepDocument, host: Host, journal: Journal) -> None:
        self.call = call
        self.document = document
        self.kernel = host.kernel
        self.recorder = host.recorder
        self.journal = journal
        self.streams = Streams(self.recorder, call.work)

    def run(self) -> int:
        """Run the cells in order, until one fails."""
        self.streams.start()
        try:
            for cell in self.document.cells:
                if not self._run_cell(cell):
                    return CELL_FAILED
        finally:
            self.streams.stop()
            self._show_failure()
        return FINISHED

    def _show_failure(self) -> None:
        """Whoever looks at the process and not at OUTPUTS.json sees the error, too."""
        if self.recorder.failed is not None:
            sys.stderr.write("\n".join(self.recorder.failed["traceback"]) + "\n")

    def _run_cell(self, cell: StepCell) -> bool:
        self.journal.write("cell", cell=cell.cell, id=cell.id, execution_count=None if cell.skipped else cell.number)
        if cell.skipped:
            self.journal.write("end", cell=cell.cell, state="skipped")
            return True
        self.recorder.cell = cell.cell
        started, cpu = time.perf_counter(), time.process_time()
        error = self.kernel.run(CellSource(cell.cell, cell.text, cell.text, cell.number))
        facts: Any = {"seconds": round(time.perf_counter() - started, 6), "cpu_seconds": round(time.process_time() - cpu, 6)}
        self.recorder.cell = NO_CELL
        self.journal.write("end", cell=cell.cell, state="error" if error is not None else "ok", **facts)
        return error is None or cell.may_raise
