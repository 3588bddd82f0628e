"""Facts + the author's `# nbc:` comments -> facts in which these count.

What a comment says holds for its line, or for the whole cell where it has a line of its own. `pure` and `mutates` are
taken into account by the walk, which leaves out what they settle; what they and the others add is added here.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace

from nbcompile.analysis.channels import FILES, LIBRARY
from nbcompile.analysis.files import UNRESOLVED
from nbcompile.model.diagnostic import Span
from nbcompile.model.facts import CellFacts, Change, Effect, Live
from nbcompile.model.source import Directive, ParsedCell

# State that can be named instead of a file.
CHANNELS = frozenset(("random", "numpy.random", "torch.random", "matplotlib", "os.environ", "cwd", "sys.path", "shell", "umask", "locale"))
_SAYS_SO = "its author says so"
_MODES = {"reads": "read", "writes": "write"}


def apply_annotations(facts: Sequence[CellFacts], cells: Sequence[ParsedCell]) -> tuple[CellFacts, ...]:
    """The facts with what the authors of cells say of them."""
    return tuple(_annotated(cell, parsed.directives) if parsed.directives else cell for cell, parsed in zip(facts, cells, strict=True))


def _annotated(facts: CellFacts, directives: Sequence[Directive]) -> CellFacts:
    changed = {change.name for change in facts.changes}
    changes = [Change(name, _place(one), _SAYS_SO, whole=True) for one in _of(directives, "mutates") for name in one.values]
    shared = [
        Live(one.values, f"`{'` and `'.join(one.values)}` share an object: {_SAYS_SO}", _place(one)) for one in _of(directives, "shares")
    ]
    files = [effect for one in directives if one.name in _MODES for effect in _touched(one)]
    return replace(
        facts,
        live=(*facts.live, *shared),
        changes=(*facts.changes, *(change for change in changes if change.name not in changed)),
        effects=(*(effect for effect in facts.effects if not _is_settled(effect, directives)), *files),
    )


def _of(directives: Sequence[Directive], name: str) -> Iterator[Directive]:
    return (one for one in directives if one.name == name)


def _touched(directive: Directive) -> Iterator[Effect]:
    for path in directive.values:
        if path in CHANNELS or path.startswith(LIBRARY):
            yield from _channel(path, directive)
            continue
        plain = posixpath.normpath(path)
        yield Effect(FILES, _MODES[directive.name], plain + "/" if path.endswith("/") else plain, _place(directive))


def _channel(name: str, directive: Directive) -> Iterator[Effect]:
    """A cell that sets state may have read it before: whoever draws from a generator needs its state."""
    place = _place(directive)
    if directive.name == "reads":
        yield Effect(name, "read", _SAYS_SO, place)
    else:
        yield Effect(name, "draw", _SAYS_SO, place)
        yield Effect(name, "write", _SAYS_SO, Span(place.line, 2, place.line, 2))


def _is_settled(effect: Effect, directives: Sequence[Directive]) -> bool:
    """Whether this stands for files that could not be made out, and the author names them."""
    unclear = effect.channel == FILES and effect.subject == UNRESOLVED
    return unclear and any(one.name in _MODES and one.line in (0, effect.span.line) for one in directives)


def _place(directive: Directive) -> Span:
    line = directive.line or 1
    return Span(line, 1, line, 1)
