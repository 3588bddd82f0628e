"""A terminal in a step: its inputs and channels are there, and the text of its cells is what is typed first."""

from __future__ import annotations

import os
import sys
from typing import Any, Callable

from .journal import Journal
from .problem import ENVIRONMENT_BROKEN, FINISHED, StepProblem
from .scatter import kind_of_run
from .step import Host, StepCall, read_step
from .supervisor import journal_path


def open_terminal(call: StepCall, make_host: Callable[[str], Host]) -> int:
    """Let a person work where the step's first cell would run. Returns the exit code."""
    keyboard = os.dup(0)
    host = make_host(call.work)
    # The cells of a kernel have nothing to read from; a person has.
    os.dup2(keyboard, 0)
    try:
        document = read_step(call)
        where, text = kind_of_run(call, document, host, Journal(journal_path(call.work))).enter()
    except StepProblem as problem:
        sys.stderr.write(f"{problem}\n")
        return ENVIRONMENT_BROKEN
    sys.stdout.write(f"{where}: its inputs are bound, and its cells would run now\n")
    _talk(host.kernel.namespace, text, call.work)
    return FINISHED


def _talk(names: Any, text: str, work: str) -> None:
    try:
        from IPython.core.interactiveshell import InteractiveShell
        from IPython.terminal.interactiveshell import TerminalInteractiveShell
    except ImportError:
        import code

        code.interact(banner=text, local=names, exitmsg="")
        return
    # The shell that runs cells knows no terminal; there is one shell in a process.
    type(InteractiveShell.instance()).clear_instance()
    shell = TerminalInteractiveShell.instance(
        user_module=sys.modules["__main__"], user_ns=names, ipython_dir=os.path.join(work, "ipython"), banner1=""
    )
    if os.isatty(0):
        shell.set_next_input(text)
    else:
        sys.stdout.write(text + "\n")
    shell.mainloop()
