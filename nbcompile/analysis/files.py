"""Files that cells name: literal names, names put together from literals, and those that cannot be made out.

A name that cannot be made out stands for the whole working directory, `./`.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable, Sequence

from nbcompile.analysis import channels, paths
from nbcompile.analysis.bindings import Frame
from nbcompile.analysis.known import HERE, Action
from nbcompile.analysis.values import Value, single
from nbcompile.analysis.visit import Call

UNRESOLVED = HERE
_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_GLOB = re.compile(r"[*?\[]")
# Words that are separated by slashes, as names of files in directories are.
_WITH_SLASHES = re.compile(r"[\w .-]+(/[\w .-]+)+")
# A directory that was made here, if it was: none above, no option, nothing that is put together.
_BELOW = re.compile(r"(?!\.\.|/|~|-)[^{}$]+")
_NO_FILE = ":memory:"
_FILE = "file"
# The actions of a row after which a file may be open.
OPENING = ("opens", "appends", "saves")
# Texts that name a file of data, whatever they are given to; a column or a module may have a dot as well.
NAMES_FILE = re.compile(
    r"""(?:[^\n\r<>|*?]{1,200}|[^\s<>|]{1,200})\.(?:parquet|feather|arrow|orc|avro|csv|tsv|txt|dat|jsonl?|ndjson|ya?ml|toml|xml|html?|md|xlsx?|h5|hdf5?|nc4?|zarr|np[yz]|
    mat|pkl|pickle|joblib|pth?|ckpt|safetensors|onnx|keras|png|jpe?g|gif|tiff?|bmp|svg|pdf|eps|mp4|avi|mov|wav|mp3|flac|fits?|fast[aq]|f[aq]|
    vcf|bcf|bam|sam|bed|gff3?|gtf|pdb|xyz|cif|mol2?|sdf|geojson|shp|gpkg|las|laz|stl|ply|vt[kpu]|gz|bz2|xz|zst|zip|tar|tgz|db|sqlite3?|duckdb|
    log|graphml|gexf|gml|dot)""",
    re.VERBOSE | re.IGNORECASE,
)
# Formats that keep what belongs together in several files beside each other: the endings of the others, which need not be there.
_BESIDE = {
    ".shp": (".shx", ".dbf", ".prj", ".cpg"),
    ".hdr": (".img",),
    ".img": (".hdr",),
    ".mhd": (".raw", ".zraw"),
    ".bam": (".bai", ".bam.bai"),
    ".vcf.gz": (".vcf.gz.tbi",),
    ".fa": (".fa.fai",),
    ".fasta": (".fasta.fai",),
}
_IN_MEMORY = ("io.StringIO", "io.BytesIO", "file")


def is_url(text: str) -> bool:
    """Whether a name means something on the network."""
    return _URL.match(text) is not None and not text.startswith("file:")


def load(call: Call, action: Action) -> None:
    """A row's `loads`: a file is read."""
    _each(call, action, "read")


def save(call: Call, action: Action) -> None:
    """A row's `saves`: a file is written, under the name that the library completes where the row says so.

    With `mode="a"`, or one that nobody knows, what was there before may stay.
    """
    mode = call.arguments.keywords.get("mode")
    _each(call, action, "write" if mode is None or kind_of(mode) == "write" else "append")


def list_(call: Call, action: Action) -> None:
    """A row's `lists`: a directory is read."""
    _each(call, action, "read", directory=True)


def fill(call: Call, action: Action) -> None:
    """A row's `fills`: a directory is made, filled or removed."""
    _each(call, action, "append", directory=True)


def append(call: Call, action: Action) -> None:
    """A row's `appends`: a file is read and written."""
    _each(call, action, "append")


def _each(call: Call, action: Action, mode: str, *, directory: bool = False) -> None:
    for target in action.targets:
        if target.keyword == UNRESOLVED:
            call.frame.walk.effect(call.frame, channels.FILES, mode, UNRESOLVED, call.node)
        for value in call.meant(target):
            if directory and type(value.const) is str and not is_url(value.const):
                call.frame.walk.effect(call.frame, channels.FILES, mode, path_of(value.const.rstrip("/") + "/"), call.node)
            else:
                note(call.frame, call.node, _completed(value, action.word), mode)


