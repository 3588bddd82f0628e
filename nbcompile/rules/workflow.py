"""Rules about what a notebook declares of itself as a workflow (`metadata.workflow`), and about where cells may run."""

from __future__ import annotations

from nbcompile.model.diagnostic import Rule, Severity

INVALID_METADATA = Rule(
    code="NB401",
    name="invalid-workflow-metadata",
    severity=Severity.ERROR,
    summary="the workflow metadata does not fit its format",
    explanation="""\
## What it does
Reports `metadata.workflow` of the notebook or a cell that does not fit the format of Jupyter Workflow, version v1.0.

## Why it matters
The metadata says what a cell needs and where it runs. If a mistake in it were ignored, the cell would run
somewhere else than was asked for, with other inputs, and nobody would be told.

## What to do
Correct the key that is named. Older spellings (`models`, `model`) are read as well.
""",
)

WITHOUT_EFFECT = Rule(
    code="NB402",
    name="declaration-without-effect",
    severity=Severity.WARNING,
    summary="a declaration has no effect where it stands",
    explanation="""\
## What it does
Reports a part of `metadata.workflow` that is taken and then not used: a `target` of a cell without `step`, a `step` of the
whole notebook, a `serializer` of what goes in shards or is no variable, an `interpreter` or a `workdir` of a cell that runs
on this machine.

## Why it matters
Its author expects something of it, most often that the cell runs elsewhere.

## What to do
Add `step: {}` to the cell, or remove the declaration.
""",
)

UNDECLARED_INPUT = Rule(
    code="NB403",
    name="undeclared-input",
    severity=Severity.WARNING,
    summary="a step reads a name that is not among its declared inputs",
    explanation="""\
## What it does
Reports a step with `autoin: false` whose text reads a name of the notebook that `in` does not list.

## Why it matters
Jupyter Workflow would run the cell without the name, and it would fail there. The name is sent all the same, so that
the cell gives what a plain run gives.

## What to do
Add the name to `in`.
""",
)

UNDECLARED_OUTPUT = Rule(
    code="NB404",
    name="undeclared-output",
    severity=Severity.WARNING,
    summary="a later cell reads what a step makes and does not declare",
    explanation="""\
## What it does
Reports a name that a step binds or changes, that `out` does not list, and that a later cell reads.

## Why it matters
Jupyter Workflow would not bring the name back: the later cell would see an older value, or none. It is sent all the
same, so that the later cell sees what it sees in a plain run.

## What to do
Add the name to `out`.
""",
)

MISSING_OUTPUT = Rule(
    code="NB405",
    name="missing-output",
    severity=Severity.ERROR,
    summary="a step declares an output that it never makes",
    explanation="""\
## What it does
Reports a declared output whose variable the cell neither binds nor takes as an input.

## Why it matters
Jupyter Workflow would hand on nothing, or a function of Python that happens to have that name.

## What to do
Bind the name in the cell. An output of type `file` may have a `value`: a pattern of the paths it stands for.
""",
)

UNBOUND_VALUE = Rule(
    code="NB406",
    name="unbound-value",
    severity=Severity.ERROR,
    summary="an input takes its value from a name that only Python itself binds",
    explanation="""\
## What it does
Reports `valueFrom` with a name that no earlier cell binds and that is one of Python's own, such as `open`.

## Why it matters
Jupyter Workflow would send Python's own object under that name.

## What to do
Name a variable of the notebook.
""",
)

UNREAD_SHARD = Rule(
    code="NB407",
    name="scattered-name-unread",
    severity=Severity.ERROR,
    summary="a cell is scattered over a name that it does not read",
    explanation="""\
## What it does
Reports a name in `scatter` that the cell neither reads nor declares as an input.

## Why it matters
The cell would run many times, each time doing the same.

## What to do
Correct the name, or take it out of the scatter.
""",
)

UNBOUND_INPUT = Rule(
    code="NB408",
    name="unbound-input",
    severity=Severity.WARNING,
    summary="a step declares an input that no cell binds and that it does not read",
    explanation="""\
## What it does
Reports a declared input whose variable no cell of the notebook binds, and that the text of the step does not read.

## Why it matters
Most often the name is misspelt, or the cell that bound it was removed. Jupyter Workflow would wait for it, or fail. A name
that the step reads and no cell binds is something else: the notebook takes it from outside (`nbcompile run -p NAME VALUE`).

## What to do
Correct the name, or take it out of `in`.
""",
)

