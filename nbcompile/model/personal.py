"""What a person owns and allows: the format of deployments.yml, as `nbcompile.model.schema` reads it.

It holds references to credentials and never a credential: where a key is, and not the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Literal

from nbcompile.model.project import NAME, ResourceSettings
from nbcompile.model.schema import setting
from nbcompile.model.workflow import Permission

PERSONAL = "personal"
"""The tenant of a person who belongs to none."""

_PATH = r"/[^\x00-\x1f\x7f:]*"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialUse:
    """Which credential a deployment logs in with."""

    ref: str = setting("the name of an entry of `credentials`", MISSING, pattern=NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialReference:
    """Where a credential comes from. Each provider has further keys of its own."""

    provider: str = setting("who gives the credential: file, ssh-agent or interactive", MISSING, pattern=NAME)
    parameters: Mapping[str, object] = setting("what the provider needs to know", {}, rest=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedEnvironment:
    """Software of a deployment that cells choose by name."""

    modules: tuple[str, ...] = setting("modules to load, in order", (), pattern=r"[A-Za-z0-9_][A-Za-z0-9_.+/@=~-]*")
    modules_init: str = setting("the file that brings `module`, where login shells do not", key="modulesInit", pattern=_PATH)
    prefix: str = setting("a venv or conda environment there, whose bin comes first", pattern=_PATH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A place that jobs can run at. Each backend has further keys of its own.

    `resources` are what a job asks for where its cells leave the choice to the place.
    """

    backend: str = setting("the kind of place, such as ssh or slurm", MISSING, pattern=NAME)
    via: str = setting("the deployment through which this one is reached", pattern=NAME)
    credential: CredentialUse | None = None
    environments: Mapping[str, NamedEnvironment] = setting("software by name; `default` is for cells that name none", {})
    resources: ResourceSettings | None = None
    options: Mapping[str, object] = setting("what every job asks of the place", {})
    services: Mapping[str, Mapping[str, object]] = setting("named sets of further options, which cells choose by name", {})
    settings: Mapping[str, object] = setting("what the backend needs to know", {}, rest=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalSettings:
    """A person's own deployments, and what their notebooks may ask for that is denied otherwise."""

    version: Literal[1] = 1
    allow: tuple[Permission, ...] = ()
    deployments: Mapping[str, Deployment] = setting("places by name", {})
    credentials: Mapping[str, CredentialReference] = setting("where credentials come from, by name", {})
