"""A scattered step: its cell run once for each of its shards, and what the shards made put together.

A shard is a payload file with the part of a version; its index says which part. A step has a shard for each combination of
those of its axes, and is called by their labels.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections import deque
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from .document import CutEntry, SaveEntry, ScatterEntry, StepCell, StepDocument, VersionName, read_document
from .files import join_written
from .fingerprint import described
from .journal import Journal, read_json
from .payload_file import read_index
from .payloads import UNBOUND, Payloads
from .ports import paths_of
from .problem import StepProblem
from .recorder import NO_CELL
from .shards import join_values, same_value, shard_name, shard_order
from .step import Host, StepCall, StepRun

# Stands for the label of the shard in the name of OUTPUTS.json.
SHARD_IN_NAME = "{shard}"
# No variable has a hyphen in front: no payload of one is called so.
_SHOWN, _FINAL = ".-shown", ".-final"
_SHARD_FILE = re.compile(r"(.+)\.(\d+(?:-\d+)*)\.(nbc|files)")


class Shard(NamedTuple):
    """One combination of shards, and the payloads that hold its parts."""

    label: str
    paths: Tuple[str, ...]


class ShardFiles:
    """The shards that a step was given, one by one or by the directories they lie in, and the payloads that are no shards."""

    def __init__(self, paths: Iterable[str], directories: Iterable[str], files: Iterable[str] = (), last: str = "") -> None:
        """Look at them; with `last`, at none after the shard of this name. `files` are directories with what shards wrote."""
        self._last = last
        self.whole: List[str] = []
        self._found: Dict[str, Dict[str, str]] = {}
        for directory in directories:
            for name in os.listdir(directory):
                self._take(os.path.join(directory, name))
        for directory in files:
            self._take(directory)
        for path in paths:
            index = read_index(path)
            if "shard" in index:
                self._add(index["payload"], index["shard"], path)
            else:
                self.whole.append(path)

    def _take(self, place: str) -> None:
        found = _SHARD_FILE.fullmatch(os.path.basename(place))
        if found:
            self._add(found.group(1) + (".files" if found.group(3) == "files" else ""), found.group(2), place)

    def _add(self, payload: str, label: str, path: str) -> None:
        if not self._last or shard_order(label) <= shard_order(self._last):
            self._found.setdefault(payload, {})[label] = path

    def of(self, payload: str) -> Dict[str, str]:
        """The files of a payload by the labels of the shards, in order."""
        found = self._found.get(payload, {})
        return {label: found[label] for label in sorted(found, key=shard_order)}

    def written(self, step: str) -> List[str]:
        """The directories with what the shards of a step wrote, in order."""
        return list(self.of(step + ".files").values())

    def combinations(self, scatter: ScatterEntry) -> List[Shard]:
        """The shards of a step."""
        axes = [self._axis(payloads) for payloads in scatter.axes]
        return [
            Shard("-".join(part.label for part in parts), tuple(path for part in parts for path in part.paths))
            for parts in itertools.product(*axes)
        ]

    def _axis(self, payloads: Sequence[str]) -> List[Shard]:
        ports = [self.of(payload) for payload in payloads]
        if not ports[0]:
            raise StepProblem("NB592", f"no shard of `{payloads[0]}` was given", "run the step that makes it")
        if any(port.keys() != ports[0].keys() for port in ports):
            counts = ", ".join(f"{len(port)} of `{payload}`" for payload, port in zip(payloads, ports))
            raise StepProblem("NB583", f"what goes in step has not as many shards: {counts}", "make the lists equally long")
        return [Shard(label, tuple(port[label] for port in ports)) for label in ports[0]]


def label_of(step: str, payloads: Iterable[str], directories: Iterable[str]) -> str:
    """What the first shard is called of those that are given to a step."""
    with open(step, "rb") as file:
        scatter = _scatter_of(read_document(file.read()))
    return ShardFiles(payloads, directories).combinations(scatter)[0].label


def kind_of_run(call: StepCall, document: StepDocument, host: Host, journal: Journal) -> StepRun:
    """A run of a step, scattered or not."""
    return (ScatteredRun if document.scatter else StepRun)(call, document, host, journal)


class ScatteredRun(StepRun):
    """Runs the cell of a scattered step once for each of the shards it was given, one after the other, as if each were alone."""

    shard = ""

    def _run_cells(self) -> int:
        (cell,) = self.document.cells
        shards = self._given_shards()
        if self.call.span is not None:
            shards = shards[slice(*self.call.span)]
        self.journal.write("shards", shard=shards[0].label)
        self._begin(cell)
        reached: List[Dict[str, Any]] = []
        goes_on = True
        for shard in shards:
            goes_on, facts = self._run_shard(cell, shard)
            reached.append(facts)
            if facts["state"] == "error":
                break
        self.journal.write("end", cell=cell.cell, **_together(reached))
        return self._code(goes_on)

    def _given_shards(self) -> List[Shard]:
        """All shards; what is none of them is for every one."""
        files = ShardFiles(self.call.payloads, self.call.shards)
        self.payloads = Payloads(files.whole)
        return files.combinations(_scatter_of(self.document))

    def enter(self) -> Tuple[str, str]:
        """Bind what the cell needs for the shard that was asked for, else for the first."""
        shards = self._given_shards()
        shard = next((one for one in shards if one.label == self.call.shard), shards[0])
        self.payloads.open_shards(shard.paths)
        step, text = super().enter()
        return f"shard {shard.label} of {step}", text

    def _run_shard(self, cell: StepCell, shard: Shard) -> Tuple[bool, Dict[str, Any]]:
        self.shard = shard.label
        # Before it runs: whoever finds this process dead wants to know where it was.
        self.journal.write("shards", last_shard=self.shard)
        self.recorder.results = deque(maxlen=2)
        self.payloads.open_shards(shard.paths)
        self.guards.forget()
        # What another shard was given, and what it may have changed, is read anew, as if this were another process.
        changed = (*cell.changes, *cell.defines)
        shared = self.payloads.versions_of_wholes()
        self.versions.keep_only([version for version in cell.needs if version in shared and version.name not in changed])
        self._prepare(cell)
        self._guard(cell)
        goes_on, facts = self._run_cell(cell)
        if not self.call.trust_payloads:
            self.payloads.check_rest()
        super()._collect_files()
        # Nothing can be told of paths where the working directory is gone.
        os.chdir(self.call.home)
        self.files.restart()
        os.chdir(self.files.directory)
        return goes_on, facts

    def _show_failure(self) -> None:
        if self.recorder.failed is not None:
            sys.stderr.write(f"shard {self.shard} of the step {self.document.step} failed\n")
        super()._show_failure()

    def _collect_files(self) -> None:
        """Each shard has left its own."""

    def _files_name(self) -> str:
        return shard_name(self.document.step, self.shard) + ".files"

    def _keep(self, cell: StepCell) -> None:
        super()._keep(cell)
        if _scatter_of(self.document).shows:
            shown = self.recorder.results[0] if len(self.recorder.results) == 1 else UNBOUND
            self._write(self.document.step + _SHOWN, [(VersionName("_", cell.cell), shown)], self.shard)

    def _describe(self, cell: StepCell) -> Dict[str, Any]:
        """Leave it to those who have the whole."""
        if _final(cell):
            values = [(version, self._value(version)) for version in _final(cell)]
            self._write(self.document.step + _FINAL, values, self.shard)
        return {}

    def _save(self, cell: StepCell, save: SaveEntry, shard: str = "") -> None:
        super()._save(cell, save, self.shard)

    def _save_cut(self, cut: CutEntry) -> None:
        """Only the whole can be cut anew."""


class GatheringRun(StepRun):
    """Puts together what the shards of a step showed and made, as if its cell had run once."""

    shards: Optional[ShardFiles] = None
    reports: Sequence[Dict[str, Any]] = ()

    def _run_cells(self) -> int:
        (cell,) = self.document.cells
        scatter = _scatter_of(self.document)
        reports = sorted((read_json(path) for path in self.call.shard_outputs), key=lambda report: shard_order(report["shard"]))
        self.reports = reports = list(_until_error(reports))
        error = _failed(reports[-1])
        last = reports[-1].get("last_shard", "") if error else ""
        self.shards = files = ShardFiles(self.call.payloads, self.call.shards, self.call.directories, last)
        if error:
            self.journal.write("shards", last_shard=last)
        goes_on = not error or (cell.may_raise and reports[-1]["cells"][0]["state"] == "error")
        self._begin(cell)
        shown = self._shown(files, cell) if scatter.shows and not error else UNBOUND
        self._tell(cell, reports, shown)
        if goes_on:
            for save in (save for save in cell.saves if save.payload in scatter.gathers):
                parts = self._parts(files.of(save.payload).values(), save.versions)
                for version in save.versions:
                    self._join(version, parts[version], scatter)
                self._save(cell, save)
            for cut in cell.cuts:
                self._save_cut(cut)
        facts = self._of_whole(cell, files, scatter) if goes_on and _final(cell) else {}
        self.journal.write("end", cell=cell.cell, **_together([report["cells"][0] for report in reports]), **facts)
        self.guards.count([one for report in reports for one in report["guards"]])
        return self._code(goes_on)

    def used(self) -> Dict[str, Any]:
        """What the shards had to do with, and putting them together. Of a shard that does not say, nobody knows."""
        found = (*self.reports, super().used())
        sources: Dict[str, Set[str]] = {}
        for one in found:
            for name, paths in one.get("sources", {}).items():
                sources.setdefault(name, set()).update(paths)
        return {
            "modules": sorted({name for one in found for name in one.get("modules", ())}),
            "sources": {name: sorted(paths) for name, paths in sorted(sources.items())},
            "contacts": sorted({name for one in found for name in one.get("contacts", ("unknown",))}),
        }

    def _collect_files(self) -> None:
        """Put together what the shards wrote."""
        target = os.path.join(self.call.home, self._files_name())
        for report in join_written(self.shards.written(self.document.step) if self.shards else (), target):
            self.journal.write("file", **report)

    def _tell(self, cell: StepCell, reports: Sequence[Dict[str, Any]], shown: Any) -> None:
        """Show what the shards showed, one after the other; the last expression once, as that of the whole, if it has parts."""
        for report in reports:
            for kind in ("guard", "payload"):
                for entry in report[kind + "s"]:
                    self.journal.write(kind, **entry)
            for output in report["cells"][0]["outputs"]:
                if output["output_type"] == "stream":
                    self.journal.stream(cell.cell, output["name"], output["text"])
                elif output["output_type"] != "execute_result" or shown is UNBOUND:
                    self.journal.write("output", cell=cell.cell, output=output)
            for update in report["cells"][0].get("updates", ()):
                self.journal.write("update", cell=cell.cell, **update)
        if shown is not UNBOUND:
            self.kernel.show_result(cell.cell, cell.number, shown)
            self.recorder.cell = NO_CELL

    def _shown(self, files: ShardFiles, cell: StepCell) -> Any:
        """The value of the last expression, if every shard has a part of it."""
        version = VersionName("_", cell.cell)
        parts = self._parts(files.of(self.document.step + _SHOWN).values(), (version,))[version]
        if any(part is UNBOUND for part in parts):
            return UNBOUND
        try:
            return join_values("_", parts, collected="_" in _scatter_of(self.document).joined)
        except StepProblem:
            return UNBOUND

    def _of_whole(self, cell: StepCell, files: ShardFiles, scatter: ScatterEntry) -> Dict[str, Any]:
        """The final values. No cell reads them: one that cannot be put together is not known, and that is all."""
        parts = self._parts(files.of(self.document.step + _FINAL).values(), _final(cell))
        for version in _final(cell):
            self._join_final(version, parts[version], scatter)
        if cell.keeps:
            self._keep_final(cell, [(version, self.versions[version]) for version in _final(cell)])
        values = {name: self.versions[VersionName(name, cell.cell)] for name in cell.describes}
        return described({name: value for name, value in values.items() if value is not UNBOUND}, self.scope.paths)

    def _join_final(self, version: VersionName, parts: Sequence[Any], scatter: ScatterEntry) -> None:
        try:
            self._join(version, parts, scatter)
        except StepProblem:
            self.versions.put(version, UNBOUND)

    def _join(self, version: VersionName, parts: Sequence[Any], scatter: ScatterEntry) -> None:
        """Put together what the shards made of a version."""
        bound = [part for part in parts if part is not UNBOUND]
        if not bound or version.kind == "channel":
            self.versions.put(version, parts[-1])
        elif version.name in scatter.last:
            # A shard that did not bind it leaves what an earlier one has bound.
            self.versions.put(version, bound[-1])
        elif version.name in scatter.paths:
            self.versions.put(version, paths_of([path for part in bound for path in ([part] if isinstance(part, str) else part)]))
        elif version.name in scatter.kept:
            self.versions.put(version, bound[0])
        elif version.name in scatter.alike:
            self.versions.put(version, same_value(version.name, bound))
        else:
            self.versions.put(version, join_values(version.name, bound, collected=version.name in scatter.joined))

    def _parts(self, paths: Iterable[str], versions: Sequence[VersionName]) -> Dict[VersionName, List[Any]]:
        """What each shard made of these versions, in the order of the shards."""
        parts: Dict[VersionName, List[Any]] = {version: [] for version in versions}
        for path in paths:
            payloads = Payloads([path], mapped=False)
            self.definitions.replay(payloads.mentions(versions))
            read: Dict[VersionName, Any] = {}
            for version in versions:
                if version not in read:
                    read.update(self._values_in(payloads, version))
                parts[version].append(read[version])
            self._bring(payloads, versions[0])
            if not self.call.trust_payloads:
                payloads.check_rest()
        return parts


def _scatter_of(document: StepDocument) -> ScatterEntry:
    if document.scatter is None:
        raise StepProblem("NB591", f"the step `{document.step}` is not scattered", "compile the notebook again")
    return document.scatter


def _final(cell: StepCell) -> Tuple[VersionName, ...]:
    return tuple(VersionName(name, cell.cell) for name in cell.describes or cell.keeps)


def _until_error(reports: Iterable[Dict[str, Any]]) -> Iterator[Dict[str, Any]]:
    """What a plain run would have come to."""
    for report in reports:
        yield report
        if _failed(report):
            return


def _failed(report: Dict[str, Any]) -> bool:
    return report["cells"][0]["state"] in ("error", "died")


def _together(shards: Sequence[Dict[str, Any]]) -> Dict[str, Any]:
    """How the cell ended and what it took, of all its shards."""
    keys = [key for key in ("seconds", "cpu_seconds") if key in shards[0]]
    return {"state": shards[-1]["state"], **{key: round(sum(shard[key] for shard in shards), 6) for key in keys}}
