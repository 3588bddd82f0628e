"""The step document `nbcompile/step/1` as values."""

from __future__ import annotations

import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from .own import json_loads
from .problem import StepProblem

SCHEMA = "nbcompile/step/1"
GIVEN = -1


class VersionName(NamedTuple):
    """`df@2`: what `df` is after cell 2. `file:` and `channel:` names are versions too; cell -1 is what the run is given."""

    name: str
    cell: int

    def __str__(self) -> str:
        return f"{self.name}@{self.cell}"

    @property
    def kind(self) -> str:
        """`file`, `channel` or `variable`."""
        return next((kind for kind in ("file", "channel") if self.name.startswith(kind + ":")), "variable")

    @property
    def subject(self) -> str:
        """The name without `file:` or `channel:`."""
        return self.name if self.kind == "variable" else self.name.split(":", 1)[1]


def parse_version(text: str) -> VersionName:
    """`df@2` as a value. A file's name may hold an `@`, so the last one counts."""
    name, at, cell = text.rpartition("@")
    if not at or not name:
        raise StepProblem("NB591", f"`{text}` is not a version", "compile the notebook again with this version of nbcompile")
    return VersionName(name, int(cell))


# What lies at an address: its state is set by whoever asks for one.
MEMORY = "channel:library:sys.memory"


class DefinitionEntry(NamedTuple):
    """A definition statement: `id` is its cell and its place among the cell's top-level statements."""

    id: str
    cell: int
    ordinal: int
    lines: Tuple[int, int]
    binds: Tuple[str, ...]
    uses: Tuple[str, ...]

    @property
    def order(self) -> Tuple[int, int]:
        """Notebook order."""
        return self.cell, self.ordinal


class PackEntry(NamedTuple):
    """Code that packs a value before it is sent. What comes of it is a path where it is a `file`."""

    code: str
    file: bool


class UnpackEntry(NamedTuple):
    """Code that makes a version of what was sent, one piece after the other."""

    version: VersionName
    codes: Tuple[str, ...]
    file: bool


class SaveEntry(NamedTuple):
    """A payload that is written after its cell. The files go with it whose paths are the values of the names it `carries`.

    What is `packed` is one version, and nothing of it but what the code makes is written.
    """

    payload: str
    versions: Tuple[VersionName, ...]
    carries: Tuple[str, ...] = ()
    packed: Optional[PackEntry] = None


class PortEntry(NamedTuple):
    """A port that a cell declares. `kind` is `name`, `file` or `env`; `value` counts before `source`, the variable it comes from."""

    name: str
    kind: str
    source: str
    value: Any


class ParameterEntry(NamedTuple):
    """A name that whoever runs the workflow may bind after the cell; the cell computes its value where it is `computed`."""

    name: str
    kind: str
    array: bool
    optional: bool
    computed: bool


class CutEntry(NamedTuple):
    """A version that is written in shards after its cell: `num` of them, or, where `num` is 0, of `size` items each.

    With `carries` the items are paths, and each shard brings the files of its own.
    """

    cut: str
    version: VersionName
    size: int
    num: int
    carries: bool = False


