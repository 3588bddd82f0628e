"""Versions of channels and files: state that is not a name, ordered like a variable."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nbcompile.dataflow.files import Files
from nbcompile.model.diagnostic import Span
from nbcompile.model.facts import RESTORE, TEMPORARY_OF_PROCESS, CellFacts, Effect, FactsKind, StatementId
from nbcompile.model.graph import CHANNEL, FILE, Edge, EdgeKind, Fusion, Version

_RANDOM = frozenset(("random", "numpy.random", "torch.random"))
# Settings of libraries that are plain values, by library and what is set.
_WARNINGS, _LOGGING, _STARTED = "library:warnings", "library:logging", "library:threading.names"
_LIMITS, _ARGV = "library:sys.limits", "library:sys.argv"
_OF_NUMBERS = ("library:decimal", "library:numpy.settings", "library:pandas.options")
_SETTINGS = {_WARNINGS, _LOGGING, _STARTED, _LIMITS, _ARGV, *_OF_NUMBERS}
# Channels whose state a step can take over and hand on.
TRAVELS = _RANDOM | _SETTINGS | {"matplotlib", "matplotlib.interactive", "os.environ", "cwd", "sys.path", "shell", "umask", "locale"}
_ORDERED = frozenset(("network", "process", "database"))
_READ_BY_IMPORTS = ("os.environ", "cwd", "sys.path")
_SHELL, _UMASK, _LOCALE, _DISPLAY, _EXTENSIONS = "shell", "umask", "locale", "library:display", "library:extensions"
# Described libraries that draw with matplotlib, or may when they are asked to.
_PLOTS = frozenset(("matplotlib", "seaborn", "pandas", "pylab", "networkx", "statsmodels", "sklearn", "scipy", "sympy"))
# Once figures stay open when a cell has ended, whoever draws may draw on one of them.
_FIGURES, _DRAWS = "library:matplotlib.figures", frozenset(("matplotlib", "seaborn", "pylab"))
# Once a notebook sets it, whoever draws may set it, too: with the first figure plots become interactive.
_INTERACTIVE = "matplotlib.interactive"
# What cells put in the place of functions of libraries that have settings, and handlers of their own.
_NAMES_OF_LIBRARIES = ("library:logging.handlers", "library:logging.names", "library:warnings.names", "library:decimal.names")
# Libraries whose settings say how values are shown, by whatever cell.
_SHOW = ("library:display", "library:numpy", "library:pandas", "library:sklearn", "library:sympy", *_OF_NUMBERS)
_READ_BY_ALL = frozenset((_WARNINGS, _LOGGING, *_NAMES_OF_LIBRARIES, *_SHOW))
# The streams and the builtins.
_OF_THE_PROCESS = ("library:sys", "library:sys.streams", _LIMITS, _ARGV, "library:builtins", "library:patches", "library:resource")
_READ_BY_EVERYTHING = frozenset((*_READ_BY_IMPORTS, _SHELL, _UMASK, _LOCALE, _DISPLAY, *_OF_THE_PROCESS))
# The last error that the shell has shown: set by cells that fail and are allowed to.
_ERRORS = "errors"
_CELL = Span(1, 1, 1, 1)
_TEMPORARY = "they share a temporary file, and each process may have a directory of its own for these"
# Standard modules are used by builtins and by whatever library, so that a cell need not name one to find how it was set. Of these it must.
_NAMED_BY_READERS = frozenset(
    f"library:{name}"
    for name in (
        "asyncio",
        "asyncio.policy",
        "atexit",
        "calendar",
        "contextvars",
        "csv",
        "ctypes.calls",
        "gc",
        "logging.tree",
        "os.links",
        "sqlite3",
        "sys.memory",
        "threading.names",
        "typing.overloads",
    )
)
_USED_UNNAMED = sys.stdlib_module_names | {"IPython"}
_QUIET = frozenset(("environment", "time", "concurrency", "references", "stdin", "import", "files"))


@dataclass(slots=True)
class ChannelLinks:
    """What channels and files add to each cell; `files` and the states it reads are what a statement needs wherever it is run again."""

    needs: list[tuple[Version, ...]]
    replays: list[tuple[StatementId, ...]]
    makes: list[tuple[Version, ...]]
    edges: list[Edge]
    fusions: list[Fusion]
    files: dict[StatementId, dict[Version, None]]


class _Channel:
    """The newest state of one channel."""

    __slots__ = ("maker", "readers", "replaced", "statements", "tied")

    def __init__(self) -> None:
        self.maker = -1
        self.tied = False
        # What was set of it, as long as it was not restored.
        self.replaced: set[str] = set()
        self.readers: list[int] = []
        self.statements: dict[StatementId, int] = {}


def link_channels(facts: Sequence[CellFacts], statements: Mapping[StatementId, tuple[StatementId, ...]]) -> ChannelLinks:
    """Link readers and writers of every channel and file."""
    files = Files()
    links = ChannelLinks([], [], [], [], [], files.of_statements)
    linker = _Linker(facts, statements, links)
    for cell in facts:
        needs, replays, makes = linker.cell(cell)
        file_needs, file_makes, file_edges = files.cell(cell)
        links.needs.append((*needs, *file_needs))
        links.replays.append(replays)
        links.makes.append((*makes, *file_makes))
        links.edges += file_edges
        links.fusions += [Fusion(edge.source, edge.target, _TEMPORARY) for edge in file_edges if _is_temporary(edge)]
    return links


def _top_level(channel: str) -> str:
    """The module that has a state; nothing for what is no state of a library."""
    return channel.removeprefix("library:").partition(".")[0] if channel.startswith("library:") else ""


def _is_temporary(edge: Edge) -> bool:
    """Whether a file passes between cells in the directory that the system has for temporary files."""
    return edge.name.startswith(f"{FILE}{TEMPORARY_OF_PROCESS}/")


class _Linker:
    def __init__(self, facts: Sequence[CellFacts], statements: Mapping[StatementId, tuple[StatementId, ...]], links: ChannelLinks) -> None:
        self.channels: dict[str, _Channel] = {}
        self.links = links
        self.statements = statements
        written = {effect.channel for cell in facts for effect in cell.effects if effect.mode != "read"}
        read_unseen = {"matplotlib", _SHELL, _UMASK, _LOCALE, *_READ_BY_IMPORTS} & written
        self.errors = any(effect.channel == _ERRORS for cell in facts for effect in cell.effects)
        self.interactive = _INTERACTIVE in written
        self.libraries = {name for name in written - {_FIGURES} if name.startswith("library:")} | read_unseen | (_RANDOM & written)

    def cell(self, cell: CellFacts) -> tuple[list[Version], tuple[StatementId, ...], list[Version]]:
        """The channel versions that a cell needs, what it replays for them, and those it makes."""
        needs: list[Version] = []
        replays: dict[StatementId, None] = {}
        makes: list[Version] = []
        for name, effects in self._touched(cell).items():
            channel = self.channels.setdefault(name, _Channel())
            if name in _ORDERED:
                self._ordered(cell, name, effects, channel, makes)
            else:
                self._state(cell, name, effects, channel, needs, replays, makes)
        self._state_of_imports(cell)
        return needs, tuple(replays), makes

    def _touched(self, cell: CellFacts) -> dict[str, list[Effect]]:
        """The channels of a cell, and how it touches them; nothing says that it reads one."""
        modes: dict[str, list[Effect]] = {}
        for effect in cell.effects:
            if effect.channel not in _QUIET:
                modes.setdefault(effect.channel, []).append(effect)
            elif effect.channel == "import":
                for name in _READ_BY_IMPORTS:
                    modes.setdefault(name, [])
        if self.errors and cell.ends_early:
            modes.setdefault(_ERRORS, []).append(Effect(_ERRORS, "write", "", _CELL))
        if self.interactive and (cell.unknown_libraries or not _PLOTS.isdisjoint(cell.libraries)):
            modes.setdefault(_INTERACTIVE, []).append(Effect(_INTERACTIVE, "draw", "", _CELL))
        if _FIGURES in self.channels and not _DRAWS.isdisjoint(cell.libraries):
            modes.setdefault(_FIGURES, []).append(Effect(_FIGURES, "draw", "", _CELL))
        for name in sorted(self.libraries):
            if self._reads_library(cell, name):
                modes.setdefault(name, [])
        return modes

    def _state_of_imports(self, cell: CellFacts) -> None:
        """An import that is run again finds what it found: the search path as it was then, and not only as it is later."""
        for name in _READ_BY_IMPORTS:
            channel = self.channels.get(name)
            if channel is not None and channel.maker >= 0:
                version = Version(CHANNEL + name, channel.maker)
                for statement in (one for one in cell.statements if one.imports):
                    self.links.files.setdefault(statement.id, {})[version] = None

    def _reads_library(self, cell: CellFacts, name: str) -> bool:
        used_unnamed = name not in (*_NAMED_BY_READERS, *_READ_BY_ALL) and _top_level(name) in _USED_UNNAMED
        if name in _READ_BY_EVERYTHING or used_unnamed:
            # Whatever runs may look at them, and a statement that is replayed may be an import.
            return cell.kind is not FactsKind.EMPTY
        if name in _READ_BY_ALL:
            return bool(cell.libraries or cell.uses)
        if (cell.unknown_libraries or cell.makers) and name != _EXTENSIONS:
            # What they call, nobody knows: drawing, or another library that nothing is known of, or a generator of their own to start.
            # And what they have made may be of any library.
            return True
        if name in ("matplotlib", "library:matplotlib"):
            return not _PLOTS.isdisjoint(cell.libraries)
        if name == "library:csv" and "pandas" in cell.libraries:
            # It asks for dialects there.
            return True
        return name.removeprefix("library:") in (*cell.libraries, *cell.makers)

    def _ordered(self, cell: CellFacts, name: str, effects: list[Effect], channel: _Channel, makes: list[Version]) -> None:
        """State outside the step, with an identity: every write is in order with everything."""
        version = CHANNEL + name
        writes = any(effect.mode != "read" for effect in effects)
        if channel.maker >= 0:
            self._edge(channel.maker, cell.index, version)
        if writes:
            for reader in channel.readers:
                self._edge(reader, cell.index, version)
            channel.maker, channel.readers = cell.index, []
            makes.append(Version(version, cell.index))
        else:
            channel.readers.append(cell.index)

    def _state(
        self,
        cell: CellFacts,
        name: str,
        effects: list[Effect],
        channel: _Channel,
        needs: list[Version],
        replays: dict[StatementId, None],
        makes: list[Version],
    ) -> None:
        """State that a step takes over: by its value, or by running the statements that set it again."""
        version = CHANNEL + name
        modes = {effect.mode for effect in effects}
        if name in _RANDOM and "write" not in modes and channel.maker < 0:
            return  # never seeded: every process starts afresh, and a finding says so
        if not self._starts_anew(name, effects):
            if channel.maker >= 0:
                self._edge(channel.maker, cell.index, version)
                if name in TRAVELS and not channel.tied:
                    needs.append(Version(version, channel.maker))
                else:
                    reason = f"the state of `{name.removeprefix('library:')}` that is set here cannot be sent"
                    self.links.fusions.append(Fusion(channel.maker, cell.index, reason))
            for statement, made_in in channel.statements.items():
                replays.update(dict.fromkeys((statement, *self.statements[statement])))
                self._edge(made_in, cell.index, version)
        if modes - {"read"} == {RESTORE}:
            channel.replaced -= {effect.subject for effect in effects}
            if not channel.replaced:
                # It is as every process has it.
                self.channels[name] = _Channel()
            makes.append(Version(version, cell.index))
        elif modes - {"read"}:
            self._write(cell, name, effects, channel)
            makes.append(Version(version, cell.index))

    def _write(self, cell: CellFacts, name: str, effects: list[Effect], channel: _Channel) -> None:
        writes = [effect for effect in effects if effect.mode != "read"]
        # A state that is taken over once goes on to be: it has all that was set before.
        if channel.maker < 0 and all(effect.statement in self.statements for effect in writes):
            channel.statements.update((effect.statement, cell.index) for effect in writes if effect.statement is not None)
        else:
            channel.maker = cell.index
            channel.statements = {}
            channel.replaced |= {effect.subject for effect in writes}
            channel.tied = any(stuck.name == CHANNEL + name for stuck in cell.stuck)

    def _starts_anew(self, name: str, effects: list[Effect]) -> bool:
        """Whether the cell seeds a generator before it draws from it."""
        if name not in _RANDOM or not effects:
            return False
        first = min(effects, key=lambda effect: effect.span)
        return first.mode == "write" and first.span.column == 1

    def _edge(self, source: int, target: int, name: str) -> None:
        if source != target:
            edge = Edge(source, target, name, EdgeKind.CHANNEL)
            if edge not in self.links.edges[-8:]:
                self.links.edges.append(edge)
