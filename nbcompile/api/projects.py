"""The settings of the project that a notebook lies in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from nbcompile.api.programs import Program
    from nbcompile.model.project import ProjectSettings
    from nbcompile.model.settings import Settings


def in_project(settings: Settings, program: Program) -> Settings:
    """The settings with those of the project that the notebook lies in, unless they have some."""
    if settings.project is not None or program.directory is None:
        return settings
    return replace(settings, project=project_settings(program.directory))


def project_settings(directory: Path) -> ProjectSettings | None:
    """The settings of the project that `directory` belongs to; the nearest file upwards counts. `None` where there is none."""
    for folder in (directory.absolute(), *directory.absolute().parents):
        for name in ("nbcompile.yml", "nbcompile.yaml", "pyproject.toml"):
            path = folder / name
            if path.is_file() and (name != "pyproject.toml" or b"[tool.nbcompile" in path.read_bytes()):
                from nbcompile.config import load_project

                return load_project(path)
        if (folder / ".git").exists():
            break
    return None


def python_asked(settings: Settings) -> str:
    """The Python that is to run the cells, as the settings or the project name it; empty where neither does."""
    return settings.python or (settings.project.environment.python if settings.project else "")
