"""What a tenant's deployments are, as the backends and the credential providers understand them. Nothing is opened here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nbcompile.backend import Backend, Environment, read_options
from nbcompile.backend import json_schema as options_schema
from nbcompile.model.errors import UsageError
from nbcompile.model.personal import CredentialReference, Deployment, PersonalSettings
from nbcompile.model.plan import Resources
from nbcompile.model.resources import resources_of
from nbcompile.model.schema import json_schema
from nbcompile.tenancy.credentials import PROVIDERS, Interactive, Provider, find_provider

_COMMON_KEYS = ("backend", "via", "credential", "environments", "resources", "options", "services")


class Deployments(NamedTuple):
    """What one tenant has: deployments, where their credentials come from, and the file that says so, for messages."""

    source: str
    deployments: Mapping[str, Deployment]
    credentials: Mapping[str, CredentialReference]


def find_deployment(known: Deployments, name: str) -> Deployment:
    """The deployment of that name. Raises `UsageError` that lists those there are."""
    if name not in known.deployments:
        listed = ", ".join(known.deployments) or "none"
        advice = f"{known.source} has {listed}; `nbcompile deployment add {name}` makes one"
        raise UsageError(f"there is no deployment called `{name}`", advice)
    return known.deployments[name]


def place_settings(known: Deployments, name: str, backend: Backend) -> object:
    """What the file says to the backend. Raises `UsageError` with the nearest key."""
    deployment = find_deployment(known, name)
    return read_options(backend.Settings, deployment.settings, f"the deployment `{name}` of {known.source}", beside=_COMMON_KEYS)


def credential_provider(known: Deployments, name: str) -> Provider:
    """Who gives the credentials of a deployment. Raises `UsageError`."""
    use = find_deployment(known, name).credential
    if use is None:
        return Interactive()
    if use.ref not in known.credentials:
        listed = ", ".join(known.credentials) or "none"
        raise UsageError(f"the deployment `{name}` uses the credential `{use.ref}`, which is not there", f"{known.source} has {listed}")
    return find_provider(known.credentials[use.ref], f"the credential `{use.ref}` of {known.source}")


def job_options(deployment: Deployment, name: str, backend: Backend, service: str = "", source: str = "") -> object:
    """What jobs ask of a deployment, as the backend's options. Raises `UsageError`."""
    if service and service not in deployment.services:
        raise UsageError(f"the deployment `{name}` has no service `{service}`", f"it has {', '.join(deployment.services) or 'none'}")
    given = {**deployment.options, **(deployment.services[service] if service else {})}
    return read_options(backend.Options, given, f"`options` of the deployment `{name}`" + (f" of {source}" if source else ""))


def usual_resources(deployment: Deployment) -> Resources:
    """What jobs of a deployment ask for where their cells leave the choice to the place."""
    return resources_of(deployment.resources) if deployment.resources else Resources()


def named_environment(deployment: Deployment, deployment_name: str, name: str = "") -> Environment:
    """An environment of a deployment; that called `default` where no name is given. Raises `UsageError`."""
    found = deployment.environments.get(name or "default")
    if found is None and name:
        listed = ", ".join(deployment.environments) or "none"
        raise UsageError(f"the deployment `{deployment_name}` has no environment `{name}`", f"it has {listed}")
    if found is None:
        return Environment()
    return Environment(name=name or "default", modules=found.modules, modules_init=found.modules_init, prefix=found.prefix)


def deployments_schema(backends: Sequence[Backend], identifier: str) -> dict[str, Any]:
    """The JSON Schema of a file of deployments for people who have these backends."""
    schema = json_schema(PersonalSettings, identifier)
    properties = schema["properties"]
    common = properties["deployments"]["additionalProperties"]
    properties["deployments"]["additionalProperties"] = {"anyOf": [_deployment_schema(common, backend) for backend in backends]}
    credential = properties["credentials"]["additionalProperties"]
    properties["credentials"]["additionalProperties"] = {
        "anyOf": [_with_rest(credential, options_schema(kind), {"provider": {"const": name}}) for name, kind in PROVIDERS.items()]
    }
    return schema


def _deployment_schema(common: Mapping[str, Any], backend: Backend) -> dict[str, Any]:
    options = options_schema(backend.Options)
    own = {"backend": {"const": backend.name}, "options": options, "services": {"type": "object", "additionalProperties": options}}
    return _with_rest(common, options_schema(backend.Settings), own)


def _with_rest(common: Mapping[str, Any], rest: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a mapping that two have keys of, with what is known better of some keys."""
    properties = {**common["properties"], **rest["properties"], **own}
    required = [*common["required"], *rest.get("required", ())]
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": required}
