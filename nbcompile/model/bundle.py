"""The files that a build makes, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

from nbcompile.model.plan import StepId


class BundleFile(NamedTuple):
    """One file of a bundle; `path` is relative to the bundle."""

    path: PurePosixPath
    content: bytes


class StepFile(NamedTuple):
    """What the step runtime reads to run one step; `content` is a JSON document `nbcompile/step/1`."""

    step: StepId
    content: bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """A compiled notebook, ready to be written. Paths are unique and sorted.

    `input_files` are the files beside the notebook that go with it, as paths relative to the notebook's directory.
    Those in `apart` lie in one of the others, and are kept a second time: an engine takes each file once.
    """

    files: tuple[BundleFile, ...]
    input_files: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
