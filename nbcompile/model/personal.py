"""What a person owns and allows."""

from __future__ import annotations

from dataclasses import dataclass

from nbcompile.model.workflow import Permission

PERSONAL = "personal"
"""The tenant of a person who belongs to none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalSettings:
    """The names of a person's own deployments, and what their notebooks may ask for that is denied otherwise."""

    deployments: tuple[str, ...] = ()
    allow: tuple[Permission, ...] = ()
