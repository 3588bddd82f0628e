"""Which Python runs the cells: the one asked for, else the notebook's kernel's, else the active environment's, else our own."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from nbcompile.model.errors import UsageError

_KERNEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ANY_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_VERSION = re.compile(r"3\.\d+")


class Choice(NamedTuple):
    """An interpreter and why it was chosen; `passed_over` says why a likelier one was not."""

    path: str
    why: str
    passed_over: str = ""


def choose_interpreter(wanted: str, kernel: str, environ: Mapping[str, str]) -> Choice:
    """The interpreter for a notebook whose metadata name `kernel`; `wanted` is a path, a command or a version such as 3.11.

    Raises `UsageError` when what is wanted is not there.
    """
    if wanted:
        return Choice(_named(wanted, environ), f"`{wanted}` was asked for")
    passed_over = ""
    if kernel:
        found = _of_kernel(kernel, environ)
        if found.path:
            return found
        passed_over = found.passed_over
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        python = _python_of(environ.get(variable, ""))
        if python:
            return Choice(python, f"{variable} is active", passed_over)
    return Choice(sys.executable, "it is nbcompile's own", passed_over)


def known_kernels(environ: Mapping[str, str]) -> Mapping[str, Choice]:
    """Every kernel that is described here and the interpreter it starts, by name; no path where that is no Python."""
    names = dict.fromkeys(entry.name for folder in _kernel_directories(environ) for entry in _entries(folder))
    return {name: _of_kernel(name, environ) for name in names if _KERNEL_NAME.fullmatch(name)}


def _entries(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if (entry / "kernel.json").is_file()) if folder.is_dir() else []


def _named(wanted: str, environ: Mapping[str, str]) -> str:
    name = f"python{wanted}" if _VERSION.fullmatch(wanted) else wanted
    found = shutil.which(name, path=environ.get("PATH"))
    if found is None and Path(name).is_dir():
        found = _python_of(name)
    if found is None:
        what = "is not on PATH" if os.sep not in name else "is no program"
        raise UsageError(f"`{name}` {what}", "name an interpreter, a virtual environment, or a version that is installed")
    return str(Path(found).absolute())


def _of_kernel(kernel: str, environ: Mapping[str, str]) -> Choice:
    """What the kernel's kernel.json starts; no path where that is no Python, or there is no such kernel."""
    if not _KERNEL_NAME.fullmatch(kernel):
        return Choice("", "", f"`{kernel}` is no name of a kernel")
    for directory in _kernel_directories(environ):
        path = directory / kernel.lower() / "kernel.json"
        if not path.is_file():
            continue
        try:
            argv = json.loads(path.read_text("utf-8"))["argv"]
            command = str(argv[0])
        except (OSError, ValueError, LookupError, TypeError):
            return Choice("", "", f"{path} cannot be read")
        python = _started_by(command, directory, environ)
        if python is None:
            return Choice("", "", f"the kernel `{kernel}` starts `{command}`, which is no Python on this machine")
        return Choice(python, f"the notebook's kernel `{kernel}` starts it")
    return Choice("", "", f"no kernel is called `{kernel}` here")


def _started_by(command: str, directory: Path, environ: Mapping[str, str]) -> str | None:
    """The interpreter that a kernel's first word means; a bare `python3` is the Python of the kernel's environment."""
    if os.sep in command:
        path = Path(command).expanduser()
        return str(path) if os.access(path, os.X_OK) and "python" in path.name.lower() else None
    if not _ANY_PYTHON.fullmatch(command):
        return None
    # PREFIX/share/jupyter/kernels belongs to PREFIX/bin/python.
    beside = _python_of(str(directory.parents[2])) if directory.parent.parent.name == "share" else None
    active = next((p for p in (_python_of(environ.get(v, "")) for v in ("VIRTUAL_ENV", "CONDA_PREFIX")) if p), None)
    return beside or active or sys.executable


def _kernel_directories(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where kernels are described, in Jupyter's order: JUPYTER_PATH, the environments, the person's own, the system's."""
    for entry in filter(None, environ.get("JUPYTER_PATH", "").split(os.pathsep)):
        yield Path(entry) / "kernels"
    for prefix in dict.fromkeys(filter(None, (environ.get("VIRTUAL_ENV"), environ.get("CONDA_PREFIX"), sys.prefix))):
        yield Path(prefix) / "share" / "jupyter" / "kernels"
    yield _personal_data(environ) / "kernels"
    yield Path("/usr/local/share/jupyter/kernels")
    yield Path("/usr/share/jupyter/kernels")


def _personal_data(environ: Mapping[str, str]) -> Path:
    if environ.get("JUPYTER_DATA_DIR"):
        return Path(environ["JUPYTER_DATA_DIR"])
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "darwin":
        return home / "Library" / "Jupyter"
    return Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "jupyter"


def _python_of(prefix: str) -> str | None:
    """The interpreter of an environment."""
    if not prefix:
        return None
    candidates = (Path(prefix) / "bin" / name for name in ("python3", "python"))
    return next((str(path.absolute()) for path in candidates if os.access(path, os.X_OK)), None)
