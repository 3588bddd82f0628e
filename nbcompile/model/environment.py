"""What a notebook asks of the Python environment: the modules it imports, and what its `%pip` lines would install."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from nbcompile.model.diagnostic import Place


class ImportedModule(NamedTuple):
    """A top-level module that a cell imports whenever it runs."""

    name: str
    place: Place


class UsedProgram(NamedTuple):
    """A program that a cell starts: the first word of a command of a shell, or of a list given to `subprocess`."""

    name: str
    place: Place


class Requirement(NamedTuple):
    """One word of a line that would install something. `name` is empty where it is a path, an address or a file of requirements."""

    text: str
    name: str
    specifier: str
    installer: str
    place: Place


@dataclass(frozen=True, slots=True)
class Environment:
    """In notebook order. `path_changes` says that a cell changes where modules are looked for."""

    imports: tuple[ImportedModule, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    path_changes: bool = False
