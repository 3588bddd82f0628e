"""Plan + facts -> for each step whether another run may use its result: not when it depends on chance, the moment or the world."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nbcompile.model.facts import CellFacts, Effect
from nbcompile.model.notebook import Notebook
from nbcompile.model.plan import Plan, Step, StepId
from nbcompile.model.reuse import Reuse

_WORLD = {
    "network": "it reaches other hosts",
    "process": "it runs other programs",
    "database": "it uses a database",
    "time": "it asks for the time",
    "references": "it asks for addresses, references or the memory of objects",
    "stdin": "it asks for input",
    "environment": "it installs something",
    "unknown": "it does something that cannot be seen",
    "entropy": "it draws random numbers that nobody seeded",
}
_RANDOM = ("random", "numpy.random", "torch.random")
_WORKING_DIRECTORY = "./"
_OUTSIDE = ("/", "~", "../")
# Chance and the moment have many names; a result that is made once too often does no harm.
_CHANCE = re.compile(r"\b(?:default_rng|RandomState|SeedSequence|Random)\(\s*(?:None\s*)?\)|\b(?:uuid[14]|urandom|SystemRandom|secrets)\b")
_MOMENT = re.compile(r"\b(?:time\.(?:time|ctime|localtime|gmtime)|perf_counter|monotonic|process_time|utcnow|today|now)(?:_ns)?\(")


def reuse_of_steps(plan: Plan, facts: Sequence[CellFacts], notebook: Notebook) -> dict[StepId, Reuse]:
    """What may be used again, step by step."""
    return {step.id: _reuse(step, facts, notebook) for step in plan.steps}


def _reuse(step: Step, facts: Sequence[CellFacts], notebook: Notebook) -> Reuse:
    cells = [facts[index] for index in step.cells]
    effects = [effect for cell in cells for effect in cell.effects]
    seeded = tuple(channel for channel in _RANDOM if _is_seeded(channel, facts[: step.cells[-1] + 1]))
    variables = dict.fromkeys(effect.subject for effect in effects if effect.channel == "os.environ" and effect.mode == "read")
    reasons = (*_reasons(cells, effects, seeded), *_words(step, facts, notebook))
    return Reuse(volatile=next(iter(reasons), ""), variables=tuple(filter(None, variables)), seeded=seeded)


def _is_seeded(channel: str, facts: Sequence[CellFacts]) -> bool:
    return any(effect.channel == channel and effect.mode == "write" for cell in facts for effect in cell.effects)


def _reasons(cells: Sequence[CellFacts], effects: Sequence[Effect], seeded: tuple[str, ...]) -> Iterator[str]:
    yield from (f"what it does cannot be seen: {cell.opaque}" for cell in cells if cell.opaque)
    for effect in effects:
        if effect.channel in _WORLD:
            yield _WORLD[effect.channel]
        elif effect.channel in _RANDOM and effect.channel not in seeded:
            yield _WORLD["entropy"]
        elif effect.channel == "os.environ" and effect.mode == "read" and not effect.subject:
            yield "it reads environment variables whose names are not known"
        elif effect.channel == "files" and effect.subject == _WORKING_DIRECTORY:
            yield "it uses files whose names are not known"
        elif effect.channel == "files" and effect.mode != "read" and effect.subject.startswith(_OUTSIDE):
            yield f"it writes `{effect.subject}`, outside its own directory"


def _words(step: Step, facts: Sequence[CellFacts], notebook: Notebook) -> Iterator[str]:
    """What names in the text of the cells, and of the definitions they replay, give away."""
    texts = [notebook.code_cells[index].source for index in step.cells]
    replayed = set(step.replays)
    for cell in facts:
        lines = notebook.code_cells[cell.index].source.splitlines()
        texts += ["\n".join(lines[s.lines[0] - 1 : s.lines[1]]) for s in cell.statements if s.id in replayed]
    for text in texts:
        if _CHANCE.search(text):
            yield _WORLD["entropy"]
        if _MOMENT.search(text):
            yield _WORLD["time"]
