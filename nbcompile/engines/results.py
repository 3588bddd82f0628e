"""What a run leaves for a person: the executed notebook and the files its cells wrote, each whole or not there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.outputs import read_outputs
from nbcompile.model.errors import PlaceFailed
from nbcompile.model.plan import Plan, StepId
from nbcompile.model.run import OutputFile
from nbcompile.runtime.collect import CollectCall, collect
from nbcompile.runtime.files import deliver

_CHUNK = 1 << 20


def write_results(directory: RunDirectory, plan: Plan, name: str, template: bytes, failed_cell: int | None) -> tuple[OutputFile, ...]:
    """Write the executed notebook, with the cells that a plain run comes to, and the files they wrote."""
    reached = [step for step in plan.steps if failed_cell is None or step.cells[0] <= failed_cell]
    notebook = directory.path / f"{name}.executed.ipynb"
    template_path = directory.state / "template.ipynb"
    template_path.write_bytes(template)
    shown = tuple(str(path) for path in _shown(directory, [step.id for step in reached], failed_cell))
    if collect(CollectCall(template=str(template_path), executed=str(notebook), outputs=shown)) != 0:
        raise PlaceFailed(f"{notebook} cannot be written", f"look into {directory.state}")
    paths = [notebook.name]
    paths += deliver([str(directory.files(step.id)) for step in reached], str(directory.path), failed_cell)
    return describe(directory.path, paths)


def _shown(directory: RunDirectory, steps: Sequence[StepId], failed_cell: int | None) -> Iterator[Path]:
    """The outputs of the steps, without the cells after the failed one."""
    for step in steps:
        path = directory.outputs(step)
        document = read_outputs(path)
        if not document:
            continue
        if failed_cell is not None and any(cell["index"] > failed_cell for cell in document["cells"]):
            document["cells"] = [cell for cell in document["cells"] if cell["index"] <= failed_cell]
            path = path.with_name("OUTPUTS.shown.json")
            path.write_text(json.dumps(document), "utf-8")
        yield path


def bring(source: Path, target: Path) -> list[str]:
    """Copy every file below `source` to the same relative place below `target`; returns those places."""
    found: list[str] = []
    for folder, _, names in os.walk(source):
        for name in sorted(names):
            path = Path(folder, name)
            relative = path.relative_to(source)
            place = target / relative
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary = place.with_name(f".{place.name}.part")
            shutil.copy2(path, temporary)
            temporary.replace(place)
            found.append(relative.as_posix())
    return sorted(found)


def describe(directory: Path, paths: Iterable[str]) -> tuple[OutputFile, ...]:
    """The files below `directory` with their sizes and digests."""
    return tuple(_described(directory, path) for path in dict.fromkeys(paths))


def _described(directory: Path, path: str) -> OutputFile:
    digest, size = hashlib.sha256(), 0
    with (directory / path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return OutputFile(path, size, digest.hexdigest())
