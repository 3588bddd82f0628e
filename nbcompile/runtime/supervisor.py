"""Runs a step in a child process and waits: whatever the cells do to their process, OUTPUTS.json is written."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import sys
from typing import Any, Callable, Optional, Tuple

from .journal import Journal, JournalReader
from .problem import CELL_FAILED, ENVIRONMENT_BROKEN, FINISHED, GUARD_BROKEN

_OWN_CODES = (FINISHED, CELL_FAILED, GUARD_BROKEN, ENVIRONMENT_BROKEN)
_TAIL_BYTES = 4000
_EXIT_SECONDS = 2.0


def supervise(outputs_path: str, run: Callable[[], int]) -> int:
    """Run `run` in a child with its own process group, and clean up after it. Returns the exit code of the step."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        code = ENVIRONMENT_BROKEN
        try:
            code = run()
        finally:
            leave(code)
    forward = _Forwarder(child)
    try:
        status = os.waitpid(child, 0)[1]
    finally:
        forward.stop()
        kill_group(child)
    if forward.received:
        return 128 + forward.received
    return finish_step(outputs_path, status)


def leave(code: int) -> None:
    """End this process as the interpreter would: exit functions run, but objects are not taken apart one by one.

    Exit functions that wait, say for a thread that never ends, are not waited for.
    """
    import atexit
    import threading

    def give_up(number: int, frame: Any) -> None:
        os._exit(code)

    try:
        signal.signal(signal.SIGALRM, give_up)
        signal.setitimer(signal.ITIMER_REAL, _EXIT_SECONDS)
        for function in reversed(getattr(threading, "_threading_atexits", ())):
            function()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def work_directory(outputs_path: str) -> str:
    """The directory that a step has for itself while it runs, below the current one."""
    return os.path.abspath(os.path.basename(outputs_path) + ".work")


def journal_path(work: str) -> str:
    """Where the step that works in `work` keeps its journal."""
    return os.path.join(work, "journal")


def finish_step(outputs_path: str, status: int) -> int:
    """Write OUTPUTS.json if the process that ran the step ended with this wait status before it had done so.

    To be called in the step's current directory by whoever waited. Returns the exit code of the step.
    """
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    work = work_directory(outputs_path)
    try:
        if code not in _OWN_CODES or not os.path.exists(outputs_path):
            code, message = report_death(work, outputs_path, status)
            sys.stderr.write(f"NB523: {message}\n")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return code


def report_death(work: str, outputs_path: str, status: int) -> Tuple[int, str]:
    """Write OUTPUTS.json from what a process that ended with this wait status left in `work`.

    Returns the exit code of the step and what became of the process.
    """
    path = journal_path(work)
    if not os.path.exists(path) or not os.path.getsize(path):
        return ENVIRONMENT_BROKEN, f"the process of the step {_how_it_ended(status)} before it began"
    running = JournalReader(path).running()
    how = _how_it_ended(status)
    said = _last_words(os.path.join(work, "stderr"))
    journal = Journal(path)
    cell = running.facts["index"] if running else None
    if running:
        journal.write("output", cell=cell, output=_death_output(how, said))
        journal.write("end", cell=cell, state="died")
    message = f"the process of the step {how}" + (f" while cell {cell} ran" if running else "")
    journal.write("problem", problem={"code": "NB523", "cell": cell, "message": message, "advice": said})
    journal.close()
    JournalReader(path).write_report(outputs_path)
    return (CELL_FAILED if running else ENVIRONMENT_BROKEN), "\n".join([message, *said.splitlines()])


def _death_output(how: str, said: str) -> Any:
    lines = [f"DeadKernelError: the process {how}", *said.splitlines()]
    return {"output_type": "error", "ename": "DeadKernelError", "evalue": f"the process {how}", "traceback": lines}


def _how_it_ended(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = str(number)
        return f"was ended by signal {name}" + (" (out of memory?)" if number == signal.SIGKILL else "")
    return f"ended itself with exit code {os.WEXITSTATUS(status)}"


def _last_words(path: str) -> str:
    """The end of what C code wrote to stderr: it often says why."""
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def kill_group(leader: int) -> None:
    """End every process that the cells left behind."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except OSError as error:
        if error.errno not in (errno.ESRCH, errno.EPERM):
            raise


class _Forwarder:
    """Hands signals that ask this process to end to the child's whole group; a second one is not waited for."""

    def __init__(self, child: int) -> None:
        self.received: Optional[int] = None
        self._child = child
        self._kept = {number: signal.signal(number, self._forward) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def _forward(self, number: int, frame: Any) -> None:
        group_signal = signal.SIGKILL if self.received else signal.SIGTERM
        self.received = number
        with contextlib.suppress(OSError):
            os.killpg(self._child, group_signal)

    def stop(self) -> None:
        """Handle signals as before."""
        for number, handler in self._kept.items():
            signal.signal(number, handler)
