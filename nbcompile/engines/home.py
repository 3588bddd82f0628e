"""The directories in which nbcompile keeps what is a person's own."""

from __future__ import annotations

import os
from pathlib import Path


def state_directory() -> Path:
    """Where nbcompile keeps what is about this person's runs, and no part of their results."""
    given = os.environ.get("NBCOMPILE_STATE_DIR")
    return Path(given) if given else Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "nbcompile"


def cache_directory() -> Path:
    """Where nbcompile keeps what it can make again."""
    given = os.environ.get("NBCOMPILE_CACHE_DIR")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nbcompile"
