"""A Python of another minor version than that of the tests, for the hosts: a real one where this machine has any."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.services.ground import ROOT, ServiceError, run, write

_ABOUT = "import sys; print(*sys.version_info[:3], sys.base_prefix)"
_NOT_NEEDED = shutil.ignore_patterns("test", "tests", "__pycache__", "site-packages", "*.a", "idlelib", "ensurepip", "config-*")


def another(person: str, libraries: Path) -> tuple[Path, str] | None:
    """The prefix and the version of one that the person can run, with IPython from these libraries; nothing where there is none.

    Interpreters below a directory that the person cannot enter are copied. Compiled libraries fit the Python of the tests alone.
    """
    for executable in _candidates():
        try:
            major, minor, patch, base = run(executable, "-IBc", _ABOUT).split(maxsplit=3)
            if (int(major), int(minor)) == sys.version_info[:2]:
                continue
            prefix = _taken(Path(base.strip()), f"{major}.{minor}", libraries)
            run("runuser", "-u", person, "--", prefix / "bin" / "python3", "-IBc", "import IPython, ssl")
        except (ServiceError, OSError, ValueError):
            continue
        return prefix, f"{major}.{minor}.{patch}"
    return None


def _candidates() -> Iterator[Path]:
    """Newer ones first: what the libraries need is seldom older than that of the tests."""
    for minor in range(16, 9, -1):
        name = f"python3.{minor}"
        yield from sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/{name}"))
        for folder in ("/usr/local/bin", "/usr/bin"):
            if (path := Path(folder, name)).exists():
                yield path


def _taken(base: Path, version: str, libraries: Path) -> Path:
    """A copy of an interpreter that runs wherever it is, with the libraries."""
    prefix = ROOT / f"python-{version}"
    if not prefix.exists():
        (prefix / "bin").mkdir(parents=True)
        shutil.copy2(base / "bin" / f"python{version}", prefix / "bin")
        (prefix / "lib").mkdir()
        shutil.copytree(base / "lib" / f"python{version}", prefix / "lib" / f"python{version}", ignore=_NOT_NEEDED, symlinks=True)
        for shared in base.glob("lib/libpython*.so*"):
            shutil.copy2(shared, prefix / "lib")
        write(prefix / "bin" / "python3", _START.format(prefix=prefix, version=version), mode=0o755)
        run("chmod", "-R", "a+rX", prefix)
    site = prefix / "lib" / f"python{version}" / "site-packages"
    site.mkdir(exist_ok=True)
    (site / "libraries.pth").write_text(f"{libraries}\n")
    return prefix


_START = """\
#!/bin/sh
export LD_LIBRARY_PATH={prefix}/lib
exec {prefix}/bin/python{version} "$@"
"""
