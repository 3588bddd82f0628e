"""The payload file `.nbc`: pickled frames and, beside them, the memory of arrays.

    offset 0    magic, place and length of the index, SHA-256 of the index; 64 bytes
    then        frames, and regions of memory; each at a multiple of 64, a region at the same place within its 64 bytes as in memory
    at the end  the index, JSON

An index says which versions are in the file, and can be read without unpickling anything. Digests are SHA-256 of the SHA-256 digests of
successive pieces, so that two threads can make one.
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import struct
import threading
from collections import deque
from typing import Any, Deque, Dict, List, NamedTuple, Optional, Tuple

from .own import json_dumps, json_loads
from .problem import StepProblem

MAGIC = b"NBCPAY1\n"
_HEADER = struct.Struct("<8sQQ32s8x")
ALIGNMENT = 64
DIGEST_PIECE = 1 << 22


class Piece(NamedTuple):
    """A stretch of the file."""

    offset: int
    length: int
    sha256: str


class Digest:
    """The digest of one stretch, whose pieces may be hashed in any order and by any thread."""

    def __init__(self, length: int) -> None:
        self._pieces: List[bytes] = [b""] * max(1, -(-length // DIGEST_PIECE))

    def take(self, number: int, content: Any) -> None:
        """Hash piece `number`."""
        self._pieces[number] = hashlib.sha256(content).digest()

    def hexdigest(self) -> str:
        """The digest of the whole, when every piece was taken."""
        return hashlib.sha256(b"".join(self._pieces)).hexdigest()


def digest_of(content: Any) -> str:
    """The digest of a stretch that is in memory."""
    view = memoryview(content)
    digest = Digest(len(view))
    for number, start in enumerate(range(0, max(1, len(view)), DIGEST_PIECE)):
        digest.take(number, view[start : start + DIGEST_PIECE])
    return digest.hexdigest()


class _Hasher:
    """Hashes pieces in a second thread while the first one writes; who is ready first helps the other."""

    def __init__(self) -> None:
        self._waiting: Deque[Tuple[Digest, int, Any]] = deque()
        self._more = threading.Semaphore(0)
        self._thread: Optional[threading.Thread] = None

    def add(self, digest: Digest, number: int, content: Any) -> None:
        """Hash this piece some time before `finish` returns."""
        self._waiting.append((digest, number, content))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="Hasher", daemon=True)
            self._thread.start()
        self._more.release()

    def finish(self) -> None:
        """Wait until every piece is hashed."""
        if self._thread is None:
            return
        while self._take_one():
            pass
        self._waiting.append((Digest(0), -1, b""))
        self._more.release()
        self._thread.join()
        self._thread = None

    def _take_one(self) -> bool:
        try:
            digest, number, content = self._waiting.popleft()
        except IndexError:
            return False
        if number >= 0:
            digest.take(number, content)
        return number >= 0

    def _work(self) -> None:
        while True:
            self._more.acquire()
            try:
                digest, number, content = self._waiting.popleft()
            except IndexError:
                # The other thread was faster.
                continue
            if number < 0:
                return
            digest.take(number, content)


class PayloadWriter:
    """Writes one payload. The file has its name only when `close` has returned."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._part = path + ".part"
        self._file = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._end = _HEADER.size
        self._hasher = _Hasher()
        self._digests: List[Tuple[int, int, Digest]] = []

    def write(self, content: Any, place_in_64: int = 0) -> int:
        """Append a stretch, at a place that is `place_in_64` above a multiple of 64. Returns its number."""
        view = memoryview(content).cast("B")
        offset = -(-self._end // ALIGNMENT) * ALIGNMENT + place_in_64
        digest = Digest(len(view))
        for number, start in enumerate(range(0, max(1, len(view)), DIGEST_PIECE)):
            piece = view[start : start + DIGEST_PIECE]
            if len(view) > DIGEST_PIECE:
                self._hasher.add(digest, number, piece)
            else:
                digest.take(number, piece)
            self._write_at(offset + start, piece)
        self._end = offset + len(view)
        self._digests.append((offset, len(view), digest))
        return len(self._digests) - 1

    def pieces(self) -> List[Piece]:
        """Where everything is and what its digest is, in the order in which it was written."""
        self._hasher.finish()
        return [Piece(offset, length, digest.hexdigest()) for offset, length, digest in self._digests]

    def close(self, index: Dict[str, Any]) -> int:
        """Write the index and give the file its name. Returns its length."""
        text = json_dumps(index, sort_keys=True, separators=(",", ":")).encode("ascii")
        offset = -(-self._end // ALIGNMENT) * ALIGNMENT
        self._write_at(offset, memoryview(text))
        self._write_at(0, memoryview(_HEADER.pack(MAGIC, offset, len(text), hashlib.sha256(text).digest())))
        os.close(self._file)
        os.replace(self._part, self.path)
        return offset + len(text)

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._hasher.finish()
        os.close(self._file)
        os.unlink(self._part)

    def _write_at(self, offset: int, content: memoryview) -> None:
        try:
            while content:
                written = os.pwrite(self._file, content, offset)
                content, offset = content[written:], offset + written
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            advice = "free some space, or run the notebook anew in another directory"
            raise StepProblem("NB594", f"there is no space left for `{os.path.basename(self.path)}`", advice) from error


class PayloadFile:
    """A payload that is read: its index at once, everything else when it is needed."""

    def __init__(self, path: str, mapped: bool = True) -> None:
        self.path = path
        try:
            with open(path, "rb") as file:
                self.index = self._read_index(file)
                file.seek(0)
                self.memory: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if mapped else bytearray(file.read())
        except (OSError, ValueError, struct.error) as error:
            raise broken_payload(path, str(error)) from error

    def _read_index(self, file: Any) -> Dict[str, Any]:
        magic, offset, length, digest = _HEADER.unpack(file.read(_HEADER.size))
        if magic != MAGIC:
            raise ValueError("it does not begin as a payload does")
        size = os.fstat(file.fileno()).st_size
        if offset + length != size:
            raise ValueError(f"it has {size} bytes and should have {offset + length}")
        file.seek(offset)
        text = file.read(length)
        if hashlib.sha256(text).digest() != digest:
            raise ValueError("the digest of its index is another")
        index: Dict[str, Any] = json_loads(text)
        return index

    def frame(self, piece: Piece) -> memoryview:
        """A stretch whose digest has been compared, before anything is made of it."""
        content = memoryview(self.memory)[piece.offset : piece.offset + piece.length]
        if digest_of(content) != piece.sha256:
            raise broken_payload(self.path, "the digest of a frame is another")
        return content

    def check(self, pieces: List[Piece]) -> None:
        """Compare digests with what is in the file, whatever the cells have done to their copy of it since."""
        with open(self.path, "rb") as file:
            for piece in pieces:
                digest = Digest(piece.length)
                for number, start in enumerate(range(0, max(1, piece.length), DIGEST_PIECE)):
                    digest.take(number, os.pread(file.fileno(), min(DIGEST_PIECE, piece.length - start), piece.offset + start))
                if digest.hexdigest() != piece.sha256:
                    raise broken_payload(self.path, f"the digest of its bytes {piece.offset} to {piece.offset + piece.length} is another")


def broken_payload(path: str, why: str) -> StepProblem:
    """The problem of a payload that cannot be read."""
    return StepProblem("NB592", f"the payload `{os.path.basename(path)}` is damaged: {why}", "run the step that makes it again")


def read_index(path: str) -> Dict[str, Any]:
    """The index of a payload; nothing is unpickled."""
    payload = PayloadFile(path)
    payload.memory.close()
    return payload.index
