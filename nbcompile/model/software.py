"""Software at a place: what is asked about, and what is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Site(NamedTuple):
    """Where a step finds its software: a deployment, `local` for this machine, and the name of one of its environments."""

    deployment: str
    environment: str = ""

    def __str__(self) -> str:
        name = "this machine" if self.deployment == "local" else f"`{self.deployment}`"
        return f"{name}, environment `{self.environment}`" if self.environment else name


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareQuestion:
    """What an environment is asked about: modules to import, programs to start, and files that should lie there."""

    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """What an environment has. `origins` says of each module that was asked about which distribution it comes from.

    `missing` are modules that cannot be imported, `absent` programs that cannot be started, `gone` files that are not there;
    `versions` are those of all distributions, `programs` those that the environment brings besides the system's. `tops` says which
    distributions brought each top-level module, and is empty for a Python that cannot tell.
    """

    python: str
    executable: str
    missing: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    tops: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    implementation: str = ""
    platform: str = ""

    @property
    def minor(self) -> str:
        """The Python version that decides whether a pickle can travel: `3.11`."""
        return ".".join(self.python.split(".")[:2])


def read_software(document: Mapping[str, Any]) -> Software:
    """What `dataclasses.asdict` and JSON made of a `Software`. Raises KeyError or TypeError for anything else."""
    lists = {name: tuple(document[name]) for name in ("missing", "absent", "gone", "programs")}
    tops = {module: tuple(names) for module, names in document["tops"].items()}
    return Software(**{**document, **lists, "tops": tops})


class FoundPython(NamedTuple):
    """An interpreter that somebody installed there. `prefix` is the environment it belongs to, empty for that on the path."""

    path: str
    version: str
    prefix: str = ""
