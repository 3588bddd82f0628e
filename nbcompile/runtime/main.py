"""The command line of the step runtime: `step` runs one step, `gather` joins its shards, `collect` makes the executed notebook."""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import os
import shutil
import sys
from importlib import import_module
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from .collect import CollectCall, collect
from .files import is_fresh, remove_much
from .loaded import standard_places
from .own import separate
from .problem import ENVIRONMENT_BROKEN, StepProblem
from .scatter import SHARD_IN_NAME, GatheringRun, kind_of_run, label_of
from .step import Host, StepCall, run_step
from .supervisor import supervise, work_directory
from .terminal import open_terminal
from .zygote import serve, work_alone

USAGE = """\
usage: nbcompile_runtime.py step STEP.json OUTPUTS.json [--payload FILE]... [--file NAME PATH]... [--files DIRECTORY]...
                                 [--events FD]... [--trust-payloads] [--shards DIRECTORY]... [--span FIRST END]
                                 [--parameters] [--given=TYPE:NAME=VALUE]... [--stop-before CELL]
       nbcompile_runtime.py gather STEP.json OUTPUTS.json [--outputs OUTPUTS.json]... [--payload FILE]... [--shards DIRECTORY]...
                                 [--files DIRECTORY]... [--events FD]... [--trust-payloads]
       nbcompile_runtime.py open STEP.json OUTPUTS.json [--payload FILE]... [--file NAME PATH]... [--files DIRECTORY]...
                                 [--trust-payloads] [--shards DIRECTORY]... [--shard LABEL] [--stop-before CELL]
       nbcompile_runtime.py collect TEMPLATE.ipynb EXECUTED.ipynb [--outputs OUTPUTS.json]... [--files DIRECTORY]...
                                 [--into DIRECTORY]
"""
USAGE_ERROR = 2


class Grammar(NamedTuple):
    """How many words stand alone after a command, and how many follow each option."""

    places: int
    options: Dict[str, int]


# Followed by the value in the same word.
_GIVEN = "--given"
_STEP_OPTIONS = {"--payload": 1, "--shards": 1, "--file": 2, "--files": 1, "--events": 1, "--trust-payloads": 0}
_GRAMMARS = {
    "step": Grammar(2, {**_STEP_OPTIONS, "--span": 2, "--parameters": 0, _GIVEN: 1, "--stop-before": 1}),
    "gather": Grammar(2, {**_STEP_OPTIONS, "--outputs": 1}),
    "open": Grammar(2, {**_STEP_OPTIONS, "--shard": 1, "--stop-before": 1}),
    "collect": Grammar(2, {"--outputs": 1, "--files": 1, "--into": 1}),
    "serve": Grammar(1, {}),
    "work": Grammar(1, {}),
}


class Words(NamedTuple):
    """A command line: the words that stand alone, and what each option was given."""

    command: str
    places: Tuple[str, ...]
    options: Dict[str, List[Tuple[str, ...]]]

    def each(self, option: str) -> Tuple[str, ...]:
        """What a repeatable option of one word was given."""
        return tuple(words[0] for words in self.options.get(option, ()))


def main(argv: List[str]) -> int:
    """Run one command, a step in a process of its own; returns the exit code."""
    return _run(argv, lambda call, run: supervise(call.outputs, run), Host)


class StepWorker:
    """Runs commands in this process, which somebody else waits for. The kernel is made once, before a fork or after."""

    def __init__(self) -> None:
        self._host: Optional[Host] = None

    def warm_up(self, directory: str) -> None:
        """Make the kernel now; `directory` is for the files it needs."""
        self._host_in(directory)
        standard_places()
        self.rehearse()

    def rehearse(self) -> None:
        """Do what every cell makes Python do for the first time, in this process or since its fork. Leaves nothing behind."""
        for name in ("bdb", "IPython.core.logger", "IPython.core.magics.execution"):
            with contextlib.suppress(ImportError):
                import_module(name)
        if self._host:
            kernel = self._host.kernel
            kernel.compile(ast.parse(kernel.transform("rehearsal = f'{1}'\n")), "<rehearsal>")
        loop = asyncio.new_event_loop()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    def run_import(self, statement: str) -> None:
        """Do an import of the notebook before any cell; libraries ask then whether they are in a kernel or a terminal."""
        around = self._host.kernel.builtins_of_cells() if self._host else contextlib.nullcontext()
        dropped = self._host.recorder.dropped if self._host else 0
        with around:
            exec(compile(statement, "<import>", "exec"), {"__name__": "__main__", "__builtins__": builtins})  # noqa: S102 (the notebook's own import)
        if self._host and self._host.recorder.dropped > dropped:
            # Whoever displays something writes something.
            sys.stdout.write(f"{statement} displays something\n")

    def run(self, argv: List[str]) -> int:
        """Run one command; returns the exit code. What little a step leaves in its own directory is for whoever started this process."""
        return _run(argv, _run_alone, self._host_in)

    def _host_in(self, directory: str) -> Host:
        self._host = self._host or Host(directory)
        return self._host


