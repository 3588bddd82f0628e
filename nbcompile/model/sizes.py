"""Sizes as people write them."""

from __future__ import annotations

import re

DEFAULT_MAX_TRANSFER = 10 * 2**30
"""What a run may move between places without being told so."""

_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", re.IGNORECASE)


def parse_size(text: str) -> int:
    """The bytes of `512MiB`, `10 GB` or `1.5G`. Raises ValueError."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a size such as 10GiB")
    power = _UNITS[found[2].upper()]
    binary = found[3] or not text.strip().upper().endswith("B")
    return int(float(found[1]) * (2**power if binary else 10 ** (power * 3 // 10)))


def size_words(size: int) -> str:
    """`1.5 GiB`."""
    for unit, power in (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 2**power:
            return f"{size / 2**power:.1f} {unit}"
    return f"{size} B"
