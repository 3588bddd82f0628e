"""An open place -> what software is there. Constant programs are run where one logs in; words of others are never part of them."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import asdict

from nbcompile.backend import Environment, Fatal, Session
from nbcompile.model.errors import PlaceFailed
from nbcompile.model.software import FoundPython, Software, SoftwareQuestion
from nbcompile.runtime.launch import NOT_FROM_HERE

STEP_MODULES = ("IPython",)
"""What a step imports itself."""

_SECONDS = 60.0
_MARK = "nbcompile-answer:"
_VERSION = re.compile(r"\d+\.\d+\.\d+\S*")
_MODULE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+/@=~-]*")
_PYTHON_MODULE = re.compile(r"(?i)(?:mini|ana)?conda|mamba|python|scipy|jupyter")

# Python 3.6: an environment may be older than what can run steps, and is then to be told so.
_ASK = (
    NOT_FROM_HERE
    + """
import importlib.util, json, os, platform, shutil
asked = json.loads(sys.argv[1]) if len(sys.argv) > 1 else json.load(sys.stdin)
missing = []
for name in asked["modules"]:
    try:
        found = name in sys.builtin_module_names or importlib.util.find_spec(name) is not None
    except ImportError:
        found = False
    except ValueError:  # it is there already, and does not tell where it came from
        found = True
    if not found:
        missing.append(name)
versions, origins, tops = {}, {}, {}
try:
    from importlib import metadata
    for one in metadata.distributions():
        name = one.metadata["Name"]
        if name:
            versions.setdefault(name, one.version)
    if asked["modules"] and hasattr(metadata, "packages_distributions"):
        tops = {name: sorted(set(found)) for name, found in metadata.packages_distributions().items()}
        origins = {name: tops[name][0] for name in asked["modules"] if tops.get(name)}
except ImportError:
    pass
absent = [name for name in asked["programs"] if shutil.which(name) is None]
own = set()
for folder in os.environ.get("PATH", "").split(os.pathsep):
    if folder not in ("/usr/local/bin", "/usr/bin", "/bin", ""):
        try:
            own.update(name for name in os.listdir(folder) if os.access(os.path.join(folder, name), os.X_OK))
        except OSError:
            pass
gone = [path for path in asked["paths"] if not os.path.exists(path)]
print("nbcompile-answer:" + json.dumps({"python": platform.python_version(), "executable": sys.executable, "missing": missing,
      "absent": absent, "gone": gone, "own": sorted(own), "versions": versions, "origins": origins, "tops": tops,
      "implementation": platform.python_implementation(), "platform": sys.platform + "-" + platform.machine()}))
"""
)

_FIND_PYTHONS = r"""
look() {
  [ -x "$2" ] || return 0
  version=$("$2" -c 'import platform; print(platform.python_version())' 2>/dev/null </dev/null) || return 0
  printf '%s|%s|%s\n' "$version" "$1" "$2"
}
found=$(command -v python3) && look "" "$found"
for base in miniconda3 miniforge3 mambaforge anaconda3 .conda micromamba; do
  for one in "$HOME/$base" "$HOME/$base"/envs/*; do look "$one" "$one/bin/python3"; done
done
for one in "$HOME"/.venv "$HOME"/venv "$HOME"/venvs/* "$HOME"/envs/* "$HOME"/.virtualenvs/* "$HOME"/.pyenv/versions/*; do
  look "$one" "$one/bin/python3"
done
exit 0
"""

_LIST_MODULES = """
if [ -n "$1" ]; then . "$1" >/dev/null 2>&1; fi
type module >/dev/null 2>&1 || exit 91
module -t avail 2>&1
exit 0
"""


async def look_into(session: Session, environment: Environment, question: SoftwareQuestion) -> Software:
    """Ask the Python of an environment. Raises `Fatal` when the environment cannot be loaded, or has no Python that answers."""
    variables = await session.variables(environment)
    done = await session.exec(["python3", "-sBc", _ASK], stdin=_asked(question), variables=variables, seconds=_SECONDS)
    return answer_of(done.stdout, done.stderr)


def question_argv(question: SoftwareQuestion) -> tuple[str, ...]:
    """What asks the Python of an environment where nobody can write to its standard input."""
    return ("python3", "-sBc", _ASK, json.dumps(asdict(question)))


def look_here(python: str, question: SoftwareQuestion) -> Software:
    """Ask an interpreter of this machine. Raises `PlaceFailed` when it does not answer."""
    try:
        done = subprocess.run([python, "-Bc", _ASK], input=_asked(question), capture_output=True, check=False, timeout=_SECONDS)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PlaceFailed(f"{python} cannot be asked: {error}", "name another interpreter with --python") from None
    return answer_of(done.stdout, done.stderr)


def _asked(question: SoftwareQuestion) -> bytes:
    return json.dumps(asdict(question)).encode()


def answer_of(stdout: bytes, stderr: bytes) -> Software:
    """What an environment said of itself. Raises `Fatal` where that is no answer."""
    answers = [line for line in stdout.decode("utf-8", "replace").splitlines() if line.startswith(_MARK)]
    if not answers:
        said = stderr.decode("utf-8", "replace").strip()[-300:]
        raise Fatal(f"its Python does not answer: {said}", "name a `prefix` or `modules` that bring a python3")
    try:
        found = json.loads(answers[-1].removeprefix(_MARK))
        return Software(
            python=str(found["python"]),
            executable=str(found["executable"]),
            missing=tuple(map(str, found["missing"])),
            absent=tuple(map(str, found["absent"])),
            gone=tuple(map(str, found["gone"])),
            programs=tuple(map(str, found["own"])),
            origins={str(module): str(name) for module, name in found["origins"].items()},
            versions={str(name): str(version) for name, version in sorted(found["versions"].items())},
            tops={str(module): tuple(map(str, names)) for module, names in sorted(found["tops"].items())},
            implementation=str(found["implementation"]),
            platform=str(found["platform"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Fatal("its Python gives an answer that cannot be read", "does something print on its standard output?") from None


async def find_pythons(session: Session) -> tuple[FoundPython, ...]:
    """The interpreter on the path, and those of environments where people usually have them; the newest first."""
    done = await session.exec(["/bin/sh", "-c", _FIND_PYTHONS], seconds=_SECONDS)
    rows = [line.split("|", 2) for line in done.stdout.decode("utf-8", "replace").splitlines()]
    found = [FoundPython(row[2], row[0], row[1]) for row in rows if len(row) == 3 and _VERSION.fullmatch(row[0])]
    return tuple(sorted(found, key=lambda one: _numbers(one.version), reverse=True))


async def find_modules(session: Session, init: str = "") -> tuple[str, ...]:
    """The modules whose names promise a Python; nothing where there is no `module`."""
    start = ["--noprofile", "--norc"] if init else ["-l"]
    done = await session.exec(["/bin/bash", *start, "-c", _LIST_MODULES, "modules", init], seconds=_SECONDS)
    names = [line.strip().removesuffix("(default)") for line in done.stdout.decode("utf-8", "replace").splitlines()]
    return tuple(dict.fromkeys(one for one in names if _MODULE.fullmatch(one) and _PYTHON_MODULE.match(one)))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
