"""Cells as source files: what they are called in tracebacks and warnings, and where their text is found."""

from __future__ import annotations

import linecache
import struct
from typing import Dict, List, NamedTuple, Optional, Sequence

# ipykernel calls a cell <temporary directory>/ipykernel_<process>/<hash of the text>.py. Ours has no process number and
# no temporary directory in it, so that two runs show the same bytes.
CELL_FOLDER = "/tmp/ipykernel_0/"  # noqa: S108 (a name in tracebacks, not a file)
_SEED = 0xC70F6907
_MIX = 0x5BD1E995


class CellSource(NamedTuple):
    """The text of one cell: as typed, as the compiler saw it, and the number a front end shows beside it."""

    cell: int
    text: str
    transformed: str
    number: Optional[int]


class CellSources:
    """Every cell whose code may run in this process, by the file name its code objects carry."""

    def __init__(self) -> None:
        self._by_name: Dict[str, List[CellSource]] = {}

    def add(self, source: CellSource, name: str = "") -> str:
        """Register a cell so that tracebacks, `inspect` and `%psource` find its text; returns its file name."""
        name = name or self.name_of(source)
        self.add_unseen(source, name)
        lines = [line + "\n" for line in source.transformed.splitlines()]
        linecache.cache[name] = (len(source.transformed), None, lines, name)
        return name

    @staticmethod
    def name_of(source: CellSource) -> str:
        """The file name of a cell."""
        return cell_file_name(source.text)

    def add_unseen(self, source: CellSource, name: str) -> None:
        """Register code that magics run under a name of their own; tracebacks show no text for it."""
        known = self._by_name.setdefault(name, [])
        if source not in known:
            known.append(source)

    def find(self, file_name: str) -> Sequence[CellSource]:
        """The cells a code object with this file name may have come from, the latest first."""
        return self._by_name.get(file_name, [])[::-1]


def cell_file_name(text: str) -> str:
    """The file name a kernel gives a cell with this text."""
    return f"{CELL_FOLDER}{murmur2(text.encode('utf-8', 'surrogatepass'))}.py"


def murmur2(data: bytes) -> int:
    """The 32 bit MurmurHash2 of `data`, with the seed a kernel uses for cells."""
    hashed = _SEED ^ len(data)
    whole = len(data) & ~3
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        mixed = word * _MIX & 0xFFFFFFFF
        mixed = (mixed ^ mixed >> 24) * _MIX & 0xFFFFFFFF
        hashed = (hashed * _MIX & 0xFFFFFFFF) ^ mixed
    if whole < len(data):
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * _MIX & 0xFFFFFFFF
    hashed = (hashed ^ hashed >> 13) * _MIX & 0xFFFFFFFF
    return hashed ^ hashed >> 15
