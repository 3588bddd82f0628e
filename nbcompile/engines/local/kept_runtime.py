"""The step runtime at a place where earlier runs left it, with what Python has compiled of it."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from nbcompile.engines.home import cache_directory


def keep_runtime(text: str) -> Path:
    """The file that holds this text. Raises `OSError` where none can be kept."""
    path = cache_directory() / "runtime" / hashlib.sha256(text.encode()).hexdigest()[:16] / "nbcompile_runtime.py"
    if not path.exists() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    return path


def runtime_file(text: str, place: Path) -> Path:
    """The same; `place`, which is written, where it cannot be kept."""
    try:
        return keep_runtime(text)
    except OSError:
        place.write_text(text, "utf-8")
        return place
