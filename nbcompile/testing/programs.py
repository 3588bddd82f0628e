"""Hypothesis strategies for notebooks that do what makes cells depend on each other, cut into cells anywhere.

A program is made of the statements of programs.txt. There `{list}` stands for a variable of that kind which is bound already, `{new list}`
for one that the statement binds, perhaps again, `{gone list}` for one that it deletes, and `{n}` for a small number. There are few
names of each kind, so that they meet.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from hypothesis import strategies as st

_NAMES = {
    "int": ("i", "j", "k"),
    "list": ("a", "b", "c"),
    "dict": ("d", "e"),
    "array": ("u", "v", "w"),
    "frame": ("df", "dg"),
    "function": ("f", "g", "h"),
    "closure": ("add", "count"),
    "class": ("A", "B"),
    "object": ("p", "q"),
    "iterator": ("it", "them"),
    "generator": ("rng",),
    "file": ("f.txt", "g.txt"),
}
_IMPORTS = "import functools, json, os, random\nimport numpy as np\nimport pandas as pd"

_PLACE = re.compile(r"\{(?:(new|gone) )?(" + "|".join((*_NAMES, "n")) + r")\}")


class Template(NamedTuple):
    """A statement with places for names."""

    kind: str
    text: str

    def needs(self) -> frozenset[str]:
        """The kinds of variables that must be bound."""
        return frozenset(kind for how, kind in _PLACE.findall(self.text) if how != "new" and kind != "n")


class Program(NamedTuple):
    """A notebook's cells, and how many statements of each kind they hold."""

    cells: tuple[str, ...]
    kinds: Counter[str]

    def percent(self) -> str:
        """The notebook as a percent script."""
        return "".join(f"# %%\n{cell}\n" for cell in self.cells)


@cache
def templates() -> tuple[Template, ...]:
    """All statements of programs.txt, which stand under the kind of dependence that they make."""
    text = files("nbcompile.testing").joinpath("programs.txt").read_text("utf-8")
    sections = re.split(r"(?m)^# (\w+)\n", text)[1:]
    pairs = zip(sections[::2], sections[1::2], strict=True)
    return tuple(Template(kind, one.strip("\n")) for kind, body in pairs for one in re.split(r"\n{2,}", body) if one.strip())


def programs(min_statements: int = 4, max_statements: int = 24, kinds: tuple[str, ...] = ()) -> st.SearchStrategy[Program]:
    """Programs of statements of these kinds, or of all.

    Their names are bound when they are read, as far as that can be told without running them. A shorter program of the same
    seed is the beginning of a longer one, so that examples shrink.
    """
    return st.builds(make_program, st.integers(0, 2**32), st.integers(min_statements, max_statements), st.just(kinds))


def make_program(seed: int, length: int, kinds: tuple[str, ...] = ()) -> Program:
    """The program of a seed."""
    draw = random.Random(seed)  # noqa: S311 - nothing secret
    bound: dict[str, list[str]] = {kind: [] for kind in _NAMES}
    cells, counts = [_IMPORTS], Counter[str]()
    allowed = [template for template in templates() if not kinds or template.kind in kinds]
    for _ in range(length):
        ready = [template for template in allowed if all(bound[kind] for kind in template.needs())]
        kind = draw.choice(sorted({template.kind for template in ready}))
        text = _fill(draw, draw.choice([template.text for template in ready if template.kind == kind]), bound)
        counts[kind] += 1
        if draw.randrange(3):
            cells.append(text)
        else:
            cells[-1] += "\n" + text
    return Program(tuple(cells), counts)


def _fill(draw: random.Random, text: str, bound: dict[str, list[str]]) -> str:
    """The template with names; one that it binds or deletes in several places is the same in all of them."""
    chosen: dict[str, str] = {}
    before = {kind: list(names) for kind, names in bound.items()}

    def name(place: re.Match[str]) -> str:
        how, kind = place.groups()
        if kind == "n":
            return str(draw.randint(1, 4))
        if not how:
            return draw.choice(before[kind])
        found = chosen.setdefault(place[0], draw.choice(_NAMES[kind] if how == "new" else before[kind]))
        bound[kind] = [name for name in bound[kind] if name != found] + ([found] if how == "new" else [])
        return found

    return _PLACE.sub(name, text)
