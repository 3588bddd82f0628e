"""Versions of variables and channels -> payload files, and back."""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from .carried import CarriedFile
from .document import VersionName, parse_version
from .frame_reader import FrameInFile, Reader
from .frames import reach_of, write_frame, write_frame_of_many
from .payload_file import PayloadFile, PayloadWriter, Piece
from .placeholders import Placeholder, TravelFailure
from .prints import Mapped
from .problem import StepProblem
from .sharing import Reach, groups_that_share
from .texts import WITHOUT_PARTS
from .value_writer import Frame, Scope, type_name

SCHEMA_OF_PAYLOAD = "nbcompile/payload/1"


class _Unbound:
    """Stands for a name that a cell left unbound."""


UNBOUND = _Unbound()


class SavedVersion(NamedTuple):
    """One version in a payload that was written: what OUTPUTS.json says of it, and what it reaches."""

    version: VersionName
    report: Dict[str, Any]
    reach: Optional[Reach]


class SavedPayload(NamedTuple):
    """A payload that was written."""

    payload: str
    length: int
    versions: Tuple[SavedVersion, ...]
    failures: Tuple[TravelFailure, ...]


def save_payload(
    path: str,
    payload: str,
    values: Sequence[Tuple[VersionName, Any]],
    scope: Scope,
    watch_sharing: bool,
    *,
    shard: str = "",
    carried: Sequence[CarriedFile] = (),
    modules_of: Callable[[Iterable[str]], Iterable[CarriedFile]] = lambda names: (),
) -> SavedPayload:
    """Write versions to a file. Those that share an object or memory are pickled with one memo; the others can be read apart.

    `watch_sharing` says that other payloads leave the step, too, so that what each version reaches has to be known. `shard`
    says which part of the versions this is, `carried` are the files that go with them; `modules_of` gives those of modules, some
    of which it is told by their names, that readers may not have.
    """
    bound = [(version, value) for version, value in values if value is not UNBOUND]
    keep = watch_sharing or len(bound) > 1
    frames = [write_frame(str(version), value, scope) for version, value in bound]
    reaches = [reach_of(str(version), value, scope) if keep else None for version, value in bound]
    writer = PayloadWriter(path)
    try:
        groups: List[Dict[str, Any]] = []
        # Some other immutable value may be told from a copy, as well.
        own = [(*frame.nans, *(() if type(value) in WITHOUT_PARTS else (value,))) for frame, (_, value) in zip(frames, bound)]
        for numbers in groups_that_share(reaches, own):
            frame = frames[numbers[0]]
            if len(numbers) > 1:
                names = [str(bound[number][0]) for number in numbers]
                frame = write_frame_of_many(names, tuple(bound[number][1] for number in numbers), scope)
            groups.append(_write_group([str(bound[number][0]) for number in numbers], frame, writer))
        files = [[file.path, writer.write(file.content())] for file in carried]
        named = dict.fromkeys(name for frame in frames for name in frame.modules)
        modules = [[file.path, writer.write(file.content()), file.root] for file in modules_of(named)]
        more = {"shard": shard, "files": files, "modules": modules}
        head = {"payload": payload, **{key: value for key, value in more.items() if value}}
        saved = _finish(writer, head, values, groups)
    except BaseException:
        writer.abandon()
        raise
    found = {version: reach for (version, _), reach in zip(bound, reaches)}
    failures = tuple(dict.fromkeys(failure for frame in frames for failure in frame.failures))
    versions = tuple(SavedVersion(version, report, found.get(version)) for version, report in saved[1])
    return SavedPayload(payload, saved[0], versions, failures)


def _write_group(versions: List[str], frame: Frame, writer: PayloadWriter) -> Dict[str, Any]:
    regions, places = frame.extents.regions()
    number = writer.write(frame.content)
    written = [writer.write(region.content, region.address % 64) for region in regions]
    owned = frame.extents.owned(places)
    return {
        **({"owned": owned} if owned else {}),
        "versions": versions,
        "frame": number,
        "pickles": frame.pickles,
        "regions": written,
        "extents": places,
        "buffers": list(frame.buffers),
        "definitions": list(frame.definitions),
        "modules": list(frame.modules),
        "placeholders": [failure._asdict() for failure in frame.failures],
    }


def _finish(
    writer: PayloadWriter, head: Dict[str, Any], values: Sequence[Tuple[VersionName, Any]], groups: List[Dict[str, Any]]
) -> Tuple[int, List[Tuple[VersionName, Dict[str, Any]]]]:
    pieces = writer.pieces()
    group_of = {version: group for group in groups for version in group["versions"]}
    reports: List[Tuple[VersionName, Dict[str, Any]]] = []
    for version, value in values:
        report: Dict[str, Any] = {"version": str(version)}
        if value is UNBOUND:
            report.update(type="", unbound=True, bytes=0, sha256=_combined([], str(version)))
        else:
            group = group_of[str(version)]
            parts = [pieces[number] for number in (group["frame"], *group["regions"])]
            report.update(type=type_name(type(value)), bytes=sum(piece.length for piece in parts), sha256=_combined(parts, str(version)))
            if group["definitions"]:
                report["definitions"] = group["definitions"]
        reports.append((version, report))
    index = {
        "schema": SCHEMA_OF_PAYLOAD,
        **head,
        "python": ".".join(map(str, sys.version_info[:2])),
        "pieces": pieces,
        "groups": groups,
        "versions": [report for _, report in reports],
    }
    return writer.close(index), reports


