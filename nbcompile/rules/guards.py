"""NB50x: what a run found that analysis had not foreseen."""

from __future__ import annotations

from nbcompile.model.diagnostic import Rule, Severity

_REPAIRED = """\
A run on this machine and at deployments is repaired: the cell is taken to do what it was seen to do, and what depends on it runs again. It
is an error with `--strict`, where a CWL runner runs the workflow, where cells that would have to run together are placed apart, and in
a run at deployments that was resumed.
"""

CHANGED = Rule(
    code="NB501",
    name="unforeseen-change",
    severity=Severity.WARNING,
    summary="a cell changed an object that it was not known to change",
    explanation=f"""\
## What it does
Compares the objects that a cell was given before and after it ran, and reports one that is another, although nothing in the cell's
text says so. A call of a library that the tables do not know is the usual cause.

## Why it matters
Steps work on copies: cells after this one would go on with the object as it was before.

{_REPAIRED}
## What to do
Write `# nbc: mutates=NAME` into the cell. Or run `nbcompile profile NOTEBOOK`, which sees it, and build again.
""",
)

NOT_SENT = Rule(
    code="NB502",
    name="unforeseen-use",
    severity=Severity.WARNING,
    summary="a cell read a name that it was not known to read",
    explanation=f"""\
## What it does
Reports a name that another cell binds, that was looked up here, and that had not been sent: because the cell failed with it, caught the
error, or found a builtin of that name instead; and the name of an import that would have loaded a part of a package which the cell missed.

## Why it matters
In one process the cell would have found the notebook's value.

{_REPAIRED}
## What to do
Write `# nbc: reads=NAME` into the cell.
""",
)

FILE_TOUCHED = Rule(
    code="NB503",
    name="unforeseen-file",
    severity=Severity.WARNING,
    summary="a cell touched a file that it was not known to touch",
    explanation=f"""\
## What it does
Listens for files that are opened and directories that are listed while a cell runs, and compares the step's directory before and after.
Reported is a file that another cell writes or that lies beside the notebook, and was not there; and a file that was written and that
later cells read.

## Why it matters
Each step has a directory of its own, in which it finds the files that its cells were known to need.

{_REPAIRED}
What no listener hears is not reported: a native library that opens an absolute path, or a program that the cell starts.

## What to do
Write `# nbc: reads=PATH` or `# nbc: writes=PATH` into the cell.
""",
)

SHARED = Rule(
    code="NB504",
    name="unforeseen-sharing",
    severity=Severity.WARNING,
    summary="two names share an object that a later cell changes, and were sent apart",
    explanation=f"""\
## What it does
Compares, while values are saved for other steps, which objects, classes and memory each of them reaches, and which those that the cell was
given and left alone. Reported are two names that reach the same, were not known to, and of which a later cell changes one.

## Why it matters
Sent apart, they are copies: the change would not be seen through the other name.

{_REPAIRED}
## What to do
Write `# nbc: shares=a,b` into the cell, with the two names, or make a copy where the second name is bound.
""",
)

STATE_SET = Rule(
    code="NB505",
    name="unforeseen-state",
    severity=Severity.WARNING,
    summary="a cell set state that it was not known to set",
    explanation=f"""\
## What it does
Compares random generators, plot parameters, environment variables, working directory and search path before and after each cell, and what
libraries nobody has described keep in their modules and classes: counters, numbers, texts, and everything that modules beside the
notebook do. Compared is as well what is set in libraries that later cells use: functions, constants, attributes of classes. Of what
libraries keep nobody knows whether it matters: an engine that does not repair only tells of it.

## Why it matters
State that no name stands for is sent from step to step only where it is known to be set or read.

{_REPAIRED}
## What to do
Write `# nbc: writes=CHANNEL` into the cell, for example `# nbc: writes=numpy.random`.
""",
)

CANNOT_TRAVEL = Rule(
    code="NB506",
    name="cannot-travel",
    severity=Severity.WARNING,
    summary="a cell used an object that cannot leave the process in which it was made",
    explanation=f"""\
## What it does
Reports the use of an open file, a connection, a generator, a lock, or anything else that cannot be sent to another process, in a step
other than the one that made it.

## Why it matters
The cell fails, and would not have failed in one process.

{_REPAIRED}
## What to do
Write `# nbc: fuse` into the cell that uses it, or make the object where it is used.
""",
)
