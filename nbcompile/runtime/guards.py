"""The second line of defence: what a cell did that nobody had foreseen, found while it runs or just after.

A broken guard says that steps that run apart may give something else than one process would. It names the cell, and the
annotation that settles it.
"""

from __future__ import annotations

import builtins
import importlib.machinery
import os
import pickle
import re
import sys
import types
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from .channels import Channels
from .definitions import Definitions
from .document import StepCell, StepDocument, VersionName
from .files import EVERYTHING, StepFiles, covers
from .library_settings import HAVE_SETTINGS, SETTINGS, look_at_settings
from .library_state import changed_state, is_beside, library_state
from .patches import Looks, Parts, looks_of, parts_of, patched, take_added
from .payloads import UNBOUND, SavedPayload
from .placeholders import REFUSED, Placeholder, TravelFailure, placeholder_failure, refusal
from .prints import Print, Prints, shallow_print
from .sharing import Reach, alive, weak_reference
from .shell_settings import tools_of

CHANGED, NOT_SENT, FILE_TOUCHED, SHARED, STATE_SET, STUCK = "NB501", "NB502", "NB503", "NB504", "NB505", "NB506"
_CATCHES_NAME_ERRORS = re.compile(r"except\s*(:|[^:\n]*\b(NameError|Exception|BaseException)\b)")
_NO_PART = re.compile(r"module '([^']+)' has no attribute '([^']+)'")
_WORD = re.compile(r"[^\W\d]\w*")
# The shell itself binds these to the last results.
_OF_HISTORY = re.compile(r"_+|_\d+")
# What code in C raises that is given a placeholder.
_GIVEN_SOMETHING_ELSE = ("TypeError", "ArgumentError")
_OPENED, _LISTED = ("open", "sqlite3.connect"), ("os.listdir", "os.scandir", "glob.glob")
LIBRARY = "library:"
# A library that the cell does not name: it counts where it lies beside the notebook.
MODULE = "module:"
# A library whose functions and classes later cells use, as far as it lies elsewhere.
PARTS = "parts:"
# Which tables of pandas have had labels looked up.
LOOKUPS = "channel:library:pandas.lookups"
# How results are displayed: set by few, read by all.
DISPLAY = "library:display"
# numpy 2 loads it when it is first asked for. From then on it has a state.
_LATE = "numpy.random"
# Where everything is printed.
STREAMS = "library:sys.streams"
FIGURES = "library:matplotlib.figures"
# What is looked at in a way of its own.
_IN_THEIR_OWN_WAY = (FIGURES, *SETTINGS)
_MODULE_FINDERS = (f"{os.sep}importlib{os.sep}", "pkgutil.py", f"{os.sep}pkg_resources{os.sep}", f"{os.sep}importlib_metadata{os.sep}")


class Break(NamedTuple):
    """A guard that was broken: in which cell, and what about. `remedy` is the annotation that settles it."""

    code: str
    cell: int
    name: str
    message: str
    remedy: str


