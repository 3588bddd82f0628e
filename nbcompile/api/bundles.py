"""A notebook compiled to the files of a workflow."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompile.api.plans import plan
from nbcompile.api.programs import analyze
from nbcompile.model.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbcompile.api.programs import Program
    from nbcompile.model.bundle import Bundle
    from nbcompile.model.plan import Plan


@dataclass(frozen=True, slots=True)
class Build:
    """A compiled notebook. `write` puts its bundle on disk."""

    program: Program
    plan: Plan
    bundle: Bundle
    lock: bytes
    source: Path

    def write(self, directory: str | Path) -> Path:
        """Write the bundle to `directory`, replacing an earlier one as a whole.

        Raises `UsageError` when the directory holds something else than a bundle.
        """
        from nbcompile.emitters.write import write_bundle

        return write_bundle(self.bundle, self.source.parent, Path(directory))

    def write_lock(self) -> Path:
        """Write the lock beside the notebook, where teams commit it."""
        from nbcompile.emitters.lockfile import lock_name
        from nbcompile.emitters.write import write_whole

        path = self.source.with_name(lock_name(self.source.stem))
        write_whole(path, self.lock)
        return path

    def is_current(self, directory: str | Path) -> bool:
        """Whether the bundle in `directory` is what this build would write."""
        from nbcompile.emitters.write import bundle_is_on_disk

        return bundle_is_on_disk(self.bundle, Path(directory))


def build(
    path: str | Path, settings: Settings | None = None, *, parameters: Mapping[str, object] | None = None, target: str = "cwl"
) -> Build:
    """Compile a notebook to CWL, in memory; with the target `streamflow` also to what StreamFlow needs to run it where it is placed.

    Raises `NotebookError` when the notebook has errors, `UsageError` for values it does not take.
    """
    from nbcompile.emitters.cwl import emit_cwl
    from nbcompile.emitters.lockfile import lock_bytes
    from nbcompile.emitters.steps import step_files

    settings = settings or Settings()
    program = analyze(path, parameters)
    made = plan(program, settings)
    lock = lock_bytes(program.notebook, made, settings, program.beside)
    steps = step_files(made, program.facts, program.graph, program.notebook, program.workflow, program.parameters)
    bundle = emit_cwl(made, steps, program.notebook, lock, program.parameters)
    if target == "streamflow":
        from nbcompile.backend import run_id
        from nbcompile.emitters.streamflow import emit_streamflow
        from nbcompile.model.personal import PERSONAL
        from nbcompile.tenancy.declarations import described_deployments

        run = run_id(f"{program.notebook.name}-{sha256(lock).hexdigest()[:12]}")
        bundle = emit_streamflow(bundle, made, tenant=PERSONAL, run=run, described=described_deployments(program.workflow))
    return Build(program, made, bundle, lock, Path(path))