def _completed(value: Value, extension: str) -> Value:
    """A name with the extension that a library puts to it unless it has it."""
    name = value.const
    return Value(value.type, const=name + extension) if type(name) is str and not name.endswith(extension) else value


def open_(call: Call, action: Action) -> None:
    """A row's `opens NAME MODE`: what is done depends on the mode."""
    name, mode = action.targets
    for value in call.meant(name):
        note(call.frame, call.node, value, kind_of(call.given(mode)))


def name(call: Call, action: Action) -> None:
    """A row's `names`: the argument is a text, or the name of a file that has it."""
    for target in action.targets:
        for value in call.meant(target):
            if is_name(call.frame, value):
                note(call.frame, call.node, value, "read")


def link(call: Call, action: Action) -> None:
    """A row's `links`: a file gets another name, under which whoever touches files from now on may mean it.

    Where a link to a directory leads, every step is told.
    """
    named = [value for target in action.targets for value in call.meant(target)]
    if any(type(value.const) is str and posixpath.splitext(value.const)[1] for value in named):
        others = [call.owner, *call.arguments.all()]
        call.frame.walk.linked |= {path_of(value.const) for value in others if value is not None and type(value.const) is str}
        call.frame.walk.effect(call.frame, channels.LINKS, "draw", call.label, call.node)


def log(call: Call, actions: Sequence[Action]) -> None:
    """What sets the state of a library and is given a file, or what writes to one: the library writes to it from now on."""
    for channel in (action.word for action in actions if action.verb == "sets" and action.word.startswith(channels.LIBRARY)):
        heap = call.frame.walk.heap
        named = [value.const for action in actions if action.verb in OPENING for target in action.targets for value in call.meant(target)]
        named_files = [path_of(name) for name in named if type(name) is str]
        if heap.writers:
            named_files += [heap.writers[number] for value in call.arguments.all() for number in value.objects if number in heap.writers]
        if named_files:
            call.frame.walk.logged.setdefault(channel, {}).update(dict.fromkeys(named_files))


def is_name(frame: Frame, value: Value) -> bool:
    """Whether a value is likely the name of a file: by its extension, or because the notebook writes such a file."""
    if type(value.const) is not str or value.type not in ("", "str", "pathlib.Path") or is_url(value.const):
        return False
    path, written = path_of(value.const), frame.walk.written
    return NAMES_FILE.fullmatch(value.const) is not None or path in written or _is_below(path, written) or _is_directory(path, written)


def _is_directory(path: str, written: Iterable[str]) -> bool:
    """Whether cells have written into a directory of this name."""
    return any(one.startswith(path.rstrip("/") + "/") and one != UNRESOLVED for one in written)


def _is_below(path: str, written: Iterable[str]) -> bool:
    """Whether it reads like a name in a directory, and cells have made such a directory, or who knows what."""
    return _WITH_SLASHES.fullmatch(path) is not None and any(
        one == UNRESOLVED or (one.endswith("/") and path.startswith(one)) for one in written
    )


def stays_open(call: Call, action: Action, made: Value) -> None:
    """What a row's `opens` gives may write to the file as long as there is something to write it with.

    So may what a call gives that writes a file, if it belongs to its process: a connection, a log.
    """
    if action.verb == "opens":
        name, mode = action.targets
        for value in call.meant(name):
            keep_open(call.frame, made, value, kind_of(call.given(mode)))
    elif "stuck" in call.frame.walk.known.flags(made.type):
        for value in (value for target in action.targets if target.keyword != UNRESOLVED for value in call.meant(target)):
            keep_open(call.frame, made, value, "append")


def read_later(call: Call, made: Value, names: Iterable[Value]) -> None:
    """What a call gives that was given names of files may read them only when it is used."""
    known = [name.const for name in names if type(name.const) is str and not is_url(name.const)]
    read = tuple(path for name in known for path in _together(path_of(name)))
    if read and made.objects:
        readers = call.frame.walk.heap.readers
        readers.update((number, tuple(dict.fromkeys((*readers.get(number, ()), *read)))) for number in made.objects)


