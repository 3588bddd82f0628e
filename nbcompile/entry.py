"""Where the command begins. Until it is loaded, Ctrl-C ends it at once and without a word."""

from __future__ import annotations

import signal


def main() -> None:
    """Load the command line, run it and exit."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from nbcompile.cli import main as run  # noqa: PLC0415 - what takes its time

    signal.signal(signal.SIGINT, handler)
    run()