UNCLEAR_SCATTER = Rule(
    code="NB430",
    name="unclear-scatter",
    severity=Severity.ERROR,
    summary="a scatter pairs one thing with combinations of others",
    explanation="""\
## What it does
Reports a `dotproduct` that has a `cartesian` scatter of several names among its items.

## Why it matters
A dotproduct takes the first shard with the first, the second with the second. Combinations have no such order that
the author could have meant.

## What to do
Turn it round: a cartesian scatter whose items are names, and dotproducts of names that belong together.
""",
)

SCATTER_IN_DOUBT = Rule(
    code="NB431",
    name="scatter-in-doubt",
    severity=Severity.WARNING,
    summary="the shards of a cell, together, may not give what the whole cell gives",
    explanation="""\
## What it does
Reports what a scattered cell does besides going through the scattered names round by round: it counts or sorts them as
a whole, carries something from one round to the next, draws random numbers, or shows something outside its loop.

## Why it matters
Each shard has only its part. What the parts give when they are put together need not be what a plain run gives.

## What to do
Collect in the scattered cell (`ys = [f(x) for x in xs]`), and count, sort and add up in a cell after it.
`nbcompile verify` compares a compiled run with a plain one.
""",
)

SCATTER_NOT_APPLIED = Rule(
    code="NB432",
    name="scatter-not-applied",
    severity=Severity.WARNING,
    summary="a scatter cannot be applied, so the cell runs whole",
    explanation="""\
## What it does
Reports a cell with a scatter that has to be in one step with another cell, for example because they share a file that
is open, and one whose scattered name no earlier cell binds, for example because its value stands in the declaration. Also one of which a
later cell reads what its shards would tear: a sum over the rounds, a name that only some rounds bind and that had a value before,
the first value under a key, the length of the whole. It runs once, on the whole.

## Why it matters
The results are right, but nothing runs side by side.

## What to do
Move what the cells share into one of them; bind the name in a cell before. Collect a list with something for each item, and count or add
up in a cell after it.
""",
)

SCATTER_UNSEEN = Rule(
    code="NB433",
    name="scatter-unseen",
    severity=Severity.NOTE,
    summary="a scattered cell runs commands, whose work on a part of the whole cannot be checked",
    explanation="""\
## What it does
Says that a scattered cell runs shell commands, so that nothing is known of what they do with the scattered names.

## Why it matters
The shards together give what the whole gives only if the commands go through the names one by one.

## What to do
`nbcompile verify` compares a compiled run with a plain one.
""",
)

UNKNOWN_AFTER_SHARDS = Rule(
    code="NB434",
    name="unknown-after-shards",
    severity=Severity.NOTE,
    summary="a variable that no cell reads has no value at the end, because the cell that makes it runs in shards",
    explanation="""\
## What it does
Names the variables of a scattered cell that its shards do not leave as the whole cell does, such as a sum over the rounds or the best one
so far, and that no later cell reads.

## Why it matters
A plain run leaves a value there. The variables of the compiled run have none.

## What to do
Nothing, if you do not want it. Else read it in a later cell (the cell then runs whole, NB432), or better: collect a list in this
cell, and work out the rest in a cell after it.
""",
)

PLACEMENT_CONFLICT = Rule(
    code="NB420",
    name="placement-conflict",
    severity=Severity.ERROR,
    summary="cells that must run together ask for different places",
    explanation="""\
## What it does
Reports two cells that have to be in one step, and that nbcompile.yml, directives or metadata place differently.

## Why it matters
A step runs at one place, with one set of resources.

## What to do
Place both alike, or change what holds them together; `nbcompile inspect --stage graph` says what that is.
""",
)

RESIDENT_ELSEWHERE = Rule(
    code="NB421",
    name="resident-elsewhere",
    severity=Severity.ERROR,
    summary="a cell names a file that stays at another place than the one it runs at",
    explanation="""\
## What it does
Compares the absolute paths that cells name with `files.resident` of nbcompile.yml, which says at which deployment such files lie.

## Why it matters
Resident files never move: they are too large, or may not leave. Elsewhere the path is nothing, or something else.

## What to do
Place the cell at the deployment that has the file, or take the path out of `files.resident`.
""",
)

RESIDENT_MISSING = Rule(
    code="NB422",
    name="resident-missing",
    severity=Severity.ERROR,
    summary="a file that should be at a deployment already is not there",
    explanation="""\
## What it does
Looks, before anything is submitted, for the files below `files.resident` that cells read, at the deployment where they should lie.

## Why it matters
The step would wait in a queue, and then fail.

## What to do
Correct the path in the cell or in nbcompile.yml, or see that your account there may read the file.
""",
)
