"""NB1xx: names, objects, and the author's annotations of them."""

from __future__ import annotations

from nbcompile.model.diagnostic import Rule, Severity

OPAQUE_CELL = Rule(
    code="NB101",
    name="opaque-cell",
    severity=Severity.WARNING,
    summary="what a cell reads and binds cannot be seen from its text",
    explanation="""\
## What it does
Finds a cell that may read, bind and change any name: `exec` of a text that is put together, `%run`, `from x import *` of an
unknown module, a magic that is not known.

## Why it matters
Such a cell waits for every cell before it, and every cell after it waits for it: nothing runs beside it.

## What to do
Name what is needed: import names one by one, call functions instead of running texts. If the cell touches nothing but what its
text shows, say so: `# nbc: pure`.
""",
)

UNKNOWN_CALL = Rule(
    code="NB102",
    name="unknown-call",
    severity=Severity.NOTE,
    summary="what a call does to what it is given is not known",
    explanation="""\
## What it does
Finds a call of which it had to be guessed what it changes or keeps.

## Why it matters
The guess is checked when the notebook runs, and a wrong one is repaired, which costs time.

## What to do
Settle it on the line: `# nbc: pure` if the call changes nothing, `# nbc: mutates=x` if it changes `x` and nothing else.
""",
)

FUSED_CELLS = Rule(
    code="NB103",
    name="fused-cells",
    severity=Severity.NOTE,
    summary="two cells must run in one process",
    explanation="""\
## What it does
Finds cells that share what cannot be sent from one process to another: an open file, a generator, a thread, views of one buffer,
the state of a library that is set with something that cannot be set again.

## Why it matters
Fused cells, and all cells between them that depend on one and on which the other depends, run one after the other in one place.

## What to do
Make and use such things in one cell: open a file where it is read, turn a generator into a list, copy a view (`x[:10].copy()`).
""",
)

MUTATED_ACROSS_CELLS = Rule(
    code="NB104",
    name="mutated-across-cells",
    severity=Severity.NOTE,
    summary="a cell changes an object that another cell defined",
    explanation="""\
## What it does
Finds a cell that changes, in place, a value that an earlier cell defined.

## Why it matters
The cells that use the value afterwards wait for this one, also those that do not care for the change; and running the cell twice
by hand gives another result.

## What to do
Bind a new name: `clean = df.drop(columns="id")`, or make the change in the cell that defines the value.
""",
)

UNSEEDED_RANDOM = Rule(
    code="NB105",
    name="unseeded-random",
    severity=Severity.WARNING,
    summary="a cell draws random numbers that no cell seeded",
    explanation="""\
## What it does
Finds draws from the global generator of `random`, NumPy or PyTorch before anything seeded it.

## Why it matters
Every run gives other results. Steps draw from fresh entropy, each for itself.

## What to do
Seed it in the first cell (`np.random.seed(1)`), or better, pass a generator: `rng = np.random.default_rng(1)`.
""",
)

NOT_REPRODUCIBLE = Rule(
    code="NB106",
    name="not-reproducible",
    severity=Severity.NOTE,
    summary="a cell depends on the moment or on the outside",
    explanation="""\
## What it does
Finds cells that read the network, a database, the clock, or start other programs; cells that draw from a generator of their own
which was given no seed, as `np.random.default_rng()` and the whiskers of seaborn do; and cells that ask for what is another thing in
every process: how many references there are to an object, how much memory it has, the order of a set whose elements lie at places
that follow from their addresses.

## Why it matters
What they give may differ from run to run, so that a compiled run cannot be compared with a plain one. They run in notebook order,
after everything before them has ended well.

## What to do
Keep what was fetched in a file beside the notebook, and read that; give generators a seed (seaborn: `seed=1`, or `errorbar="sd"`).
Where it is meant: `# nbc: allow=NB106`.
""",
)

ASKS_THE_USER = Rule(
    code="NB107",
    name="asks-the-user",
    severity=Severity.ERROR,
    summary="a cell asks for input",
    explanation="""\
## What it does
Finds `input()` and its like.

## Why it matters
Nobody is there to answer when a workflow runs; the cell would fail.

## What to do
Make it a parameter: bind the answer in a cell tagged `parameters`.
""",
)

PATH_OUTSIDE = Rule(
    code="NB108",
    name="path-outside",
    severity=Severity.WARNING,
    summary="a cell names a file outside the notebook's directory",
    explanation="""\
## What it does
Finds absolute paths, `~`, and paths that lead out of the notebook's directory with `..`.

## Why it matters
An absolute path is not there on another machine, and is not staged. What is named above the notebook, up to three levels, is
sent to steps, and what is written there is left in the run under `above/`. Cells that touch such files keep their order.

## What to do
Name the file relative to the notebook, or, if it is already at the place where the cell runs, list it in `files.resident` of nbcompile.yml.
""",
)

UNCLEAR_PATH = Rule(
    code="NB109",
    name="unclear-path",
    severity=Severity.NOTE,
    summary="which file a cell touches cannot be seen",
    explanation="""\
## What it does
Finds readers and writers of files whose name is not a literal or made of literals.

## Why it matters
The whole working directory is then taken to be read or written: the cell waits for all that write files.

## What to do
Say it on the line: `# nbc: reads=data/x.csv` or `writes=out.csv`.
""",
)

BOUND_LATER = Rule(
    code="NB110",
    name="bound-later",
    severity=Severity.WARNING,
    summary="a cell reads a name that only a later cell binds",
    explanation="""\
## What it does
Finds a name that is read before any cell bound it, although a later cell does.

## Why it matters
The notebook worked because its cells were run in another order. Run from top to bottom, the cell fails.

## What to do
Move the cell that binds the name up.
""",
)

READS_HISTORY = Rule(
    code="NB111",
    name="reads-history",
    severity=Severity.NOTE,
    summary="a cell reads an earlier cell's result as `_` or `Out`",
    explanation="""\
## What it does
Finds `_`, `__`, `_3` and `Out[3]`.

## Why it matters
Numbers of results change with the order in which cells are run, and the two cells must run in one process.

## What to do
Give the result a name.
""",
)

UNKNOWN_DIRECTIVE = Rule(
    code="NB190",
    name="unknown-directive",
    severity=Severity.WARNING,
    summary="a `# nbc:` comment or an `nbc-` tag is not understood",
    explanation="""\
## What it does
Reports a word after `# nbc:`, or a tag that starts with `nbc-`, that is no directive.

## Why it matters
A misspelt directive settles nothing, although its author counts on it.

## What to do
Write one of `pure`, `fuse`, `split`, `mutates=x`, `shares=a,b`, `reads=…`, `writes=…`, `allow=CODE`, `target=…`, `scatter=…`.
""",
)