class StepCell(NamedTuple):
    """One cell of the step and what is bound before it, checked and saved after it.

    `watches` is what the cell should leave as it is because others depend on it; `changed_later` are names whose objects later
    cells change, and of names in one of `together` it is known what they share and what of it is changed, but for those in
    `renewed` only until something else is made of them; `outdated` are names that statements in `replays` bind and that are
    something else by now. `holds` are versions that earlier cells of the step were given or have saved, and cells after this one
    get. What the cell starts and goes on after it reaches the names in `live`. Where other steps run beside this one, the cell is
    `guarded`.
    """

    cell: int
    id: str
    number: Optional[int]
    text: str
    tags: Tuple[str, ...]
    needs: Tuple[VersionName, ...]
    replays: Tuple[str, ...]
    defines: Tuple[str, ...]
    changes: Tuple[str, ...]
    deletes: Tuple[str, ...]
    watches: Tuple[str, ...]
    changed_later: Tuple[str, ...]
    guarded: bool
    saves: Tuple[SaveEntry, ...]
    describes: Tuple[str, ...] = ()
    describes_unforeseen: bool = False
    keeps: Tuple[str, ...] = ()
    cuts: Tuple[CutEntry, ...] = ()
    inputs: Tuple[PortEntry, ...] = ()
    outputs: Tuple[PortEntry, ...] = ()
    parameters: Tuple[ParameterEntry, ...] = ()
    outdated: Tuple[str, ...] = ()
    holds: Tuple[VersionName, ...] = ()
    live: Tuple[str, ...] = ()
    together: Tuple[Tuple[str, ...], ...] = ()
    renewed: Tuple[str, ...] = ()

    @property
    def may_raise(self) -> bool:
        """An exception in this cell does not end the notebook."""
        return "raises-exception" in self.tags

    @property
    def changed_files(self) -> Tuple[str, ...]:
        """The paths that the cell may write or remove."""
        return tuple(name[len("file:") :] for name in self.changes if name.startswith("file:"))

    @property
    def skipped(self) -> bool:
        """The cell is not run at all."""
        return "skip-execution" in self.tags or not self.text.strip()


class ScatterEntry(NamedTuple):
    """How the shards of a step go together: for each axis the cuts that go in step, the last axis goes round fastest.

    `gathers` are the payloads that are needed as a whole; of names in `kept` any shard has the value, of those in `last` the
    last one, and so have those in `joined` under each key; those in `paths` stand for files, one or a list. Those in `alike`
    must be the same in all shards. `shows` says that the cell ends with an expression.
    """

    axes: Tuple[Tuple[str, ...], ...]
    kept: Tuple[str, ...]
    last: Tuple[str, ...]
    joined: Tuple[str, ...]
    paths: Tuple[str, ...]
    gathers: Tuple[str, ...]
    shows: bool
    alike: Tuple[str, ...] = ()


class StepDocument(NamedTuple):
    """Everything the runtime is told about one step. `first_bound` is the first cell that may bind a name, or make a file."""

    notebook: str
    step: str
    names: Tuple[str, ...]
    first_bound: Dict[str, int]
    sources: Dict[int, str]
    counts: Dict[int, int]
    definitions: Tuple[DefinitionEntry, ...]
    cells: Tuple[StepCell, ...]
    scatter: Optional[ScatterEntry] = None
    plain: bool = False
    trace: bool = False
    repairs: bool = False
    path: Tuple[str, ...] = ()
    unpacks: Tuple[UnpackEntry, ...] = ()
    folders: Tuple[str, ...] = ()
    directory: str = ""

    @property
    def counts_references(self) -> bool:
        """Whether cells read what lies at an address, as the number of references that there are to an object."""
        return any(MEMORY in cell.changes for cell in self.cells)

    def before(self, index: int) -> "StepDocument":
        """The same step with its cells before this one only."""
        return self._replace(cells=tuple(cell for cell in self.cells if cell.cell < index))

    def unpacking(self, version: VersionName) -> Optional[UnpackEntry]:
        """How to get at a version that is sent packed."""
        return next((entry for entry in self.unpacks if entry.version == version), None)

    def definition(self, wanted: str) -> Optional[DefinitionEntry]:
        """The definition statement with this id."""
        return next((entry for entry in self.definitions if entry.id == wanted), None)


def read_document(content: bytes) -> StepDocument:
    """Parse a step document."""
    try:
        raw = json_loads(content)
        if raw["schema"] != SCHEMA:
            raise StepProblem("NB591", f"the step document says `{raw['schema']}`, not `{SCHEMA}`", "use the runtime it was compiled with")
        return _document(raw)
    except (KeyError, TypeError, ValueError) as error:
        raise StepProblem("NB591", f"the step document cannot be read: {error!r}", "compile the notebook again") from error


