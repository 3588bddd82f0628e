"""What a person answers -> entries of their file of deployments. The file's own words, so that it can be shown before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbcompile.model.offer import Choice

WORK_ROOT = "~/.nbcompile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Deployments and credentials by name, as the file will have them."""

    deployments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    credentials: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def with_keys(self, name: str, **keys: object) -> Draft:
        """The draft with more said of one deployment; what is empty is left out."""
        more = {key: value for key, value in keys.items() if value not in ("", (), [], {}, None)}
        return Draft(deployments={**self.deployments, name: {**self.deployments[name], **more}}, credentials=self.credentials)


def draft_host(name: str, *, host: str, port: int, user: str, via: str, work_root: str, credential: Mapping[str, object]) -> Draft:
    """A host that is reached by ssh."""
    address = f"[{host}]" if ":" in host else host
    entry: dict[str, Any] = {"backend": "ssh", "host": address, "user": user, "workRoot": work_root}
    if port != 22:
        entry["port"] = port
    if via:
        entry["via"] = via
    if not credential:
        return Draft(deployments={name: entry})
    return Draft(deployments={name: {**entry, "credential": {"ref": name}}}, credentials={name: credential})


def draft_slurm(name: str, *, via: str, work_root: str, settings: Mapping[str, object]) -> Draft:
    """A Slurm behind a login host, or on this machine."""
    where = {"via": via} if via else {"workRoot": work_root}
    return Draft(deployments={name: {"backend": "slurm", **where, **{key: value for key, value in settings.items() if value}}})


def taken(draft: Draft, name: str, choice: Choice) -> Draft:
    """The draft with what was chosen of what the site offers."""
    environment = {key: value for key, value in (("modules", [*choice.modules]), ("prefix", choice.prefix)) if value}
    own = draft.deployments[name].get("environments", {})
    environments = {**own, "default": {**own.get("default", {}), **environment}} if environment else own
    return draft.with_keys(name, options=dict(choice.options), environments=environments)


def joined(*drafts: Draft) -> Draft:
    """All of them; what comes later wins."""
    deployments: dict[str, Mapping[str, Any]] = {}
    credentials: dict[str, Mapping[str, Any]] = {}
    for draft in drafts:
        deployments.update(draft.deployments)
        credentials.update(draft.credentials)
    return Draft(deployments=deployments, credentials=credentials)


def login_name(name: str) -> str:
    """What the login host of a cluster is called."""
    return f"{name}-login"
