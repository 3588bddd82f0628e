"""PNG images by what they show: decoded here, since nbcompile needs no imaging library."""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode
from binascii import Error as NotBase64
from typing import NamedTuple

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Of 255: text is drawn a little differently by another version of a font library.
_MEAN_DIFFERENCE = 4.0


class Picture(NamedTuple):
    """Pixels as rows of bytes; `kind` is PNG's colour type and depth."""

    width: int
    height: int
    kind: tuple[int, int]
    palette: bytes
    rows: tuple[bytes, ...]


def read_png(data: bytes) -> Picture | None:
    """The picture, or None of what is no plain PNG of 8-bit channels."""
    if not data.startswith(_SIGNATURE):
        return None
    try:
        chunks = _chunks(data)
        width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        if depth != 8 or interlace:
            return None
        rows = _unfiltered(zlib.decompress(chunks[b"IDAT"]), width * _CHANNELS[colour], _CHANNELS[colour])
    except (KeyError, ValueError, IndexError, struct.error, zlib.error):
        return None
    return Picture(width, height, (colour, depth), chunks.get(b"PLTE", b""), rows)


def _chunks(data: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    place = len(_SIGNATURE)
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        found[kind] = found.get(kind, b"") + data[place + 8 : place + 8 + length]
        place += length + 12
    return found


def _unfiltered(lines: bytes, width: int, step: int) -> tuple[bytes, ...]:
    """The scan lines without PNG's prediction of each byte from its neighbours."""
    rows: list[bytes] = []
    above = bytearray(width)
    for start in range(0, len(lines), width + 1):
        row = bytearray(lines[start + 1 : start + 1 + width])
        _undo(lines[start], row, above, step)
        rows.append(bytes(row))
        above = row
    return tuple(rows)


def _undo(kind: int, row: bytearray, above: bytearray, step: int) -> None:
    if kind == 0:
        return
    if kind == 2:
        row[:] = bytes((byte + up) & 255 for byte, up in zip(row, above, strict=True))
        return
    for place, byte in enumerate(row):
        left = row[place - step] if place >= step else 0
        corner = above[place - step] if place >= step else 0
        row[place] = (byte + _predicted(kind, left, above[place], corner)) & 255


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 1:
        return left
    if kind == 3:
        return (left + up) // 2
    guess = left + up - corner
    distances = (abs(guess - left), abs(guess - up), abs(guess - corner))
    return (left, up, corner)[distances.index(min(distances))]


def pictures_look_alike(left: str, right: str) -> bool:
    """Whether two PNG images, as notebooks hold them, have one size and nearly the same pixels."""
    try:
        one, other = (read_png(b64decode(text)) for text in (left, right))
    except NotBase64:
        return False
    if one is None or other is None or one[:4] != other[:4]:
        return False
    difference = sum(abs(a - b) for rows in zip(one.rows, other.rows, strict=True) for a, b in zip(*rows, strict=True) if a != b)
    return difference <= _MEAN_DIFFERENCE * sum(len(row) for row in one.rows)
