"""What steps need, seen where they are placed before anything is submitted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from nbcompile.api.projects import python_asked
from nbcompile.frontend.parse import parse_cells
from nbcompile.model.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbcompile.api.programs import Program
    from nbcompile.model.diagnostic import Diagnostic
    from nbcompile.model.plan import Plan
    from nbcompile.model.software import Site, Software, SoftwareQuestion


class Inquiry(NamedTuple):
    """What the sites of a plan are asked, and what follows from their answers."""

    questions: Mapping[Site, SoftwareQuestion]
    judge: Callable[[Mapping[Site, Software]], tuple[Diagnostic, ...]]


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