class Guards:
    """The guards of one step. `tell` is called with "guard" and what was broken, or "access" and a file that was not there."""

    def __init__(
        self, document: StepDocument, kernel: Any, definitions: Definitions, channels: Channels, files: StepFiles, tell: Callable[..., None]
    ) -> None:
        self._document, self._kernel, self._definitions = document, kernel, definitions
        self._counts_references = document.counts_references
        self._channels, self._files, self._tell = channels, files, tell
        self.broken = 0
        self.said: List[str] = []
        self._prints: Optional[Prints] = None
        self._reach_of: Callable[[str, Any], Optional[Reach]] = lambda name, value: None
        self._before: Dict[VersionName, Optional[Print]] = {}
        self._made: Dict[str, Tuple[Any, ...]] = {}
        self._states: Dict[str, bytes] = {}
        self._shows: Dict[Any, int] = {}
        self._settings: Dict[str, Any] = {}
        self._loaded: FrozenSet[str] = frozenset()
        self._bound: Dict[str, int] = {}
        self._absent: Set[str] = set()
        self._unbound: Set[str] = set()
        self._libraries: Dict[str, Dict[Any, Any]] = {}
        self._streams: Tuple[Any, ...] = ()
        self._figures: Dict[Any, int] = {}
        self._looks: Optional[Looks] = None
        self._parts: Dict[str, Parts] = {}
        self._patched: Dict[str, str] = {}
        self._importing = 0
        self._awaited: Dict[str, int] = {}
        self._named: FrozenSet[str] = frozenset()
        self._cell: Optional[StepCell] = None
        self._missed: Dict[str, None] = {}
        self._sent: Dict[str, Tuple[VersionName, str, Reach]] = {}
        self._held: Dict[VersionName, Any] = {}
        self._names = WatchedBuiltins()
        # A step that is the whole notebook has nobody to differ from.
        self.needed = any(cell.guarded for cell in document.cells)
        if self.needed:
            listen_for_files()
            _ears.append(self)
            self._watch_builtins()

    def use(self, prints: Prints, reach_of: Callable[[str, Any], Optional[Reach]]) -> None:
        """Compare values with the help of these prints, and find what they reach."""
        self._prints, self._reach_of = prints, reach_of

    def count(self, told: Iterable[Dict[str, Any]]) -> None:
        """Take broken guards that others have told for one's own."""
        self.broken += sum(self._ends_step(one["code"], one["name"]) for one in told)

    def _ends_step(self, code: str, name: str) -> bool:
        """Whether the step fails of it. Of what a library remembers nobody knows whether it matters: without repair it is only told."""
        return self._document.repairs or code != STATE_SET or name == DISPLAY or not name.startswith(LIBRARY)

    def break_(self, code: str, name: str, message: str, remedy: str) -> None:
        """Tell that a guard was broken by the cell that runs."""
        self.broken += self._ends_step(code, name)
        profile = "" if self._document.repairs else ", or run `nbcompile profile` on the notebook and build it again"
        self.said.append(f"{code}: {message}\n  write `{remedy}` into the cell{profile}\n")
        self._tell("guard", **Break(code, self._cell.cell if self._cell else -1, name, message, remedy)._asdict())

    def lacks(self, cell: StepCell, state: Placeholder) -> None:
        """Tell that the state of a channel, which the cell needs, could not be sent."""
        failure = placeholder_failure(state)
        self._cell = cell
        self.break_(STUCK, failure.version, refusal(failure), "# nbc: fuse")
        self._cell = None

    # Before a cell.

    def forget(self) -> None:
        """Take the next cell for the first: what it is given has the names of what an earlier one was given, and is something else."""
        self._before, self._sent, self._held = {}, {}, {}

    def before(self, cell: StepCell, values: Iterable[Tuple[VersionName, Any]], made: Iterable[Any]) -> None:
        """Look at everything that the cell should leave as it is."""
        if not self.needed or cell.skipped:
            return
        self._cell, self._missed = cell, {}
        wanted = [(version, value) for version, value in values if version.name in cell.watches or version in cell.holds]
        known, self._before, self._held = self._before, {}, {}
        if self._prints is not None and self._prints.counts_lookups != (LOOKUPS in cell.watches):
            self._prints.counts_lookups, known = not self._prints.counts_lookups, {}
        for version, value in wanted:
            if value is not UNBOUND and self._prints is not None:
                self._before[version] = known[version] if version in known else self._prints.take(str(version), value)
                # Whether a cell holds the only reference to an object can be seen.
                held = weak_reference(value)
                is_strong = held is value and self._counts_references
                self._held[version] = self._reference_by_name(version.name, id(value)) if is_strong else held
        self._made = {one.name: shallow_print(one.value) for one in made if self._stays(one, cell)}
        channels = [name[len("channel:") :] for name in cell.watches if name.startswith("channel:")]
        self._states = {name: self._state(name) for name in channels if not name.startswith((LIBRARY, MODULE, PARTS))}
        libraries = [name[len(LIBRARY) :] for name in channels if name.startswith(LIBRARY) and name not in _IN_THEIR_OWN_WAY]
        modules = [name[len(MODULE) :] for name in channels if name.startswith(MODULE)]
        libraries += [name for name in modules if name not in sys.modules or is_beside(name)]
        self._libraries = {name: self._library(name) for name in libraries if name in sys.modules}
        used = [name[len(PARTS) :] for name in channels if name.startswith(PARTS)]
        self._looks = looks_of((*self._document.sources.values(), cell.text), self._kernel.namespace.values()) if used else None
        self._patched, self._importing = {}, 0
        self._parts = {name: self._parts_of(name) for name in used if name in sys.modules and not is_beside(name)}
        self._awaited = {name: 0 for name in (*libraries, *used) if name not in sys.modules}
        self._named = frozenset(channels)
        self._loaded = frozenset(sys.modules)
        self._shows = self._display()
        self._streams = _streams()
        self._figures = _open_figures()
        # That these are not there is known. Somebody may look for them, and they should stay away.
        self._absent = {name for name in cell.watches if name.isidentifier() and not self._is_bound(name)}
        self._names.missing = {name for name in self._not_sent(cell) if not self._is_bound(name)} - self._absent
        self._names.looked_up.clear()
        self._kernel.recorder.undefined.clear()
        self._kernel.recorder.unopened.clear()
        self._settings = self._kernel.in_context(look_at_settings)
        REFUSED.clear()
        own = {*cell.defines, *cell.changes, *cell.deletes}
        names = [name for name in self._document.names if name not in own and not _OF_HISTORY.fullmatch(name)]
        self._bound = {name: id(self._kernel.namespace[name]) for name in names if self._is_bound(name)}
        self._unbound = self._absent.difference(own).union(name for name in names if name not in self._bound)

    def _stays(self, one: Any, cell: StepCell) -> bool:
        """Whether the cell should leave alone what a definition statement made, be it only reached through what is made of it."""
        if one.name in cell.watches:
            return True
        is_own = isinstance(one.value, (type, types.FunctionType)) and one.value.__module__ == "__main__"
        return is_own and bool(cell.watches) and one.name not in {*cell.defines, *cell.changes, *cell.deletes}

    def _reference_by_name(self, name: str, number: int) -> Any:
        """What leads to an object as long as its name does, where nobody may hold it and nothing can refer to it weakly."""
        found = self._kernel.namespace.get(name)
        return _ByName(self._kernel.namespace, name, number) if id(found) == number else None

    def _watch_builtins(self) -> None:
        """Let lookups of builtins be seen, where code may look up a name that was not sent: they take several times as long then."""
        names = frozenset(name for cell in self._document.cells for name in self._not_sent(cell))
        texts = (*(cell.text for cell in self._document.cells), *self._document.sources.values())
        self._kernel.watch(names, self._names)
        if any(not names.isdisjoint(_WORD.findall(text)) for text in texts):
            self._kernel.namespace["__builtins__"] = self._names

    def _not_sent(self, cell: StepCell) -> Set[str]:
        """The names that earlier cells bind and this one is not given, and whose lookup nobody would notice.

        A builtin is found, or the error is caught.
        """
        replayed = {name for one in cell.replays for name in self._bound_by(one)} - {*cell.outdated}
        given = {version.name for version in cell.needs} | replayed
        texts = [cell.text, *(self._document.sources.get(int(one.split(".")[0]), "") for one in cell.replays)]
        caught = any(map(_CATCHES_NAME_ERRORS.search, texts))
        earlier = (name for name in self._document.names if self._document.first_bound.get(name, cell.cell) < cell.cell)
        return {name for name in earlier if name not in given and (caught or hasattr(builtins, name))}

    def _bound_by(self, statement: str) -> Tuple[str, ...]:
        definition = self._document.definition(statement)
        return definition.binds if definition is not None else ()

    def _state(self, name: str) -> bytes:
        if name in ("numpy.random", "torch.random", "matplotlib") and name not in sys.modules:
            return b""
        state = self._channels.look(name)
        if name == "matplotlib":
            # Importing pyplot makes plots interactive and tells the shell how to show figures.
            state = {name: value for name, value in state["parameters"].items() if name != "interactive"}
        return pickle.dumps(state, 4)

    # After a cell.

    def after(self, cell: StepCell, error: Optional[BaseException], made: Iterable[Any], lacking: Sequence[TravelFailure] = ()) -> None:
        """Compare with what was there before. `lacking` is what could not travel of what the cell was given."""
        if not self.needed or self._cell is None:
            return
        missing, self._names.missing = self._names.missing, set()
        if self._document.repairs and type(error).__name__ in _GIVEN_SOMETHING_ELSE:
            # Code in C finds that it is given something else before anybody asks a placeholder for anything.
            REFUSED.update((refusal(failure), failure.version) for failure in lacking)
        self._check_errors(cell, error, missing)
        self._check_values()
        self._check_bindings()
        self._check_definitions(made)
        self._check_channels(cell)
        self._check_files(cell)
        self._cell = None

    def _check_errors(self, cell: StepCell, error: Optional[BaseException], missing: Iterable[str]) -> None:
        names = dict.fromkeys(name for name in self._names.looked_up if name in missing)
        # It may have been another process that told so, or another namespace: where nothing is repaired, no step fails of that.
        told = self._kernel.recorder.undefined if self._document.repairs else ()
        known = (name for name in told if self._document.first_bound.get(name, cell.cell) < cell.cell)
        names.update(dict.fromkeys(name for name in known if not self._is_bound(name) and name not in self._absent))
        while error is not None:
            name = _name_of(error)
            # A name that no cell is known to bind may come from a star import or a magic.
            if name and name not in self._absent and self._document.first_bound.get(name, -1) < cell.cell:
                names[name] = None
            if isinstance(error, AttributeError):
                self._note_import(error, cell.cell, names)
            if isinstance(error, FileNotFoundError):
                for path in _paths_in(error):
                    self.hear("open", (path,))
                if isinstance(error.filename, str):
                    self._tell_missing(cell, os.path.dirname(os.path.abspath(error.filename)))
            if isinstance(error, ModuleNotFoundError) and error.name:
                place = os.path.join(self._files.directory, error.name.partition(".")[0])
                self._tell_missing(cell, place)
                self._tell_missing(cell, place + ".py", end="")
            error = error.__cause__ or error.__context__
        for message, version in REFUSED.items():
            self.break_(STUCK, version, message, "# nbc: fuse")
        for name in names:
            self.break_(NOT_SENT, name, f"cell {cell.cell} reads `{name}`, which was not known to be used here", f"# nbc: reads={name}")

    def _tell_missing(self, cell: StepCell, place: str, end: str = "/") -> None:
        """What is not there may be what a cell has written under a name that nobody could tell before: the engine knows who wrote what."""
        path = os.path.relpath(place, self._files.directory)
        if path.split(os.sep)[0] not in (os.pardir, os.curdir) and not os.path.lexists(place):
            self._tell("access", cell=cell.cell, path=path + end)

    def _note_import(self, error: AttributeError, cell: int, names: Dict[str, None]) -> None:
        """Note the name of an import of an earlier cell that would have loaded a part of a package."""
        found = _NO_PART.match(str(error))
        module = sys.modules.get(found.group(1)) if found else None
        name = self._definitions.bring(module, found.group(2), cell) if found and module is not None else ""
        if name:
            names[name] = None

    def _check_values(self) -> None:
        for version, reference in self._held.items():
            value = _alive(reference)
            if value is not None and self._prints is not None:
                now = self._prints.take(str(version), value)
                before = self._before[version]
                if now is not None and before is not None and not now.is_like(before):
                    self._tell_changed(version.name)
                    del self._before[version]

    def _check_bindings(self) -> None:
        """Names of the notebook that code binds which nobody had seen to run here."""
        for name, number in self._bound.items():
            if not self._is_bound(name) or id(self._kernel.namespace[name]) != number:
                self._tell_changed(name)
        for name in sorted(self._unbound):
            if self._is_bound(name):
                self._tell_changed(name)

    def _is_bound(self, name: str) -> bool:
        return name in self._kernel.namespace

    def _tell_changed(self, name: str) -> None:
        cell = self._cell.cell if self._cell else -1
        self.break_(CHANGED, name, f"cell {cell} changes `{name}`, which was not known to change here", f"# nbc: mutates={name}")

    def _check_definitions(self, made: Iterable[Any]) -> None:
        for one in made:
            if one.name in self._made and shallow_print(one.value) != self._made[one.name]:
                self._tell_changed(one.name)

    def _check_channels(self, cell: StepCell) -> None:
        for name, before in self._states.items():
            if before and self._state(name) != before:
                self.break_(
                    STATE_SET, name, f"cell {cell.cell} changes the state of `{name}`, which was not known", f"# nbc: writes={name}"
                )
        self._check_settings(cell)
        for name, held in self._libraries.items():
            changed = changed_state(held, self._library(name))
            if changed:
                message = f"cell {cell.cell} changes `{changed}`, which later cells that use the library may depend on"
                self.break_(STATE_SET, LIBRARY + name, message, f"# nbc: writes={LIBRARY}{name}")
        self._look_for_patches()
        for name, changed in self._patched.items():
            if changed:
                message = f"cell {cell.cell} sets `{changed}`, which later cells may use"
                self.break_(STATE_SET, LIBRARY + name, message, f"# nbc: writes={LIBRARY}{name}")
        if any(one is not now for one, now in zip(self._streams, _streams())) and "channel:" + STREAMS not in cell.changes:
            message = f"cell {cell.cell} replaces a standard stream, to which later cells write"
            self.break_(STATE_SET, STREAMS, message, f"# nbc: writes={STREAMS}")
        if FIGURES in self._named and self._figures != _open_figures() and "channel:" + FIGURES not in cell.changes:
            message = f"cell {cell.cell} leaves figures open, on which later cells may draw"
            self.break_(STATE_SET, FIGURES, message, f"# nbc: writes={FIGURES}")
        if self._shows != self._display() and "channel:" + DISPLAY not in cell.changes:
            message = f"cell {cell.cell} changes how results are displayed or cells are run, which later cells depend on"
            self.break_(STATE_SET, DISPLAY, message, f"# nbc: writes={DISPLAY}")

    def _check_settings(self, cell: StepCell) -> None:
        for name, settings in self._kernel.in_context(look_at_settings).items():
            is_foreseen = "channel:" + name in cell.changes or name not in self._named
            if not is_foreseen and self._settings.get(name, settings) != settings:
                message = f"cell {cell.cell} sets `{name[len(LIBRARY) :]}`, which was not known, and later cells depend on it"
                self.break_(STATE_SET, name, message, f"# nbc: writes={name}")

    def _look_for_patches(self) -> None:
        self._patched = {name: self._patched.get(name) or patched(parts) for name, parts in self._parts.items()}

    def _parts_of(self, library: str) -> Parts:
        return parts_of(library, self._looks) if self._looks is not None else {}

    def _library(self, name: str) -> Dict[Tuple[str, str], Any]:
        return library_state(name, self._prints.take_all if self._prints is not None else lambda name, value: None)

    def loads(self, module: str, depth: int) -> None:
        """A module is about to be run, or has been: what it is when it has been imported is what other steps find."""
        library = module.partition(".")[0]
        if self._cell is None:
            return
        if depth < 0 and module in HAVE_SETTINGS:
            # What it is like when nobody has set anything yet; whoever imports it is the cell. Of pandas, which loads `decimal` on its
            # way, there are not all options then.
            name = HAVE_SETTINGS[module]
            self._settings = {**{key: state for key, state in look_at_settings().items() if key == name}, **self._settings}
        if self._parts and not is_beside(library):
            self._imports(depth)
        if depth < 0 and self._states.get(module) == b"" and module == _LATE:
            self._states[module] = self._state(module)
        if library not in self._awaited:
            return
        self._awaited[library] += depth
        if self._awaited[library]:
            return
        if PARTS + library in self._named and not is_beside(library):
            self._parts.setdefault(library, self._parts_of(library))
        if LIBRARY + library in self._named or is_beside(library):
            found = self._library(library).items()
            new = ((key, value) for key, value in found if f"{key[0]}.".startswith(f"{module}."))
            self._libraries.setdefault(library, {}).update(new)

    def _imports(self, depth: int) -> None:
        if not self._importing:
            self._look_for_patches()
        self._importing += depth
        if not self._importing:
            for parts in self._parts.values():
                take_added(parts)

    def _display(self) -> Dict[Any, int]:
        """How the shell shows objects of each type, and what else it was given."""
        shell = getattr(self._kernel, "shell", None)
        return {} if shell is None else tools_of(shell, self._loaded)

    def _check_files(self, cell: StepCell) -> None:
        for path in list(self._kernel.recorder.unopened) if self._document.repairs else ():
            self.hear("open", (path,))
        declared = [version.subject for version in cell.needs if version.kind == "file"]
        declared += cell.changed_files
        for path in list(self._missed):
            if any(covers(subject, path) for subject in declared) or path.startswith(tuple(self._files.whole)):
                continue
            if any(covers(made, path) for made in self._made_before(cell)):
                self.break_(FILE_TOUCHED, path, f"cell {cell.cell} reads `{path}`, which was not given to it", f"# nbc: reads={path}")
            else:
                self._tell("access", cell=cell.cell, path=path)

    def _made_before(self, cell: StepCell) -> Iterable[str]:
        """The files that earlier cells are known to write. Those that write anything may not mean this file."""
        found = ((name[len("file:") :], first) for name, first in self._document.first_bound.items() if name.startswith("file:"))
        return [subject for subject, first in found if first < cell.cell and subject != EVERYTHING]

    def wrote(self, cell: StepCell, paths: Iterable[str]) -> None:
        """The paths that the cell wrote or removed: those that later cells read must have been foreseen."""
        self._cell = cell
        watched = [name[len("file:") :] for name in cell.watches if name.startswith("file:")]
        for path in paths:
            if not any(covers(one, path) for one in cell.changed_files) and any(covers(one, path) for one in watched):
                self.break_(FILE_TOUCHED, path, f"cell {cell.cell} writes `{path}`, which later cells read", f"# nbc: writes={path}")

    def hear(self, event: str, args: Tuple[Any, ...]) -> None:
        """A file is opened or a directory listed: what is not there may be somewhere else, and so may what a list lacks."""
        if self._cell is None or not args or not isinstance(args[0], (str, bytes, os.PathLike)):
            return
        path = os.path.relpath(os.path.abspath(os.fsdecode(args[0])), self._files.directory)
        if path.split(os.sep)[0] == os.pardir or (event in _OPENED and self._files.has(path)):
            return
        self._missed[path if event in _OPENED else path + "/"] = None

    # What leaves the step.

    def compares(self, cell: StepCell, versions: Iterable[VersionName]) -> bool:
        """Whether it matters what these versions share with those that the cell was given, that left the step before, or that are final."""
        others = [*(one.name for one in self._held), *self._sent, *cell.describes, *cell.keeps]
        return bool(others) and not {*cell.changed_later}.isdisjoint((*others, *(one.name for one in versions)))

    def saved(self, cell: StepCell, saved: SavedPayload) -> None:
        """Of two versions that others are given apart, none may be changed later so that the other would show it."""
        self._cell = cell
        for one in saved.versions:
            if one.reach is not None and one.version.kind == "variable":
                self._leaves(cell, one.version, saved.payload, one.reach)

    def ends(self, cell: StepCell, values: Iterable[Tuple[VersionName, Any]]) -> None:
        """Nobody changes these variables any more: they should be now as they are at the end."""
        self._cell = cell
        for version, value in values:
            known = self._sent.get(version.name)
            if value is not UNBOUND and self.compares(cell, [version]) and (known is None or known[0] != version):
                reach = self._reach_of(str(version), value)
                if reach is not None:
                    self._leaves(cell, version, "", reach)

    def _leaves(self, cell: StepCell, version: VersionName, payload: str, reach: Reach) -> None:
        self._sent.pop(version.name, None)
        if reach.is_empty:
            return
        for other, sent_in, other_reach in self._sent.values():
            if sent_in != payload:
                self._check_sharing(cell, version, reach, other, other_reach)
        # What the cell was given and left alone goes on in its own payload, where later cells find it.
        sent = {one for one, _, _ in self._sent.values()}
        for other, held in self._held.items():
            if other in sent or not {version.name, other.name} & {*cell.changed_later}:
                continue
            found = held if isinstance(held, Reach) else self._reach_of(str(other), _alive(held))
            self._held[other] = found
            if found is not None:
                self._check_sharing(cell, version, reach, other, found)
        reach.loosen(holds=not self._counts_references)
        self._sent[version.name] = version, payload, reach

    def _check_sharing(self, cell: StepCell, version: VersionName, reach: Reach, other: VersionName, other_reach: Reach) -> None:
        both = {version.name, other.name}
        changed = both & {*cell.changed_later}
        # From pandas 3 on, what is made of a table has its memory until somebody writes, and arrays of it are not asked.
        is_lent = not both.isdisjoint(cell.renewed) and reach.shows_to_a_copy(other_reach)
        if not is_lent and any(both.issubset(names) for names in cell.together):
            return
        shared = reach.shares_with(other_reach, any(map(self._is_class, changed))) if changed else None
        if shared:
            names = f"`{version.name}` and `{other.name}`"
            message = f"{names} share {shared} after cell {cell.cell}, and a later cell changes it"
            self.break_(SHARED, f"{other.name} {version.name}", message, f"# nbc: shares={other.name},{version.name}")

    def let_go(self) -> None:
        """All that the cell made is saved: what it was given need not be held any longer."""
        self._held = {}

    def _is_class(self, name: str) -> bool:
        return isinstance(self._kernel.namespace.get(name), type)

    def close(self) -> None:
        """Stop listening."""
        if self in _ears:
            _ears.remove(self)
            self._kernel.namespace["__builtins__"] = builtins
            self._kernel.watch(frozenset(), builtins)


