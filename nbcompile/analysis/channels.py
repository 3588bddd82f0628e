"""State that is not a name: random generators, options of libraries, the environment, the network, time, processes.

Each is a channel with readers and writers. `draw` both reads and writes: a draw from a global generator moves it on. `advance`
moves it on as well, but nothing that the cell computes depends on what was drawn.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from nbcompile.analysis.aliases import KEPT
from nbcompile.analysis.bindings import Chain, EffectKey, Frame, Mark, spot
from nbcompile.analysis.known import Action
from nbcompile.analysis.values import SCALAR, Value, single
from nbcompile.analysis.visit import Call
from nbcompile.model.facts import RESTORE

FILES = "files"
MATPLOTLIB = "matplotlib"
LIBRARY = "library:"
# The figures that pyplot has open, once they stay so when a cell has ended: only the backend of notebooks closes them.
FIGURES = "library:matplotlib.figures"
SHELL = "shell"
# The last error that the shell has shown.
ERRORS = "errors"
# What the shell was given to show objects and run cells with, which cannot be sent.
DISPLAY = "library:display"
# What one library has changed in others.
PATCHES = "library:patches"
# What numbers that tell objects apart mean: nothing, in another process.
ADDRESSES = "addresses"
# Generators that everybody shares, and that of functions which numba has compiled.
GENERATORS, COMPILED_RANDOM = frozenset(("random", "numpy.random")), "library:numba.random"
# What runs beside the cell: which comes first is for the machine to say.
CONCURRENCY = "concurrency"
# What lies at an address, as ctypes shows it.
MEMORY = "library:sys.memory"
# Which loggers there are. They find each other by their names.
LOGGERS = "library:logging.tree"
# How many threads and processes were started without a name: the next one is named by their number.
STARTED = "library:threading.names"
# Which variants of functions annotations tell apart.
OVERLOADS = "library:typing.overloads"
# Extensions of IPython that are loaded, and what was asked of them.
EXTENSIONS = "library:extensions"
# Files that have several names.
LINKS = "library:os.links"
# What functions of C libraries keep from call to call.
C_CALLS = "library:ctypes.calls"
# What many set, and few notebooks look at: where none does, nothing is said of it.
ONLY_IF_READ = frozenset((MEMORY, LOGGERS, STARTED, OVERLOADS))
# What a process knows of its own objects: where they lie, how much memory they have, who refers to them.
REFERENCES = "references"
# Where everything is printed, and the type of what is there from the beginning.
STREAMS = "library:sys.streams"
STREAM, _STREAM_NAMES = "sys.Stream", frozenset(("stdout", "stderr"))
# Libraries whose settings travel, which what is set under their names does not.
_WITH_SETTINGS = frozenset(("warnings", "logging", "decimal"))
_SHELL_TYPES = frozenset(("IPython.core.interactiveshell.InteractiveShell", "IPython.InteractiveShell", "IPython.get_ipython"))
STACK = "contextlib.ExitStack"
# Functions that set the state of their library.
SETS_LIBRARY = re.compile(
    r"""(?:dispatch|register|unregister|listens|listen|subscribe|enable|disable|configure|activate|deactivate|set_(?:options?|defaults?|theme|style|backend)|
    set_enabled|add_enabled|add_?font|set_embed|patch|unpatch|monkey_?patch|install|uninstall|extension|
    init_notebook(?:_mode)?|output_notebook)(?:_.*|)""",
    re.VERBOSE,
)
# The same where nothing is done with what they give, and decorators.
SETS_ALONE = re.compile(r"(?:seterr|defaults|use|(?:.*_)?use_.*)(?:_.*|)")
SETS_BY_DECORATING = re.compile(r"(?:register|dispatch|extension)(?:_.*|)")
# What sets something of its library as long as it is entered.
_CONTEXTS = frozenset(("matplotlib.rc_context", "numpy.errstate", "pandas.option_context", "warnings.catch_warnings", "decimal.Context"))
# Libraries, or types of them, whose contexts set nothing, or say themselves what they do.
_ENTERED_FOR_THEMSELVES = frozenset(
    (
        "asyncio",
        "concurrent",
        "contextlib",
        "file",
        "io",
        "multiprocessing",
        "sqlite3",
        "super",
        "tempfile",
        "threading",
        "unittest",
        "zipfile",
    )
)
# What a row says of a value whose methods draw, and how they touch the channel.
DRAWS_LATER = {"unseeded": "draw", "advances": "advance"}
# Where a store into a library's object sets a channel of its own.
_STORES = {
    "os.environ": "os.environ",
    "os.environb": "os.environ",
    "sys.path": "sys.path",
    "sys.argv": "library:sys.argv",
    "matplotlib.rcParams": MATPLOTLIB,
    "matplotlib.pyplot.rcParams": MATPLOTLIB,
    "matplotlib.pylab.rcParams": MATPLOTLIB,
    "pylab.rcParams": MATPLOTLIB,
}


def draw(call: Call, action: Action) -> None:
    """A row's `draws CHANNEL`; `draws self` where the receiver may have been made without a seed."""
    if action.word == "self":
        draw_unseeded(call.frame, call.node, call.owner)
    else:
        call.frame.walk.effect(call.frame, action.word, "draw", "", call.node, call.label)


def fit(call: Call, action: Action) -> None:
    """A row's `fits K`: what the argument was made without a seed draws."""
    for target in action.targets:
        for value in call.meant(target):
            draw_unseeded(call.frame, call.node, value)


def move(call: Call, action: Action) -> None:
    """A row's `moves CHANNEL`: it draws, but nothing that it gives depends on that."""
    call.frame.walk.effect(call.frame, action.word, DRAWS_LATER["advances"], "", call.node, call.label)


