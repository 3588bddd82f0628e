"""Text from a host, made fit for a terminal and a log."""

from __future__ import annotations

import re
import unicodedata

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


def plain(text: str, limit: int = 2000) -> str:
    """The text on one line without escape sequences, control and direction characters; the end of it when it is too long."""
    seen = _ESCAPES.sub("", text)
    kept = "".join(" " if one in "\n\r\t" else one for one in seen if one in "\n\r\t" or unicodedata.category(one)[0] != "C")
    kept = " ".join(kept.split())
    return kept if len(kept) <= limit else "…" + kept[-limit:]
