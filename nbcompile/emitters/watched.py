"""What each cell should leave as it is, because cells that run elsewhere depend on it: what the step runtime guards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from nbcompile.model.facts import CellFacts
from nbcompile.model.graph import CHANNEL, FILE, DataflowGraph, GraphCell, Version
from nbcompile.model.plan import Step

# How numbers are calculated and shown, and where is logged.
_SETTINGS = ("library:logging", "library:decimal", "library:numpy.settings", "library:pandas.options")
# Channels of which any cell may be a reader that does not say so, and those that only some cells read.
_READ_BY_ALL = ("cwd", "matplotlib", "shell", "sys.path", "umask", "locale", "library:matplotlib.figures", *_SETTINGS)
_READ_BY_SOME = ("os.environ", "random", "numpy.random", "torch.random")
# What libraries of which no row of the table of known calls tells keep in their modules and classes.
LIBRARY = CHANNEL + "library:"
# The same of those that the cell does not name, where nobody has installed them.
MODULE = CHANNEL + "module:"
# The functions, classes and constants of a library.
PARTS = CHANNEL + "parts:"
# Which tables have had labels looked up: only those look who ask for the memory of one.
_LOOKUPS = CHANNEL + "library:pandas.lookups"
# Watched by what they are for.
_OF_THE_PROCESS = frozenset(("builtins", "sys"))


class Watched(NamedTuple):
    """Of one cell: the names, channels and files it should leave alone, and the names whose objects later cells change.

    `together` are names of which it is known that they share something, and what later cells change of them; those in `renewed` are
    bound to something made of themselves before.
    """

    watches: tuple[str, ...]
    changed_later: tuple[str, ...]
    together: tuple[tuple[str, ...], ...] = ()
    renewed: tuple[str, ...] = ()

    def fields(self) -> dict[str, object]:
        """As a step document has them."""
        fields: dict[str, object] = {"watches": list(self.watches), "changed_later": list(self.changed_later)}
        if self.together:
            fields["together"] = [list(names) for names in self.together]
        if self.renewed:
            fields["renewed"] = list(self.renewed)
        return fields


def watched_names(graph: DataflowGraph, facts: Sequence[CellFacts]) -> dict[int, Watched]:
    """What is watched in each cell."""
    last_read = {name: cell.index for cell in graph.cells for name in _read_by(cell)}
    last_drawn = {CHANNEL + one.channel: cell.index for cell in graph.cells for one in cell.effects if one.mode != "advance"}
    last_changed = {name: cell.index for cell in graph.cells for name in cell.mutates}
    first_set = {CHANNEL + one.channel: cell.index for cell in reversed(graph.cells) for one in cell.effects if one.mode == "write"}
    first_used = {LIBRARY + name: cell.index for cell in reversed(facts) for name in cell.unknown_libraries}
    last_used = {LIBRARY + name: cell.index for cell in facts for name in cell.unknown_libraries}
    last_called = {name: cell.index for cell in facts for name in _libraries(cell)}
    last = len(graph.cells) - 1
    # Later cells may be given instances of a class that they have no name for.
    replayable = set(graph.replayable)
    made_again = {name for cell in facts for one in cell.statements if one.id in replayable for name in one.binds}
    last_guessed = {change.name: cell.index for cell in facts for change in cell.changes if change.guessed}
    renewals = [(name, cell.index) for cell in graph.cells for name in cell.defines if name in cell.uses]
    absent = _absent_names(graph, facts)
    sharing = _Shared()
    groups: list[list[str]] = []
    found: dict[int, Watched] = {}
    for cell in graph.cells:
        index = cell.index
        changed = {*cell.defines, *cell.deletes, *_changed_by(cell)}
        read = [name for name in _read_by(cell) if not name.startswith((FILE, CHANNEL))]
        before = groups
        sharing.after(facts[index])
        groups = sharing.groups()
        # What the cell does to an object that has other names is seen under these.
        reached = [group for group in (*before, *groups) if any(last_read.get(one, -1) > index for one in group)]
        seen_later = {name for group in reached for name in group}
        # What is changed as it should may hold what is not.
        inner = [name for group in before if not changed.isdisjoint(group) for name in group if last_read.get(name, -1) > index]
        names = [name for name in read if last_read[name] > index or name in seen_later or (name in made_again and index < last)]
        channels = [CHANNEL + name for name in _READ_BY_ALL if index < last]
        some = [CHANNEL + name for name in _READ_BY_SOME]
        channels += [name for name in some if first_set.get(name, index) < index or last_drawn.get(name, -1) > index]
        used = {name[len(LIBRARY) :]: name for name, user in last_used.items() if first_used[name] <= index < user}
        named = facts[index].unknown_libraries
        channels += [name if library in named else MODULE + library for library, name in used.items()]
        set_here = {CHANNEL + one.channel for one in cell.effects if one.mode != "read"}
        channels += [PARTS + name for name, user in last_called.items() if user > index and LIBRARY + name not in set_here]
        channels += [_LOOKUPS] if last_read.get(_LOOKUPS, -1) > index else []
        files = [name for name, reader in last_read.items() if name.startswith(FILE) and reader > index]
        watches = dict.fromkeys(name for name in (*names, *inner, *absent.get(index, ()), *channels, *files) if name not in changed)
        later = tuple(name for name, changer in last_changed.items() if changer > index)
        known = ([name for name in group if last_guessed.get(name, -1) <= index] for group in groups)
        together = tuple(tuple(group) for group in known if len(group) > 1 and not {*group}.isdisjoint(later))
        shared = {name for group in together for name in group}
        renewed = dict.fromkeys(name for name, there in renewals if name in shared and index < there <= last_changed.get(name, -1))
        found[index] = Watched(tuple(watches), later, together, tuple(renewed))
    return found


def _absent_names(graph: DataflowGraph, facts: Sequence[CellFacts]) -> dict[int, dict[str, None]]:
    """For each cell the names that it, or a later one, looks for in vain: as long as nobody binds them."""
    binds = {one.id: one.binds for cell in facts for one in cell.statements}
    last_bound: dict[str, int] = {}
    found: dict[int, dict[str, None]] = {}
    for cell in graph.cells:
        brought = {name for one in cell.replays for name in binds[one]}
        for name in cell.uses:
            if name not in brought and all(version.name != name for version in cell.needs):
                for index in range(last_bound.get(name, -1) + 1, cell.index + 1):
                    found.setdefault(index, {})[name] = None
        last_bound.update(dict.fromkeys(_bound_by(cell), cell.index))
    return found


def _libraries(cell: CellFacts) -> Iterator[str]:
    """The libraries that a cell uses or imports."""
    imported = (effect.subject for effect in cell.effects if effect.channel == "import")
    return (name for name in dict.fromkeys((*cell.libraries, *imported)) if name.isidentifier() and name not in _OF_THE_PROCESS)


class _Shared:
    """Which names are known to reach the same objects, as cell follows cell."""

    def __init__(self) -> None:
        self._names: dict[int, set[str]] = {}

    def after(self, cell: CellFacts) -> None:
        """What is known after one more cell."""
        bound = {*(one.name for one in cell.definitions), *(one.name for one in cell.deletions)}
        for names in self._names.values():
            names.difference_update(bound)
        self._names.update({one.object: {*one.names} for one in cell.sharing})

    def groups(self) -> list[list[str]]:
        """Names that share something, directly or through others."""
        group_of: dict[str, set[str]] = {}
        for names in self._names.values():
            group = names.union(*(group_of[name] for name in names if name in group_of))
            group_of.update(dict.fromkeys(group, group))
        return sorted(sorted(group) for group in {id(group): group for group in group_of.values()}.values())


def held_versions(graph: DataflowGraph, step: Step, index: int) -> tuple[Version, ...]:
    """The versions that earlier cells of a step were given, or have sent, and that cells elsewhere get which come after this one.

    It should leave them alone: what an earlier cell keeps of them may be another way to change them.
    """
    sent = [version for payload in step.payloads if payload.cell < index for version in payload.versions]
    needed = (version for cell in step.cells if cell < index for version in graph.cells[cell].needs)
    sent += [version for version in needed if version.cell not in step.cells and not version.name.startswith((FILE, CHANNEL))]
    if not sent:
        return ()
    latest = {name: cell.index for cell in graph.cells[: index + 1] for name in _bound_by(cell)}
    read = {version for cell in graph.cells[index + 1 :] if cell.index not in step.cells for version in cell.needs}
    here = set(graph.cells[index].needs)
    return tuple(one for one in dict.fromkeys(sent) if one in read and one not in here and latest[one.name] == one.cell)


def final_names(graph: DataflowGraph, step: Step, index: int, makers: Mapping[str, int]) -> tuple[str, ...]:
    """The variables that a cell is given, that another step describes or keeps as final, and that the cell should therefore leave alone."""
    cell = graph.cells[index]
    changed = {*cell.defines, *cell.deletes, *cell.mutates, *_changed_by(cell)}
    given = (one for one in cell.needs if not one.name.startswith((FILE, CHANNEL)) and one.name not in changed)
    return tuple(one.name for one in given if makers.get(one.name) == one.cell and one.cell not in step.cells)


def _bound_by(cell: GraphCell) -> Iterator[str]:
    yield from (*cell.defines, *cell.deletes, *cell.mutates, *(version.name for group in cell.makes for version in group))


def _read_by(cell: GraphCell) -> Iterator[str]:
    """The names, channels and files that a cell may read; whoever writes a file looks at what is there."""
    yield from dict.fromkeys((*cell.uses, *(version.name for version in cell.needs)))
    for effect in cell.effects:
        yield FILE + effect.subject if effect.channel == "files" else CHANNEL + effect.channel


def _changed_by(cell: GraphCell) -> Iterator[str]:
    yield from (version.name for group in cell.makes for version in group)
    for effect in cell.effects:
        if effect.mode != "read":
            yield FILE + effect.subject if effect.channel == "files" else CHANNEL + effect.channel
