"""Profile -> a table for a terminal."""

from __future__ import annotations

from nbcompile.model.profile import Profile, ProfiledCell
from nbcompile.reporting.run_summary import duration

_MOST_NAMES = 6


def profile_text(profile: Profile) -> str:
    """A line for each cell, and what they took together."""
    lines = [f"{'cell':>4} {'took':>9} {'CPU':>9} {'peak MiB':>9}  what it did"]
    lines += [_line(cell) for cell in profile.cells]
    lines.append(f"{len(profile.cells)} cells took {duration(profile.seconds)}")
    lines += [f"not foreseen by analysis, and planned with from now on: {lesson.message}" for lesson in profile.lessons]
    return "\n".join(lines) + "\n"


def _line(cell: ProfiledCell) -> str:
    done = [("binds", cell.binds), ("changes", cell.changes), ("deletes", cell.deletes), ("touches", cell.channels)]
    done += [(f"{mode}s", tuple(path for how, path in cell.files if how == mode)) for mode in ("read", "write")]
    words = "; ".join(f"{verb} {_names(names)}" for verb, names in done if names)
    return f"{cell.index:>4} {duration(cell.seconds):>9} {duration(cell.cpu_seconds):>9} {cell.peak_memory_mib:>9,.0f}  {words}".rstrip()


def _names(names: tuple[str, ...]) -> str:
    return ", ".join([*names[:_MOST_NAMES], *(["…"] if len(names) > _MOST_NAMES else [])])
