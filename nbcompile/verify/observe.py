"""A run -> what it gave, in the form in which runs are compared."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nbcompile.model.diagnostic import Diagnostic, Place
from nbcompile.model.errors import NotebookError, PlaceFailed
from nbcompile.model.run import RunRecord, RunState, Value
from nbcompile.model.verification import CellOutputs, Exactness, Observation, Picture
from nbcompile.rules.steps import KERNEL_BROKEN
from nbcompile.runtime.files import cells_directory
from nbcompile.runtime.launch import NOT_FROM_HERE
from nbcompile.verify.ground import copy_ground, written_below
from nbcompile.verify.masking import mask, mask_directories

# What must not reach the cells of a kernel: it says which test runs, and ipykernel heeds it.
_NOT_FOR_KERNELS = ("PYTEST_CURRENT_TEST",)
# A kernel may lose one of its ports to another that starts at the same time.
_STARTS = 2
_HAS = NOT_FROM_HERE + "import importlib.util as u; sys.exit(sum(2 ** n for n, m in enumerate(sys.argv[1:]) if not u.find_spec(m)))"
_FIRST_SECONDS = 60.0
# nbclient gives a kernel five seconds to end by itself.
_LAST_SECONDS = 12.0
_LONG, _KEPT = 100_000, 10_000
# What is kept of a picture for people to look at, in bytes.
_LARGE_PICTURE = 2 << 20
_TEXT_PICTURE = "image/svg+xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainJob:
    """A notebook to be run plainly. `document` is its JSON, `beside` the directory it lies in, `work` one that is ours.

    `client` is the interpreter that has nbclient, `python` the one that runs the kernel. `runtime` is the text of the step
    runtime, `names` are the variables that the notebook binds, `above` what its cells read from above its directory, and
    `notebook` is what it is called.
    """

    document: Mapping[str, Any]
    beside: Path
    work: Path
    client: str
    python: str
    runtime: str
    names: tuple[str, ...] = ()
    above: tuple[str, ...] = ()
    directory: str = ""
    seconds: float | None = None
    notebook: str = ""


def find_client(python: str) -> str:
    """The interpreter that can run a kernel of `python` through nbclient; empty if `python` has no kernel or nobody nbclient."""
    lacks = subprocess.run((python, "-c", _HAS, "ipykernel", "nbclient"), check=False, timeout=_FIRST_SECONDS).returncode  # noqa: S603
    if lacks & 1:
        return ""
    if find_spec("nbclient") is not None:
        return sys.executable
    return "" if lacks & 2 else python


def observe_kernel(job: PlainJob, name: str, exactness: Exactness) -> Observation:
    """Run a notebook in a kernel, in a copy of its directory. Raises `PlaceFailed` where no kernel starts."""
    top = job.work / "ground"
    ground = top / cells_directory(job.directory)
    before = copy_ground(job.beside, ground, job.above)
    runtime, task = job.work / "nbcompile_runtime.py", job.work / "task.json"
    runtime.write_text(job.runtime, "utf-8")
    task.write_text(json.dumps(_task(job, ground, runtime)), "utf-8")
    program = files("nbcompile.verify").joinpath("kernel_run.py")
    command = (job.client, str(program), str(task))
    environ = {**os.environ, "JUPYTER_PATH": str(_kernel_folder(job))}
    for _ in range(_STARTS):
        code, words = _run_to_its_end(command, environ)
        results = _read(job.work / "results.json")
        said = (words.strip().splitlines() or ["no word"])[-1]
        if not (results and code and results["cell"] < 0):
            break
    if not results or (code and results["cell"] < 0):
        raise PlaceFailed(f"the kernel of {job.python} cannot run: {said}", "choose one with --python")
    if code or (results["failed"] < 0 and not (job.work / "values.json").stat().st_size):
        raise _kernel_broken(job, results["cell"], said.rpartition("KernelBroken: ")[2] if code else "it cannot describe its variables")
    return Observation(
        name=name,
        how=f"nbclient and the kernel of {job.python}",
        cells=_cells(results["notebook"], (str(ground), str(top)), exactness),
        values=values_of(_read(job.work / "values.json")),
        files=written_below(top, ground, before),
        failed=results["failed"],
        problem=results["problem"],
        seconds=results["seconds"],
        pictures=_pictures(results["notebook"]),
    )


def _kernel_broken(job: PlainJob, cell: int, what: str) -> NotebookError:
    message = f"the kernel cannot go on after cell {cell}: {what}"
    advice = "leave alone what Python itself needs: builtins, and functions of the standard library that others call"
    found = Diagnostic(rule=KERNEL_BROKEN, message=message, place=Place(cell), help=advice, path=job.notebook)
    return NotebookError("there is no plain run to compare with", findings=(found,))


def _run_to_its_end(command: Sequence[str], environ: Mapping[str, str]) -> tuple[int, str]:
    """The exit code of a program and what it said on stderr. If we are to end, it ends what it started, a kernel, and itself."""
    kept: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "errors": "replace"}
    with subprocess.Popen(command, env=environ, **kept) as program:  # noqa: S603
        try:
            _, said = program.communicate()
        except BaseException:
            program.terminate()
            try:
                program.wait(_LAST_SECONDS)
            except subprocess.TimeoutExpired:
                program.kill()
            raise
        return program.returncode, said


def _task(job: PlainJob, ground: Path, runtime: Path) -> dict[str, Any]:
    environ = {"PYTHONHASHSEED": "0", **{name: value for name, value in os.environ.items() if name not in _NOT_FOR_KERNELS}}
    # Neither the person's own start-up files nor their history.
    environ["IPYTHONDIR"] = str(job.work / "ipython")
    return {
        "notebook": job.document,
        "directory": os.path.realpath(ground),
        "kernel": "nbcompile-plain",
        "timeout": job.seconds,
        "environ": environ,
        "runtime": str(runtime),
        "names": list(job.names),
        **{
            name: str(job.work / f"{name}.{kind}")
            for name, kind in (("results", "json"), ("values", "json"), ("describe", "py"), ("talks", "txt"))
        },
    }


def _kernel_folder(job: PlainJob) -> Path:
    """A place where Jupyter finds a kernel that the notebook's interpreter runs."""
    folder = job.work / "jupyter" / "kernels" / "nbcompile-plain"
    folder.mkdir(parents=True)
    argv = [job.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = {"argv": argv, "display_name": "plain", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(kernel), "utf-8")
    return job.work / "jupyter"


def observe_run(record: RunRecord, name: str, exactness: Exactness, directory: str = "") -> Observation:
    """What a compiled run gave, whose cells ran in directories of this name."""
    executed = record.directory / f"{record.notebook.stem}.executed.ipynb"
    failed = [failure.cell for failure in record.failures if failure.cell >= 0]
    problem = "; ".join(f"{failure.name}: {failure.message}" for failure in record.failures)
    notebook = _read(executed)
    return Observation(
        name=name,
        how=f"{len(record.steps)} steps of the {record.engine} engine",
        cells=_cells(notebook, _step_directories(record, directory), exactness),
        values=record.values,
        files={file.path: file.sha256 for file in record.outputs if file.path != executed.name},
        failed=min(failed, default=-1 if record.state is RunState.FINISHED else 0),
        problem=problem,
        seconds=record.seconds,
        steps=len(record.steps),
        guards=tuple((one.place.cell_index, f"{one.rule.code} {one.message}") for one in record.diagnostics if one.place.cell_index >= 0),
        pictures=_pictures(notebook),
    )


def _step_directories(record: RunRecord, directory: str) -> tuple[str, ...]:
    """Where cells ran, the longest paths first."""
    work = record.directory.absolute() / ".nbcompile" / "work"
    places = (f"/OUTPUTS.json.work/{cells_directory(directory)}", "/OUTPUTS.json.work", "")
    return tuple(f"{work / step.step}{below}" for step in record.steps for below in places)


def _cells(notebook: Mapping[str, Any], directories: tuple[str, ...], exactness: Exactness) -> tuple[CellOutputs, ...]:
    outputs = mask_directories(_outputs(notebook), directories)
    masked = mask(outputs, without=("image-pixels",) if exactness is Exactness.PORTABLE else ())
    return tuple(tuple({key: _shortened(value) for key, value in output.items()} for output in cell) for cell in masked)


def _outputs(notebook: Mapping[str, Any]) -> tuple[CellOutputs, ...]:
    return tuple(tuple(cell["outputs"]) for cell in notebook["cells"] if cell["cell_type"] == "code")


def _pictures(notebook: Mapping[str, Any]) -> tuple[tuple[Picture, ...], ...]:
    shown = [[output.get("data", {}) for output in cell] for cell in _outputs(notebook)]
    return tuple(tuple(_picture(mime, data[mime]) for data in cell for mime in sorted(data) if mime.startswith("image/")) for cell in shown)


def _picture(mime: str, value: Any) -> Picture:  # noqa: ANN401 - JSON
    """Notebooks hold pictures in base64, but those that are text as they are."""
    text = "".join(value) if isinstance(value, str | list) else json.dumps(value)
    content = b64encode(text.encode("utf-8", "replace")).decode() if mime == _TEXT_PICTURE else "".join(text.split())
    size = len(content) * 3 // 4
    return Picture(mime, size, content if size <= _LARGE_PICTURE else "")


def _shortened(value: object) -> object:
    """Long texts by their beginning and a digest; pictures that are compared by their pixels stay whole."""
    if isinstance(value, Mapping):
        return {key: item if key == "image/png" else _shortened(item) for key, item in value.items()}
    if isinstance(value, str) and len(value) > _LONG:
        return f"{value[:_KEPT]}… ({len(value)} characters, SHA-256 {hashlib.sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()})"
    return value


def values_of(found: Mapping[str, Any]) -> dict[str, Value]:
    """Variables as they are described in JSON."""
    return {
        name: Value(one["type"], one["digest"], one["shape"], tuple(one["floats"]), tuple(one["opaque"]))
        for name, one in sorted(found.items())
    }


def _read(path: Path) -> dict[str, Any]:
    """A JSON document; empty when there is none."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
