"""The files that cells see: staged into a directory of the step's own before a cell, noted and collected after it.

What a step's cells wrote is kept by the cell that wrote it last, `STEP.files/CELL/PATH`, with an index that also says what was removed.
So whoever is given files of several steps can tell which version of a path a cell needs, and which one is the last.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from .carried import is_directory
from .closing import close_all_below
from .document import GIVEN, VersionName
from .linked import link_file
from .own import json_dump, json_load
from .own_paths import LEVELS_ABOVE
from .problem import StepProblem

INDEX = "files.json"
SCHEMA_OF_FILES = "nbcompile/files/1"
# Files up to this size are copied for the cells, who may then do with them what they like; larger ones are linked until they do.
_COPIED_BYTES = 4 << 20
# What a cell changes of which nobody knows what it is.
EVERYTHING = "./"
# Directories that Python and Jupyter make for themselves.
UNSEEN = ("__pycache__", ".nbcompile", ".ipynb_checkpoints")
_FICLONE = 0x40049409
_UP, _ABOVE = "../", "above/"
CELLS = _ABOVE * LEVELS_ABOVE + "cells"
# In a step's own directory, beside that of its cells.
OPENED_FIRST: Tuple[str, ...] = ("journal", "stdout", "stderr")
_LITTLE_BYTES = 1 << 16
_CHUNK = 1 << 20


class Written(NamedTuple):
    """A path that a cell wrote or removed; that of a directory ends with a slash. `place` is where its content lies.

    `mode` are the permissions that the cell left, which places that keep contents need not keep. `link` says where a link to a
    directory leads.
    """

    cell: int
    path: str
    place: str
    removed: bool
    mode: Optional[int] = None
    link: Optional[str] = None


class _Stamp(NamedTuple):
    """What tells a file from what was there before under its name."""

    size: int
    changed_ns: int
    inode: int
    mode: int


def cells_directory(name: str = "") -> str:
    """Where cells run, below a step's own directory: in one that is called like the notebook's, where they ask for that."""
    return f"{_ABOVE * LEVELS_ABOVE}{name}" if name else CELLS


def make_fresh(work: str) -> None:
    """Make a step's directories for it, and the files that it opens first; some file systems take most of a millisecond for each."""
    os.makedirs(os.path.join(work, CELLS))
    for name in OPENED_FIRST:
        os.close(os.open(os.path.join(work, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def is_fresh(work: str, most_bytes: int = 0) -> bool:
    """Whether somebody has made a step's directories for it, and nothing was ever in them; `most_bytes` may be in each of its files."""
    files = OPENED_FIRST
    for inner in (*CELLS.split("/"), ""):
        if os.path.islink(work) or not os.path.isdir(work):
            return False
        there = set(os.listdir(work))
        if not all(_is_small_file(os.path.join(work, name), most_bytes) for name in there.intersection(files)):
            return False
        if there.difference(files) != ({inner} if inner else set()):
            return False
        work, files = os.path.join(work, inner), ()
    return True


def _is_small_file(path: str, most_bytes: int) -> bool:
    status = os.lstat(path)
    return stat.S_ISREG(status.st_mode) and status.st_size <= most_bytes and status.st_nlink == 1


def remove_much(work: str) -> None:
    """Remove a step's directory, if there is much in it. What is left of many steps is removed sooner together.

    A file system that has just removed files may take ten times as long to make the next (ext4 does not give their numbers again at once).
    """
    try:
        little = is_fresh(work, _LITTLE_BYTES)
    except OSError:
        # A cell has closed its directory, or what it started removes something just now.
        little = False
    if not little:
        shutil.rmtree(work, ignore_errors=True)


class StepFiles:
    """The cells' directory: what lies in it, and which cell it comes from."""

    def __init__(
        self,
        work: str,
        given: Iterable[Tuple[str, str]],
        directories: Iterable[str],
        folders: Iterable[str] = (),
        name: str = "",
        changes: Iterable[str] = (),
        sees_links: bool = False,
    ) -> None:
        """Stage what is `given`; `folders` are directories to write to, of which nothing is given, `name` is what cells' own is called.

        Of what cells are known to change they get copies, and of everything where they see links.
        """
        self._sees_links = sees_links
        # What a cell finds as `../data` is staged above the cells' directory.
        self._top = os.path.join(os.path.realpath(work), "above")
        self.directory = os.path.join(os.path.realpath(work), cells_directory(name))
        # Whoever made directories ahead did not know the name.
        self._prepared = os.path.join(os.path.realpath(work), CELLS)
        self._given, self._folders, self._changes = tuple(given), tuple(folders), tuple(changes)
        self._sent: Dict[int, List[Written]] = {}
        for one in directories:
            for written in read_written(one):
                self._sent.setdefault(written.cell, []).append(written)
        self._makers: Dict[str, int] = {}
        self._own: Dict[str, bool] = {}
        # Directories that cells have closed to their owner, with their permissions: open while we look and write, closed for cells.
        self._closed: Dict[str, int] = {}
        self._begin()

    def restart(self) -> None:
        """Make the directory what it was before any cell ran in it."""
        shutil.rmtree(self._top)
        self._makers.clear()
        self._own.clear()
        self._closed.clear()
        self._begin()

    def _begin(self) -> None:
        if self.directory != self._prepared and os.path.isdir(self._prepared):
            os.rename(self._prepared, self.directory)
        os.makedirs(self.directory, exist_ok=True)
        # Directories that came with values: what is not in them is nowhere.
        self.whole: Set[str] = set()
        # What is given as a part of something is given after it, and instead of what that has there.
        for path, place in sorted(((os.path.normpath(name), place) for name, place in self._given), key=_depth):
            if os.path.isabs(path) or path.split(os.sep).count(os.pardir) > LEVELS_ABOVE:
                raise StepProblem("NB592", f"`{path}` lies too far from the notebook to be given to a step", "move it nearer")
            if path.rpartition(os.sep)[2] not in (os.curdir, os.pardir):
                shutil.rmtree(os.path.join(self.directory, path), ignore_errors=True)
            self._put(path, place)
        for folder in self._folders:
            os.makedirs(os.path.join(self.directory, folder), exist_ok=True)
        self._seen = self._look()

    def stage(self, versions: Iterable[VersionName]) -> None:
        """Put the versions of files that a cell needs where it will look for them."""
        staged: List[Written] = []
        for version in sorted(versions, key=lambda version: version.cell):
            for written in self._sent.get(version.cell, ()):
                if covers(version.subject, written.path) and self._makers.get(written.path, GIVEN) < written.cell:
                    self._makers[written.path] = written.cell
                    self._own.pop(written.path, None)
                    self._replace(written)
                    staged.append(written)
        if staged:
            self._permit(staged)
            self._seen = self._look()

    def _permit(self, staged: Iterable[Written]) -> None:
        """Give what was staged the permissions that its cell left."""
        for written in staged:
            target = os.path.join(self.directory, written.path)
            # A later cell may have removed it.
            if written.mode is None or os.path.islink(target) or not os.path.exists(target):
                continue
            os.chmod(target, written.mode)
            self._closed.pop(written.path, None)
            if written.path.endswith("/"):
                self._open(written.path)

    def close(self) -> None:
        """Let the cell that comes find directories as closed as earlier cells have left them."""
        for path in sorted(self._closed, reverse=True):
            target = os.path.join(self.directory, path)
            if os.path.isdir(target):
                os.chmod(target, self._closed[path])
        self._closed.clear()

    def _open(self, path: str) -> int:
        """Open a directory to ourselves. Returns the permissions that it has for cells."""
        target = os.path.join(self.directory, path)
        mode = stat.S_IMODE(os.stat(target).st_mode)
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            with contextlib.suppress(PermissionError):  # somebody else's
                os.chmod(target, mode | stat.S_IRWXU)
                self._closed[path] = mode
        return self._closed.get(path, mode)

    def bring(self, path: str, content: Any) -> None:
        """Put a file that came with a value where the cells will look for it."""
        target = os.path.join(self.directory, path)
        if not os.path.realpath(target).startswith(self.directory + os.sep):
            raise StepProblem("NB592", f"`{path}` leads out of the step's directory", "run the step that makes it again")
        if is_directory(path):
            os.makedirs(target, exist_ok=True)
            self.whole.add(path)
            return
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.isfile(target) and not _holds(target, content):
            advice = "let every shard write files of names of its own"
            raise StepProblem("NB584", f"two shards left different files as `{path}`", advice)
        with open(target, "wb") as file:
            file.write(content)

    def settle(self) -> None:
        """Take what lies in the directory as what was given."""
        self._seen = self._look()

    def note(self, cell: int) -> List[str]:
        """The paths that a cell has written or removed."""
        now = self._look()
        changed = self._changed(now)
        removed = [path for path in self._seen if path not in now]
        for path in (*changed, *removed):
            self._makers[path] = cell
            self._own[path] = path in now
        self._seen = now
        return sorted((*changed, *removed))

    def changed(self) -> List[str]:
        """The paths that the cell that runs has written so far."""
        return self._changed(self._look())

    def _changed(self, now: Dict[str, _Stamp]) -> List[str]:
        return [path for path, look in now.items() if self._seen.get(path) != look]

    def paths(self) -> Iterable[str]:
        """What lay there when it was last looked at."""
        return tuple(self._seen)

    def is_given(self, path: str) -> bool:
        """Whether it lies beside the notebook: other steps have it, too."""
        for name, place in self._given:
            inner = os.path.relpath(path, os.path.normpath(name))
            if inner.split(os.sep)[0] != os.pardir and os.path.exists(os.path.normpath(os.path.join(place, inner))):
                return True
        return False

    def has(self, path: str) -> bool:
        """Whether something lies there now."""
        return os.path.lexists(os.path.join(self.directory, path))

    def finish(self, cell: int) -> None:
        """Close what cells have left open, as the end of a kernel does, so that nothing of what they wrote is kept back."""
        if close_all_below(self._top):
            now = self._look()
            for path in (*self._changed(now), *(path for path in self._seen if path not in now)):
                self._makers.setdefault(path, cell)
                self._own[path] = path in now
            self._seen = now

    def collect(self, target: str) -> Iterator[Dict[str, Any]]:
        """Move what the cells wrote to `target`; says of each path which cell wrote it, its size and its digest."""
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target)
        reports = [self._collect(path, target) for path in sorted(self._own)]
        write_index(target, reports)
        return iter(reports)

    def _collect(self, path: str, target: str) -> Dict[str, Any]:
        cell = self._makers[path]
        report: Dict[str, Any] = {"cell": cell, "path": path}
        if not self._own[path]:
            return {**report, "removed": True}
        source, place = os.path.join(self.directory, path), os.path.join(target, str(cell), below(path))
        if is_link_to_directory(source):
            return {**report, "link": os.readlink(source)}
        report["mode"] = self._closed.get(path, stat.S_IMODE(os.stat(source).st_mode))
        if path.endswith("/"):
            os.makedirs(place, exist_ok=True)
            return report
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if not report["mode"] & stat.S_IRUSR:
            os.chmod(source, report["mode"] | stat.S_IRUSR)
        if os.path.islink(source):
            shutil.copy2(source, place)
        else:
            os.replace(source, place)
        return {**report, "bytes": os.lstat(place).st_size, "sha256": _digest(place)}

    def _replace(self, written: Written) -> None:
        target = os.path.join(self.directory, written.path)
        if written.path.endswith("/"):
            shutil.rmtree(target, ignore_errors=True) if written.removed else os.makedirs(target, exist_ok=True)
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(target)
        if written.link is not None:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.symlink(written.link, target)
        elif not written.removed:
            self._put(written.path, written.place)

    def _put(self, name: str, place: str) -> None:
        """Stage a file, or everything in a directory."""
        target = os.path.join(self.directory, name)
        if not os.path.exists(place):
            raise StepProblem("NB592", f"`{name}` was to be given and is not at {place}", "see that it lies beside the notebook")
        if not os.path.isdir(place):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if os.path.lexists(target):
                os.unlink(target)
            _bring_file(place, target, copied=self._sees_links or any(covers(one, name) for one in self._changes))
            return
        os.makedirs(target, exist_ok=True)
        for entry in sorted(os.scandir(place), key=lambda entry: entry.name):
            # Opening a pipe would wait for somebody; a link may lead nowhere.
            if entry.name not in UNSEEN and (entry.is_dir() or entry.is_file()):
                self._put(os.path.join(name, entry.name), entry.path)

    def _look(self) -> Dict[str, _Stamp]:
        found, folder, up = dict(self._stamps("")), self.directory, ""
        for _ in range(LEVELS_ABOVE):
            folder, inner, up = os.path.dirname(folder), os.path.basename(folder), up + _UP
            found.update(self._stamps(up, leave_out=inner))
        return found

    def _stamps(self, prefix: str, leave_out: str = "") -> Iterator[Tuple[str, _Stamp]]:
        for entry in sorted(os.scandir(os.path.join(self.directory, prefix)), key=lambda entry: entry.name):
            if entry.name in UNSEEN or entry.name == leave_out:
                continue
            path = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield path + "/", _Stamp(0, 0, 0, self._open(path + "/"))
                yield from self._stamps(path + "/")
            elif is_link_to_directory(entry.path):
                status = entry.stat(follow_symlinks=False)
                yield path, _Stamp(0, status.st_mtime_ns, status.st_ino, status.st_mode)
            elif entry.is_file():
                # What is written through a link changes what the link leads to.
                status = entry.stat()
                yield path, _Stamp(status.st_size, status.st_mtime_ns, status.st_ino, status.st_mode)


def is_link_to_directory(path: str) -> bool:
    """What lies in such a directory is the directory's."""
    return os.path.islink(path) and os.path.isdir(path)


def _depth(given: Tuple[str, str]) -> int:
    """How far a path leads into directories; the working directory, and those above it, come first."""
    return sum(part not in (os.curdir, os.pardir) for part in given[0].split(os.sep))


def below(path: str) -> str:
    """Where what a cell knows by this path is kept below another directory: that from above the cells' own in `above/`."""
    inner = path
    while inner.startswith(_UP):
        inner = inner[len(_UP) :]
    return _ABOVE * ((len(path) - len(inner)) // len(_UP)) + inner


def covers(subject: str, path: str) -> bool:
    """Whether a path is the subject of a version, lies below it, or is one of the directories above it."""
    subject, path = subject.rstrip("/"), path.rstrip("/")
    return subject in (".", path) or path.startswith(subject + "/") or subject.startswith(path + "/")


def _holds(path: str, content: Any) -> bool:
    """Whether a file has just this content."""
    with open(path, "rb") as file:
        return os.path.getsize(path) == len(content) and all(
            file.read(_CHUNK) == content[start : start + _CHUNK] for start in range(0, len(content), _CHUNK)
        )


def _bring_file(place: str, target: str, *, copied: bool) -> None:
    """Give the cells a file of their own, or a link to one that is large and not to be copied."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(target)
    is_large = os.path.getsize(place) > _COPIED_BYTES
    if not is_large or not _cloned(place, target):
        if is_large and not copied:
            link_file(place, target)
            return
        shutil.copyfile(place, target)
    shutil.copystat(place, target)
    os.chmod(target, os.stat(target).st_mode | 0o200)


def _cloned(place: str, target: str) -> bool:
    """Copy a file by sharing its blocks, where the file system can do that."""
    try:
        with open(place, "rb") as source, open(target, "wb") as copy:
            fcntl.ioctl(copy.fileno(), _FICLONE, source.fileno())
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(target)
        return False
    return True


def read_written(directory: str) -> List[Written]:
    """What the index of files that a step wrote says; nothing where there is none."""
    return [_written(directory, one) for one in _read_index(directory)]


def _read_index(directory: str) -> List[Dict[str, Any]]:
    try:
        with open(os.path.join(directory, INDEX), encoding="utf-8") as file:
            found: List[Dict[str, Any]] = json_load(file)["files"]
            return found
    except FileNotFoundError:
        return []
    except (KeyError, TypeError, ValueError) as error:
        raise StepProblem("NB592", f"the index of files in {directory} is damaged: {error}", "run the step that makes it again") from error


def write_index(directory: str, reports: List[Dict[str, Any]]) -> None:
    """Write what was written or removed, and by which cell: all of it or nothing, as the process may be ended meanwhile."""
    part = os.path.join(directory, INDEX + ".part")
    with open(part, "w", encoding="utf-8") as file:
        json_dump({"schema": SCHEMA_OF_FILES, "files": reports}, file, ensure_ascii=True, indent=1)
    os.replace(part, os.path.join(directory, INDEX))


def join_written(directories: Iterable[str], target: str) -> List[Dict[str, Any]]:
    """Put together what the shards of a step wrote, in their order: of each path what the last of them made of it."""
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    reports: Dict[Tuple[int, str], Dict[str, Any]] = {}
    for directory in directories:
        for report in _read_index(directory):
            reports[report["cell"], report["path"]] = report
            written = _written(directory, report)
            place = os.path.join(target, str(written.cell), below(written.path))
            if written.path.endswith("/") and not written.removed:
                os.makedirs(place, exist_ok=True)
            elif not written.removed and written.link is None:
                os.makedirs(os.path.dirname(place), exist_ok=True)
                shutil.copy2(written.place, place)
    found = [reports[key] for key in sorted(reports)]
    write_index(target, found)
    return found


def _written(directory: str, entry: Dict[str, Any]) -> Written:
    cell, path = int(entry["cell"]), entry["path"]
    inside = below(path)
    too_far = path.startswith(_UP * (LEVELS_ABOVE + 1))
    if too_far or os.path.isabs(inside) or os.pardir in inside.split("/"):
        raise ValueError(f"{path} leads out of it")
    return Written(cell, path, os.path.join(directory, str(cell), inside), bool(entry.get("removed")), entry.get("mode"), entry.get("link"))


def last_written(directories: Iterable[str], last_cell: Optional[int]) -> List[Written]:
    """What is left of the files that several steps wrote: of each path what the last cell made of it."""
    last: Dict[str, Written] = {}
    for directory in directories:
        for written in read_written(directory):
            known: Optional[Written] = last.get(written.path)
            counts = last_cell is None or written.cell <= last_cell
            if counts and (known is None or known.cell <= written.cell):
                last[written.path] = written
    return [written for _, written in sorted(last.items()) if not written.removed]


def deliver(directories: Iterable[str], target: str, last_cell: Optional[int] = None) -> List[str]:
    """Copy what is left of the files that steps wrote to `target`, under their own names (`../x` as `above/x`); returns the names.

    With `last_cell`, what was left when that cell had ended.
    """
    found: List[str] = []
    for written in last_written(directories, last_cell):
        place = os.path.join(target, below(written.path))
        if written.path.endswith("/"):
            os.makedirs(place, exist_ok=True)
            continue
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if written.link is not None:
            _deliver_link(written.link, place, target)
            continue
        part = place + ".part"
        shutil.copy2(written.place, part)
        if written.mode is not None:
            os.chmod(part, written.mode)
        os.replace(part, place)
        found.append(below(written.path))
    return found


def _deliver_link(link: str, place: str, target: str) -> None:
    """Make a link among results, unless it leads out of them: what is written after it must not follow it there."""
    leads_to = os.path.normpath(os.path.join(os.path.dirname(place), link))
    if os.path.isabs(link) or not leads_to.startswith(os.path.join(target, "")) or (os.path.isdir(place) and not os.path.islink(place)):
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(place)
    os.symlink(link, place)


def _digest(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(_CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()
