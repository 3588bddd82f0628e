"""Runs the cells of one step."""

from __future__ import annotations

import importlib
import os
import sys
import time
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple, TypeVar

from .arrays import looks_at_owners
from .carried import CarriedFile, carried_files, carried_modules
from .cell_kernel import CellKernel
from .channels import READ_BY_IMPORTS, Channels
from .code_places import CodeFinder
from .contacts import CONTACTS
from .definitions import Definitions
from .document import CutEntry, PackEntry, SaveEntry, StepCell, StepDocument, UnpackEntry, VersionName, read_document
from .environment import enter_kernel_environment, extend_search_path, find_in_main
from .files import EVERYTHING, StepFiles
from .fingerprint import described
from .frames import reach_of
from .guards import Guards
from .journal import Journal, JournalReader
from .linked import looks_at_links
from .loaded import LOADED
from .local_classes import LocalClasses
from .memory import RESERVE
from .namespace import Namespace, Versions
from .own_paths import OwnPaths
from .packing import files_of_path, run_serializer, unpack_value
from .parameters import as_the_cell_has_it, given_values
from .payloads import UNBOUND, Payloads, SavedPayload, save_payload
from .placeholders import Placeholder
from .plain_kernel import PlainKernel
from .ports import Ports
from .prints import Prints
from .problem import CELL_FAILED, ENVIRONMENT_BROKEN, FINISHED, GUARD_BROKEN, StepProblem
from .recorder import NO_CELL, Recorder
from .shards import Cut, cut_value, own_part, shard_labels, shard_name
from .shared_texts import label_where_charts_are
from .shell import IPythonKernel, ipython_is_there
from .sources import CellSource
from .streams import Streams
from .supervisor import journal_path
from .tracing import Tracer
from .value_writer import Scope, register_names

Seen = TypeVar("Seen")


class StepCall(NamedTuple):
    """What a step is started with. `work` is a directory of its own, `home` the one results are written to.

    Its cells from `stop_before` on do not run. Of a scattered step, a person works with `shard`.
    """

    step: str
    outputs: str
    work: str
    home: str
    payloads: Tuple[str, ...] = ()
    files: Tuple[Tuple[str, str], ...] = ()
    directories: Tuple[str, ...] = ()
    events: Tuple[int, ...] = ()
    trust_payloads: bool = False
    shards: Tuple[str, ...] = ()
    span: Optional[Tuple[int, int]] = None
    shard_outputs: Tuple[str, ...] = ()
    given: Optional[Tuple[str, ...]] = None
    stop_before: Optional[int] = None
    shard: str = ""


class Host:
    """A kernel that is ready to run cells, and where it shows them. Made once, before a fork or after; no threads."""

    def __init__(self, work: str) -> None:
        enter_kernel_environment()
        self.recorder = Recorder(None)  # type: ignore[arg-type]
        self.kernel: CellKernel = IPythonKernel(self.recorder, work) if ipython_is_there() else PlainKernel(self.recorder)


def read_step(call: StepCall) -> StepDocument:
    """The document of the step, with the cells that are to run."""
    with open(call.step, "rb") as file:
        document = read_document(file.read())
    return document if call.stop_before is None else document.before(call.stop_before)


def run_step(call: StepCall, host: Host, run: Callable[[StepCall, StepDocument, Host, Journal], "StepRun"]) -> int:
    """Run one step, as `run` says, and write what happened. Returns the exit code."""
    journal = Journal(journal_path(call.work), call.events)
    host.recorder.journal = journal
    code = ENVIRONMENT_BROKEN
    try:
        document = read_step(call)
        journal.write("step", step=document.step, kernel=host.kernel.kind)
        CONTACTS.start(host.recorder)
        started = run(call, document, host, journal)
        code = started.run()
        journal.write("used", **started.used())
    except StepProblem as problem:
        journal.write("problem", problem={"code": problem.code, "message": problem.message, "advice": problem.advice})
        sys.stderr.write(f"{problem}\n")
    except Exception as failure:  # noqa: BLE001 (told as what it is, so that nobody looks for it in the notebook)
        message, where = f"the step runtime failed: {type(failure).__name__}: {_text_of(failure)}", _frames_of(failure)
        journal.write("problem", problem={"code": "NB595", "message": message, "advice": where})
        sys.stderr.write(f"NB595: {message}\n{where}\n")
    journal.close()
    JournalReader(journal.path).write_report(call.outputs)
    return code


