"""Opens a terminal in a step of a run, with the interpreter that ran it."""

from __future__ import annotations

import signal
import subprocess
import tempfile

from nbcompile.engines.directory import RunDirectory
from nbcompile.engines.why import find_step
from nbcompile.model.errors import UsageError
from nbcompile.model.run import KnownRun


def open_step(run: KnownRun, named: str) -> int:
    """Let a person work where a step ran; returns the exit code. Raises `UsageError` when the run does not know how it ran."""
    step, directory = find_step(run, named), RunDirectory(run.directory)
    facts = step.job or {}
    if not facts.get("argv"):
        raise UsageError(
            f"{step.step} did not run in {run.id}: {step.record.why if step.record else step.state}", "open it in the run it ran in"
        )
    _, *words = facts["argv"]
    words += ["--shard", facts["shard"]] if facts.get("shard") else []
    with tempfile.TemporaryDirectory(prefix="nbcompile-open-") as work:
        # Ctrl-C is for what runs in the terminal.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return subprocess.run((facts["python"], str(directory.runtime), "open", *words), cwd=work, check=False).returncode  # noqa: S603
        finally:
            signal.signal(signal.SIGINT, before)
