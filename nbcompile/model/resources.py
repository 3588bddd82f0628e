"""What is written of resources -> what is asked of a place."""

from __future__ import annotations

import math
from dataclasses import fields, replace

from nbcompile.model.plan import Resources
from nbcompile.model.project import ResourceSettings
from nbcompile.model.sizes import parse_size

_MINUTES = {"s": 1 / 60, "m": 1, "h": 60, "d": 24 * 60}


def resources_of(settings: ResourceSettings) -> Resources:
    """What is asked of a place, in its units."""
    gpus = settings.gpus
    return Resources(
        cpus=settings.cpus,
        memory_mib=math.ceil(parse_size(settings.memory) / 2**20) if settings.memory else None,
        gpus=gpus.count if gpus else 0,
        gpu_type=gpus.type if gpus else "",
        minutes=math.ceil(int(settings.time[:-1]) * _MINUTES[settings.time[-1]]) if settings.time else None,
    )


def with_usual(own: ResourceSettings, usual: ResourceSettings) -> ResourceSettings:
    """What is written for some cells, and what is written for all where it says nothing."""
    said = {one.name: value for one in fields(own) if (value := getattr(own, one.name)) not in (None, "")}
    return replace(usual, **said)


def filled(asked: Resources, usual: Resources) -> Resources:
    """What a step asks for, and what is usual where it leaves the choice."""
    gpus = asked if asked.gpus else usual
    return Resources(
        cpus=usual.cpus if asked.cpus is None else asked.cpus,
        memory_mib=usual.memory_mib if asked.memory_mib is None else asked.memory_mib,
        gpus=gpus.gpus,
        gpu_type=gpus.gpu_type,
        minutes=usual.minutes if asked.minutes is None else asked.minutes,
    )
