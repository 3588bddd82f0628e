"""Rules about what a notebook asks for and only a person or an administrator can allow."""

from __future__ import annotations

from nbcompile.model.diagnostic import Rule, Severity

INLINE_DEPLOYMENT_DENIED = Rule(
    code="NB410",
    name="inline-deployment-denied",
    severity=Severity.ERROR,
    summary="the notebook describes itself where it runs, which is not allowed",
    explanation="""\
## What it does
Denies a step whose target is described in the notebook (`deployments` of `metadata.workflow`).

## Why it matters
Such a description names hosts, key files, templates and programs. Whoever wrote the notebook would choose
where your data goes and which of your keys are used.

## What to do
Define a deployment of that name yourself: then yours is used. If you trust the notebook as it is, put
`allow: [inline-deployments]` into your own file of deployments.
""",
)

INTERPRETER_DENIED = Rule(
    code="NB411",
    name="interpreter-denied",
    severity=Severity.ERROR,
    summary="the notebook chooses the program that runs a cell, which is not allowed",
    explanation="""\
## What it does
Denies a step whose metadata names an `interpreter` other than plain `ipython` or `python`.

## Why it matters
The interpreter is the first word of the command at the target: any program could stand there.

## What to do
Choose the environment in nbcompile.yml or with `--python`. If you trust the notebook, put `allow: [interpreter]`
into your own file of deployments.
""",
)

SERIALIZER_DENIED = Rule(
    code="NB412",
    name="serializer-denied",
    severity=Severity.ERROR,
    summary="the notebook brings code that packs a value, which is not allowed",
    explanation="""\
## What it does
Denies a step with a port whose `serializer` holds code (`predump`, `postload`).

## Why it matters
The code is not in a cell, where a reader would see it, and runs wherever the value goes.

## What to do
Do the conversion in the cells. If you trust the notebook, put `allow: [serializers]` into your own file of deployments.
""",
)

WORKDIR_DENIED = Rule(
    code="NB413",
    name="path-outside-denied",
    severity=Severity.ERROR,
    summary="the notebook names a path outside the step's own directory, which is not allowed",
    explanation="""\
## What it does
Denies a step whose metadata chooses a `workdir`, or has a file port with a path that is absolute or leads out of the
directory in which the cell runs.

## Why it matters
Steps of one run share nothing but what is sent between them, and never write outside their own directory.

## What to do
Use paths relative to the notebook. Work directories belong to the deployment. If you trust the notebook, put
`allow: [workdir]` into your own file of deployments.
""",
)

NOTEBOOK_DEPLOYMENT_IGNORED = Rule(
    code="NB414",
    name="own-deployment-used",
    severity=Severity.NOTE,
    summary="the notebook describes a deployment that is one of your own",
    explanation="""\
## What it does
Says that a target is a deployment of your own, so that the notebook's description of it is not used.

## Why it matters
A notebook never redefines where your steps run.
""",
)

DESCRIBED_DEPLOYMENT_NOT_OPENED = Rule(
    code="NB415",
    name="described-deployment-not-opened",
    severity=Severity.ERROR,
    summary="a step is placed where only the notebook says how to get there",
    explanation="""\
## What it does
Refuses to run a notebook with a step at a deployment that the notebook describes, before anything runs. Only `local` of such
deployments is opened: it is this machine.

## Why it matters
The description names a host and a key, and no host key by which the host could be known; of charts and images nothing can be
opened here. Whoever answers at that name would be given your data.

## What to do
Log in there once and see its host key: `nbcompile deployment add NAME --ssh USER@HOST`, with `--slurm` where jobs go to Slurm. From then on
a deployment of your own has that name, and is used. `nbcompile build --target streamflow` hands the description to StreamFlow as it
is, and `streamflow run` opens it.
""",
)

DENIALS = (INLINE_DEPLOYMENT_DENIED, INTERPRETER_DENIED, SERIALIZER_DENIED, WORKDIR_DENIED)
