"""Facts + what a run or a profile found that they lacked -> facts that have it, as if the author had declared it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from nbcompile.analysis.declared import without_replays_of
from nbcompile.analysis.files import UNRESOLVED
from nbcompile.model.diagnostic import Span
from nbcompile.model.facts import CellFacts, Change, Definition, Effect, Live, Stuck, Use
from nbcompile.model.guard import GuardBreak
from nbcompile.model.profile import Profile
from nbcompile.rules import guards as rules

_SEEN = "a run has shown it"
_START, _AFTER_IT = Span(1, 1, 1, 1), Span(1, 2, 1, 2)


def learn(facts: Sequence[CellFacts], breaks: Sequence[GuardBreak]) -> tuple[CellFacts, ...]:
    """The facts with what broken guards have told; unchanged where they tell nothing new."""
    learnt = list(facts)
    bound = {made.name for cell in facts for made in cell.definitions}
    for one in breaks:
        if one.code == rules.NOT_SENT.code and one.name not in bound:
            # Nobody knows where it comes from.
            continue
        bound_before = any(made.name == one.name for cell in facts[: one.cell] for made in cell.definitions)
        teach = _binds if one.code == rules.CHANGED.code and not bound_before else _LESSONS[one.code]
        for place in _cells_to_teach(facts, one):
            learnt[place] = teach(learnt[place], one)
    changed = {one.name for one in breaks if one.code == rules.CHANGED.code}
    return tuple(without_replays_of(cell, changed) for cell in learnt) if changed else tuple(learnt)


def learn_from_profile(facts: Sequence[CellFacts], profile: Profile) -> tuple[CellFacts, ...]:
    """The facts with the changes that a profile has seen, and its lessons; unchanged where they have it all."""
    # What a thread changes is seen in whichever cell runs then; all cells that reach it are one step anyway.
    alive = {name for cell in facts for live in cell.live for name in live.names} | {stuck.name for cell in facts for stuck in cell.stuck}
    seen = {cell.index: [name for name in cell.changes if name not in alive] for cell in profile.cells}
    learnt = tuple(_with_changes(cell, seen.get(cell.index, ())) for cell in facts)
    changed = {change.name for old, new in zip(facts, learnt, strict=True) for change in new.changes[len(old.changes) :]}
    return learn(tuple(without_replays_of(cell, changed) for cell in learnt) if changed else facts, profile.lessons)


def _with_changes(cell: CellFacts, names: Sequence[str]) -> CellFacts:
    """A name that the cell binds anew is not an object that was there before."""
    known = {*(change.name for change in cell.changes), *(made.name for made in cell.definitions)}
    new = tuple(Change(name, _START, "a profile has shown it", whole=True) for name in names if name not in known)
    return replace(cell, changes=(*cell.changes, *new)) if new else cell


def _cells_to_teach(facts: Sequence[CellFacts], broken: GuardBreak) -> tuple[int, ...]:
    """The cell that broke the guard, or made what could not travel. What one use of a library sets, others will, too."""
    if broken.code == rules.CANNOT_TRAVEL.code:
        return (int(broken.name.rpartition("@")[2]),)
    users = (cell.index for cell in facts if broken.name in {f"library:{name}" for name in cell.unknown_libraries})
    return tuple(dict.fromkeys((broken.cell, *users)))


def _changes(cell: CellFacts, broken: GuardBreak) -> CellFacts:
    if any(change.name == broken.name for change in cell.changes):
        return cell
    return replace(cell, changes=(*cell.changes, Change(broken.name, _START, _SEEN, whole=True)))


def _binds(cell: CellFacts, broken: GuardBreak) -> CellFacts:
    """A name that no cell before it binds is bound by it, in a way that nobody has seen."""
    known = any(made.name == broken.name for made in cell.definitions)
    return cell if known else replace(cell, definitions=(*cell.definitions, Definition(broken.name, _START)))


def _reads_name(cell: CellFacts, broken: GuardBreak) -> CellFacts:
    known = any(use.name == broken.name for use in cell.uses)
    return cell if known else replace(cell, uses=(*cell.uses, Use(broken.name, _START)))


def _touches_file(cell: CellFacts, broken: GuardBreak) -> CellFacts:
    """Who reads one file that was not foreseen may read others as well."""
    if "writes=" in broken.remedy:
        return _with_effects(cell, Effect("files", "append", broken.name, _START))
    return _with_effects(cell, Effect("files", "read", UNRESOLVED, _START), Effect("files", "read", broken.name, _START))


def _sets_state(cell: CellFacts, broken: GuardBreak) -> CellFacts:
    """It may have drawn from a generator or seeded it: whoever draws needs the state before."""
    return _with_effects(cell, Effect(broken.name, "draw", _SEEN, _START), Effect(broken.name, "write", _SEEN, _AFTER_IT))


def _with_effects(cell: CellFacts, *effects: Effect) -> CellFacts:
    new = tuple(effect for effect in effects if effect not in cell.effects)
    return replace(cell, effects=(*cell.effects, *new)) if new else cell


def _shares(cell: CellFacts, broken: GuardBreak) -> CellFacts:
    names = broken.name.split()
    live = Live(tuple(names), f"`{'` and `'.join(names)}` share an object: {_SEEN}", _START)
    return cell if live in cell.live else replace(cell, live=(*cell.live, live))


def _makes_stuck(cell: CellFacts, broken: GuardBreak) -> CellFacts:
    stuck = Stuck(broken.name.rpartition("@")[0], _SEEN, _START)
    return cell if stuck in cell.stuck else replace(cell, stuck=(*cell.stuck, stuck))


_LESSONS: dict[str, Callable[[CellFacts, GuardBreak], CellFacts]] = {
    rules.CHANGED.code: _changes,
    rules.NOT_SENT.code: _reads_name,
    rules.FILE_TOUCHED.code: _touches_file,
    rules.SHARED.code: _shares,
    rules.STATE_SET.code: _sets_state,
    rules.CANNOT_TRAVEL.code: _makes_stuck,
}