class _ByName(NamedTuple):
    """A reference to an object by the name that it has in a namespace."""

    namespace: Dict[str, Any]
    name: str
    number: int

    def __call__(self) -> Any:
        found = self.namespace.get(self.name)
        return found if id(found) == self.number else None


class WatchedBuiltins(Dict[str, Any]):
    """The builtins, as the last place where a name is looked up: `looked_up` are those that should have been found before."""

    def __init__(self) -> None:
        # Python itself looks some names up without asking us.
        super().__init__(vars(builtins))
        self.missing: Set[str] = set()
        self.looked_up: List[str] = []

    def __getitem__(self, name: str) -> Any:
        if name in self.missing:
            self.looked_up.append(name)
        return vars(builtins)[name]

    def get(self, name: str, default: Any = None) -> Any:
        """As `dict.get`."""
        return vars(builtins).get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in vars(builtins)


def _alive(reference: Any) -> Any:
    return reference() if isinstance(reference, _ByName) else alive(reference)


def _open_figures() -> Dict[Any, int]:
    """The figures that pyplot has open, by their numbers."""
    managers = getattr(getattr(sys.modules.get("matplotlib._pylab_helpers"), "Gcf", None), "figs", None) or {}
    return {number: id(manager) for number, manager in managers.items()}


def _streams() -> Tuple[Any, ...]:
    return (sys.stdout, sys.stderr)


