"""Files by the digest of their content: sent once, linked wherever they are needed, and checked before they are."""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import threading
import time
from typing import List, Tuple

from .layout import DIGEST, SENDER, Refused, Root, beside, checked, private_directory

CHUNK = 1 << 20
_LOOKS = 10
# How exactly the last use of a file is known.
_USE_SECONDS = 3600
_Stamp = List[int]


class Store:
    """The content store below a work root.

    A job may have changed a file through its link. So beside each file stands the status it had when we hashed or linked it;
    with any other status (a write sets the change time, which only root can forge) it is hashed again before it is used.
    """

    def __init__(self, root: Root) -> None:
        self._base = os.path.join(root.path, "store")
        self._lock = threading.Lock()

    def path(self, digest: str) -> str:
        """Where the file with this content is, or would be."""
        return os.path.join(self._base, checked(DIGEST, digest)[:2], digest)

    def has(self, digest: str) -> bool:
        """Whether the file is here, with the content its name says; one that was tampered with is removed."""
        path = self.path(digest)
        try:
            stamp = _stamp(os.lstat(path))
        except FileNotFoundError:
            return False
        if self._seen(digest) == stamp:
            self._use(path)
            return True
        if hash_file(path.encode())[0] != digest:
            os.unlink(path)
            return False
        self._see(digest, stamp)
        return True

    def write(self, digest: str, sender: str, offset: int, content: bytes) -> None:
        """A piece of a file on its way in. Several may send the same at a time, each to a file of its own."""
        descriptor = os.open(self._partial(digest, sender), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.pwrite(descriptor, content, offset)
        finally:
            os.close(descriptor)

    def accept(self, digest: str, sender: str, size: int) -> bool:
        """Take a file that has come in as a whole, if it is what its name says. Otherwise it must be sent again.

        Another process may be asked to do the same, on a connection that broke while it did so.
        """
        with self._lock:
            partial = self._partial(digest, sender)
            if not self.has(digest):
                with contextlib.suppress(FileNotFoundError):
                    self._take(partial, digest, size)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(partial)
            return self.has(digest)

    def _take(self, partial: str, digest: str, size: int) -> None:
        if size == 0:
            os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        os.truncate(partial, size)
        if hash_file(partial.encode())[0] == digest:
            os.chmod(partial, 0o444)
            private_directory(os.path.dirname(self.path(digest)))
            os.rename(partial, self.path(digest))
            self._see(digest, _stamp(os.lstat(self.path(digest))))

    def adopt(self, path: bytes, digest: str) -> None:
        """Keep a file that a job wrote, whose content was just hashed."""
        with self._lock:
            if not self.has(digest):
                private_directory(os.path.dirname(self.path(digest)))
                _link(path, self.path(digest).encode())
                self._see(digest, _stamp(os.lstat(self.path(digest))))

    def link(self, digest: str, target: bytes) -> bool:
        """Give a job the file; false when it is not here."""
        with self._lock:
            if not self.has(digest):
                return False
            source = self.path(digest)
            before = os.lstat(source)
            _link(source.encode(), target)
            after = os.lstat(source)
            if (after.st_ino, after.st_size, after.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns):
                self._see(digest, _stamp(after))
            return True

    def read(self, digest: str, offset: int, length: int) -> bytes:
        """A piece of a file."""
        with open(self.path(digest), "rb") as handle:
            handle.seek(offset)
            return handle.read(min(length, 8 * CHUNK))

    def unused(self, before: float) -> List[str]:
        """The files that nobody has asked for or given a name since `before`."""
        found = []
        for folder, _, names in os.walk(self._base):
            paths = (os.path.join(folder, name) for name in names if not name.endswith(".seen"))
            found += [path for path in paths if _last_use(path) < before]
        return found

    def remove(self, paths: List[str]) -> int:
        """Remove those of the files that no job has; their bytes."""
        freed = 0
        for path in paths:
            found = os.lstat(path)
            if found.st_nlink == 1:
                os.unlink(path)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path + ".seen")
                freed += found.st_size
        return freed

    def _use(self, path: str) -> None:
        """Note that somebody asked for a file, which is kept on for that."""
        with contextlib.suppress(OSError):
            if time.time() - os.lstat(path + ".seen").st_mtime > _USE_SECONDS:
                os.utime(path + ".seen")

    def _seen(self, digest: str) -> _Stamp:
        try:
            with open(self.path(digest) + ".seen", "rb") as handle:
                stamp: _Stamp = json.loads(handle.read().decode())
                return stamp
        except (FileNotFoundError, ValueError):
            return []

    def _see(self, digest: str, stamp: _Stamp) -> None:
        path = self.path(digest) + ".seen"
        staging = beside(path)
        with open(staging, "wb") as handle:
            handle.write(json.dumps(stamp).encode())
        os.rename(staging, path)

    def _partial(self, digest: str, sender: str) -> str:
        return os.path.join(self._base, "partial", f"{checked(DIGEST, digest)}.{checked(SENDER, sender)}")


def hash_file(path: bytes) -> Tuple[str, str, int]:
    """The sha256 and sha1 of a regular file that nobody changes meanwhile, and its size.

    To give the file another name, as jobs of other processes may just then, sets its change time as well: then it is read again.
    """
    last = None
    for _ in range(_LOOKS):
        found, before, after = _hash_once(path)
        if before == after or (found == last and before[:4] == after[:4]):
            return found
        if before[:4] != after[:4]:
            break
        last = found
    raise Refused(f"{path!r} changes while it is read")


def _hash_once(path: bytes) -> Tuple[Tuple[str, str, int], _Stamp, _Stamp]:
    """The digests and the size of a file, and its status before and after."""
    sha256, sha1 = hashlib.sha256(), hashlib.sha1()  # noqa: S324 - CWL names contents by sha1
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as handle:
        before = os.fstat(handle.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise Refused(f"{path!r} is not a regular file")
        for piece in iter(lambda: handle.read(CHUNK), b""):
            sha256.update(piece)
            sha1.update(piece)
        after = os.fstat(handle.fileno())
    return (sha256.hexdigest(), sha1.hexdigest(), before.st_size), _stamp(before), _stamp(after)


def listing(base: bytes, patterns: List[str]) -> List[bytes]:
    """The regular files below `base` whose first part matches a pattern, sorted; links and devices are left out."""
    import fnmatch

    found = []
    for top in sorted(os.listdir(base)):
        if not any(fnmatch.fnmatchcase(top.decode("utf-8", "surrogateescape"), pattern) for pattern in patterns):
            continue
        path = os.path.join(base, top)
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode):
            found.append(top)
        elif stat.S_ISDIR(mode):
            for folder, _, names in os.walk(path):
                paths = (os.path.join(folder, name) for name in names)
                found += [os.path.relpath(one, base) for one in paths if stat.S_ISREG(os.lstat(one).st_mode)]
    return sorted(found)


def _last_use(path: str) -> float:
    """When a file was written, given a name, or asked for; now, where it is just going away."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return time.time()
    last = max(found.st_mtime, found.st_ctime)
    with contextlib.suppress(FileNotFoundError):
        last = max(last, os.lstat(path + ".seen").st_mtime)
    return last


def _link(source: bytes, target: bytes) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        pass
    except OSError:  # another file system, or one without hard links
        staging = os.fsencode(beside(os.fsdecode(target)))
        shutil.copyfile(source, staging, follow_symlinks=False)
        os.chmod(staging, 0o444)
        os.rename(staging, target)


def _stamp(found: os.stat_result) -> _Stamp:
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]