def keep_open(frame: Frame, made: Value, name: Value, kind: str) -> None:
    """Whoever changes the object that was made writes to the file of this name; who writes to the file changes what is read from it."""
    heap = frame.walk.heap
    if kind != "read" and made.type == _FILE:
        heap.buffered |= made.objects
    if type(name.const) is str and name.const != _NO_FILE and not is_url(name.const):
        (heap.held_open if kind == "read" else heap.writers).update(dict.fromkeys(made.objects, path_of(name.const)))


def closed(frame: Frame, value: Value) -> None:
    """Nothing is read any more from the file that these objects had open, nor kept back of what they wrote to it."""
    heap = frame.walk.heap
    heap.buffered -= value.objects
    for number in value.objects if heap.held_open else ():
        heap.held_open.pop(number, None)


def close(call: Call, action: Action) -> None:
    """A row's `closes`: the file has all that was written to it."""
    for value in (value for target in action.targets for value in call.meant(target)):
        call.frame.change(value, call.node, "it is closed")
        closed(call.frame, value)


def kind_of(mode: Value | None) -> str:
    """What is done to a file that is opened in a mode."""
    word = "r" if mode is None else mode.const if type(mode.const) is str else "r+"
    return "append" if "a" in word or "+" in word else "write" if "w" in word or "x" in word else "read"


def note(frame: Frame, node: ast.AST, value: Value, mode: str) -> None:
    """A value names a file that is read, written or appended to."""
    if value.type in _IN_MEMORY or value.type == "NoneType" or "stuck" in frame.walk.known.flags(value.type):
        frame.change(value, node, "it is read from or written to")
        return
    if value.items is not None:
        for item in value.items:
            note(frame, node, item, mode)
        return
    if value.const == _NO_FILE:
        return
    if type(value.const) is not str:
        if value.type == "list":
            return
        frame.walk.effect(frame, channels.FILES, mode, UNRESOLVED, node)
    elif is_url(value.const):
        frame.walk.effect(frame, "network", "write" if mode != "read" else "read", value.const, node)
    else:
        _note_path(frame, node, path_of(value.const), mode)


def _note_path(frame: Frame, node: ast.AST, path: str, mode: str) -> None:
    if path in frame.walk.linked or (path.endswith("/") and frame.walk.linked):
        frame.walk.effect(frame, channels.LINKS, "draw", path, node)
    for one in _together(path):
        frame.walk.effect(frame, channels.FILES, mode, one, node)
    _look_at_open_files(frame, path, node)
    if mode != "read":
        _show_in_open_files(frame, path, node)


def _together(path: str) -> list[str]:
    """A file, and those that are read and written with it."""
    return [path, *(path.removesuffix(ending) + other for ending, others in _BESIDE.items() if path.endswith(ending) for other in others)]


def _look_at_open_files(frame: Frame, path: str, node: ast.AST) -> None:
    """Of what was written to a file that is open nobody sees more than its buffer has given away."""
    heap = frame.walk.heap
    for number in [number for number in sorted(heap.buffered) if heap.writers.get(number, path) == path]:
        if not frame.walk.names_reaching(heap.above((number,))):
            continue  # Nothing led to it after its cell, so it was closed.
        frame.change(Value(_FILE, single(number)), node, "the file is looked at while it is open")


def _show_in_open_files(frame: Frame, path: str, node: ast.AST) -> None:
    """What is written to a file can be seen by whoever has it open."""
    heap = frame.walk.heap
    for number in [number for number, held in heap.held_open.items() if held == path]:
        heap.tied[number] = "it has a file open that a cell writes to"
        frame.change(Value(heap.types[number], single(number)), node, "the file that it has open is written")


def enter(frame: Frame, path: str, node: ast.AST) -> None:
    """Whoever goes to a directory needs it."""
    path = paths.relative(path)
    if _BELOW.fullmatch(path):
        frame.walk.effect(frame, channels.FILES, "read", path_of(path + "/"), node)


def path_of(text: str) -> str:
    """A name as the graph has it: normalised; a pattern stands for its directory."""
    path = paths.relative(text.removeprefix("file://"))
    glob = _GLOB.search(path)
    if glob:
        return (path[: glob.start()].rpartition("/")[0] or ".") + "/"
    directory = path.endswith("/")
    path = posixpath.normpath(path) if path else "."
    return path + "/" if directory or path == "." else path
