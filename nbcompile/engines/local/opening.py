"""Opens a terminal in a step of a run, with the interpreter that ran it."""

from __future__ import annotations

import shlex
import signal
import subprocess
import tempfile

from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.why import find_step
from nbcompile.model.errors import UsageError
from nbcompile.model.run import KnownRun, KnownStep


def open_step(run: KnownRun, named: str) -> int:
    """Let a person work where a step ran; returns the exit code. Raises `UsageError` when the run does not know how it ran."""
    step, directory = find_step(run, named), RunDirectory(run.directory)
    facts = step.job or {}
    if not facts.get("argv"):
        raise _not_to_be_opened(run, step)
    _, *words = facts["argv"]
    words += ["--shard", facts["shard"]] if facts.get("shard") else []
    with tempfile.TemporaryDirectory(prefix="nbcompile-open-") as work:
        # Ctrl-C is for what runs in the terminal.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return subprocess.run((facts["python"], str(directory.runtime), "open", *words), cwd=work, check=False).returncode  # noqa: S603
        finally:
            signal.signal(signal.SIGINT, before)


def _not_to_be_opened(run: KnownRun, step: KnownStep) -> UsageError:
    """What a place has of a step, and StreamFlow's directories here, no interpreter of this machine can be started in."""
    place = step.record.place if step.record else (step.job or {}).get("place", "local")
    verb = "ran" if step.record else "runs"
    where = f"at `{place}`" if place != "local" else "here, as a part of a workflow"
    logs = shlex.join(("nbcompile", "runs", "logs", run.id, step.step))
    here = shlex.join(("nbcompile", "run", run.notebook, "--on", "local"))
    return UsageError(
        f"{step.step} {verb} {where}, where it cannot be opened",
        f"`{logs}` shows what it said; of a run of `{here}`, every step can be opened",
    )
