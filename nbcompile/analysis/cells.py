"""Parsed cells in notebook order -> the facts of each: what it reads, binds, changes, shares and does to the world."""

from __future__ import annotations

import ast
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import NamedTuple

from nbcompile.analysis import caches, classes, expressions, guesses, rows, statements, types
from nbcompile.analysis.aliases import KEPT, KEYS
from nbcompile.analysis.bindings import GONE, CellFrame, EffectKey, Mark, Origin, Spot, TooMuchHeld, Trace, origin, spot
from nbcompile.analysis.channels import ADDRESSES, FILES, MEMORY, ONLY_IF_READ, OVERLOADS, STREAMS, note_streams
from nbcompile.analysis.imports import FUTURE, reloaded_modules
from nbcompile.analysis.known import Known
from nbcompile.analysis.magics import EXIT_CODE
from nbcompile.analysis.modules import module_of_class, note_states
from nbcompile.analysis.replayable import Candidate, candidate, imports_star, name_of, setting
from nbcompile.analysis.values import ARTIST, MISSING, SCALAR, Class, Function, Value, join, plain
from nbcompile.analysis.visit import STATEMENTS, Arguments, Call, evaluate
from nbcompile.analysis.walk import Walk
from nbcompile.model.diagnostic import Diagnostic, Outcome, Place, Span
from nbcompile.model.facts import (
    CellFacts,
    Change,
    Definition,
    DefinitionStatement,
    Deletion,
    Effect,
    FactsKind,
    Live,
    Sharing,
    StatementId,
    Stuck,
    Unknown,
    Use,
)
from nbcompile.model.graph import Version
from nbcompile.model.notebook import Cell
from nbcompile.model.source import Directive, ParsedCell
from nbcompile.rules import reading

_STRAIGHT = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign)
_VISITS = (expressions, statements)
_PARAMETERS = "parameters"
_RAISES = "raises-exception"

# Their iterators are asked to go on only while nobody changes them.
_COUNT_CHANGES = ("set", "collections.deque")
_IN_NUMPY = frozenset(("abs", "all", "any", "divmod", "max", "min", "pow", "round", "sum"))


class _Replayed(NamedTuple):
    """A candidate that ran: the names it reads, which statement of its cell had bound some of them, and the objects that it made."""

    candidate: Candidate
    uses: tuple[str, ...]
    own: Mapping[str, int]
    objects: frozenset[int] = frozenset()


