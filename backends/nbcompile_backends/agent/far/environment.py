"""The environment variables of a job: those of the deployment's named environment, and nothing of whoever started us."""

import os
import pwd
import subprocess
from typing import Dict, List, Optional

from .layout import Refused, to_bytes

Variables = Dict[bytes, bytes]

_LOAD = """
init=$1; shift; modules=("$@"); set --
if [ -n "$init" ]; then . "$init" >&2 || exit 90; fi
type module >/dev/null 2>&1 || exit 91
module load "${modules[@]}" >&2 || exit 92
exec env -0
"""
_FAULTS = {
    90: "the file that starts the modules fails",
    91: "there is no `module` command; name the file that brings it as `modulesInit`",
    92: "`module load` fails",
}
_NOT_FOR_JOBS = (b"PWD", b"OLDPWD", b"SHLVL", b"_")


def plain() -> Variables:
    """The least that programs expect."""
    person = pwd.getpwuid(os.geteuid())
    return {
        b"PATH": b"/usr/local/bin:/usr/bin:/bin",
        b"LANG": b"C.UTF-8",
        b"USER": to_bytes(person.pw_name),
        b"LOGNAME": to_bytes(person.pw_name),
        b"SHELL": b"/bin/sh",
        b"HOME": to_bytes(person.pw_dir),
    }


def scheduler_variables() -> Variables:
    """What Slurm tells a job: its id, its share of the node, its devices."""
    given = os.environb
    return {
        name: value
        for name, value in given.items()
        if name.startswith(b"SLURM") or name.endswith(b"_VISIBLE_DEVICES") or name == b"GPU_DEVICE_ORDINAL"
    }


def load(modules: List[str], init: str, prefix: str, base: Variables) -> Variables:
    """Load modules, then put a prefix (a venv or a conda environment) in front."""
    variables = dict(base)
    if modules:
        variables = _load_modules(modules, init, variables)
    if prefix:
        raw = to_bytes(prefix)
        if not os.path.isdir(os.path.join(raw, b"bin")):
            raise Refused(f"the environment's prefix {prefix} has no bin directory here")
        variables[b"PATH"] = os.path.join(raw, b"bin") + b":" + variables.get(b"PATH", b"")
        conda = os.path.isdir(os.path.join(raw, b"conda-meta"))
        variables[b"CONDA_PREFIX" if conda else b"VIRTUAL_ENV"] = raw
    return variables


def _load_modules(modules: List[str], init: str, base: Variables) -> Variables:
    start = ["--noprofile", "--norc"] if init else ["-l"]
    argv = [to_bytes(word) for word in ["/bin/bash", *start, "-c", _LOAD, "modules", init, *modules]]
    with subprocess.Popen(  # noqa: S603 - a constant script; modules are words of its own
        argv, env=base, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        out, err = process.communicate()
    said = err.decode("utf-8", "replace").strip()
    if process.returncode:
        fault = _FAULTS.get(process.returncode, "the modules cannot be loaded")
        raise Refused(f"{fault}: {said[-500:]}")
    variables = {}
    for entry in out.split(b"\0"):
        name, equals, value = entry.partition(b"=")
        if equals and name not in _NOT_FOR_JOBS and not name.startswith(b"BASH_FUNC_"):
            variables[name] = value
    missing = _not_loaded(modules, variables.get(b"LOADEDMODULES"))
    if missing:
        raise Refused(f"the modules {', '.join(missing)} are not loaded after `module load`: {said[-500:]}")
    return variables


def _not_loaded(modules: List[str], loaded: Optional[bytes]) -> List[str]:
    """Older module systems end well even when they find nothing, so ask what is loaded."""
    names = (loaded or b"").split(b":")
    return [one for one in modules if not any(name == to_bytes(one) or name.startswith(to_bytes(one) + b"/") for name in names)]