def _run_alone(call: StepCall, run: Callable[[], int]) -> int:
    code = run()
    if call.span is None:
        remove_much(call.work)
    else:
        # There may be thousands of shards.
        shutil.rmtree(call.work, ignore_errors=True)
    return code


def _run(argv: List[str], start: Callable[[StepCall, Callable[[], int]], int], host: Callable[[str], Host]) -> int:
    try:
        words = parse_words(argv)
    except ValueError as error:
        sys.stderr.write(f"{USAGE}nbcompile_runtime.py: {error}\n")
        return USAGE_ERROR
    if words.command == "serve":
        serve(int(words.places[0]), StepWorker())
    if words.command == "work":
        work_alone(int(words.places[0]), StepWorker())
    try:
        if words.command == "collect":
            return _run_collect(words)
        call = _step_call(words)
        if words.command == "open":
            return open_terminal(call, host)
        kind = GatheringRun if words.command == "gather" else kind_of_run
        return start(call, lambda: run_step(call, host(call.work), kind))
    except StepProblem as problem:
        sys.stderr.write(f"{problem}\n")
        return ENVIRONMENT_BROKEN


def parse_words(argv: List[str]) -> Words:
    """The command line as values. Words are taken as they are, also those that begin with a dash.

    Raises ValueError with what is wrong.
    """
    if not argv or argv[0] not in _GRAMMARS:
        raise ValueError(f"say one of {', '.join(_GRAMMARS)}")
    grammar = _GRAMMARS[argv[0]]
    options: Dict[str, List[Tuple[str, ...]]] = {name: [] for name in grammar.options}
    places: List[str] = []
    rest = argv[1:]
    while rest:
        word = rest.pop(0)
        if word.startswith(_GIVEN + "=") and _GIVEN in grammar.options:
            options[_GIVEN].append((word[len(_GIVEN) + 1 :],))
            continue
        if word not in grammar.options:
            places.append(word)
            continue
        following = grammar.options[word]
        if len(rest) < following:
            raise ValueError(f"{word} needs {following} more")
        options[word].append(tuple(rest[:following]))
        del rest[:following]
    if len(places) != grammar.places:
        raise ValueError(f"{argv[0]} takes {grammar.places} words, not {places}")
    return Words(argv[0], tuple(places), options)


def _step_call(words: Words) -> StepCall:
    """What the step is started with, in a working directory that is made for it."""
    outputs = os.path.abspath(os.path.basename(words.places[1]) if words.command == "open" else words.places[1])
    if SHARD_IN_NAME in outputs:
        outputs = outputs.replace(SHARD_IN_NAME, label_of(words.places[0], words.each("--payload"), words.each("--shards")))
    work = work_directory(outputs)
    if os.path.exists(outputs):
        os.unlink(outputs)
    if not is_fresh(work):
        # What an earlier try left is of no use.
        shutil.rmtree(work, ignore_errors=True)
        os.mkdir(work)
    spans, ends, opened = words.options.get("--span", ()), words.each("--stop-before"), words.each("--shard")
    return StepCall(
        step=words.places[0],
        outputs=outputs,
        work=work,
        home=os.getcwd(),
        # Cells may go to another directory.
        payloads=tuple(map(os.path.abspath, words.each("--payload"))),
        files=tuple((given[0], os.path.abspath(given[1])) for given in words.options["--file"]),
        directories=tuple(map(os.path.abspath, words.each("--files"))),
        events=tuple(int(word) for word in words.each("--events")),
        trust_payloads=bool(words.options["--trust-payloads"]),
        shards=tuple(map(os.path.abspath, words.each("--shards"))),
        span=(int(spans[-1][0]), int(spans[-1][1])) if spans else None,
        given=words.each(_GIVEN) if words.options.get("--parameters") else None,
        stop_before=int(ends[-1]) if ends else None,
        shard=opened[-1] if opened else "",
        shard_outputs=tuple(map(os.path.abspath, words.each("--outputs"))),
    )


def _run_collect(words: Words) -> int:
    into = words.each("--into")
    return collect(
        CollectCall(
            template=words.places[0],
            executed=words.places[1],
            outputs=words.each("--outputs"),
            files=words.each("--files"),
            into=into[-1] if into else None,
        )
    )


# In the file that all modules are joined to, the program is no `__main__`.
if globals().get("_run_as", __name__) == "__main__":
    separate(globals())
    sys.exit(main(sys.argv[1:]))