def _name_of(error: BaseException) -> str:
    """The name that a NameError could not find."""
    if not isinstance(error, NameError):
        return ""
    found = re.match(r"(?:global )?name '([^']+)' is not defined", str(error))
    return getattr(error, "name", None) or (found[1] if found else "")


def _paths_in(error: FileNotFoundError) -> Iterable[str]:
    """The paths that an error may be about; many who raise it have only asked whether a file is there."""
    return [error.filename] if isinstance(error.filename, str) else re.findall(r"[^\s'\"]+", str(error))


# An audit hook cannot be removed: one hears everything, and asks the guards of the step that runs.
_ears: List[Guards] = []
_listening: List[bool] = []


def listen_for_files() -> None:
    """Hear of files that are opened and modules that are imported, in this process and its forks."""
    if not _listening:
        _listening.append(True)
        sys.addaudithook(_hear)
        watch_modules()


def watch_modules() -> None:
    """Hear of modules that are imported from their sources, in this process and its forks."""
    loader: Any = importlib.machinery.SourceFileLoader
    run = loader.exec_module

    def exec_module(self: Any, module: Any) -> None:
        # Its text may give it another one.
        name = module.__name__
        for guards in _ears:
            guards.loads(name, 1)
        try:
            run(self, module)
        finally:
            for guards in _ears:
                guards.loads(name, -1)

    # Python takes the frames of its import machinery out of tracebacks.
    exec_module.__code__ = exec_module.__code__.replace(co_filename=loader.exec_module.__code__.co_filename)
    loader.exec_module = exec_module


def _hear(event: str, args: Tuple[Any, ...]) -> None:
    if _ears and (event in _OPENED or event in _LISTED) and not _looks_for_modules(sys._getframe(1)):
        for guards in _ears:
            guards.hear(event, args)


def _looks_for_modules(frame: Any) -> bool:
    """Whether Python itself, or whoever looks for installed packages, is at work: they look wherever modules may be."""
    name = frame.f_code.co_filename
    return name.startswith("<frozen importlib") or any(part in name for part in _MODULE_FINDERS)
