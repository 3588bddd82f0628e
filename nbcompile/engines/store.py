"""Results kept by what they are made of: two stores in one directory, keys to results and digests to bytes.

A result is published by renaming a complete file into place, blobs before the action that names them; what a crash leaves
half-written has a temporary name and is never read. An action carries its own checksum, and a blob that no longer
is what was written (other size, inode or time) is hashed again before it is believed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from nbcompile.engines.file_digests import sha256_of
from nbcompile.model.output import Output
from nbcompile.model.plan import StepId

_LAYOUT = "v1"
_CHUNK = 1 << 20
# Blobs that nobody names yet may belong to a result that is just being published.
YOUNG_SECONDS = 600.0
_LEFT_DAYS = 7


class Blob(NamedTuple):
    """Bytes in the store. `stamp` is what the file system says of the file since it was written."""

    sha256: str
    bytes: int
    stamp: str


class KeptFile(NamedTuple):
    """A blob under the name that it has in a step's directory."""

    path: str
    blob: Blob


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a step made, and what it took. `versions` are the distributions it loaded: with others it would be another."""

    step: StepId
    outputs: KeptFile
    payloads: tuple[KeptFile, ...] = ()
    files: tuple[KeptFile, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mib: float = 0.0

    @property
    def kept(self) -> tuple[KeptFile, ...]:
        """Every file of the result."""
        return (self.outputs, *self.payloads, *self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedResult:
    """What a step, or a shard of it, made at a deployment, whose own store has the bytes. `versions` as in `Result`."""

    step: StepId
    files: tuple[Output, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mib: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """What a step's result was made of when it was last made, and what that took."""

    parts: Mapping[str, str]
    seconds: float
    peak_memory_mib: float


