"""The files beside the notebook that a step is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from nbcompile.engines.directory import STATE


def given(directory: Path, paths: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """The relative paths with their places; `./` is everything that is not hidden, ours, or from elsewhere."""
    for path in paths:
        if path != "./":
            # A word of a cell may be the name of a directory that a run is put into, this one perhaps.
            if not (directory / path / STATE).is_dir():
                yield path, directory / path
            continue
        for place in sorted(directory.iterdir()):
            if not place.name.startswith(".") and not _is_ours(place) and _lies_in(directory, place):
                yield place.name, place


def _is_ours(place: Path) -> bool:
    """Whether a directory holds a run or a bundle, or bundles."""
    if not place.is_dir():
        return False
    return (place / STATE).is_dir() or (place / "workflow.cwl").is_file() or any(place.glob("*/workflow.cwl"))


def _lies_in(directory: Path, place: Path) -> bool:
    """Whether a name leads to a file here; a link to a directory may lead round in a circle."""
    if place.is_symlink():
        return place.is_file() and place.resolve().is_relative_to(directory.resolve())
    return place.is_dir() or place.is_file()
