"""Write what `from MODULE import *` binds: `python -m tests.known.stars DIRECTORY…`

Each directory holds other versions of the libraries that are installed here (`pip install --target DIRECTORY`). What every version binds is
bound surely, what only some do perhaps. Of the standard library the stubs that come with mypy know all versions.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import mypy

from nbcompile.analysis import known
from nbcompile.analysis.known import stars

PLACE = Path(known.__file__).with_name(stars.DATA)
HEAD = (
    "# Written by `python -m tests.known.stars`: module, names that `from module import *` binds, names that it binds in some versions.\n"
)
LIBRARIES = (
    "IPython.display",
    "ipywidgets",
    "matplotlib",
    "networkx",
    "numpy",
    "pandas",
    "scipy",
    "seaborn",
    "sklearn",
    "statsmodels",
    "sympy",
)
# Of these, modules in modules are imported with a star, too.
_DEEP = ("sympy.physics", "matplotlib.pyplot", "matplotlib.pylab", "scipy.sparse", "statsmodels.tsa")
_STUBS = Path(mypy.__file__).with_name("typeshed") / "stdlib"
# What they do when they are imported.
_LEFT_OUT = frozenset(("antigravity", "this", "idlelib", "lib2to3", "test", "turtledemo", "__main__", "builtins"))
# In a process of its own: the versions in one directory.
_LOOK = """
import importlib, json, pkgutil, sys, types, warnings
warnings.simplefilter("ignore")
library, deep = sys.argv[1], sys.argv[2].split()
homes = ["matplotlib.pyplot", "numpy", "numpy.fft", "numpy.random", "numpy.linalg"] if library == "matplotlib" else []
def modules(name):
    found = importlib.import_module(name)
    yield name, found
    if (name == library or name in deep) and hasattr(found, "__path__"):
        for part in sorted(part.name for part in pkgutil.iter_modules(found.__path__)):
            if part.startswith(("_", "test", "conftest")):
                continue
            try:
                yield from modules(f"{name}.{part}")
            except Exception:  # What cannot be imported is not imported with a star.
                pass
def named(module, name):
    value = vars(module).get(name)
    if isinstance(value, types.ModuleType):
        return f"{name}={value.__name__}"
    home = next((home for home in homes if home in sys.modules and vars(sys.modules[home]).get(name, homes) is value), "")
    return f"{name}={home}.{name}" if home and module.__name__ == "matplotlib.pylab" else name
found = {}
for name, module in modules(library):
    listed = getattr(module, "__all__", None)
    names = listed if listed is not None else [name for name in vars(module) if not name.startswith("_")]
    names = [one for one in names if isinstance(one, str) and one.isidentifier()]
    # A module may be there because another one has imported it.
    modules = {one for one in names if isinstance(vars(module).get(one), types.ModuleType)}
    sure = [one for one in names if listed is not None or one not in modules]
    found[name] = [[named(module, one) for one in some] for some in (sure, names)]
print(json.dumps(found))
"""


class Names(NamedTuple):
    """What all versions bind, and what some do."""

    sure: frozenset[str]
    any: frozenset[str]

    def __and__(self, other: Names) -> Names:
        return Names(self.sure & other.sure, self.any | other.any)


def of_library(library: str, directory: str) -> dict[str, Names]:
    """What the modules of one version of a library bind; `directory` is empty for the one that is installed here."""
    environment = {**os.environ, "PYTHONPATH": directory, "MPLBACKEND": "agg"}
    program = [sys.executable, "-c", _LOOK, library, " ".join(_DEEP)]
    done = subprocess.run(program, env=environment, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {module: Names(*map(frozenset, both)) for module, both in found.items()}


def of_stub(text: str) -> Names:
    """What a module of the standard library binds, by its stub."""
    body = ast.parse(text).body
    parts = list(_parts(body, sure=True))
    listed = [(name, sure) for part, sure in parts for name in _listed(part)]
    named = listed or [(name, sure) for part, sure in parts for name in _bound(part) if not name.startswith("_")]
    return Names(frozenset(name for name, sure in named if sure), frozenset(name for name, _ in named))


def _parts(body: list[ast.stmt], *, sure: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """The statements, and whether they hold in all versions and on all platforms."""
    for part in body:
        if isinstance(part, ast.If):
            yield from _parts([*part.body, *part.orelse], sure=False)
        else:
            yield part, sure


def _listed(part: ast.stmt) -> list[str]:
    if isinstance(part, ast.Assign | ast.AugAssign):
        targets = part.targets if isinstance(part, ast.Assign) else [part.target]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets) and isinstance(part.value, ast.List):
            return [str(ast.literal_eval(one)) for one in part.value.elts]
    return []


def _bound(part: ast.stmt) -> list[str]:
    """The public names that a statement of a stub binds; `from a import b` is private there, unlike `from a import b as b`."""
    if isinstance(part, ast.FunctionDef | ast.ClassDef):
        return [part.name]
    if isinstance(part, ast.Assign | ast.AnnAssign):
        targets = part.targets if isinstance(part, ast.Assign) else [part.target]
        return [target.id for target in targets if isinstance(target, ast.Name)]
    if isinstance(part, ast.ImportFrom):
        return [alias.asname for alias in part.names if alias.asname == alias.name]
    return []


def of_standard_library() -> dict[str, Names]:
    """What the modules of the standard library bind; what this Python binds as well is bound perhaps."""
    found = {}
    for path in sorted(_STUBS.rglob("*.pyi")):
        parts = path.relative_to(_STUBS).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if (
            parts[0] in _LEFT_OUT
            or any(part.startswith("_") for part in parts if part != "__init__")
            or parts[0] not in sys.stdlib_module_names
        ):
            continue
        names = of_stub(path.read_text("utf-8"))
        if names.any:
            found[module] = names
    found["os.path"] = found["posixpath"]
    return {module: names & _here(module) for module, names in found.items()}


def _here(module: str) -> Names:
    code = f"import {module} as m; print(*getattr(m, '__all__', [name for name in vars(m) if name[0] != '_']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    # Of what is not there on this machine nothing is sure.
    names = frozenset(done.stdout.split())
    return Names(names, names)


def main(directories: list[str]) -> None:
    """Write the file."""
    found: dict[str, Names] = {}
    for library in LIBRARIES:
        versions = [of_library(library, directory) for directory in ("", *directories)]
        modules = {module for version in versions for module in version}
        for module in modules:
            names = [version[module] for version in versions if module in version]
            both = names[0]
            for other in names[1:]:
                both &= other
            found[module] = both
    found["pylab"] = found["matplotlib.pylab"]
    found.update(of_standard_library())
    lines = (
        f"{module}\t{' '.join(sorted(names.sure))}\t{' '.join(sorted(names.any - names.sure))}\n" for module, names in sorted(found.items())
    )
    PLACE.write_text(HEAD + "".join(line for line in lines if line.split("\t")[1:] != ["", "\n"]), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
