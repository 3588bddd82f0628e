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
Install the distribution before the run, and keep the line as documentation.
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

NO_IPYTHON = Rule(
    code="NB307",
    name="no-ipython",
    severity=Severity.WARNING,
    summary="the interpreter has no IPython, its cells run as plain Python",
    explanation="""\
## What it does
Looks whether the interpreter that runs the cells has IPython.

## Why it matters
Without it cells run all the same, and show text, errors, figures and what objects represent themselves as. But there are no magics and no
`!` lines (a cell with one is a syntax error), long lists are shown on one line, and tracebacks have the interpreter's own form.

## What to do
Install `ipython` into that interpreter's environment, or name another interpreter with `--python`.
""",
)

MISSING_AT_PLACE = Rule(
    code="NB321",
    name="missing-at-place",
    severity=Severity.ERROR,
    summary="a cell imports a module that its place does not have",
    explanation="""\
## What it does
Asks the Python of each place, before anything is submitted, whether it finds every module that the cells which run there import.
Imports inside functions, and those whose failure the cell catches, are left out; so is a notebook that changes `sys.path`.

## Why it matters
The step would wait in a queue, and then fail.

## What to do
Install the module in the place's environment, choose another `environment` of the deployment in nbcompile.yml, or place the cell
elsewhere. `nbcompile doctor DEPLOYMENT --json` lists what its environments have.
""",
)

PYTHON_NOT_AS_ASKED = Rule(
    code="NB325",
    name="python-not-as-asked",
    severity=Severity.ERROR,
    summary="a place does not have the Python version that was asked for",
    explanation="""\
## What it does
Compares the version that `--python` or `environment.python` of nbcompile.yml names with the Python of each place, before anything is
submitted.

## Why it matters
The cells would run with another Python than everybody agreed on.

## What to do
Choose an environment of the deployment that has the version, install one, or correct what is asked for.
""",
)

MISSING_PROGRAM = Rule(
    code="NB322",
    name="missing-program",
    severity=Severity.ERROR,
    summary="a cell starts a program that its place does not have",
    explanation="""\
## What it does
Looks, before anything is submitted, for the programs that cells start with `!`, `%%bash` and lists of words given to `subprocess`,
in the environment of the place where the cells run. Commands that depend on others, as after `if` or before `||`, are left out.

## Why it matters
The step would wait in a queue, and then fail; after `!` it would even go on, with other results than here.

## What to do
Load a module that brings the program (`modules` of an environment of the deployment), install it there, or place the cell elsewhere.
Where its absence is meant, write `# nbc: allow=NB322` into the cell.
""",
)

OTHER_PYTHON_AT_PLACE = Rule(
    code="NB323",
    name="other-python-at-place",
    severity=Severity.ERROR,
    summary="a value goes between places whose Pythons are not of the same minor version",
    explanation="""\
## What it does
Compares, before anything is submitted, the Python versions of places that exchange a value.

## Why it matters
Functions and classes travel as the code of one minor version, and do not work in another one; libraries differ too.

## What to do
Choose an environment with the same Python minor version at one of the two places, or let the cells run at one place.
""",
)

TRANSFER_REFUSED = Rule(
    code="NB326",
    name="transfer-refused",
    severity=Severity.ERROR,
    summary="a run would move more between places than it may",
    explanation="""\
## What it does
Refuses to move a value or a file to another place where everything that the run moves would then be more than `--max-transfer`. What
is known when the run starts is counted before anything is submitted; what a step makes, as soon as it is made and before anything of
it leaves. What a run has moved before it was resumed counts as well; what is at a place already, or here, counts for nothing, and neither
does what cells show. Nothing is tried again, and the command ends with exit code 2, as where it is known before.

## Why it matters
A table of 200 GB on the scratch of a cluster would fill this machine's disk, and take the night for it.

## What to do
Let the cells that use it run where it is, have them write it below a path of `files.resident` in nbcompile.yml, or allow more:
`nbcompile runs resume RUN --max-transfer 50GiB` goes on, and no step runs again that has ended well.
""",
)

CERTIFICATE_ENDED = Rule(
    code="NB327",
    name="certificate-ended",
    severity=Severity.ERROR,
    summary="a place does not accept a credential whose certificate has ended",
    explanation="""\
## What it does
Says when the certificate of an SSH key ended, where a host does not accept the key any more. Of a key with a certificate the certificate
is shown to the host; the key alone only where the certificate lies beside it as KEY-cert.pub, has ended, and the file of deployments does
not name it.

## Why it matters
Certificates of sites with a second factor are for some hours. Nobody can start anything there, or see what runs there, until there is a
new one. Jobs that run go on.

## What to do
Get a new certificate from your site, in the file or the ssh-agent where the old one was. A run that waits for a login sees it and goes on;
`nbcompile runs resume RUN` goes on with one that has ended. Where the host takes the key alone, do not name a `certificate`.
""",
)

OTHER_DISTRIBUTION_AT_PLACE = Rule(
    code="NB324",
    name="other-distribution-at-place",
    severity=Severity.ERROR,
    summary="a value goes between places whose versions of its library are too different",
    explanation="""\
## What it does
Compares, before anything is submitted, the major versions of the distributions that the type of a value comes from, at both places
that exchange it. A distribution that the second place does not have is too different as well.

## Why it matters
A value is stored in a form that belongs to its library: another major version may not read it, or read something else.

## What to do
Install the same major version at both places, or let the cells run at one place.
""",
)