class _Record:
    """What was found in one cell, until the whole notebook is known."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.lines = cell.source.splitlines()
        self.ascii = cell.source.isascii()
        self.opaque = ""
        self.ends_early = False
        self.empty = False
        self.only_definitions = False
        self.uses: list[tuple[str, Mark]] = []
        self.builtins: list[tuple[str, Mark]] = []
        self.statements: dict[int, Spot] = {}
        self.definitions: list[tuple[str, int, bool, str]] = []
        self.deletions: list[tuple[str, int, bool]] = []
        self.changes: list[tuple[str, Mark]] = []
        self.sharing: list[Sharing] = []
        self.effects: list[tuple[str, str, str, Mark]] = []
        self.settings: dict[int, dict[EffectKey, Mark]] = {}
        self.candidates: dict[int, _Replayed] = {}
        self.unknowns: list[tuple[Mark, str, str, set[str] | None]] = []
        self.stuck: list[tuple[str, str, Spot]] = []
        self.live: list[tuple[tuple[str, ...], Mark]] = []
        self.addresses: tuple[tuple[str, ...], Mark] | None = None
        self.reaching: tuple[tuple[str, ...], Mark] | None = None
        self.libraries: set[str] = set()
        self.makers: set[str] = set()
        self.history: set[int] = set()
        self.packages: set[str] = set()
        self.directives: tuple[Directive, ...] = ()

    def forget(self, channels: Container[str]) -> None:
        """Say nothing of these channels."""
        self.effects = [effect for effect in self.effects if effect[0] not in channels]
        self.settings = {
            ordinal: {key: mark for key, mark in made.items() if key.channel not in channels} for ordinal, made in self.settings.items()
        }


def analyze(
    cells: Iterable[ParsedCell], versions: dict[str, tuple[int, ...]] | None = None, sources: Mapping[str, str] | None = None
) -> Outcome[tuple[CellFacts, ...]]:
    """The facts of every code cell. `versions` are the declared versions of libraries, `sources` the text of modules beside the notebook.

    Whether the state of a cached function or of a class matters is known only at the end: if one's does, all is looked at once more.
    """
    known, stateful, notebook_cells = Known(versions), frozenset[Origin](), tuple(cells)
    reloads = any("reload" in parsed.cell.source for parsed in notebook_cells)
    reloaded = reloaded_modules(parsed.tree for parsed in notebook_cells if parsed.tree is not None) if reloads else frozenset()
    while True:
        notebook = _Notebook(Walk(known, stateful))
        notebook.walk.reloaded = reloaded
        notebook.walk.keeps_exit_code = any(EXIT_CODE in parsed.cell.source for parsed in notebook_cells)
        notebook.walk.keeps_flags = any("flags" in parsed.cell.source for parsed in notebook_cells)
        notebook.walk.sources = sources or {}
        diagnostics: list[Diagnostic] = []
        for parsed in notebook_cells:
            diagnostics += parsed.diagnostics
            notebook.take(parsed)
            diagnostics += notebook.errors(parsed.cell)
        found = stateful | notebook.stateful()
        if found == stateful:
            return Outcome(notebook.facts(), tuple(diagnostics))
        stateful = found


def type_origins(cells: Iterable[ParsedCell], wanted: Iterable[Version]) -> Mapping[Version, tuple[str, ...]]:
    """The packages that the types of these values come from, and of what they hold. Values of unknown types are left out.

    A walk of its own: only who sends values between places asks.
    """
    walk = Walk(Known(None))
    notebook = _Notebook(walk)
    by_cell: dict[int, list[Version]] = {}
    for version in wanted:
        by_cell.setdefault(version.cell, []).append(version)
    found = {}
    for parsed in cells:
        notebook.take(parsed)
        for version in by_cell.get(parsed.cell.index, ()):
            value = walk.namespace.get(version.name)
            if value is not None and value.type:
                found[version] = _packages(walk, value)
    return found


def _packages(walk: Walk, value: Value) -> tuple[str, ...]:
    kinds = {value.type, *(walk.heap.types[number] for number in walk.heap.below(value.objects))}
    return tuple(sorted({kind.partition(".")[0] for kind in kinds if "." in kind} - {"__main__", "builtins", *sys.stdlib_module_names}))


class _Notebook:
    """The records of the cells so far."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.records: list[_Record] = []
        # The objects whose addresses cells have asked for.
        self.asked: set[int] = set()
        self.changed_ever: set[int] = set()
        self.changed_surely: set[int] = set()
        self.stuck: dict[int, str] = {}
        self.bound_anywhere: set[str] = set()

    def take(self, parsed: ParsedCell) -> None:
        """Walk over one more cell."""
        walk, cell = self.walk, parsed.cell
        record = _Record(cell)
        record.directives = parsed.directives
        self.records.append(record)
        walk.start_cell(cell.index, ":=" in cell.source, parsed.directives)
        if parsed.tree is None:
            record.opaque = "it does not parse" if cell.source.strip() else ""
            record.empty = not cell.source.strip()
            return
        record.empty = not parsed.tree.body
        first_object = walk.heap.size
        frame = CellFrame(walk)
        walk.heap.followed = 0
        try:
            self._run(frame, parsed, record)
        except TooMuchHeld:
            frame = self._unfollowed(parsed, record, "it may let so many objects hold each other that they cannot be followed")
        except RecursionError:
            frame = self._unfollowed(parsed, record, "it is nested too deep to be followed")
        self._commit(frame, record, first_object)

    def errors(self, cell: Cell) -> list[Diagnostic]:
        """What the parser takes but the compiler does not."""
        found = []
        for where, message in self.walk.errors if _RAISES not in cell.tags else ():
            place = Place(cell.index, cell.id, _span(self.records[-1], where))
            found.append(Diagnostic(rule=reading.SYNTAX_ERROR, message=message, place=place, help="correct the cell"))
        return found

    def _unfollowed(self, parsed: ParsedCell, record: _Record, reason: str) -> CellFrame:
        """A cell that may have done anything: what it binds is one unknown object."""
        frame, body = CellFrame(self.walk), parsed.tree.body if parsed.tree is not None else []
        record.candidates.clear()
        record.settings.clear()
        for ordinal, statement in enumerate(body):
            record.statements[ordinal] = spot(statement)
            for name in sorted(_stored_names(statement)):
                frame.top.values[name] = frame.fresh(body[0], "")
                frame.binders[name] = ordinal
        self.walk.opaque(frame, body[0], reason)
        return frame

    # -- one cell ------------------------------------------------------------------------------------------------

    def _run(self, frame: CellFrame, parsed: ParsedCell, record: _Record) -> None:
        body = parsed.tree.body if parsed.tree is not None else []
        raises = _RAISES in parsed.cell.tags
        replays = _PARAMETERS not in parsed.cell.tags and not raises
        definitions = 0
        self._call_back(frame, body[:1])
        for ordinal, statement in enumerate(body):
            if frame.dead:
                break
            frame.statement = ordinal
            frame.is_straight = isinstance(statement, _STRAIGHT) and not raises
            record.statements[ordinal] = spot(statement)
            closed = self._closed_by(statement)
            for name in closed:
                frame.trace.uses.setdefault(name, Mark(spot(statement)))
            found = candidate(statement, ordinal) if replays and not closed else None
            if found is not None and _has_own_decorator(frame, statement):
                found = None
            last = ordinal == len(body) - 1
            if found is not None:
                definitions += self._run_candidate(frame, statement, found, record)
            elif (perhaps := setting(statement, ordinal)) is not None and replays:
                definitions += self._run_setting(frame, statement, perhaps, record, last=last)
            else:
                self._execute(frame, statement, record, last=last)
                definitions += isinstance(statement, ast.Pass) or (
                    isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
                )
        if frame.exits:
            frame.merge([*frame.exits, *([] if frame.dead else [frame.fork()])])
        self._call_back(frame, body[-1:])
        record.ends_early = raises or self.walk.ends_early
        record.only_definitions = definitions == len(body) and bool(record.candidates)

    def _closed_by(self, statement: ast.stmt) -> list[str]:
        """The names that a statement binds anew, and that hold what may run code when nothing holds it any more."""
        heap = self.walk.heap
        if not heap.closing:
            return []
        stored = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        before = ((name, self.walk.namespace.get(name)) for name in sorted(stored))
        return [name for name, value in before if value is not None and not heap.closing.isdisjoint(heap.below(value.objects))]

    def _call_back(self, frame: CellFrame, at: list[ast.stmt]) -> None:
        """The shell calls what it was given, before a cell runs and after it."""
        for node in at:
            for value in self.walk.called_by_shell:
                rows.call_held(Call(frame, node, Arguments((value,))))

    def _execute(self, frame: CellFrame, statement: ast.stmt, record: _Record, *, last: bool) -> None:
        if last and isinstance(statement, ast.Expr):
            self._show(frame, statement, record.cell)
        else:
            STATEMENTS[type(statement)](frame, statement)

    def _run_setting(self, frame: CellFrame, statement: ast.stmt, found: Candidate, record: _Record, *, last: bool) -> bool:
        """Run what may set a library's state; whether that is all it does, so that it can be done again elsewhere."""
        trace = frame.trace
        before, sizes = trace.effects, _sizes(trace)
        trace.effects = {}
        self._execute(frame, statement, record, last=last)
        made, trace.effects = trace.effects, before
        written = {key: mark for key, mark in made.items() if key.mode == "write" and key.channel.startswith("library:")}
        # A stream is not replaced again: what is shown there would be shown twice.
        sets = {} if any(key.channel == STREAMS for key in written) else written
        # What is set may be found by asking the library for it: `logging.getLogger("a")`.
        channels = {key.channel for key in sets}
        only_sets = bool(sets) and all(key in sets or (key.mode == "read" and key.channel in channels) for key in made)
        if not only_sets or _sizes(trace) != sizes or trace.opaque is not None:
            sets = {}
        for key, mark in made.items():
            if key not in sets:
                trace.touch(key, mark)
        if not sets:
            return False
        names = tuple(name for name in _names_in(statement) if name in frame.top.values or name in self.walk.namespace)
        record.settings[found.ordinal] = sets
        record.candidates[found.ordinal] = _Replayed(found, names, _bound_before(frame, statement, found.ordinal))
        return True

    def _run_candidate(self, frame: CellFrame, statement: ast.stmt, found: Candidate, record: _Record) -> bool:
        """Run a definition and see what it reads at once; whether that is there wherever it is run again."""
        before, history = frame.trace.uses, len(self.walk.history)
        # Asked before the statement runs, which may bind a name anew that it reads: `f = f`.
        own = _bound_before(frame, statement, found.ordinal)
        frame.trace.uses = {}
        known = set(frame.trace.effects)
        STATEMENTS[type(statement)](frame, statement)
        # Who runs an import again needs the file of the module again; a library that has a list of classes gets them by their statements.
        of_statement = ("library:", "files") if isinstance(statement, ast.ClassDef) else ("files", FUTURE, OVERLOADS)
        again = [key for key in frame.trace.effects if key not in known and key.channel.startswith(of_statement)]
        record.settings[found.ordinal] = {key: frame.trace.effects.pop(key) for key in again}
        if imports_star(statement) and frame.trace.opaque is None:
            found = found._replace(star=True, binds=tuple(name for name, binder in frame.binders.items() if binder == found.ordinal))
        reads = tuple(frame.trace.uses)
        frame.trace.uses = {**before, **{name: mark for name, mark in frame.trace.uses.items() if name not in before}}
        if not found.binds or len(self.walk.history) > history:
            # A star imports what nobody knows, and `_` is what was shown before this cell.
            return False
        objects = frozenset().union(*(frame.top.values[name].objects for name in found.binds if name in frame.top.values))
        uses = (*reads, *(name for name in own if name not in reads))
        record.candidates[found.ordinal] = _Replayed(found, uses, own, objects)
        return True

    def _show(self, frame: CellFrame, statement: ast.Expr, cell: Cell) -> None:
        """The last expression of a cell is displayed."""
        self.walk.shown = statement.value
        value = evaluate(frame, statement.value)
        if value.type != "NoneType" and not cell.source.rstrip().endswith(";"):
            types.shown(frame, value, statement)
            # A figure is drawn, which settles its limits and its ticks; what a call gives has been changed by the call.
            if value.type == ARTIST and isinstance(statement.value, ast.Name | ast.Attribute):
                frame.change(value, statement, "a figure is drawn when it is shown")
            self.walk.displayed(value, certain=value.type not in ("", "scalar") and _RAISES not in cell.tags)

    def _commit(self, frame: CellFrame, record: _Record, first_object: int) -> None:
        """Make the cell's bindings the notebook's, and note what others can see of it."""
        walk, trace, heap = self.walk, frame.trace, self.walk.heap
        self._close_unreachable(frame, record, first_object)
        self._write_open_files(frame, first_object)
        self._read_files_later(frame)
        note_states(frame)
        reach = {number: heap.above((number,)) for number in (*trace.changed, *trace.compared)}
        before = {number: walk.names_reaching(found) for number, found in reach.items()}
        told_apart = self._told_apart(frame)
        record.uses = sorted(trace.uses.items(), key=lambda item: item[1].spot)
        record.builtins = sorted(trace.builtins.items(), key=lambda item: item[1].spot)
        self._libraries(frame, record)
        self._bind(frame, record)
        self._changes(frame, record, reach, before)
        for name, _ in record.changes:
            walk.outdated(name)
        self._share(frame, record, told_apart, before)
        self._addresses(frame, record)
        note_streams(frame)
        record.effects = [(*key, mark) for key, mark in sorted(trace.effects.items(), key=lambda item: (item[1].spot, item[0]))]
        for reason, (mark, remedy, objects) in trace.unknowns.items():
            names = walk.names_reaching(heap.above(objects)) if objects else None
            record.unknowns.append((mark, reason, remedy, names))
        if trace.opaque is not None:
            record.opaque = trace.opaque.reason
        self._stuck(frame, record, first_object)
        self._live(frame, record)
        record.history = set(walk.history)
        record.packages = set(walk.packages)
        self.changed_ever.update(trace.changed)
        # A method that nobody knows changes what it is called on rather than the code of the notebook that this may lead to.
        self.changed_surely.update(
            number for number, mark in trace.changed.items() if number not in heap.callees or not mark.reason.endswith(guesses.MAY_CHANGE)
        )

    def _libraries(self, frame: CellFrame, record: _Record) -> None:
        walk = self.walk
        values = [walk.namespace[name] for name, _ in record.uses if name in walk.namespace]
        for value in (*values, *frame.top.values.values()):
            path = value.callee if type(value.callee) is str else value.type
            if "." in path or value.callee == path:
                record.libraries |= walk.known.homes(module_of_class(frame, path) or path.partition(".")[0])
            of = value.callee if isinstance(value.callee, Class) else walk.classes.get(value.type)
            record.libraries.update(classes.libraries_of(of) if of is not None else ())
            # What shows a layout shows the plots in it.
            record.makers |= guesses.unknown_makers(frame, value, walk.heap.below(value.objects) if walk.heap.libraries else ())
        if any(name not in walk.namespace for name, _ in record.uses):
            record.libraries |= walk.starred
        record.libraries -= {"__main__", "builtins", ""}

    def _bind(self, frame: CellFrame, record: _Record) -> None:
        walk, top = self.walk, frame.top
        for name, value in top.values.items():
            where = frame.binders.get(name, 0)
            sure = name in top.sure and not record.ends_early
            if value is GONE:
                if name in walk.namespace or not sure:
                    record.deletions.append((name, where, sure))
                walk.unbind(name)
                continue
            bound = _any_of_its_kind(value) if _PARAMETERS in record.cell.tags else value
            before = None if sure else walk.namespace.get(name)
            made = bound if before is None else join(before, bound)
            record.definitions.append((name, where, sure, made.type))
            walk.rebind(name, made)
        self.bound_anywhere.update(top.values)

    def _changes(self, frame: CellFrame, record: _Record, reach: dict[int, set[int]], before: dict[int, set[str]]) -> None:
        walk = self.walk
        rebound = {name for name in frame.top.sure if name in frame.top.values} if not record.ends_early else set()
        found: dict[str, Mark] = {}
        for number, mark in frame.trace.changed.items():
            for name in (before[number] & walk.names_reaching(reach[number])) - rebound:
                if name not in found or mark.spot < found[name].spot:
                    found[name] = mark
        record.changes = sorted(found.items(), key=lambda item: (item[1].spot, item[0]))

    def _share(self, frame: CellFrame, record: _Record, told_apart: set[int], before: dict[int, set[str]]) -> None:
        """The objects that more than one name reaches, where this cell had a hand in it, or reached until the cell bound one anew."""
        walk, heap, trace = self.walk, self.walk.heap, frame.trace
        looked: set[int] = set(trace.changed) | trace.compared - self.walk.heap.constants
        for _, _, held in trace.captured:
            if held not in looked:
                looked |= heap.below((held,))
        for value in frame.top.values.values():
            for number in value.objects:
                if number not in looked and self._may_be_shared(number):
                    looked |= heap.below((number,))
        for number in sorted(looked | told_apart):
            names = walk.names_reaching(heap.above((number,)))
            if max(len(names), len(before.get(number, ()))) > 1 or number in told_apart:
                views = any(walk.namespace[name].view for name in names if name in walk.namespace)
                changed, compared = number in trace.changed, number in trace.compared or number in told_apart
                record.sharing.append(Sharing(number, tuple(sorted(names)), changed, views, compared))

    def _told_apart(self, frame: CellFrame) -> set[int]:
        """What this cell was given by several names, and something that it makes holds more than once."""
        walk, uses = self.walk, frame.trace.uses
        return {one for one in self._doubled(frame) if len(walk.names_reaching(walk.heap.above((one,))).intersection(uses)) > 1}

    def _doubled(self, frame: CellFrame) -> set[int]:
        """What something holds more than once, by different ways, one of them made here: with copies, it would hold different objects."""
        heap, trace = self.walk.heap, frame.trace
        found = heap.shown(held for _, held in trace.repeated)
        made = {one for one, _, _ in trace.captured}

        def looks_into(number: int) -> bool:
            # What an object of a library holds is a guess.
            return number in made or heap.is_plain(number)

        # What a library keeps is a guess, too; what an instance shows of its class is not.
        ways = [
            [
                one
                for key, held in heap.fields.get(holder, {}).items()
                for one in held
                if key not in (KEPT, KEYS) or type(heap.callees.get(one)) is Class
            ]
            for holder in heap.above(made)
        ]
        ways += [[one for item in value.items for one in item.objects] for value in frame.top.values.values() if value.items is not None]
        for held in ways:
            seen: set[int] = set()
            for one in held:
                reached = heap.shown((one,), looks_into)
                found |= seen & reached
                seen |= reached
        return {one for one in found if not heap.is_same_everywhere(one)}

    def _may_be_shared(self, number: int) -> bool:
        """Whether a second name may reach an object, or something that it holds."""
        walk, heap = self.walk, self.walk.heap
        if number in heap.holders or len(walk.names_of.get(number, ())) > 1:
            return True
        below = heap.below((number,))
        return any(walk.names_of.get(one) or not below.issuperset(heap.holders.get(one, ())) for one in below if one != number)

    def _close_unreachable(self, frame: CellFrame, record: _Record, first_object: int) -> None:
        """A file that no name leads to any more is closed, and has then all that was written to it."""
        walk, heap, bound = self.walk, self.walk.heap, frame.top.values
        for number in sorted(number for number in heap.buffered if number < first_object):
            names = walk.names_reaching(heap.above((number,)))
            if names <= bound.keys() and not any(number in heap.below(value.objects) for value in bound.values()):
                for name in names:
                    mark = Mark(record.statements[frame.binders.get(name, 0)], (), "the file that it had open is closed")
                    frame.trace.uses.setdefault(name, mark)
                    frame.trace.changed.setdefault(number, mark)

    def _write_open_files(self, frame: CellFrame, first_object: int) -> None:
        """What writes to a file that an earlier cell has opened is changed by writing."""
        writers, trace = self.walk.heap.writers, frame.trace
        for number in sorted(writers.keys() & trace.changed.keys()) if writers else ():
            if number < first_object:
                trace.effects.setdefault(EffectKey(FILES, "append", writers[number]), trace.changed[number])
                self.walk.written[writers[number]] = None

    def _read_files_later(self, frame: CellFrame) -> None:
        """What an earlier cell made of a file, and this one uses, may read the file only now."""
        heap, trace = self.walk.heap, frame.trace
        for name, mark in trace.uses.items() if heap.readers else ():
            value = self.walk.namespace.get(name)
            for number in sorted(heap.below(value.objects) & heap.readers.keys()) if value is not None else ():
                for path in heap.readers[number]:
                    trace.effects.setdefault(EffectKey(FILES, "read", path), mark)

    def _stuck(self, frame: CellFrame, record: _Record, first_object: int) -> None:
        """Names that hold what cannot leave its process."""
        walk, heap, known = self.walk, self.walk.heap, self.walk.known
        for number in range(first_object, heap.size):
            of = walk.classes.get(heap.types[number])
            kind = heap.types[number] if of is None else classes.find(frame, of, "")[1]
            if kind and known.is_stuck(kind):
                self.stuck[number] = known.note(kind) or f"a `{kind}` cannot leave its process"
        self._iterators_of_changed(frame)
        for number in sorted(heap.tied.keys() - self.stuck.keys()):
            if number < first_object:
                self.stuck[number] = heap.tied[number]
                self._stuck_before(walk.names_reaching(heap.above((number,))), heap.tied[number])
        heap.tied.clear()
        self._compared_by_identity()
        found: dict[str, tuple[str, Spot]] = {}
        for number, reason in self.stuck.items():
            for name in walk.names_reaching(heap.above((number,))) & frame.top.values.keys():
                found.setdefault(name, (reason, record.statements[frame.binders.get(name, 0)]))
        self._caches(frame, record, found)
        record.stuck = [(name, *why) for name, why in sorted(found.items())]

    def _caches(self, frame: CellFrame, record: _Record, found: dict[str, tuple[str, Spot]]) -> None:
        """Functions that keep what they returned, or what they were compiled with, and that somebody can tell from fresh ones."""
        walk, heap = self.walk, self.walk.heap
        for number, mark in frame.trace.changed.items():
            # An empty cache can be sent; this cell has filled it.
            callee = heap.callees.get(number)
            if type(callee) is Function and (callee.cached or callee.compiled):
                for name in walk.names_reaching(heap.above((number,))):
                    found.setdefault(name, (caches.WHY_STUCK, mark.spot))
        for name, value in frame.top.values.items():
            # Who makes it again of what was sent finds none of the names that it is compiled with.
            callee = value.callee
            if type(callee) is Function and callee.compiled and origin(callee.cell, callee.code.node) in walk.stateful:
                found.setdefault(name, (caches.WHY_STUCK, record.statements[frame.binders.get(name, 0)]))

    def _iterators_of_changed(self, frame: CellFrame) -> None:
        """An iterator of a set or a deque that was changed complains of it, which one that pickle has made does not."""
        heap = self.walk.heap
        for number in frame.trace.changed:
            if heap.types[number] in _COUNT_CHANGES:
                iterators = (one for one in heap.holders.get(number, ()) if heap.types[one] == "iterator")
                heap.tied.update(dict.fromkeys(iterators, "it notices a change of what it goes through only where it was made"))

    def _compared_by_identity(self) -> None:
        """Immutable values that the cell has told apart by their identity, which a copy does not have, and what a text makes again has."""
        names, self.walk.compared = list(self.walk.compared), {}
        made = [one for one in map(self._made_before, names) if one is not None]
        if any(where not in record.candidates for record, where in made):
            self._stuck_before(names, "it is told from others by its identity, which a copy does not have")

    def _stuck_before(self, names: Iterable[str], reason: str) -> None:
        """What these names hold cannot be sent to the cell that was just seen."""
        for made, name in ((self._made_before(name), name) for name in names):
            if made is not None:
                record, where = made
                record.stuck = sorted({*record.stuck, (name, reason, record.statements[where])})

    def _made_before(self, name: str) -> tuple[_Record, int] | None:
        """The last cell before the one that was just seen that binds a name, and in which of its statements."""
        return next(((record, one[1]) for record in reversed(self.records[:-1]) for one in record.definitions if one[0] == name), None)

    def _live(self, frame: CellFrame, record: _Record) -> None:
        heap = self.walk.heap
        for mark, value in frame.trace.live:
            if mark.reason == guesses.CALLED_BY_SHELL:
                self.walk.called_by_shell.append(value)
            names = set(self.walk.names_reaching(heap.above(heap.below(value.objects))))
            names |= self._read_by(names)
            record.live.append((tuple(sorted(names)), mark))

    def _addresses(self, frame: CellFrame, record: _Record) -> None:
        mark = frame.trace.effects.pop(EffectKey(ADDRESSES, "read", ""), None)
        if mark is not None:
            names = self.walk.names_reaching(self.walk.heap.above(frame.trace.compared))
            record.addresses = tuple(sorted(names)), mark._replace(reason="several cells look at where what it reaches lies")
            self.asked |= frame.trace.compared
        elif self.asked:
            names = self.walk.names_reaching(self.walk.heap.above(self.asked))
            bound = [ordinal for name, ordinal, *_ in record.definitions if name in names]
            if bound:
                mark = Mark(record.statements[bound[0]], reason="what it reaches may be counted")
                record.reaching = tuple(sorted(names)), mark

    def _read_by(self, names: Iterable[str]) -> set[str]:
        """The names that functions and classes with these names may read when they are called, and those that such names lead to."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            callee = self.walk.namespace[waiting.pop()].callee
            methods = [one.callee for one in callee.members.values()] if isinstance(callee, Class) else [callee]
            code = [one.code.node for one in methods if isinstance(one, Function)]
            read = {node.id for part in code for node in ast.walk(part) if isinstance(node, ast.Name)} & self.walk.namespace.keys()
            waiting += read - found
            found |= read
        return found

    # -- the whole notebook --------------------------------------------------------------------------------------

    def stateful(self) -> set[Origin]:
        """The functions with caches and the classes whose state matters: somebody changes it, or can tell a fresh one."""
        walk, heap, changed = self.walk, self.walk.heap, self.changed_surely
        found = set(walk.found_stateful)
        found.update(of.origin for of in walk.classes.values() if not changed.isdisjoint(heap.below((of.object,))))
        for number, callee in heap.callees.items():
            if type(callee) is Function and (callee.cached or callee.compiled) and number in self.changed_ever:
                found.add(origin(callee.cell, callee.code.node))
        return found

    def facts(self) -> tuple[CellFacts, ...]:
        """The facts of all cells: now it is known what is changed anywhere."""
        # What binds any name, as `%pylab` does, may well have bound one that numpy has too.
        opaque = next((place for place, record in enumerate(self.records) if record.opaque), len(self.records))
        unread = ONLY_IF_READ - {channel for record in self.records for channel, mode, *_ in record.effects if mode == "read"}
        is_asked_again = MEMORY not in unread or sum(record.addresses is not None for record in self.records) > 1
        for record in self.records:
            record.forget(unread)
            seen = (record.addresses if is_asked_again else None, record.reaching if MEMORY not in unread else None)
            record.live += filter(None, seen)
        return tuple(self._facts(record, _IN_NUMPY if place > opaque else frozenset()) for place, record in enumerate(self.records))

    def _facts(self, record: _Record, shadowed: frozenset[str]) -> CellFacts:
        statements = self._statements(record)
        ids = {statement.id.ordinal: statement.id for statement in statements}
        kind = FactsKind.ORDINARY
        if record.empty:
            kind = FactsKind.EMPTY
        elif record.opaque:
            kind = FactsKind.OPAQUE
        elif record.only_definitions and len(statements) == len(record.candidates):
            kind = FactsKind.DEFINITION
        flags = {directive.name: directive.values for directive in record.directives}
        hidden = [(name, mark) for name, mark in record.builtins if name in self.bound_anywhere or name in shadowed]
        return CellFacts(
            cell=record.cell.id,
            index=record.cell.index,
            kind=kind,
            uses=tuple(Use(name, _span(record, mark.spot), mark.via) for name, mark in (*record.uses, *hidden)),
            definitions=tuple(
                Definition(name, _span(record, record.statements[ordinal]), sure, ids.get(ordinal) if sure else None, kind)
                for name, ordinal, sure, kind in record.definitions
            ),
            deletions=tuple(Deletion(name, _span(record, record.statements[ordinal]), sure) for name, ordinal, sure in record.deletions),
            changes=tuple(Change(name, _span(record, mark.spot), _reason(mark)) for name, mark in record.changes),
            sharing=tuple(record.sharing),
            effects=tuple(_effects(record, ids)),
            statements=statements,
            unknowns=tuple(
                Unknown(_span(record, mark.spot), reason, remedy)
                for mark, reason, remedy, names in record.unknowns
                if names is None or self._is_read_after(record, names)
            ),
            stuck=tuple(Stuck(name, reason, _span(record, where)) for name, reason, where in record.stuck),
            live=tuple(Live(names, mark.reason, _span(record, mark.spot)) for names, mark in record.live),
            libraries=tuple(sorted(record.libraries)),
            unknown_libraries=tuple(sorted(name for name in record.libraries if not self.walk.known.covers(name))),
            makers=tuple(sorted(record.makers - record.libraries)),
            packages=tuple(sorted(record.packages)),
            history=tuple(sorted(record.history)),
            opaque=record.opaque,
            ends_early=record.ends_early,
            fuse="fuse" in flags,
            split="split" in flags,
            target=flags.get("target", ("",))[0],
            scatter=flags.get("scatter", ()),
            allowed=tuple(code for directive in record.directives if directive.name == "allow" for code in directive.values),
        )

    def _is_read_after(self, record: _Record, names: set[str]) -> bool:
        """Whether a later cell reads one of the names before it is bound anew: otherwise what happened to it does not matter."""
        left = set(names)
        for later in self.records[record.cell.index + 1 :]:
            if not left.isdisjoint(name for name, _ in later.uses):
                return True
            left -= {name for name, _, sure, _ in later.definitions if sure}
        return False

    def _statements(self, record: _Record) -> tuple[DefinitionStatement, ...]:
        """The candidates whose objects nobody ever changes."""
        heap = self.walk.heap
        found = []
        for ordinal, (one, uses, own, objects) in record.candidates.items():
            if self.changed_ever.isdisjoint(heap.below(objects)):
                before = tuple((name, StatementId(record.cell.index, binder)) for name, binder in own.items())
                identifier = StatementId(record.cell.index, ordinal)
                found.append(
                    DefinitionStatement(
                        id=identifier, lines=one.lines, binds=one.binds, uses=uses, own=before, imports=one.imports, star=one.star
                    )
                )
        return tuple(found)


def _any_of_its_kind(value: Value) -> Value:
    """A parameter's value: each run may be given another, so that no branch is known to be taken. Texts and paths still name files."""
    if value.const is MISSING or value.type in ("str", "pathlib.Path"):
        return value
    return SCALAR if value.type == "NoneType" else plain(value.type)


