"""NB52x, NB58x, NB59x: why a step could not run to its end, where no cell of the notebook is to blame for it."""

from __future__ import annotations

from nbcompile.model.diagnostic import Rule, Severity


def _rule(code: str, name: str, summary: str, does: str, matters: str, remedy: str) -> Rule:
    explanation = f"## What it does\n{does}\n\n## Why it matters\n{matters}\n\n## What to do\n{remedy}\n"
    return Rule(code=code, name=name, severity=Severity.ERROR, summary=summary, explanation=explanation)


STEP_DIED = _rule(
    "NB523",
    "step-died",
    "the process of a step ended without saying how",
    "Reports a step whose process was killed or crashed: by the memory limit of the machine or of a job, by a signal,\n"
    "by a fault in a library written in C. The message names the cell that ran and the signal, and repeats what the process wrote last.",
    "What the cell had done until then is lost; steps that need it do not start.",
    "Look at the last words in the message. After `SIGKILL` the memory is the first suspect: give the step more\n"
    "(`resources: {memory: …}` in nbcompile.yml), or run fewer steps at a time (`--jobs`).\n"
    "`nbcompile runs open RUN STEP` shows the cell with its inputs.",
)

SCATTER_OF_NO_SEQUENCE = _rule(
    "NB581",
    "scatter-of-no-sequence",
    "a step is to be scattered over a value that cannot be cut",
    "Reports a scattered input that is not a list, tuple, range, array or table when the step that makes it has run.",
    "Its shards would be something else than parts of it.",
    "Make a list of it in the cell that binds it, or leave it out of `scatter`: what is not scattered\nis given to every shard as a whole.",
)

GATHER_OF_UNLIKE_PARTS = _rule(
    "NB582",
    "gather-of-unlike-parts",
    "the parts that shards made cannot be put together to one value",
    "Reports a name that a scattered cell binds or may change, whose values in the shards are neither sequences,\n"
    "arrays or tables of one kind, nor equal.",
    "There is no value that the cell would have bound had it run once.",
    "Let the cell make a list with one item for each of its inputs, and take the list together in a cell after it.",
)

SHARDS_OF_UNEQUAL_NUMBER = _rule(
    "NB583",
    "shards-of-unequal-number",
    "inputs that go in step have not as many shards as each other",
    "Reports inputs of one `dotproduct` (or several plain `items`) that were cut into different numbers of shards.",
    "Some shard would lack an input.",
    "Make the sequences equally long, or combine them with `cartesian`.",
)

SHARDS_WROTE_ONE_FILE = _rule(
    "NB584",
    "shards-wrote-one-file",
    "two shards left different files under one name",
    "Compares the files that the shards of a step wrote below their directories.",
    "In one process the later part of the loop would have replaced or extended the file; shards do not know each other.",
    "Let each shard write a file of its own, named after its item, and put them together in a later cell.",
)

SERIALIZER_FAILS = _rule(
    "NB585",
    "serializer-fails",
    "code that a notebook brings to pack a value fails",
    "Reports a `serializer` of `metadata.workflow` whose `predump` or `postload` raises, or leaves `y` unbound.",
    "The value cannot be sent to the step that needs it, or not be had there.",
    "Correct the code: it reads the value as `x` and binds `y`, and imports what it needs itself. Where its `type` is `file`,\n"
    "`predump` writes a file or a directory and binds its path, and `postload` is given the path where the step runs.",
)

MODULE_MISSING = _rule(
    "NB590",
    "module-missing-at-step",
    "a value or a definition needs a module that is missing where the step runs",
    "Reports an import that fails when a step reads its inputs or runs the notebook's definitions again.",
    "The step cannot begin.",
    "Install the module in the environment of the step (`environment:` of its deployment), or place the step elsewhere. `nbcompile doctor\n"
    "DEPLOYMENT` and the start of a run compare most of this before anything is submitted.",
)

STEP_DOCUMENT_WRONG = _rule(
    "NB591",
    "step-document-wrong",
    "what a step was compiled to does not fit the runtime that reads it",
    "Reports a step document with another schema, or one whose cells, definitions and payloads contradict each other.",
    "The files of a bundle come from different builds, or were changed by hand.",
    "Compile the notebook again, and take the whole bundle.",
)

INPUT_DAMAGED = _rule(
    "NB592",
    "input-damaged",
    "an input of a step is missing, damaged, or not the one that was made",
    "Compares every payload and file that a step reads with the digest that the step which made it has told.",
    "Results from other inputs would be other results.",
    "Run again: the local engine and the cache make what is damaged anew. Where it happens twice,\n"
    "look at the disk, and at who else writes there.",
)

DEFINITION_FAILS = _rule(
    "NB593",
    "definition-fails-again",
    "a definition that ran in its cell fails when a step runs it again",
    "Reports an import, function, class or constant of an earlier cell that raises an exception in another process.",
    "Definitions are run again where they are needed, which needs them to do the same each time.",
    "Write `# nbc: fuse` into the cell that has the definition, so that the cells which need it stay with it.",
)

NO_SPACE = _rule(
    "NB594",
    "no-space-for-payload",
    "there is no space left for what a step made",
    "Reports a payload that could not be written as a whole. The message says how large it was to be.",
    "Nothing half-written is kept; steps that need it do not start.",
    "Make space (`nbcompile runs gc`), then `nbcompile runs resume last`; or run the notebook anew where there is more (`-o`).",
)

RUNTIME_FAILED = _rule(
    "NB595",
    "runtime-failed",
    "the part of nbcompile that runs a step failed",
    "Reports an error that no cell raised, with the place in the step runtime.",
    "The step has no result, and nothing that it made is used.",
    "Where the message names the machine (disk, memory, rights), mend that and type `nbcompile runs resume last`.\n"
    "Everything else is a fault of nbcompile: please report it with the message.",
)

DISK_REFUSES = _rule(
    "NB596",
    "disk-refuses",
    "a disk of this machine does not take what a run has to write",
    "Reports a disk that is full, or that may not be written any more, while a run goes on: the run cannot note what its steps did.\n"
    "The message names the path, what the system says, and the cells that ran then or were about to: one of them may have filled the disk.",
    "The run ends. Nothing half-written is taken for whole.",
    "Make room (`nbcompile runs gc`) or give the rights back, then `nbcompile runs resume last`. Where a cell fills the disk with what it\n"
    "writes, run the notebook anew in another directory (`-o`), or let the cell write less.",
)

KERNEL_BROKEN = _rule(
    "NB597",
    "kernel-broken",
    "a cell makes the kernel useless that runs the notebook plainly",
    "Reports a cell after which the kernel of `nbcompile verify` does not answer any more, or answers what nobody can read,\n"
    "for example `builtins.len = …` or `json.dumps = …`: a kernel runs in the process of its cells, and uses what they use.",
    "There is no plain run, so there is nothing that a compiled run could be compared with.",
    "Give another name to what the cell replaces, or put it back at the end of the cell.",
)
