"""A Python of the hosts that has what the cells need: the system's, with the libraries of the environment that the tests run in."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

from tests.services.ground import ROOT, ServiceError, run

PREFIX = ROOT / "science"
_SYSTEM_PYTHON = Path("/usr/bin/python3")


def prepare(person: str) -> Path:
    """Make the prefix. Libraries below a directory that the person cannot enter are copied."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = run(_SYSTEM_PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
    if found != version:
        raise ServiceError(f"{_SYSTEM_PYTHON} is Python {found}, and the tests run with {version}: compiled libraries do not fit")
    if not PREFIX.exists():
        run(_SYSTEM_PYTHON, "-m", "venv", "--without-pip", PREFIX)
    site = PREFIX / "lib" / f"python{version}" / "site-packages"
    libraries = Path(sysconfig.get_paths()["purelib"])
    link = site / "libraries.pth"
    if not link.exists() or link.read_text() != f"{libraries}\n":
        link.write_text(f"{libraries}\n")
    if not _imports(person):
        link.unlink()
        shutil.copytree(libraries, site, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.pth", "__pycache__"))
    return PREFIX


def libraries(person: str) -> Path:
    """Where the person finds the libraries of the tests."""
    (site,) = prepare(person).glob("lib/python3.*/site-packages")
    link = site / "libraries.pth"
    return Path(link.read_text().strip()) if link.exists() else site


def _imports(person: str) -> bool:
    try:
        run("runuser", "-u", person, "--", PREFIX / "bin" / "python3", "-c", "import IPython, numpy")
    except ServiceError:
        return False
    return True