def _sizes(trace: Trace) -> tuple[int, ...]:
    """How much is known of what a cell changed, shared, started, and did not understand."""
    return len(trace.changed), len(trace.captured), len(trace.live), len(trace.unknowns)


def _effects(record: _Record, ids: Mapping[int, StatementId]) -> Iterator[Effect]:
    """What the cell did to the world, and which statements do it again."""
    for channel, mode, subject, mark in record.effects:
        yield Effect(channel, mode, subject, _span(record, mark.spot))
    for ordinal, made in record.settings.items():
        for key, mark in made.items():
            yield Effect(*key, _span(record, mark.spot), ids.get(ordinal))


def _stored_names(statement: ast.AST) -> Iterator[str]:
    """The names that a statement binds itself, and not functions and classes in it. It may be nested too deep for recursion."""
    waiting = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        if not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            waiting += ast.iter_child_nodes(node)


def _bound_before(frame: CellFrame, statement: ast.stmt, ordinal: int) -> dict[str, int]:
    """The names a definition reads that the cell has bound before, perhaps, and the statement that did so last."""
    return {name: frame.binders[name] for name in _names_in(statement) if frame.binders.get(name, ordinal) < ordinal}


def _has_own_decorator(frame: CellFrame, statement: ast.stmt) -> bool:
    """Whether a decorator that has a well-known name is the notebook's own."""
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    made = [part for part in ast.walk(statement) if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    names = {name_of(decorator) for part in made for decorator in part.decorator_list}
    values = (frame.peek(name) for name in sorted(names) if "." not in name)
    return any(value is not None and type(value.callee) in (Function, Class) for value in values)


def _names_in(statement: ast.stmt) -> list[str]:
    """The names a definition reads when it runs."""
    parts: list[ast.AST]
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = statement.args
        hints = [
            argument.annotation for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs) if argument.annotation
        ]
        parts = [*statement.decorator_list, *arguments.defaults, *(d for d in arguments.kw_defaults if d), *hints]
        parts += [statement.returns] if statement.returns else []
    elif isinstance(statement, ast.ClassDef):
        parts = [*statement.decorator_list, *statement.bases]
        for inner in statement.body:
            parts += [ast.Name(name, ast.Load()) for name in _names_in(inner)]
    else:
        parts = [statement]
    return list(
        dict.fromkeys(node.id for part in parts for node in ast.walk(part) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
    )


def _reason(mark: Mark) -> str:
    return f"{mark.reason} (in {' > '.join(f'`{name}`' for name in mark.via)})" if mark.via else mark.reason


def _span(record: _Record, where: Spot) -> Span:
    line, column, end_line, end_column = where
    if record.ascii:
        return Span(line, column + 1, end_line, end_column + 1)
    return Span(line, _characters(record.lines, line, column) + 1, end_line, _characters(record.lines, end_line, end_column) + 1)


def _characters(lines: list[str], line: int, column: int) -> int:
    """A column in bytes as one in characters."""
    if line > len(lines):
        return column
    return len(lines[line - 1].encode("utf-8")[:column].decode("utf-8", "ignore"))