def _combined(pieces: Iterable[Piece], name: str) -> str:
    """The digest of a version: of its name and of the stretches it is made of."""
    import hashlib

    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass"))
    for piece in pieces:
        digest.update(bytes.fromhex(piece.sha256))
    return digest.hexdigest()


class Payloads:
    """The payloads a step was given. Each group of versions is read when the first of them is needed."""

    def __init__(self, paths: Iterable[str], mapped: bool = True) -> None:
        """Open them; what is not `mapped` is read as a whole, and keeps no file open."""
        self._mapped = mapped
        self._places: Dict[VersionName, Tuple[PayloadFile, Dict[str, Any]]] = {}
        self._unbound: Dict[VersionName, None] = {}
        self._unchecked: List[Tuple[PayloadFile, List[Piece]]] = []
        self._wholes: Optional[Set[VersionName]] = None
        self._open(paths)

    def open_shards(self, paths: Iterable[str]) -> None:
        """Read from these as well, and no more from those of the last call."""
        wholes = self.versions_of_wholes()
        self._wholes = wholes
        self._places = {version: place for version, place in self._places.items() if version in wholes}
        self._unbound = {version: None for version in self._unbound if version in wholes}
        self._open(paths)

    def versions_of_wholes(self) -> Set[VersionName]:
        """The versions that were there before any shard."""
        return {*self._places, *self._unbound} if self._wholes is None else self._wholes

    def _open(self, paths: Iterable[str]) -> None:
        for path in paths:
            file = PayloadFile(path, self._mapped)
            for group in file.index["groups"]:
                for text in group["versions"]:
                    self._places[parse_version(text)] = file, group
            for report in file.index["versions"]:
                if report.get("unbound"):
                    self._unbound[parse_version(report["version"])] = None

    def has(self, version: VersionName) -> bool:
        """Whether a payload says what this version is."""
        return version in self._places or version in self._unbound

    def mapped(self) -> List[Mapped]:
        """The files whose memory arrays may lie in."""
        return [Mapped(path, file.memory) for path, file in {file.path: file for file, _ in self._places.values()}.items()]

    def mentions(self, versions: Iterable[VersionName]) -> List[str]:
        """The definition statements that reading these versions needs."""
        groups = [self._places[version][1] for version in versions if version in self._places]
        return list(dict.fromkeys(statement for group in groups for statement in group["definitions"]))

    def read(self, version: VersionName, scope: Scope) -> Dict[VersionName, Any]:
        """This version, and those that share something with it."""
        if version in self._unbound:
            return {version: UNBOUND}
        file, group = self._places[version]
        names = [parse_version(text) for text in group["versions"]]
        pieces = [Piece(*piece) for piece in file.index["pieces"]]
        content = file.frame(pieces[group["frame"]])
        self._unchecked.append((file, [pieces[number] for number in group["regions"]]))
        places = [(pieces[group["regions"][region]].offset + offset, length) for region, offset, length in group["extents"]]
        frame = FrameInFile(file.path, content, file.memory, places, group["buffers"], group.get("owned", ()))
        try:
            value = _read_frame(frame, group["pickles"], scope, max(name.cell for name in names))
        except StepProblem:
            raise
        except ImportError as error:
            advice = "install it in the environment of this step"
            raise StepProblem("NB590", f"`{version}` needs a module that is missing here: {error}", advice) from error
        except Exception as error:  # noqa: BLE001 (whatever rebuilding an object raises, its use fails, and nothing else)
            return {name: _unreadable(name, error) for name in names}
        return dict(zip(names, value if len(names) > 1 else (value,)))

    def carried(self, version: VersionName) -> Iterator[Tuple[str, Any]]:
        """The files that come with the payload of a version, and what is in them."""
        if version in self._places:
            file = self._places[version][0]
            for path, number in file.index.get("files", ()):
                yield path, file.frame(Piece(*file.index["pieces"][number]))

    def failures(self, version: VersionName) -> List[TravelFailure]:
        """What of a version could not travel."""
        group = self._places[version][1] if version in self._places else {}
        return [TravelFailure(**one) for one in group.get("placeholders", ())]

    def modules(self, version: VersionName) -> Iterator[Tuple[str, Any, str]]:
        """The files of modules that come with it, what is in them, and the directory in which an import looks for them."""
        if version in self._places:
            file = self._places[version][0]
            for path, number, root in file.index.get("modules", ()):
                yield path, file.frame(Piece(*file.index["pieces"][number])), root

    def check_rest(self) -> None:
        """Compare the digests of the memory that was mapped, which took too long to be done before it was used."""
        unchecked, self._unchecked = self._unchecked, []
        for file, pieces in unchecked:
            file.check(pieces)


def _read_frame(frame: FrameInFile, pickles: int, scope: Scope, cell: int) -> Any:
    try:
        return Reader(frame, scope, cell).read(pickles)
    except Exception as error:
        if not _misses_name(error):
            raise
    # Functions that an object calls while it is read look names up that nobody could foresee.
    scope.definitions.replay_all(cell)
    return Reader(frame, scope, cell).read(pickles)


def _misses_name(error: Optional[BaseException]) -> bool:
    """Whether a name that was not found is behind an error."""
    return error is not None and (isinstance(error, NameError) or _misses_name(error.__cause__ or error.__context__))


def _unreadable(version: VersionName, error: Exception) -> Placeholder:
    return Placeholder(TravelFailure(str(version), "object", "an object", f"reading it fails: {type(error).__name__}: {error}"))