class Store:
    """A directory of results. Several processes may use it at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root / _LAYOUT
        self._actions, self._blobs, self._placed = self.root / "actions", self.root / "blobs", self.root / "placed"

    def find(self, key: str) -> Iterator[Result]:
        """The results under a key whose bytes are all there, the one used last first; broken ones are removed on the way."""
        folder = self._actions / key[:2] / key
        for path in sorted(folder.glob("*.json"), key=_modified, reverse=True):
            result = _read_action(path)
            if result is None or not all(self._is_whole(kept.blob) for kept in result.kept):
                path.unlink(missing_ok=True)
                continue
            # Results that are used stay longest.
            with contextlib.suppress(OSError):
                os.utime(path)
            yield result

    def add(self, path: Path, *, shared: bool = False) -> Blob:
        """Take a copy of a file. Raises `OSError` where that cannot be done.

        `shared` says that nobody will write to the file: then, where the file system can do it, no bytes are copied.
        """
        if known := self._known(path):
            return known
        incoming = self.root / "incoming"
        incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = incoming / f"{os.getpid()}-{secrets.token_hex(8)}"
        try:
            digest, size = _linked(path, temporary) if shared else _copy(path, temporary)
            temporary.chmod(0o400)
            place = self._blob(digest)
            place.parent.mkdir(parents=True, exist_ok=True)
            if not (place.exists() and place.stat().st_size == size and sha256_of(place) == digest):
                temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)
        return Blob(digest, size, _stamp(place))

    def _known(self, path: Path) -> Blob | None:
        """The blob with the bytes of a small file, if there is one: then nothing has to be made and removed again."""
        if path.stat().st_size > _CHUNK:
            return None
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        place = self._blob(digest)
        return Blob(digest, len(content), _stamp(place)) if place.exists() and place.read_bytes() == content else None

    def put(self, blob: Blob, place: Path, *, shared: bool = False) -> None:
        """Write the bytes of a blob to a file that is not there yet; if `shared`, nobody may write to it.

        Raises `OSError` where that cannot be done, also when the blob has been removed meanwhile.
        """
        place.parent.mkdir(parents=True, exist_ok=True)
        if shared and _link(self._blob(blob.sha256), place):
            return
        digest, _ = _copy(self._blob(blob.sha256), place)
        if digest != blob.sha256:
            raise OSError(f"{blob.sha256} is damaged")

    def publish(self, key: str, result: Result) -> None:
        """Make a result whose blobs were added known under its key."""
        _publish(self._actions, key, result)

    def publish_placed(self, key: str, result: PlacedResult) -> None:
        """Make a result known whose bytes are at a deployment."""
        _publish(self._placed, key, result)

    def find_placed(self, key: str) -> Iterator[PlacedResult]:
        """The results under a key whose bytes were at a deployment, the one used last first; nobody has asked it yet."""
        for path in sorted((self._placed / key[:2] / key).glob("*.json"), key=_modified, reverse=True):
            content = _read_whole(path)
            try:
                found = PlacedResult(**{**content, "files": tuple(Output(*one) for one in content["files"])}) if content else None
            except (TypeError, KeyError):
                found = None
            if found is None:
                path.unlink(missing_ok=True)
                continue
            with contextlib.suppress(OSError):
                os.utime(path)
            yield found

    def note(self, name: str, experience: Experience) -> None:
        """Remember how the newest result called `name` was made, whatever becomes of the result."""
        place = self._experience(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(place, json.dumps(asdict(experience)).encode())

    def last(self, name: str) -> Experience | None:
        """What `note` was told last, if it can be read."""
        try:
            return Experience(**json.loads(self._experience(name).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def collect(self, *, most_bytes: int | None = None, most_seconds: float | None = None) -> tuple[int, int]:
        """Remove results not used for so long, then the longest unused ones until so many bytes are left.

        Returns how many bytes were freed and how many are left.
        """
        now, before = time.time(), self.size()
        actions = sorted(self._actions.glob("*/*/*.json"), key=_modified)
        if most_seconds is not None:
            for path in [path for path in actions if now - _modified(path) > most_seconds]:
                path.unlink(missing_ok=True)
                actions.remove(path)
            for path in [path for path in self._placed.glob("*/*/*.json") if now - _modified(path) > most_seconds]:
                path.unlink(missing_ok=True)
        named = {path: {kept.blob.sha256: kept.blob.bytes for kept in result.kept} for path in actions if (result := _read_action(path))}
        if most_bytes is not None:
            left = _total(named.values())
            for path in actions:
                if left <= most_bytes:
                    break
                named.pop(path, None)
                path.unlink(missing_ok=True)
                left = _total(named.values())
        self._sweep({digest for blobs in named.values() for digest in blobs}, now)
        after = self.size()
        return before - after, after

    def size(self) -> int:
        """The bytes of all blobs."""
        return sum(path.stat().st_size for path in self._blobs.glob("*/*"))

    def _sweep(self, named: set[str], now: float) -> None:
        for path in self._blobs.glob("*/*"):
            if path.name not in named and now - _modified(path) > YOUNG_SECONDS:
                path.unlink(missing_ok=True)
        for path in (*self.root.glob("incoming/*"), *self.root.glob("experience/*/*")):
            if now - _modified(path) > _LEFT_DAYS * 86400:
                path.unlink(missing_ok=True)

    def _experience(self, name: str) -> Path:
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
        return self.root / "experience" / digest[:2] / digest

    def _blob(self, digest: str) -> Path:
        return self._blobs / digest[:2] / digest

    def _is_whole(self, blob: Blob) -> bool:
        path = self._blob(blob.sha256)
        try:
            if _stamp(path) == blob.stamp:
                return True
            whole = path.stat().st_size == blob.bytes and sha256_of(path) == blob.sha256
        except OSError:
            return False
        if not whole:
            path.unlink(missing_ok=True)
        return whole


def _publish(folder: Path, key: str, result: Result | PlacedResult) -> None:
    """Write a result under its key, with the checksum that tells it from a damaged one."""
    content = json.dumps(asdict(result), sort_keys=True)
    checksum = hashlib.sha256(content.encode()).hexdigest()
    place = folder / key[:2] / key / f"{checksum[:32]}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    _write_whole(place, json.dumps({"checksum": checksum, "content": content}).encode())


def _read_action(path: Path) -> Result | None:
    """The action in a file; `None` when it is not there, or not what was written."""
    content = _read_whole(path)
    try:
        return _result(content) if content else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _read_whole(path: Path) -> dict[str, Any] | None:
    """What was written with its checksum; `None` when it is not there, or not what was written."""
    try:
        document = json.loads(path.read_bytes())
        content = document["content"]
        if hashlib.sha256(content.encode()).hexdigest() != document["checksum"]:
            return None
        found = json.loads(content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return found if isinstance(found, dict) else None


def _result(document: dict[str, Any]) -> Result:
    def kept(entry: list[Any]) -> KeptFile:
        return KeptFile(entry[0], Blob(*entry[1]))

    several = {name: tuple(kept(entry) for entry in document[name]) for name in ("payloads", "files")}
    return Result(**{**document, **several, "outputs": kept(document["outputs"])})


def _copy(source: Path, target: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(_CHUNK):
            digest.update(chunk)
            writer.write(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def _linked(source: Path, target: Path) -> tuple[str, int]:
    if not _link(source, target):
        return _copy(source, target)
    return sha256_of(target), target.stat().st_size


def _link(source: Path, target: Path) -> bool:
    """Whether the file system gives a file a second name."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.EACCES):
            return False
        raise
    return True


def _write_whole(place: Path, content: bytes) -> None:
    temporary = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(content)
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)


def _stamp(path: Path) -> str:
    """What the file system changes when a file is written to."""
    status = path.stat()
    return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _total(results: Iterable[Mapping[str, int]]) -> int:
    """The bytes of all blobs that results name, each counted once."""
    blobs: dict[str, int] = {}
    for one in results:
        blobs.update(one)
    return sum(blobs.values())