class StepRun:
    """One run of the cells of one step."""

    def __init__(self, call: StepCall, document: StepDocument, host: Host, journal: Journal) -> None:
        register_names()
        self.call = call
        self.document = document
        self.kernel = host.kernel
        self.recorder = host.recorder
        self.journal = journal
        self.streams = Streams(self.recorder, call.work)
        self.namespace = Namespace(document.names, self.kernel)
        self.versions = Versions()
        replayed = {int(one.partition(".")[0]) for cell in document.cells for one in cell.replays}
        texts = [*(cell.text for cell in document.cells), *(document.sources.get(index, "") for index in replayed)]
        own = [path for cell in document.cells for path in cell.changed_files if path != EVERYTHING]
        sees_links = any(map(looks_at_links, texts))
        self.files = StepFiles(call.work, call.files, call.directories, document.folders, document.directory, own, sees_links)
        extend_search_path(self.files.directory, document.path)
        self.channels = Channels(self.kernel, self.files.directory)
        self.payloads = Payloads(call.payloads)
        self.definitions = Definitions(document, self.kernel, self.recorder)
        owners = any(map(looks_at_owners, texts))
        label_where_charts_are(texts)
        self.kernel.asks_for_limit = any("recursionlimit" in text for text in self._texts_run_again())
        paths = OwnPaths(self.files.directory)
        self.scope = Scope(self.kernel, self.definitions, CodeFinder(self.kernel), LocalClasses(document.step), paths, owners)
        self.guards = Guards(document, self.kernel, self.definitions, self.channels, self.files, journal.write)
        self.guards.use(Prints(self.scope, self.payloads.mapped()), lambda name, value: reach_of(name, value, self.scope))
        self.kernel.know_inputs({document.counts[index]: text for index, text in document.sources.items() if document.counts.get(index)})
        self._counts_references = document.counts_references
        self.saves = sum(len(cell.saves) for cell in document.cells)
        self._made_in: Dict[str, int] = {}
        self._live: Set[str] = set()
        self._final: List[Tuple[str, StepCell, List[VersionName]]] = []
        self.tracer = Tracer(self.kernel, self.scope) if document.trace else None

    def run(self) -> int:
        """Run what is to be run, until something fails. Returns the exit code."""
        self.streams.start()
        os.chdir(self.files.directory)
        if not self.document.plain:
            find_in_main(self._found_in_main)
        try:
            return self._run_cells()
        finally:
            self.guards.close()
            os.chdir(self.call.home)
            self.streams.stop()
            self._show_failure()
            sys.stderr.write("".join(self.guards.said))
            self.files.finish(self.document.cells[-1].cell)
            self._collect_files()

    def used(self) -> Dict[str, Any]:
        """What the cells had to do with besides their inputs."""
        return {"modules": LOADED.names(), "sources": LOADED.sources(self.call.home), "contacts": CONTACTS.found()}

    def _run_cells(self) -> int:
        for number, cell in enumerate(self.document.cells):
            later = self.document.cells[number + 1 :]
            if self.document.plain:
                self.files.stage(version for version in cell.needs if version.kind == "file")
            else:
                self._prepare(cell)
                self._guard(cell)
            self._keep_only(_wanted(cell, later))
            self._begin(cell)
            goes_on, facts = self._run_cell(cell)
            if not goes_on or not later:
                facts.update(self._describe_final())
            self.journal.write("end", cell=cell.cell, **facts)
            if not goes_on:
                return CELL_FAILED
            self._keep_only(_wanted(None, later))
        if not self.call.trust_payloads:
            self.payloads.check_rest()
        return self._code(True)

    def _code(self, went_well: bool) -> int:
        return CELL_FAILED if not went_well else GUARD_BROKEN if self.guards.broken else FINISHED

    def enter(self) -> Tuple[str, str]:
        """Bind what the first cell needs; returns what this is, and the text of the cells."""
        self._prepare(self.document.cells[0])
        os.umask(self.channels.umask.mask)
        return f"step {self.document.step}", "\n\n".join(cell.text for cell in self.document.cells)

    def _begin(self, cell: StepCell) -> None:
        self.journal.write("cell", cell=cell.cell, id=cell.id, execution_count=None if cell.skipped else cell.number)

    def _run_cell(self, cell: StepCell) -> Tuple[bool, Dict[str, Any]]:
        """Run a cell and keep what it made; says whether the notebook goes on after it, and how it ended."""
        facts: Dict[str, Any] = {"state": "skipped"}
        error = None
        if not cell.skipped:
            if self.tracer is not None:
                self.tracer.start()
            started, cpu = time.perf_counter(), time.process_time()
            with CONTACTS.cell():
                error = self._execute(cell)
            if error is None and self.call.given is not None:
                for name, value in given_values(cell.parameters, self.call.given).items():
                    self.namespace.bind(name, as_the_cell_has_it(self.namespace.value(name), value))
            facts.update({"state": "ok"} if error is None else {"state": "error", **self._unshown(error)})
            facts["seconds"] = round(time.perf_counter() - started, 6)
            facts["cpu_seconds"] = round(time.process_time() - cpu, 6)
            if self.tracer is not None:
                facts["trace"] = self.tracer.stop(cell.cell)
        self.definitions.took_place(cell.cell)
        if not self.document.plain:
            lacking = [failure for version in cell.needs for failure in self.payloads.failures(version)]
            self._silently(lambda: self.guards.after(cell, error, list(self.definitions.made()), lacking))
        # Only now: looking around the directory ourselves must not count as the cell's doing.
        noted = self.files.note(cell.cell)
        if not self.document.plain:
            self.guards.wrote(cell, [path for path in noted if path not in self._sent_with_names(cell)])
        goes_on = error is None or cell.may_raise
        # Ports bind names only for the time of the cell.
        own = (*cell.defines, *cell.changes) if not (cell.inputs or cell.outputs) else ()
        self._made_in.update(dict.fromkeys(own, cell.cell))
        self._live.update(cell.live)
        if goes_on:
            self._keep(cell)
            facts.update(self._describe(cell))
        return goes_on, facts

    def _texts_run_again(self) -> Iterator[str]:
        """The statements of other cells that the step runs again."""
        for cell in self.document.cells:
            for definition in map(self.document.definition, cell.replays):
                if definition is not None:
                    first, last = definition.lines
                    yield "\n".join(self.document.sources.get(definition.cell, "").splitlines()[first - 1 : last])

    def _unshown(self, error: BaseException) -> Dict[str, Any]:
        """The error of a cell that nobody was shown: the notebook hides tracebacks, or there was no memory to look at this one."""
        return {} if self.recorder.failed else {"unshown": {"ename": type(error).__name__, "evalue": _text_of(error)}}

    def _sent_with_names(self, cell: StepCell) -> Set[str]:
        """The files that go with names: whoever reads them has been given the names."""
        names = [*(name for save in cell.saves for name in save.carries), *(cut.version.name for cut in cell.cuts if cut.carries)]
        return {file.path for file in carried_files([self.namespace.value(name) for name in names], self.files.directory)}

    def _found_in_main(self, name: str) -> Any:
        """The class that an object was made of, which the cell need not name."""
        try:
            return self.scope.classes.named(name)
        except KeyError:
            return self.definitions.found(name)

    def _execute(self, cell: StepCell) -> Optional[BaseException]:
        ports = Ports(cell, self.namespace)
        ports.enter()
        own = {*cell.defines, *cell.changes, *cell.deletes}
        left = self.versions.leave_to(self.namespace, own) if self._counts_references else []
        self.files.close()
        self.kernel.in_context(self.recorder.begin, cell.cell)
        self.recorder.failed = None
        RESERVE.hold()
        try:
            with self.channels.umask.holds():
                return self.kernel.run(CellSource(cell.cell, cell.text, cell.text, cell.number))
        finally:
            self.recorder.cell = NO_CELL
            self.versions.take_back(self.namespace, left)
            ports.leave(self.files.changed)

    def _prepare(self, cell: StepCell) -> None:
        """Bind exactly what the cell needs: definitions first, then the step's own versions over them."""
        variables = [version for version in cell.needs if version.kind == "variable"]
        ahead = self._found_by_name_later(cell)
        missing = [version for version in (*variables, *self._other_states(cell)) if version not in self.versions]
        missing += [version for later in ahead for version in later.needs if self.payloads.has(version) and version not in self.versions]
        for version in dict.fromkeys(missing):
            if not self.payloads.has(version):
                raise StepProblem("NB592", f"cell {cell.cell} needs `{version}`, and no payload has it", "run the step that makes it")
        self.files.stage(version for version in cell.needs if version.kind == "file")
        left = {name: self.namespace.value(name) for name in self._as_made_here(cell, variables)}
        early = self.definitions.before(cell.cell, [statement for later in ahead for statement in later.replays])
        self._replay(cell, (*cell.replays, *early, *self.payloads.mentions(missing)))
        for version in dict.fromkeys(missing):
            self._read(version)
        values = {version.name: self.versions[version] for version in variables}
        bound = {name: value for name, value in self.definitions.bound_by(cell.replays).items() if name not in cell.outdated}
        # Statements that ran again may have unbound such a name, or bound it to what it was.
        disturbed = {name: value for name, value in left.items() if self.namespace.value(name) is not value}
        self.namespace.become({**bound, **values, **disturbed}, left.keys() - disturbed.keys(), self._live)
        self._made_in = {name: maker for name, maker in self._made_in.items() if name in left}

    def _found_by_name_later(self, cell: StepCell) -> Tuple[StepCell, ...]:
        """The later cells, where this one sets functions of libraries: what these need must be what it was before.

        A payload has such a function by its name.
        """
        sets = any(name.startswith("channel:library:") for name in cell.changes)
        return tuple(one for one in self.document.cells if one.cell > cell.cell) if sets else ()

    def _as_made_here(self, cell: StepCell, variables: Iterable[VersionName]) -> Set[str]:
        """The names that are bound as the cell of this step left them whose versions are needed: threads may have gone on binding them."""
        replayed = [entry for entry in map(self.document.definition, cell.replays) if entry is not None]
        wanted = [*((one.name, one.cell) for one in variables), *((name, entry.cell) for entry in replayed for name in entry.binds)]
        return {name for name, maker in wanted if self._made_in.get(name) == maker and name not in cell.outdated}

    def _guard(self, cell: StepCell) -> None:
        wanted = dict.fromkeys((*(version for version in cell.needs if version.kind == "variable"), *cell.holds, *self._come_along(cell)))
        values = [(version, self.versions[version]) for version in wanted]
        self._silently(lambda: self.guards.before(cell, values, list(self.definitions.made())))

    def _come_along(self, cell: StepCell) -> Iterator[VersionName]:
        """Versions that the cell is not given by their names, but that came with others because they share something with these."""
        named = {version.name for version in cell.needs}
        latest: Dict[str, VersionName] = {}
        for version in self.versions:
            if version.kind == "variable" and version.name in cell.watches and version.name not in named and version.cell < cell.cell:
                latest[version.name] = max(version, latest.get(version.name, version), key=lambda one: one.cell)
        yield from latest.values()

    def _silently(self, look: Callable[[], Seen]) -> Seen:
        """Look at objects, which may run code of the notebook's classes, without showing what that writes."""
        with self.recorder.mute():
            return look()

    def _replay(self, cell: StepCell, statements: Tuple[str, ...]) -> None:
        """Run definition statements again, and set the channels that the cell needs at the point of the notebook where they were set."""
        # A statement that has not run here must not find what later cells bound.
        self.namespace.unbind_all(self.definitions.not_yet_bound(statements))
        states = [(version.cell + (version.subject not in READ_BY_IMPORTS), version) for version in self._other_states(cell)]
        for before, version in sorted(states):
            self.definitions.replay(self.definitions.before(before, statements))
            self._read(version)
            state = self.versions[version]
            if isinstance(state, Placeholder):
                self.guards.lacks(cell, state)
            else:
                # It imports the library, which asks then whether it is in a kernel or a terminal.
                with self.kernel.builtins_of_cells():
                    self.channels.set(version.subject, version.cell, state)
        self.definitions.replay(statements)

    def _other_states(self, cell: StepCell) -> List[VersionName]:
        """The channels that are not as the cell needs them."""
        channels = [version for version in cell.needs if version.kind == "channel"]
        return [version for version in channels if not self.channels.is_current(version.subject, version.cell)]

    def _read(self, version: VersionName) -> None:
        if version not in self.versions:
            entry = self.document.unpacking(version)
            for read, value in self._values_in(self.payloads, version).items():
                self.versions.put(read, value if entry is None else self._unpacked(entry, value))
            if entry is None:
                self._bring(self.payloads, version)

    def _values_in(self, payloads: Payloads, version: VersionName) -> Dict[VersionName, Any]:
        """Reading values imports libraries, and these ask then whether they are in a kernel or a terminal."""
        self._bring_modules(payloads, version)
        with self.kernel.builtins_of_cells():
            return payloads.read(version, self.scope)

    def _unpacked(self, entry: UnpackEntry, value: Any) -> Any:
        if value is UNBOUND or isinstance(value, Placeholder):
            return value
        directory = os.path.join(os.path.realpath(self.call.work), "unpacked", str(entry.version.cell), entry.version.name)
        return self._silently(lambda: unpack_value(entry, value, self.payloads.carried(entry.version), directory))

    def _bring(self, payloads: Payloads, version: VersionName) -> None:
        """Put files that came with a version where the cells look for them."""
        brought = dict(payloads.carried(version))
        for path, content in brought.items():
            self.files.bring(path, content)
        if brought:
            self.files.settle()

    def _bring_modules(self, payloads: Payloads, version: VersionName) -> None:
        """Put modules that cells have written where an import finds them, unless they are there, and let imports look there."""
        found = list(payloads.modules(version))
        for path, content, _ in found:
            if not self.files.has(path):
                self.files.bring(path, content)
        roots = (os.path.normpath(os.path.join(self.files.directory, root)) for _, _, root in found)
        sys.path += [root for root in dict.fromkeys(roots) if root not in map(os.path.abspath, sys.path)]
        if found:
            self.files.settle()
            importlib.invalidate_caches()

    def _carried_modules(self, names: Iterable[str]) -> List[CarriedFile]:
        """Those that lie beside the notebook every step has. Functions of the others may import what nobody has loaded yet."""
        directory = self.files.directory
        found = {file.path: file for file in carried_modules(names, directory) if not self.files.is_given(file.path)}
        more = (path for path in self.files.paths() if path.endswith(".py") and path not in found) if found else ()
        return [*found.values(), *(CarriedFile(path, os.path.join(directory, path)) for path in more if not self.files.is_given(path))]

    def _keep(self, cell: StepCell) -> None:
        """Take the versions that the cell made, and write those that leave the step."""
        for name in (*cell.defines, *cell.changes):
            version = VersionName(name, cell.cell)
            if version.kind == "variable":
                self.versions.put(version, self.namespace.value(name))
            elif version.kind == "channel" and self.channels.travels(version.subject):
                self.versions.put(version, self.channels.take(version.subject, cell.cell))
        for save in cell.saves:
            self._save(cell, save)
        for cut in cell.cuts:
            self._save_cut(cut)
        final = [VersionName(name, cell.cell) for name in dict.fromkeys((*cell.describes, *cell.keeps))]
        self.guards.ends(cell, [(version, self._value(version)) for version in final])
        self.guards.let_go()

    def _describe(self, cell: StepCell) -> Dict[str, Any]:
        """Note the variables that are final now and that somebody wants to have, or to compare with those of another run."""
        for word, names in (("describes", cell.describes), ("keeps", cell.keeps)):
            versions = [VersionName(name, cell.cell) for name in names if word == "keeps" or self.namespace.is_bound(name)]
            if word == "describes" and cell.describes_unforeseen:
                versions += [VersionName(name, cell.cell) for name in self.namespace.unforeseen()]
            for version in versions:
                self.versions.put(version, self._value(version))
            if versions:
                self._final.append((word, cell, versions))
        return {}

    def _keep_only(self, wanted: Iterable[VersionName]) -> None:
        """Let go of the versions that are neither wanted nor final."""
        self.versions.keep_only((*wanted, *(version for _, _, versions in self._final for version in versions)))

    def _describe_final(self) -> Dict[str, Any]:
        """Say what the final variables are, now that no cell of the step can change their objects any more; write down those to keep."""
        found: Dict[str, Any] = {}
        bound_in: Dict[str, int] = {}
        for word, cell, versions in self._final:
            values = [(version, self.versions[version]) for version in versions]
            if word == "keeps":
                self._keep_final(cell, values)
            else:
                found.update({version.name: value for version, value in values})
                bound_in.update({version.name: version.cell for version, _ in values})
        return {**described(found, self.scope.paths), "bound_in": bound_in} if found else {}

    def _keep_final(self, cell: StepCell, values: Sequence[Tuple[VersionName, Any]]) -> None:
        self._write(f"{self.document.step}.-kept-{cell.cell}", values, "")

    def _save(self, cell: StepCell, save: SaveEntry, shard: str = "") -> None:
        if save.packed is not None:
            self._save_packed(save, save.packed)
            return
        values = [(version, self._value(version)) for version in save.versions]
        paths = [value for version, value in values if version.name in save.carries]
        watched = self.saves > 1 or self.guards.compares(cell, save.versions)
        self.guards.saved(cell, self._write(save.payload, values, shard, watched, paths))

    def _save_packed(self, save: SaveEntry, entry: PackEntry) -> None:
        """Write what the notebook's own code makes of a version."""
        (version,) = save.versions
        value, files = self._value(version), []  # type: Any, List[CarriedFile]
        if value is not UNBOUND:
            value = self._silently(lambda: run_serializer(entry.code, version, value))
            if entry.file:
                value, files = files_of_path(version, value)
            # What the code wrote is not what a cell wrote.
            self.files.settle()
        self._write(save.payload, [(version, value)], "", files=files)

    def _save_cut(self, cut: CutEntry) -> None:
        """Write the shards of a version."""
        value = self._value(cut.version)
        parts = [value] if value is UNBOUND else cut_value(cut.version.name, value, Cut(cut.size, cut.num))
        for label, part in zip(shard_labels(len(parts)), parts):
            self._write(cut.cut, [(cut.version, own_part(part))], label, paths=[part] if cut.carries else [])

    def _write(
        self,
        payload: str,
        values: Sequence[Tuple[VersionName, Any]],
        shard: str,
        watch_sharing: bool = False,
        paths: Sequence[Any] = (),
        files: Sequence[CarriedFile] = (),
    ) -> SavedPayload:
        name = shard_name(payload, shard)
        carried = (*carried_files(paths, self.files.directory), *files)
        path = os.path.join(self.call.home, name + ".nbc")
        modules = self._carried_modules
        saved = save_payload(path, payload, values, self.scope, watch_sharing, shard=shard, carried=carried, modules_of=modules)
        reports = [one.report for one in saved.versions]
        self.journal.write("payload", payload=name, bytes=saved.length, versions=reports)
        return saved

    def _value(self, version: VersionName) -> Any:
        if version in self.versions:
            return self.versions[version]
        return self.namespace.value(version.name) if self.namespace.is_bound(version.name) else UNBOUND

    def _collect_files(self) -> None:
        for report in self.files.collect(os.path.join(self.call.home, self._files_name())):
            self.journal.write("file", **report)

    def _files_name(self) -> str:
        return self.document.step + ".files"

    def _show_failure(self) -> None:
        """Whoever looks at the process and not at OUTPUTS.json sees the error, too."""
        if self.recorder.failed is not None:
            sys.stderr.write("\n".join(self.recorder.failed["traceback"]) + "\n")


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 (the notebook's own `__str__` may be why nothing was shown)
        return "its text cannot be made"


def _frames_of(error: BaseException) -> str:
    """Where an error came from, a line a frame: `traceback` may be what a cell has broken."""
    lines, place = [], error.__traceback__
    while place is not None:
        code = place.tb_frame.f_code
        lines.append(f"  {code.co_filename}:{place.tb_lineno}, in {code.co_name}")
        place = place.tb_next
    return "\n".join(lines)


def _wanted(cell: Optional[StepCell], later: Tuple[StepCell, ...]) -> Iterator[VersionName]:
    """The versions to keep: those that later cells need, and those that this one saves and did not make itself."""
    for one in later:
        yield from one.needs
        yield from one.holds
    for one in (cell,) if cell is not None else ():
        for save in one.saves:
            yield from (version for version in save.versions if version.cell != one.cell)
    for one in later:
        for save in one.saves:
            yield from save.versions