def _document(raw: Dict[str, Any]) -> StepDocument:
    return StepDocument(
        notebook=raw.get("notebook", "notebook"),
        step=raw["step"],
        names=tuple(raw.get("names", ())),
        first_bound=dict(raw.get("first_bound", {})),
        sources={int(cell): text for cell, text in raw.get("sources", {}).items()},
        counts={int(cell): count for cell, count in raw.get("counts", {}).items()},
        definitions=tuple(sorted((_definition_entry(entry) for entry in raw.get("definitions", ())), key=lambda entry: entry.order)),
        cells=tuple(_step_cell(entry) for entry in raw["cells"]),
        scatter=_scatter(raw["scatter"]) if "scatter" in raw else None,
        plain=raw.get("plain", False),
        trace=raw.get("trace", False),
        repairs=raw.get("repairs", False),
        path=tuple(raw.get("path", ())),
        folders=tuple(raw.get("folders", ())),
        directory=_name_of_directory(raw.get("directory", "")),
        unpacks=tuple(UnpackEntry(parse_version(one["version"]), tuple(one["codes"]), one["file"]) for one in raw.get("unpacks", ())),
    )


def _scatter(raw: Dict[str, Any]) -> ScatterEntry:
    kept, last, joined, paths, gathers = (tuple(raw[key]) for key in ("kept", "last", "joined", "paths", "gathers"))
    return ScatterEntry(tuple(map(tuple, raw["axes"])), kept, last, joined, paths, gathers, raw["shows"], tuple(raw.get("alike", ())))


def _name_of_directory(name: str) -> str:
    if name in (os.curdir, os.pardir) or os.sep in name or "\0" in name:
        raise StepProblem("NB591", f"no directory can be called {name!r}", "compile the notebook again")
    return name


def _definition_entry(raw: Dict[str, Any]) -> DefinitionEntry:
    cell, _, ordinal = raw["id"].partition(".")
    return DefinitionEntry(raw["id"], int(cell), int(ordinal), tuple(raw["lines"]), tuple(raw["binds"]), tuple(raw.get("uses", ())))


def _step_cell(raw: Dict[str, Any]) -> StepCell:
    def names(key: str) -> Tuple[str, ...]:
        return tuple(raw.get(key, ()))

    return StepCell(
        cell=raw["index"],
        id=raw["id"],
        number=raw.get("execution_count"),
        text=raw["source"],
        tags=names("tags"),
        needs=tuple(parse_version(text) for text in raw.get("needs", ())),
        replays=names("replays"),
        defines=names("defines"),
        changes=names("changes"),
        deletes=names("deletes"),
        watches=names("watches"),
        changed_later=names("changed_later"),
        guarded="watches" in raw,
        saves=tuple(_save(entry) for entry in raw.get("saves", ())),
        describes=names("describes"),
        describes_unforeseen=raw.get("describes_unforeseen", False),
        keeps=names("keeps"),
        cuts=tuple(_cut(entry) for entry in raw.get("cuts", ())),
        inputs=tuple(_port(entry) for entry in raw.get("inputs", ())),
        outputs=tuple(_port(entry) for entry in raw.get("outputs", ())),
        parameters=tuple(ParameterEntry(**entry) for entry in raw.get("parameters", ())),
        outdated=names("outdated"),
        holds=tuple(parse_version(text) for text in raw.get("holds", ())),
        live=names("live"),
        together=tuple(map(tuple, raw.get("together", ()))),
        renewed=names("renewed"),
    )


def _port(raw: Dict[str, Any]) -> PortEntry:
    return PortEntry(raw["name"], raw["kind"], raw.get("source", ""), raw.get("value"))


def _cut(raw: Dict[str, Any]) -> CutEntry:
    return CutEntry(raw["cut"], parse_version(raw["version"]), raw["size"], raw["num"], raw.get("carries", False))


def _save(raw: Dict[str, Any]) -> SaveEntry:
    versions: List[str] = raw["versions"]
    packed = PackEntry(raw["packed"]["code"], raw["packed"]["file"]) if "packed" in raw else None
    return SaveEntry(raw["payload"], tuple(parse_version(text) for text in versions), tuple(raw.get("carries", ())), packed)