def draw_unseeded(frame: Frame, node: ast.AST, value: Value, via: Chain = ()) -> None:
    """An object that was made without a seed draws from the global generator; one that holds a generator draws from that."""
    heap = frame.walk.heap
    if frame.walk.in_function(frame):
        for number in value.objects:
            frame.trace.drawn.setdefault(number, Mark(spot(node), via))
    for number in sorted(heap.below(value.objects)) if heap.draws and value.objects else ():
        if number in heap.draws:
            channel, mode = heap.draws[number]
            frame.trace.touch(EffectKey(channel, mode, ""), Mark(spot(node), via))
    draw_held(frame, node, value)


def draw_held(frame: Frame, node: ast.AST, value: Value) -> None:
    """A method of an object that holds a random generator may draw from it."""
    heap = frame.walk.heap
    if heap.generators and value.objects:
        for number in sorted(heap.generators.intersection(heap.below(value.objects) - value.objects)):
            frame.change(Value(heap.types[number], single(number)), node, "numbers are drawn from it")


def draw_given(call: Call, result: Value) -> None:
    """A call that is given a random generator draws from it, or keeps it to do so later."""
    for given in draw_now(call):
        if "data" not in call.frame.walk.known.flags(result.type):
            call.frame.capture(result, KEPT, given, call.node)


def draw_now(call: Call) -> list[Value]:
    """A call draws from the random generators that it is given, which are returned."""
    heap = call.frame.walk.heap
    found = [given for given in call.arguments.all() if given.objects & heap.generators] if heap.generators else []
    for given in found:
        call.frame.change(given, call.node, "numbers are drawn from it")
    return found


def write(call: Call, action: Action) -> None:
    """A row's `sets CHANNEL` or `seeds CHANNEL`."""
    call.frame.walk.effect(call.frame, action.word, "write", _subject(call, action), call.node, call.label)


def read(call: Call, action: Action) -> None:
    """A row's `gets CHANNEL`. What a library is asked to do may be to write to its log."""
    for path in call.frame.walk.logged.get(action.word, ()):
        call.frame.walk.effect(call.frame, FILES, "append", path, call.node, call.label)
    call.frame.walk.effect(call.frame, action.word, "read", _subject(call, action), call.node, call.label)


def _subject(call: Call, action: Action) -> str:
    for value in call.chosen(action):
        if type(value.const) is str:
            return value.const
    return ""


def library_store(frame: Frame, path: str, name: str, node: ast.AST, value: Value = SCALAR, mode: str = "write") -> None:
    """`library.name = value` or `library.thing[name] = value`: the library is no longer as it was imported.

    What is done to it with the mode `append` is done once.
    """
    known = frame.walk.known.canonical(path)
    if any(frame.walk.heap.types[number].startswith("numpy.random.") for number in value.objects):
        # Who sets it again has one that begins anew.
        mode = "append"
    channel = SHELL if known in _SHELL_TYPES else _STORES.get(known) or _STORES.get(f"{known}.{name}")
    if channel is not None:
        frame.walk.effect(frame, channel, mode, name, node)
    elif known == "sys" and name in _STREAM_NAMES:
        _replace_stream(frame, name, value, node)
    else:
        state = f"{known}.names" if known in _WITH_SETTINGS else known.partition(".")[0]
        frame.walk.effect(frame, LIBRARY + state, mode, f"{known}.{name}".rstrip("."), node)


def _replace_stream(frame: Frame, name: str, value: Value, node: ast.AST) -> None:
    """`sys.stdout = value`. A value that was found there puts back what was there before; the runtime sees whether it did."""
    frame.walk.effect(frame, STREAMS, RESTORE if value.type == STREAM else "write", f"sys.{name}", node)


def are_streams_replaced(frame: Frame) -> bool:
    """Whether a stream may be another than at the beginning, so that what is found there is nothing to go back to."""
    return bool(frame.walk.replaced or _streams_touched(frame, "write"))


def note_streams(frame: Frame) -> None:
    """A cell has ended: which streams are not those of the beginning."""
    walk = frame.walk
    walk.replaced = (walk.replaced - _streams_touched(frame, RESTORE)) | _streams_touched(frame, "write")


def _streams_touched(frame: Frame, mode: str) -> set[str]:
    return {key.subject for key in frame.trace.effects if key.channel == STREAMS and key.mode == mode}


def left_again(frame: Frame, before: set[EffectKey]) -> None:
    """The stack of contexts is left at the end of its `with`, and with it all that was entered: nothing stays set."""
    for key in [key for key in frame.trace.effects if key not in before and key.channel == PATCHES and key.mode == "append"]:
        del frame.trace.effects[key]


def stay_entered(frame: Frame, node: ast.AST, context: Value, given: Sequence[Value]) -> None:
    """A context of a library is entered or left by hand, or by a stack of contexts: what it sets stays set, or is as it was."""
    walk = frame.walk
    contexts = [context]
    if context.type == STACK:
        contexts = [*given] or [Value(walk.heap.types[number], single(number)) for number in walk.heap.below(context.objects)]
    for one in contexts:
        library = one.type.partition(".")[0]
        if one.type in _CONTEXTS:
            walk.effect(frame, MATPLOTLIB if library == MATPLOTLIB else LIBRARY + library, "write", one.type, node)
        elif library not in _ENTERED_FOR_THEMSELVES and one.type not in walk.classes:
            # Nobody knows of which library it sets what.
            walk.effect(frame, PATCHES, "append", one.type, node)
