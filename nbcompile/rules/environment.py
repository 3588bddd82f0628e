"""NB3xx: the Python that runs the cells, and what it has installed."""

from __future__ import annotations

from nbcompile.model.diagnostic import Rule, Severity

MISSING_IMPORT = Rule(
    code="NB301",
    name="missing-import",
    severity=Severity.ERROR,
    summary="a cell imports a module that the interpreter does not have",
    explanation="""\
## What it does
Asks the interpreter that will run the cells, before any of them runs, whether it finds every module that they import.
Imports inside functions, and those whose failure the cell catches, are left out; so is a notebook that changes `sys.path`.

## Why it matters
The cell would fail, perhaps after hours.

## What to do
Install the module into that interpreter's environment, or name another interpreter with `--python`. The first line of a run says
which interpreter it is and why.
""",
)

REQUIREMENT_MISSING = Rule(
    code="NB302",
    name="requirement-missing",
    severity=Severity.WARNING,
    summary="a cell would install a distribution that is not installed",
    explanation="""\
## What it does
Compares `%pip install`, `%conda install` and `!pip install` lines with what the interpreter has installed.

## Why it matters
Such lines are facts about the environment. No step runs them: steps run side by side, and a cell that changes the environment
changes it under the others.

## What to do
Install the distribution before the run, and keep the line as documentation, or move it to `environment.requirements` of nbcompile.yml.
""",
)

REQUIREMENT_DIFFERS = Rule(
    code="NB303",
    name="requirement-differs",
    severity=Severity.WARNING,
    summary="a cell asks for another version of a distribution than is installed",
    explanation="""\
## What it does
Compares the versions in `%pip install`, `%conda install` and `!pip install` lines with those that the interpreter has installed.

## Why it matters
The run uses what is installed, and its results may differ from those of the version that the notebook asks for.

## What to do
Install the version that the line names, or correct the line.
""",
)

REQUIREMENT_UNKNOWN = Rule(
    code="NB304",
    name="requirement-unknown",
    severity=Severity.NOTE,
    summary="a cell would install something that cannot be compared with what is installed",
    explanation="""\
## What it does
Names the paths, addresses and files of requirements in installing lines: it is not known which distributions they stand for.

## What to do
See to it that the environment has them. No step installs anything.
""",
)

OTHER_INTERPRETER = Rule(
    code="NB305",
    name="other-interpreter",
    severity=Severity.NOTE,
    summary="the notebook's own kernel is not here, another Python runs the cells",
    explanation="""\
## What it does
Says why the kernel that the notebook names was passed over: it is not installed here, or it starts something else than Python.

## What to do
Name the interpreter with `--python` or `environment.python` in nbcompile.yml, or save the notebook with a kernel that is here.
""",
)

OTHER_PYTHON = Rule(
    code="NB306",
    name="other-python",
    severity=Severity.NOTE,
    summary="the notebook was last run with another Python version",
    explanation="""\
## What it does
Compares the Python version in the notebook's metadata with the interpreter's, to the minor version.

## Why it matters
Results, warnings and installed libraries may differ.

## What to do
Name an interpreter of that version with `--python 3.x`, or save the notebook with the current one.
""",
)

STEP_LOST = Rule(
    code="NB311",
    name="step-lost",
    severity=Severity.ERROR,
    summary="the process of a step ended in the middle of it",
    explanation="""\
## What it does
Reports a step whose process was killed or left without a word: by the system for want of memory, by a person, by a crash in a library.

## What to do
The message says how it ended. For want of memory: run fewer steps at a time (`--jobs`), or give the step's cells more memory in
nbcompile.yml. `nbcompile runs logs RUN STEP` shows what the process printed, `nbcompile runs resume RUN` goes on from there.
""",
)

STEP_BROKEN = Rule(
    code="NB312",
    name="step-broken",
    severity=Severity.ERROR,
    summary="a step could not run in this environment",
    explanation="""\
## What it does
Reports a step that ended before or after its cells for a reason that is not the notebook's: a payload that cannot be read, a full disk,
a missing permission.

## What to do
The message says what is missing. `nbcompile runs logs RUN STEP` shows more, `nbcompile runs resume RUN` goes on when it is mended.
""",
)

MEMORY_FULL = Rule(
    code="NB313",
    name="no-room-in-memory",
    severity=Severity.NOTE,
    summary="what steps hand to each other goes over the disk",
    explanation="""\
## What it does
Says that the memory file system (`/dev/shm`) is too small or too full for what steps hand to each other, so that files are used.

## Why it matters
The run is slower, nothing else.

## What to do
Nothing, or give the container a larger `/dev/shm`.
""",
)
