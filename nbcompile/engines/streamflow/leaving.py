"""Ctrl-C while jobs run elsewhere: end them, or leave them to a next client."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence

from nbcompile.engines.signals import SignalWatch


def asks_to_leave(places: Sequence[str], signals: SignalWatch) -> bool:
    """Ask at the terminal; a second Ctrl-C, and any answer but `d`, cancels. Where nobody can be asked, nothing is left behind."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()) or os.tcgetpgrp(sys.stdin.fileno()) != os.getpgrp():
        return False
    sys.stderr.write(f"\nJobs run at {', '.join(places)}. (d)etach, for `nbcompile runs resume last` to find them, or (c)ancel them? ")
    sys.stderr.flush()
    ready, _, _ = select.select([sys.stdin.fileno(), signals.descriptor], [], [])
    if signals.descriptor in ready:
        return False
    return os.read(sys.stdin.fileno(), 1024).strip().lower() in (b"d", b"detach")
