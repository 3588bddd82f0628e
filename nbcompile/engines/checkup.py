"""What of this machine matters for running notebooks: its Python, its kernels, the engines, StreamFlow's environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from nbcompile.engines.local.interpreter import choose_interpreter, known_kernels
from nbcompile.model.checkup import Check, Standing

_SECONDS = 20
_RUNNERS = ("cwltool", "toil-cwl-runner", "arvados-cwl-runner")
_ASK = """
import json, platform
from importlib import metadata
found = {}
for name in ("nbcompile", "streamflow", "asyncssh", "ipython"):
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps({"python": platform.python_version(), **found}))
"""


def check_machine(environ: Mapping[str, str]) -> tuple[Check, ...]:
    """All that was looked at. Interpreters are started to be asked for their versions; no kernel is."""
    return (_python(environ), *_kernels(environ), *_runners(), *_streamflow(environ), _ssh())


def _python(environ: Mapping[str, str]) -> Check:
    choice = choose_interpreter("", "", environ)
    found = _versions(choice.path)
    if not found:
        return Check("python", Standing.PROBLEM, f"{choice.path} does not start", "name another one with --python")
    ipython = f"IPython {found['ipython']}" if "ipython" in found else "no IPython: plain cells only"
    text = f"{choice.path}, {found['python']}, {ipython}; {choice.why}"
    return Check("python", Standing.OK if "ipython" in found else Standing.NOTE, text)


def _kernels(environ: Mapping[str, str]) -> Iterator[Check]:
    for name, choice in known_kernels(environ).items():
        if choice.path:
            yield Check(f"kernel {name}", Standing.OK, choice.path)
        else:
            yield Check(f"kernel {name}", Standing.NOTE, choice.passed_over)


def _runners() -> Iterator[Check]:
    yield Check(
        "engine local", Standing.OK, f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores"
    )
    for name in _RUNNERS:
        found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
        if found:
            yield Check(f"engine {name}", Standing.OK, found)


def _streamflow(environ: Mapping[str, str]) -> Iterator[Check]:
    """StreamFlow in an environment of its own must hold the same nbcompile."""
    given = environ.get("NBCOMPILE_STREAMFLOW", "")
    python = str(Path(given) / "bin" / "python") if given and Path(given).is_dir() else given or sys.executable
    found = _versions(python)
    subject = "engine streamflow"
    if not found.get("streamflow"):
        standing = Standing.PROBLEM if given else Standing.NOTE
        yield Check(subject, standing, f"{python} has no StreamFlow", "needed for other machines: pip install 'nbcompile[streamflow]'")
    elif found.get("nbcompile") != version("nbcompile"):
        text = f"{python} has nbcompile {found.get('nbcompile', '(none)')}, and this is {version('nbcompile')}"
        yield Check(subject, Standing.PROBLEM, text, "install the same version there")
    else:
        yield Check(subject, Standing.OK, f"StreamFlow {found['streamflow']} in {python}")


def _ssh() -> Check:
    try:
        return Check("backend ssh", Standing.OK, f"asyncssh {version('asyncssh')}")
    except PackageNotFoundError:
        return Check("backend ssh", Standing.NOTE, "asyncssh is not installed", "needed for ssh hosts: pip install 'nbcompile[ssh]'")


def _versions(python: str) -> Mapping[str, str]:
    """What an interpreter says of itself; nothing where it does not start."""
    try:
        words = [python, "-IBc", _ASK]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)  # noqa: S603
        found: dict[str, str] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return {}
    return found
