"""The only place that composes the passes."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from nbcompile.analysis.bindings import analyze as analyze_cells
from nbcompile.dataflow.link import link
from nbcompile.frontend.ipynb import read_notebook
from nbcompile.model.bundle import Bundle
from nbcompile.model.diagnostic import Diagnostic, DiagnosticLog
from nbcompile.model.errors import NotebookError, UsageError
from nbcompile.model.facts import CellFacts
from nbcompile.model.graph import DataflowGraph
from nbcompile.model.notebook import Notebook
from nbcompile.model.plan import Plan
from nbcompile.model.settings import Settings
from nbcompile.planning.fuse import make_plan


@dataclass(frozen=True, slots=True)
class Program:
    """A notebook analysed: every stage that does not depend on where it will run."""

    notebook: Notebook
    facts: tuple[CellFacts, ...]
    graph: DataflowGraph
    diagnostics: tuple[Diagnostic, ...]
    ok: bool


def analyze(path: str | Path) -> Program:
    """Read and analyse a notebook. Never raises for a bad notebook: see `diagnostics`."""
    path = Path(path)
    program = analyze_bytes(_read(path), path.stem)
    return replace(program, diagnostics=tuple(replace(one, path=str(path)) for one in program.diagnostics))


def analyze_bytes(data: bytes, name: str) -> Program:
    """Analyse a notebook given as bytes; `name` is the stem of its file."""
    log = DiagnosticLog()
    notebook = log.take(read_notebook(data, name))
    facts = log.take(analyze_cells(notebook))
    return Program(notebook, facts, link(facts), log.diagnostics, log.ok)


def plan(program: Program, settings: Settings | None = None) -> Plan:
    """The steps of an analysed notebook. Raises `NotebookError` when it has errors."""
    if not program.ok:
        raise NotebookError(f"{program.notebook.name} has errors", "run `nbcompile check` to see them")
    return make_plan(program.graph, program.notebook, (settings or Settings()).granularity)


def build(path: str | Path, settings: Settings | None = None) -> Bundle:
    """Compile a notebook to CWL, in memory. Raises `NotebookError` when it has errors."""
    from nbcompile.emitters.cwl import emit_cwl

    program = analyze(path)
    return emit_cwl(plan(program, settings), program.notebook)


def write_bundle(bundle: Bundle, directory: Path) -> None:
    """Write a bundle as a whole: `directory` is replaced when every file is on disk."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        for file in bundle.files:
            target = staging / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content)
        staging.chmod(0o755)
        if directory.exists():
            old = directory.rename(staging.with_name(staging.name + ".old"))
            staging.rename(directory)
            shutil.rmtree(old)
        else:
            staging.rename(directory)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "name an existing .ipynb file") from None
