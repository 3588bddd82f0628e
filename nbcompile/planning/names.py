"""Names for steps: readable, unique, and the same whatever happens to other cells."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from nbcompile.model.graph import CHANNEL
from nbcompile.model.notebook import Cell, CellKind, Notebook
from nbcompile.model.plan import StepId

_LONGEST_SLUG = 24
_DIGEST_LENGTH = 8
_FIRST_WORDS = 3


def step_id(cell: Cell, title: str) -> StepId:
    """The name of the step that starts with `cell`: words of its title, and the cell's id."""
    folded = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", folded)[:_LONGEST_SLUG].strip("-") or "step"
    slug = slug if slug[0].isalpha() else f"s-{slug}"
    return StepId(f"{slug}-{_short(cell.id)}")


def _short(cell_id: str) -> str:
    """The id where it is short and plain, else its digest. Without hyphens, so that no two cells share a step's name."""
    plain = re.fullmatch(r"[a-z0-9_]{1,16}", cell_id)
    return cell_id if plain else hashlib.sha256(cell_id.encode()).hexdigest()[:_DIGEST_LENGTH]


def file_stem(name: str) -> str:
    """A variable's or channel's name as part of a file name that every file system and CWL engine takes."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", name.removeprefix(CHANNEL)).strip("-_") or "value"


def title_of(cell: Cell, heading: str, made: str) -> str:
    """What to call the step that starts with `cell`: as Kale's tag does, its heading, a comment, what it makes, or its first words."""
    lines = (line.strip() for line in cell.source.splitlines())
    first = next((line for line in lines if line and not line.startswith("# nbc:")), "")
    comment = first.lstrip("#! ").strip() if first.startswith("#") and not first.startswith("#!") else ""
    step = next((tag.partition(":")[2] for tag in cell.tags if tag.startswith(("step:", "block:"))), "")
    return step or heading or comment or made or " ".join(re.findall(r"[^\W\d_]\w*", first)[:_FIRST_WORDS])


def markdown_above(notebook: Notebook, cell: Cell) -> tuple[str, str]:
    """The nearest heading above the cell, and the text of the markdown cells just above it."""
    heading, texts = "", list[str]()
    for other in reversed(notebook.cells[: cell.position]):
        if other.kind is not CellKind.MARKDOWN:
            break
        texts.insert(0, other.source.strip())
        found = re.findall(r"(?m)^#{1,6}\s+(.+?)\s*#*$", other.source)
        heading = heading or (found[-1] if found else "")
    return heading, "\n\n".join(texts)
