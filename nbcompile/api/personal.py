"""What the person who asks owns: their file of deployments and what it allows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompile.model.errors import UsageError

if TYPE_CHECKING:
    from nbcompile.model.personal import PersonalSettings
    from nbcompile.tenancy.deployments import Deployments


def known_deployments(tenant: str = "", file: Path | None = None) -> Deployments:
    """What a tenant has; without a name, what the person has."""
    from nbcompile.model.personal import PERSONAL
    from nbcompile.tenancy.deployments import Deployments

    if tenant not in ("", PERSONAL):
        raise UsageError(f"there is no tenant called `{tenant}`", f"leave it out for your own deployments: you are `{PERSONAL}`")
    path = file or personal_file()
    if file is not None and not file.is_file():
        raise UsageError(f"there is no file {file}", "name a file of deployments, or make one with `nbcompile deployment add`")
    personal = personal_settings(path)
    return Deployments(str(path), personal.deployments, personal.credentials)


def personal_file() -> Path:
    """Where a person's own deployments are described; NBCOMPILE_DEPLOYMENTS names another file."""
    if os.environ.get("NBCOMPILE_DEPLOYMENTS"):
        return Path(os.environ["NBCOMPILE_DEPLOYMENTS"])
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "nbcompile" / "deployments.yml"


def personal_settings(path: Path) -> PersonalSettings:
    """What the person owns and allows; nothing where there is no such file."""
    from nbcompile.config import load_personal
    from nbcompile.model.personal import PersonalSettings

    return load_personal(path) if path.is_file() else PersonalSettings()
