"""What steps need, seen where they are placed before anything is submitted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nbcompile.api.deployments import broker_of, visit
from nbcompile.api.personal import known_deployments
from nbcompile.api.projects import in_project, python_asked
from nbcompile.frontend.parse import parse_cells
from nbcompile.model.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbcompile.api.programs import Program
    from nbcompile.model.diagnostic import Diagnostic
    from nbcompile.model.plan import Plan
    from nbcompile.model.software import Site, Software, SoftwareQuestion
    from nbcompile.tenancy.credentials import Ask
    from nbcompile.tenancy.deployments import Deployments


class Inquiry(NamedTuple):
    """What the sites of a plan are asked, and what follows from their answers."""

    questions: Mapping[Site, SoftwareQuestion]
    judge: Callable[[Mapping[Site, Software]], tuple[Diagnostic, ...]]


def check_places(
    program: Program, made: Plan, settings: Settings | None = None, *, path: str = "", file: Path | None = None, ask: Ask | None = None
) -> tuple[Diagnostic, ...]:
    """See, before anything is submitted, what steps need and do not find where they are placed, and which values could not travel.

    `path` is the notebook's, for the findings. Logs in to every deployment of the plan. Raises `UsageError` for what is
    configured wrong, `PlaceFailed` for a place that cannot be reached or whose environment cannot be loaded.
    """
    import asyncio

    settings = in_project(settings or Settings(), program)
    inquiry = inquire(program, made, settings, path)
    there = asyncio.run(_look_at(inquiry.questions, known_deployments(file=file), ask))
    return inquiry.judge({**look_at_this_machine(inquiry.questions, program, settings), **there})


def inquire(program: Program, made: Plan, settings: Settings, path: str) -> Inquiry:
    """What must be asked before a plan runs. `path` is the notebook's, for the findings."""
    from nbcompile.analysis.cells import type_origins
    from nbcompile.analysis.environment import read_environment
    from nbcompile.analysis.programs import read_programs
    from nbcompile.places.compatibility import incompatible_sites, missing_software, other_pythons, sent_between_sites, with_held
    from nbcompile.places.needs import questions, step_needs
    from nbcompile.places.resident import missing_files, resident_reads
    from nbcompile.places.software import STEP_MODULES

    parsed = tuple(parse_cells(program.notebook))
    reads = resident_reads(made, program.facts, settings.project.files.resident if settings.project else {})
    needs = step_needs(made, program.facts, read_environment(parsed), read_programs(parsed), reads, program.beside)
    sent = sent_between_sites(made)
    origins = type_origins(parsed, sent)
    libraries = {one for version in sent for one in origins.get(version, program.facts[version.cell].libraries)}

    def judge(found: Mapping[Site, Software]) -> tuple[Diagnostic, ...]:
        return (
            *missing_software(needs, found, path),
            *missing_files(reads, found, path),
            *other_pythons(found, python_asked(settings), program.notebook.python_version, path),
            *incompatible_sites(made, program.facts, found, origins, path),
        )

    return Inquiry(questions(needs, with_held(sorted(libraries)), STEP_MODULES), judge)


def look_at_this_machine(asked: Mapping[Site, SoftwareQuestion], program: Program, settings: Settings) -> dict[Site, Software]:
    """What this machine has, as far as it is asked."""
    from nbcompile.engines.local.interpreter import choose_interpreter
    from nbcompile.places.software import look_here

    choice = choose_interpreter(python_asked(settings), program.notebook.kernel, os.environ)
    return {site: look_here(choice.path, question) for site, question in asked.items() if site.deployment == "local"}


async def _look_at(asked: Mapping[Site, SoftwareQuestion], known: Deployments, ask: Ask | None) -> dict[Site, Software]:
    """What each site elsewhere has. Each deployment is logged in to once."""
    from nbcompile.places.software import look_into

    found: dict[Site, Software] = {}
    for name in dict.fromkeys(site.deployment for site in asked if site.deployment != "local"):
        async with visit(broker_of(known, ask), name) as place:
            for site in [site for site in asked if site.deployment == name]:
                found[site] = await look_into(place.session, place.environment(site.environment), asked[site])
    return found
