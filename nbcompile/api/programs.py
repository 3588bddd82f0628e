"""A notebook read and analysed, as far as it does not depend on where it will run."""

from __future__ import annotations

import errno
import stat
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompile.analysis.annotated import apply_annotations
from nbcompile.analysis.cells import analyze as analyze_cells
from nbcompile.api.findings import located, unsettled
from nbcompile.api.personal import personal_file, personal_settings
from nbcompile.dataflow.link import link
from nbcompile.frontend.beside import look_beside
from nbcompile.frontend.ipynb import read_notebook
from nbcompile.frontend.local_modules import read_modules
from nbcompile.frontend.parse import parse_cells
from nbcompile.model.diagnostic import DiagnosticLog, Outcome
from nbcompile.model.errors import UsageError
from nbcompile.model.graph import given_files, written_files
from nbcompile.model.parameters import Parameters
from nbcompile.model.surroundings import Surroundings
from nbcompile.model.workflow import WorkflowDeclaration
from nbcompile.rules.policy import DENIALS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nbcompile.model.diagnostic import Diagnostic
    from nbcompile.model.facts import CellFacts
    from nbcompile.model.graph import DataflowGraph
    from nbcompile.model.notebook import Notebook
    from nbcompile.model.profile import Profile
    from nbcompile.model.workflow import CellScatter

_NAME_ANOTHER = "name an existing .ipynb file"
_MISNAMED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


@dataclass(frozen=True, slots=True)
class Program:
    """A notebook analysed: every stage that does not depend on where it will run."""

    notebook: Notebook
    facts: tuple[CellFacts, ...]
    graph: DataflowGraph
    diagnostics: tuple[Diagnostic, ...]
    ok: bool
    # Looked for when it is first asked for: in a project, thousands of modules may be read for it.
    look: Callable[[], Surroundings] = field(default=Surroundings, compare=False, repr=False)
    workflow: WorkflowDeclaration = WorkflowDeclaration()
    parameters: Parameters = Parameters()
    scatters: tuple[CellScatter, ...] = ()
    directory: Path | None = None
    profile: Profile | None = None

    @property
    def beside(self) -> Surroundings:
        """What lies beside the notebook and is mentioned in it."""
        return self.look()

    @property
    def denied(self) -> bool:
        """Whether the notebook asks for something that nobody allowed."""
        return any(found.rule in DENIALS for found in self.diagnostics)


def analyze(path: str | Path, parameters: Mapping[str, object] | None = None) -> Program:
    """Read and analyse a notebook, given values for its parameters. Never raises for a bad notebook: see `diagnostics`."""
    path = Path(path)
    return analyze_at(read_file(path), path, parameters or {})


def analyze_at(data: bytes, path: Path, parameters: Mapping[str, object]) -> Program:
    """Analyse the bytes of a notebook that lies at `path`, or did so."""
    program = analyze_notebook(_notebook(data, path), parameters, path.parent)
    missing = tuple(_missing_given(program, path.parent)) if program.parameters.given and program.ok else ()
    if missing:
        program = replace(program, diagnostics=(*program.diagnostics, *missing), ok=False)
    found = tuple(located(unsettled(program), str(path), data))
    look = cache(partial(look_beside, program.notebook, given_files(program.graph), written_files(program.graph), path.parent))
    profiled = _find_profile(program, path)
    found += tuple(replace(one, path=str(path)) for one in profiled.diagnostics)
    program = replace(program, diagnostics=found, look=look, directory=path.parent, profile=profiled.value)
    return _profiled(program, profiled.value) if program.ok and profiled.value else program


def _missing_given(program: Program, directory: Path) -> Iterator[Diagnostic]:
    from nbcompile.api.given import missing_given_files

    return missing_given_files(program, directory)


def _profiled(program: Program, profile: Profile) -> Program:
    """The program with what a profile of its cells has seen and analysis has not."""
    from nbcompile.analysis.lessons import learn_from_profile

    facts = learn_from_profile(program.facts, profile)
    return program if facts == program.facts else linked_again(program, facts)


def analyze_bytes(data: bytes, name: str) -> Program:
    """Analyse a notebook given as bytes; `name` is the stem of its file."""
    return analyze_notebook(read_notebook(data, name), {})


def analyze_notebook(read: Outcome[Notebook], given: Mapping[str, object], directory: Path | None = None) -> Program:
    """Analyse a notebook as it was read, given values for its parameters; modules that it imports are looked for in the directory."""
    log = DiagnosticLog()
    notebook, parameters = log.take(read), Parameters()
    if given or any("parameters" in cell.tags for cell in notebook.code_cells):
        notebook, parameters = log.take(_parameterized(notebook, given))
    workflow = log.take(_workflow(notebook))
    if workflow.questions:
        log.extend(_denials(workflow, notebook))
        workflow = _settled(workflow)
    parsed = tuple(parse_cells(notebook))
    sources = read_modules(notebook, directory) if directory is not None else {}
    found = log.take(analyze_cells(parsed, sources=sources))
    facts = apply_annotations(found, parsed)
    program = Program(notebook, facts, link(facts), log.diagnostics, log.ok, workflow=workflow, parameters=parameters)
    declares = workflow.cells or parameters.known or parameters.given or any(cell.scatter for cell in facts)
    return _with_declarations(program) if declares else program


