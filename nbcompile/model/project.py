"""What a project asks for: the format of nbcompile.yml, as `nbcompile.model.schema` reads it.

Keys that are said to be reserved belong to the format: they are checked, and nobody reads them yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nbcompile.model.schema import setting

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSettings:
    """The Python environment that the cells need."""

    python: str = setting("a Python version such as 3.11, or the path of an interpreter")
    requirements: str = setting("reserved, without effect: a requirements file beside the notebook")
    image: str = setting("reserved, without effect: a container image with its digest", pattern=r"[^\s$`]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSelector:
    """Which cells a rule is about: those that have one of the tags, the ids, or define one of the names."""

    tags: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    defines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuSettings:
    """How many graphics processors, and of which type."""

    count: int = setting("how many", 1, minimum=0)
    type: str = setting("such as a100; the place spells it", pattern=NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSettings:
    """What the cells ask of a place."""

    cpus: int | None = setting("processor cores", None, minimum=1)
    memory: str = setting("such as 512MiB or 32GiB", pattern=r"\d+(\.\d+)?[KMGT]i?B")
    gpus: GpuSettings | None = None
    time: str = setting("such as 45m or 2h", pattern=r"\d+[smhd]")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementRule:
    """Where some cells run. The first rule that fits a cell counts."""

    cells: CellSelector
    target: str = setting("the name of a deployment", pattern=NAME)
    environment: str = setting("the name of an environment of that deployment", pattern=NAME)
    resources: ResourceSettings = ResourceSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementSettings:
    """Where cells run. `resources` are what every cell asks for, where its rule does not say otherwise."""

    default: str = setting("the deployment of cells that no rule fits", "local", pattern=NAME)
    resources: ResourceSettings = ResourceSettings()
    rules: tuple[PlacementRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSettings:
    """Files that the analysis cannot see, or that must not move."""

    inputs: tuple[str, ...] = setting("reserved, without effect: files that cells read", ())
    outputs: tuple[str, ...] = setting("reserved, without effect: files that cells write", ())
    resident: Mapping[str, str] = setting("path prefixes that are already at a deployment and are never staged", {})


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSettings:
    """A named credential for the cells that read it."""

    ref: str = setting("the name of the credential", pattern=NAME)
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookSettings:
    """What is special about the notebooks that a pattern matches."""

    match: str
    verify: Literal["always", "nightly", "never"] = "always"
    timeout: str = setting("such as 45m or 2h", pattern=r"\d+[smhd]")
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySettings:
    """How often a step is tried again, and after what. A cell that raised is never tried again."""

    max: int = setting("at most so many times", 2, minimum=0)
    on: tuple[Literal["lost", "preempted", "node-failure"], ...] = ("lost", "preempted", "node-failure")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSettings:
    """nbcompile.yml, or the table tool.nbcompile of pyproject.toml."""

    version: Literal[1] = 1
    environment: EnvironmentSettings = EnvironmentSettings()
    placement: PlacementSettings = PlacementSettings()
    files: FileSettings = FileSettings()
    secrets: Mapping[str, SecretSettings] = setting("reserved, without effect: variables of the environment that cells read", {})
    notebooks: tuple[NotebookSettings, ...] = setting("reserved, without effect: what is special about some notebooks", ())
    retries: RetrySettings = RetrySettings()
