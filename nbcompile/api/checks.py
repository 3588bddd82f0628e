"""What keeps a notebook from being reproducible or parallel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompile.api.findings import is_error, located, unsettled
from nbcompile.api.programs import analyze, read_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbcompile.api.programs import Program


def check(path: str | Path, parameters: Mapping[str, object] | None = None) -> Program:
    """Analyse a notebook and find what keeps it from being reproducible or parallel; compare the lock beside it, if there is one.

    What `nbcompile check` reports is in `diagnostics`.
    """
    path = Path(path)
    program = _with_findings(analyze(path, parameters), path)
    if program.scatters and program.ok and not program.denied:
        program = _with_scatters(program, path)
    lock = path.with_suffix(".nbcompile.json")
    if program.denied or not program.ok or not lock.is_file():
        return program
    return _with_lock(program, path, lock)


def _with_scatters(program: Program, path: Path) -> Program:
    """What a plan says of scatters that it could not apply."""
    from nbcompile.api.plans import plan_findings

    found = replace(program, diagnostics=plan_findings(program))
    return replace(program, diagnostics=(*program.diagnostics, *located(unsettled(found), str(path), read_file(path))))


def _with_lock(program: Program, path: Path, lock: Path) -> Program:
    """What a lock says is not so any more."""
    from nbcompile.api.plans import plan
    from nbcompile.api.projects import in_project
    from nbcompile.emitters.lockfile import check_lock, granularity_of, lock_document
    from nbcompile.model.plan import Granularity
    from nbcompile.model.settings import Settings

    locked = read_file(lock)
    settings = in_project(Settings(granularity=granularity_of(locked) or Granularity.AUTO), program)
    found = check_lock(locked, lock_document(program.notebook, plan(program, settings), settings, program.beside))
    return replace(program, diagnostics=(*program.diagnostics, *(replace(one, path=str(path)) for one in found)))


def _with_findings(program: Program, path: Path) -> Program:
    from nbcompile.dataflow.findings import find

    found = replace(program, diagnostics=find(program.facts, program.graph))
    told = tuple(located(unsettled(found), str(path), read_file(path)))
    return replace(program, diagnostics=(*program.diagnostics, *told), ok=program.ok and not any(map(is_error, told)))