def _with_declarations(program: Program) -> Program:
    """A program of a notebook that declares something of itself: parameters, steps, scatters."""
    from nbcompile.analysis.declared import apply_declarations, without_replays
    from nbcompile.analysis.scattered import scattered_cells
    from nbcompile.dataflow.declared import order_declared

    log = DiagnosticLog()
    log.extend(program.diagnostics)
    workflow, parameters = program.workflow, program.parameters
    facts = log.take(apply_declarations(without_replays(program.facts, (parameters.cell, parameters.injected)), workflow))
    scatter = any(one.scatter for one in facts) or any(declared.step and declared.step.scatter for declared in workflow.cells)
    scatters = log.take(scattered_cells(facts, workflow, tuple(parse_cells(program.notebook)))) if scatter else ()
    graph = log.take(order_declared(link(facts), workflow))
    return replace(program, facts=facts, graph=graph, diagnostics=log.diagnostics, ok=log.ok, scatters=scatters)


def _parameterized(notebook: Notebook, given: Mapping[str, object]) -> Outcome[tuple[Notebook, Parameters]]:
    from nbcompile.frontend.parameters import give, read_parameters

    # What cells read and none binds is known only from the graph, and can be given as well.
    free = link(analyze_cells(parse_cells(notebook)).value).parameters if given else ()
    return give(notebook, read_parameters(notebook), given, free)


def linked_again(program: Program, facts: tuple[CellFacts, ...]) -> Program:
    """A program with facts that say more."""
    from nbcompile.dataflow.declared import order_declared

    if program.scatters:
        from nbcompile.analysis.scattered import taught_scatters

        program = replace(program, scatters=taught_scatters(program.scatters, program.facts, facts))
    graph = order_declared(link(facts), program.workflow).value
    look = cache(partial(look_beside, program.notebook, given_files(graph), written_files(graph), program.directory or Path()))
    return replace(program, facts=facts, graph=graph, look=look)


def _notebook(data: bytes, path: Path) -> Outcome[Notebook]:
    if path.suffix != ".py":
        return read_notebook(data, path.stem)
    from nbcompile.frontend.scripts import read_script

    return read_script(data, path.stem)


def _workflow(notebook: Notebook) -> Outcome[WorkflowDeclaration]:
    if "workflow" not in notebook.metadata and not any("workflow" in cell.metadata for cell in notebook.code_cells):
        return Outcome(WorkflowDeclaration())
    from nbcompile.frontend.workflow_metadata import read_workflow

    return read_workflow(notebook)


def _denials(workflow: WorkflowDeclaration, notebook: Notebook) -> tuple[Diagnostic, ...]:
    from nbcompile.tenancy.declarations import check_declarations

    path = personal_file()
    return check_declarations(workflow, notebook, personal_settings(path), str(path))


def _settled(workflow: WorkflowDeclaration) -> WorkflowDeclaration:
    from nbcompile.tenancy.declarations import settled

    return settled(workflow, personal_settings(personal_file()))


def read_file(path: Path) -> bytes:
    """The bytes of a file that a person named. Raises `UsageError` when it cannot be read."""
    try:
        # What a bundle and a run are told of is text.
        str(path.absolute()).encode("utf-8")
        # A pipe or a device may have no end, or never begin.
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"cannot read {path}: it is no regular file", _NAME_ANOTHER)
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", _advice_on(error)) from None
    except UnicodeEncodeError:
        raise UsageError(f"cannot read {str(path)!r}: its name is not UTF-8", "give it, or its directory, another name") from None
    except ValueError:
        raise UsageError(f"cannot read {str(path)!r}: it is no file name", _NAME_ANOTHER) from None


def _advice_on(error: OSError) -> str:
    """What to do about a file that cannot be read: locks and profiles are there, and nobody named them."""
    if error.errno in _MISNAMED:
        return _NAME_ANOTHER
    return "see that you may read it" if isinstance(error, PermissionError) else "see that its disk can be read, then try again"


def _find_profile(program: Program, path: Path) -> Outcome[Profile | None]:
    """The profile beside a notebook, if there is one of its cells as they are."""
    place = path.with_name(f"{path.stem}.profile.json")
    if not place.is_file():
        return Outcome(None)
    from nbcompile.profiling.profile import read_profile

    return read_profile(read_file(place), program.notebook)
