"""Calls that the table does not know: what their name and shape make likely.

A guess that nothing changes is guarded at run time. Where a change is about as likely as not, the object counts as changed;
where it is unlikely but would matter, the cell says that it does not know.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from nbcompile.analysis import channels, classes, conventions, entered, files, rows, strings, surveyed
from nbcompile.analysis.aliases import ANY, KEPT
from nbcompile.analysis.bindings import Frame
from nbcompile.analysis.known.surveys import leaves_arguments
from nbcompile.analysis.values import NO_OBJECTS, Class, Value, Wrapped, single
from nbcompile.analysis.visit import Call
from nbcompile.model.facts import GUESS

# What the shell was given goes on beside all cells.
CALLED_BY_SHELL = "the shell calls it while it runs later cells"
# What is said of a change that is a guess.
MAY_CHANGE = f"{GUESS}change it"
# Methods that change their object, whatever library it is from; the name starts with one of these words.
_CHANGES = re.compile(
    r"""(?:set|add|append|extend|insert|update|remove|delete|discard|pop|clear|reset|fit|train|partial|compile|build|load|register|attach|
    connect|assign|put|push|fill|sort|reverse|shuffle|rename|drop|apply|step|backward|zero|zero_grad|init|initialize|configure|enable|
    disable|toggle|start|stop|close|write|writelines|seek|run|execute|learn|optimi[sz]e|solve|simulate|sample|evolve|move|merge|join|
    subscribe|create|draw|annotate|legend|title|xlabel|ylabel|setup|freeze|unfreeze|train_on|observe|tell|advance|next|process|feed|
    consume|rotate|swap|map|scatter|bar|hist|invert|tick|margins|text|grid|axis|savefig|tight|despine|setdefault|popitem|popleft|appendleft|extendleft|resize|setflags|itemset|intersection_update|
    difference_update|symmetric_difference_update)(?:_.*|)
    |__(?:setitem|delitem|iadd|isub|imul|enter|next)__""",
    re.VERBOSE,
)
# Methods that only look, although one of the words above stands at their start: of data, and of anything.
_LOOKS_AT_DATA = re.compile(r"(?:plot|hist|map|apply|sample|join|merge|drop|rename|sort|load)(?:_.*|)")
_LOOKS = re.compile(
    r"""(?:as|from|find|head|tail|predict|score|transform|inverse|decision|sum|mean|std|var|min|max|median|quantile|expect|pdf|
    plot|plot\dd|cdf|pmf|ppf|logpdf|eval|evaluate|compute_?|show|display|print|view|project|select|filter|save|export|call|empty|repr|str|
    norm|dot|with|within|contains|equals|compare|validate|check|__.*__|[A-Z].*)(?:_.*|)
    |.*(?:tion|ance|ances|ence|ences|ity|ities|ness|poles|zeros|roots|values|names|labels|_split)
    |area|array|coefficient|degree|distance|formula|html|latex|length|matrix|radius|root|size|value|vector
    |(?:distance|value)_.*|.*_(?:id|ind|index|matrix|name|tag|vector)""",
    re.VERBOSE,
)
# Methods that have what their object was made of do something: it may change as well.
_RUNS = re.compile(
    r"""(?:fit|train|learn|run|solve|simulate|optimi[sz]e|minimi[sz]e|maximi[sz]e|step|execute|sample|evolve|advance|iterate|propagate|
    integrate)(?:_.*|)""",
    re.VERBOSE,
)
# Methods that work something out, which an object of an unknown library may keep, or draw numbers for.
_WORKS_OUT = re.compile(r"(?:predict|score|transform|inverse|decision|eval|evaluate|compute_?|expect|simulate|sample)(?:_.*|)")
# Those of them that leave what they are given alone, by the convention of scikit-learn and of those who follow it.
_ESTIMATES = re.compile(r"(?:predict|score|transform|inverse_transform|decision_function)(?:_.*|)")
# The in-place form of a method, by the convention of torch and of those who follow it; it gives back its object.
_IN_PLACE = re.compile(r"[a-z].*[^_]_")
_GIVES_PART = re.compile(
    r"(?:get|gca|gcf|add|create|new|sub|child|parent|item|entry|axes|figure|copy_to|setdefault|register|insert|append)(?:_.*|)"
)
# Functions that make a model of others, and run none of them: a system of systems, a pipeline of steps.
_BUILDS = re.compile(
    r"""(?:make|create|build|new|construct|define|wrap|combine|compose|connect|interconnect|link|join|merge|chain|stack|pipe|add|append|feedback|
    series|parallel|with|clone|to|as|from)(?:_.*|)
    |.*(?:sys|system|model|network|graph|pipeline|simulator|simulation|problem|solver|estimator|controller|env|environment|layer|sampler|wrapper)""",
    re.VERBOSE,
)
# Methods that hand out what is there already: they call nothing that the object holds.
_HANDS_OUT = re.compile(r"(?:get|is|has|to|n|num|len|keys|values|items|copy|count|index|info|summary|report|.*_report|.*_summary)(?:_.*|)")
# Functions that make one thing from another, as their names say: `rsys2graph`, `element_as_gdf`.
_CONVERTS = re.compile(r"[a-z_]+2[a-z_]+|.*_(?:as|from|to)_.*")
_LEAVES_ALONE = (_LOOKS, _BUILDS, _HANDS_OUT, _CONVERTS)
# Arguments in which a function is given the keywords for another one, from which it may take what is meant for itself.
_KEYWORDS = re.compile(r"(?:.*_)?(?:kwargs|kwds|kws|kw)")
# What is there of it once in a process, however often it is opened.
_C_LIBRARY, _AT_ADDRESS = "ctypes.Library", "ctypes.AtAddress"
# Functions that connect to a database or a service: what they give is taken for a connection as Python's own databases have it.
_CONNECTS = re.compile(r"connect|create_(?:async_)?engine|(?:.*[a-z])?Client")
_CONNECTION = "sqlite3.Connection"
# Libraries whose objects are built from others, be it by a method of these, and have all that those have: charts their data.
_BUILT_FROM_OTHERS = frozenset(("altair",))
_DATABASE_FILE = re.compile(r"(?:sqlite|duckdb):///(?!$|:memory:)")
# Methods by which an object puts itself into a list that its library keeps, or takes itself away: `ProgressBar().register()`.
_PUTS_ITSELF = re.compile(r"(?:un)?register|(?:de)?activate|(?:un)?install")
# What is done to the settings of a library, whatever it is called.
_SETS_SETTINGS = re.compile(r".*\.(?:config|conf|settings|options|rcparams)\.(?:set|update|reset|clear|add|use)(?:_.*|)", re.IGNORECASE)
# Objects of which a library has one for all who use it.
_SHARED_OBJECT = re.compile(
    r"(?:.*_)?(?:app|bus|catalog|config|console|hub|log|logger|manager|options|registry|router|scheduler|settings|state|store)"
)
# What adds a class to its library that is made of the classes it is given.
_ADDS_CLASS = re.compile(r"(?:create|define|declare)(?:_.*|)")
# A generator that a library has is seeded: from then on it goes on from draw to draw.
_SEEDS = re.compile(r"(?:.*_)?seed(?:_.*|)")
# Functions that change other libraries than their own, whichever these are; `apply` does that where it is given nothing to be applied to.
_PATCHES = re.compile(r"(?:patch|unpatch|monkey_?patch|install|uninstall)(?:_.*|)")
# Where nothing is given to them, and nothing wanted, they teach another library what their own has: `quantity_support()`.
_TEACHES = re.compile(r".*_support")
# What is done to a list, set or dictionary for nothing that it gives, and with how many arguments.
_CHANGES_CONTAINER = {
    **dict.fromkeys(("append", "extend", "remove", "discard", "add"), (1,)),
    **dict.fromkeys(("insert", "setdefault"), (2,)),
    **dict.fromkeys(("clear", "popitem", "sort", "reverse"), (0,)),
    "pop": (0, 1, 2),
    "update": (0, 1),
}
# Those of them that are called for what they give, too.
_TAKES_OUT = ("pop", "popitem")
# Methods whose argument can be had back from the object.
_ADDS = re.compile(r"(?:set|add|append|extend|insert|update|put|push|register|attach|assign|setdefault)(?:_.*|)")
_CHANGES_ARGUMENT = re.compile(
    r"(?:.*_)?(?:inplace|shuffle|fill|update|set|add|append|insert|remove|delete|sort|fit|train|assign|attach|patch|modify|mutate|apply_to)(?:_.*)?|.*_"
)
# Methods that draw, be it with a library that the cell does not mention.
_DRAWS = re.compile(
    r"(?:.*_)?(?:plot|draw|show|display|visuali[sz]e|render|figure|hist|histplot|scatter|pie|bar|barh|box|boxplot|heatmap|imshow|contour)(?:_.*|)|.*plot"
)
_WRITES_FILE = re.compile(r".*(?:write|save|dump|export|store|serialize).*|to_.*")
# Functions that are called for something else than what they give or change.
_HAS_ANOTHER_EFFECT = (_LOOKS, _HANDS_OUT, _CONVERTS, _DRAWS, _WRITES_FILE)
# Whoever does this is told first where to; a directory of files has no extension.
_SAVES = re.compile(r"(?:.*_)?(?:save|dump|export)(?:_.*|)|write_.*")
_PATH_KEYWORDS = re.compile(r"(?:.*_)?(?:path|dir|directory|folder|file|filename|fname|dest|destination)(?:_or_buf|)|root_path|root_dir")
_PLAIN_NAME = re.compile(r"\.{0,2}/?[\w-][\w.-]*(?:/[\w.-]+)*/?")
_MODE = re.compile(r"[rwax][bt+-]{0,2}")
_DATA = frozenset(("numpy.ndarray", "pandas.DataFrame", "pandas.Series", "pandas.Index", "list", "dict", "set", "tuple", "numpy.item"))
# Where a name is that of a method of one of these, objects that imitate them have it too.
_COMMON = ("numpy.ndarray", "pandas.DataFrame", "pandas.Series", "str", "dict")


def method(call: Call) -> Value:
    """A method that neither the notebook nor the table has."""
    name, known = call.label.lstrip("_"), call.frame.walk.known
    queried = _read_queried(call)
    read = [] if any(known.method(kind, name) for kind in _COMMON) else _touch_files(call, name)
    made = conventions.given_to_overwriting(call, conventions.follow(call, _method(call)))
    files.read_later(call, made, [*read, *queried])
    _read_on(call, made)
    for library in unknown_makers(call.frame, call.owner):
        _note_maker(call, made, library)
    return made


def _read_on(call: Call, made: Value) -> None:
    """What is made of something that reads its files later may do so, too."""
    readers = call.frame.walk.heap.readers
    if readers and not call.frame.walk.known.flags(made.type):
        paths = [path for number in call.owner.objects for path in readers.get(number, ())]
        files.read_later(call, made, [Value("str", const=path) for path in paths])


def _method(call: Call) -> Value:
    frame, walk, receiver = call.frame, call.frame.walk, call.owner
    name = call.label if call.label.startswith("__") else call.label.lstrip("_")
    objects = receiver.objects
    frame.trace.speaks = True
    walk.touch_module(frame, receiver.type, call.node)
    _give_shell(call)
    _run_in_shell(call)
    _look_into(call)
    if any(map(_DRAWS.fullmatch, _words_of(call))):
        walk.effect(frame, channels.MATPLOTLIB, "read", call.label, call.node)
    if name == "__subclasses__":
        _ask_for_subclasses(call)
    if walk.is_pure(call.node):
        return frame.fresh(call.node, "")
    if name == "from_buffer":
        return _over_memory(call)
    _set_library_of(call, name)
    channels.draw_now(call)
    in_place = _IN_PLACE.fullmatch(name) is not None
    hands_out = _HANDS_OUT.fullmatch(name) is not None and not in_place
    if not hands_out:
        rows.call_held(call)
    if walk.known.is_immutable(receiver.type) or (not objects and receiver.type):
        return _holder(call, call.arguments.all())
    changes = not hands_out and _changes(call, name)
    parts = walk.heap.parts(objects, ANY)
    if changes:
        _change_and_keep(call, name)
    elif not hands_out:
        surveyed.used(frame, receiver, call.label, call.node)
    if in_place or _GIVES_PART.fullmatch(name):
        return Value("", objects | parts if changes else parts)
    return _new(call, hands_out)


def _new(call: Call, hands_out: bool) -> Value:
    """What a method gives that is no part of its object."""
    if not _BUILT_FROM_OTHERS.isdisjoint(unknown_makers(call.frame, call.owner)):
        return _holder(call, call.values())
    return call.frame.fresh(call.node, "") if hands_out else _holder(call, _code_in(call, call.values()))


def _set_library_of(call: Call, name: str) -> None:
    """What an object's library keeps besides the object: that it was registered, or what was computed in C."""
    kind, walk = call.owner.type, call.frame.walk
    if kind == _C_LIBRARY:
        walk.effect(call.frame, channels.C_CALLS, "draw", call.label, call.node)
    elif _PUTS_ITSELF.fullmatch(name) and _stands_alone(call) and not call.arguments.all():
        for library in unknown_makers(call.frame, call.owner):
            walk.effect(call.frame, f"library:{library}", "append", call.label, call.node, call.label)


def _over_memory(call: Call) -> Value:
    """A structure of ctypes over memory that somebody has: who changes one changes the other, and neither can leave the process alone."""
    made = call.frame.fresh(call.node, _AT_ADDRESS)
    for holder, held in ((made, call.first), (call.first, made)):
        call.frame.capture(holder, KEPT, held, call.node)
    return made


def _words_of(call: Call) -> tuple[str, ...]:
    """The method's name, and that of the attribute it is called on: `pie` and `plot` of `counts.plot.pie()`."""
    called = call.node.func if isinstance(call.node, ast.Call) else None
    owner = called.value if isinstance(called, ast.Attribute) else None
    return (call.label, owner.attr) if isinstance(owner, ast.Attribute) else (call.label,)


def _change_and_keep(call: Call, name: str) -> None:
    """What a method changes that changes its object, and that the object keeps what it is given."""
    frame, receiver = call.frame, call.owner
    run = [surveyed.held(frame, receiver)] if _RUNS.fullmatch(name) else []
    for value in (Value("", receiver.objects), *_models(call, receiver, kept=False), *run):
        frame.change(value, call.node, f"`.{name}()`{MAY_CHANGE}")
    key = ANY if _ADDS.fullmatch(name) else KEPT
    for value in call.arguments.all():
        if not (_CHANGES.fullmatch(name) or _ESTIMATES.fullmatch(name)) and _is_foreign(call, value) and not value.view:
            frame.change(value, call.node, f"`.{name}()`{GUESS}change what it is given")
        frame.capture(receiver, key, value, call.node)


def _look_into(call: Call) -> None:
    """Dictionaries that change by being looked into: a default is kept, and a keyword is taken out for good."""
    frame, given = call.frame, call.arguments
    if frame.walk.is_pure(call.node):
        return
    name = call.label.rpartition(".")[2]
    for value in given.all():
        if value.type == "collections.defaultdict":
            frame.change(value, call.node, f"`{name}`{GUESS}ask it for what it does not have yet")
    for keyword, value in given.keywords.items():
        if value.type in ("", "dict") and _KEYWORDS.fullmatch(keyword):
            frame.change(value, call.node, f"`{name}`{GUESS}take keywords out of it")


def _give_shell(call: Call) -> None:
    """The shell is given functions or objects of the notebook, in whatever way: it may call them around every cell from now on.

    Who is given the shell may give it anything.
    """
    code = _code_in(call, call.arguments.all()) if call.owner.type == channels.SHELL else []
    hooks = call.owner.type == channels.SHELL and call.label in ("set_hook", "set_custom_exc")
    if code or hooks or any(value.type == channels.SHELL for value in call.arguments.all()):
        call.frame.walk.effect(call.frame, channels.DISPLAY, "write", call.label, call.node)
    if code:
        call.frame.walk.start_live(call.frame, call.node, code, CALLED_BY_SHELL)


def _run_in_shell(call: Call) -> None:
    """The shell runs a text as a cell, or binds the items of a dictionary."""
    frame, node, text = call.frame, call.node, call.first.const
    if call.owner.type != channels.SHELL or call.label not in ("ev", "ex", "push", "run_cell"):
        return
    if call.label != "push":
        known = type(text) is str and strings.execute_text(frame, text, node)
    else:
        given = node.args[0] if isinstance(node, ast.Call) and node.args else None
        names = [key.value for key in given.keys if isinstance(key, ast.Constant)] if isinstance(given, ast.Dict) else []
        known = isinstance(given, ast.Dict) and len(names) == len(given.keys)
        for name in names:
            frame.bind_global(str(name), Value("", frozenset(frame.walk.heap.below(call.first.objects))))
    if not known:
        frame.walk.unseen(frame, node, f"`{call.label}` of the shell may bind any name")


def _changes(call: Call, name: str) -> bool:
    """Whether a method of this name is likely to change its object."""
    receiver, walk = call.owner, call.frame.walk
    if receiver.type in _DATA and name != "__call__":
        return _CHANGES.fullmatch(name) is not None and _LOOKS_AT_DATA.fullmatch(name) is None
    if name == "__call__" and receiver.type in _DATA:
        # Data are not called: this is a method of theirs that was stored somewhere.
        return True
    if any(type(walk.heap.callees.get(number)) is Class for number in receiver.objects):
        return name == "register"
    if _CHANGES.fullmatch(name) or _WORKS_OUT.fullmatch(name) or _IN_PLACE.fullmatch(name):
        return True
    if _LOOKS.fullmatch(name) or any(walk.known.method(kind, name) for kind in _COMMON):
        return False
    return not _is_handed_on(call)


def _is_handed_on(call: Call) -> bool:
    """Whether `object.name` is called only because another call was given it: it is an attribute more often than a method."""
    node = call.node
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        return node.func.attr != call.label
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    return any(isinstance(part, ast.Attribute) and part.attr == call.label for one in given for part in ast.walk(one))


def _code_in(call: Call, values: list[Value]) -> list[Value]:
    """The notebook's functions, classes and objects that the values reach: what is made of the values may go on calling them."""
    heap, own = call.frame.walk.heap, call.frame.walk.classes
    if not heap.callees:
        return []
    reached = heap.below(number for value in values for number in value.objects)
    code = frozenset(number for number in reached if number in heap.callees or heap.types[number] in own)
    return [Value("", code)] if code else []


def _models(call: Call, value: Value, kept: bool = True) -> list[Value]:
    """The objects of libraries that the value reaches and that run the notebook's code, as the systems inside of a system do.

    Without `kept`, those are left out that were only given to what reaches them.
    """
    heap = call.frame.walk.heap
    code = frozenset(number for found in _code_in(call, [value]) for number in found.objects)
    if not code:
        return []
    running = (heap.below(value.objects) if kept else heap.shown(value.objects)) & heap.above(code) - code
    models = frozenset(number for number in running if _is_foreign(call, Value(heap.types[number], single(number))))
    return [Value("", models)] if models else []


def _made_of(call: Call, name: str, values: list[Value]) -> list[Value]:
    """What the result of a function may go on using: functions that it is given, and models where it builds another one of them."""
    builds = _BUILDS.fullmatch(name) is not None
    held = []
    for value in values:
        models = _models(call, value)
        if builds or not models:
            held += [*_code_in(call, [value]), *models]
    return held


def _holder(call: Call, values: list[Value]) -> Value:
    """Something new that may hold these values."""
    result = call.frame.fresh(call.node, "")
    held = NO_OBJECTS.union(*(value.objects for value in values))
    if held:
        call.frame.capture(result, ANY, Value("", held), call.node)
    return result


def function(call: Call) -> Value:
    """A library's function or class that the table does not have."""
    name = call.label.rpartition(".")[2]
    if _CONNECTS.fullmatch(name) and (not call.arguments.positional or call.first.type == "str"):
        return _connected(call)
    queried = _read_queried(call)
    read = _touch_files(call, name)
    made = conventions.follow(call, _function(call))
    if name[:1].isupper() or _BUILDS.fullmatch(name):
        entered.register(call.frame, made, call.arguments.all(), call.node)
    files.read_later(call, made, [*read, *queried])
    _note_maker(call, made, call.label.partition(".")[0])
    return made


def unknown_makers(frame: Frame, value: Value, reached: Iterable[int] = ()) -> set[str]:
    """The libraries that a value is of, or what it has `reached`, of which nothing is known."""
    walk = frame.walk
    of = walk.classes.get(value.type)
    found = set(classes.libraries_of(of)) if of is not None else {value.type.partition(".")[0]} if "." in value.type else set()
    found.update(walk.heap.libraries[number] for number in (*value.objects, *reached) if number in walk.heap.libraries)
    return {library for library in found if library and library != "__main__" and not walk.known.covers(library)}


def _note_maker(call: Call, made: Value, library: str) -> None:
    """What a library gives may ask it for its settings, wherever that is used."""
    walk = call.frame.walk
    if not walk.known.covers(library):
        walk.heap.libraries.update((number, library) for number in made.objects if not walk.heap.types[number])


def _function(call: Call) -> Value:
    frame, given = call.frame, call.arguments.all()
    _give_shell(call)
    _look_into(call)
    surveyed.given(call)
    frame.trace.speaks = True
    name = call.label.rpartition(".")[2]
    if name == "__subclasses__":
        _ask_for_subclasses(call)
    frame.walk.touch_module(frame, call.label, call.node)
    if not frame.walk.is_pure(call.node):
        channels.draw_now(call)
    if _changes_container(call, name):
        # It may be a function that does something else: it must not be done again.
        channels.library_store(frame, call.label.rpartition(".")[0], name, call.node, mode="append")
    if _seeds(call, name):
        channels.library_store(frame, call.label.rpartition(".")[0], name, call.node, mode="append")
    if _sets_library(call, name):
        library = call.label.partition(".")[0]
        frame.walk.effect(frame, f"library:{library}", "write", call.label, call.node, call.label)
    _use_shared_object(call, name)
    if _sets_others(call, name):
        frame.walk.effect(frame, channels.PATCHES, "write", call.label, call.node, call.label)
    if name[:1].isupper() and not name.isupper():
        return _constructed(call)
    if not frame.walk.is_pure(call.node):
        rows.call_held(call)
        _change_given(call, name)
    result = _holder(call, given if call.label.partition(".")[0] in _BUILT_FROM_OTHERS else _made_of(call, name, given))
    inner = tuple(value for value in given if value.callee is not None and not isinstance(value.callee, str))
    return Value("", result.objects, Wrapped(inner)) if inner else result


def _sets_library(call: Call, name: str) -> bool:
    """Whether a function is likely to set the state of its library."""
    if channels.SETS_LIBRARY.fullmatch(name.lstrip("_")) or _SETS_SETTINGS.fullmatch(call.label) or _sets_by_name(call, name):
        return True
    return _stands_alone(call) and channels.SETS_ALONE.fullmatch(name) is not None


def _use_shared_object(call: Call, name: str) -> None:
    """`logger.add("file.log")` of Loguru: whoever uses the object later has what was added, and writes to the file."""
    library, *path = call.label.split(".")
    if len(path) < 2 or _SHARED_OBJECT.fullmatch(path[-2]) is None:
        return
    channel, walk = f"library:{library}", call.frame.walk
    if _CHANGES.fullmatch(name) and not _sets_library(call, name):
        # It may do something outside: it must not be done again.
        walk.effect(call.frame, channel, "append", call.label, call.node, call.label)
        named = [str(value.const) for value in call.arguments.all() if files.is_name(call.frame, value)]
        walk.logged.setdefault(channel, {}).update(dict.fromkeys(named))
    for one in walk.logged.get(channel, ()):
        files.note(call.frame, call.node, Value("str", const=one), "append")


def _stands_alone(call: Call) -> bool:
    """Whether nothing is done with what the call gives, but that it may be shown."""
    return call.node in (call.frame.walk.discarded, call.frame.walk.shown)


def _seeds(call: Call, name: str) -> bool:
    """`da.random.seed(3)`: a statement, as others are given a seed of something, or make one."""
    return _stands_alone(call) and bool(call.arguments.all()) and _SEEDS.fullmatch(name) is not None


def _sets_by_name(call: Call, name: str) -> bool:
    """`pyarrow.set_cpu_count(3)`, `creator.create("Individual", list)`: a statement that is given no object.

    What creates something of texts and numbers alone may do so outside: a ticket, a repository.
    """
    given = call.arguments.all()
    if not _stands_alone(call) or any(value.objects for value in given):
        return False
    return name.startswith("set_") or (_ADDS_CLASS.fullmatch(name) is not None and any(value.callee is not None for value in given))


def _ask_for_subclasses(call: Call) -> None:
    """Whichever class that is of: it has those that are derived from it in any cell."""
    walk = call.frame.walk
    walk.found_stateful.update(of.origin for of in walk.classes.values())
    for name in [name for name, value in walk.namespace.items() if type(value.callee) is Class]:
        call.frame.read_global(name, call.node)


def _changes_container(call: Call, name: str) -> bool:
    """Whether something that a library has is likely to be changed: `nltk.data.path.append(directory)`."""
    fits = len(call.arguments.positional) in _CHANGES_CONTAINER.get(name, ()) and (
        name in ("sort", "update") or not call.arguments.keywords
    )
    return (name in _TAKES_OUT or _stands_alone(call)) and fits and call.label.count(".") > 1


def _sets_others(call: Call, name: str) -> bool:
    """Whether a function is likely to change other libraries than its own."""
    if _PATCHES.fullmatch(name.lstrip("_")):
        return True
    return not call.arguments.all() and (name == "apply" or (_stands_alone(call) and _TEACHES.fullmatch(name) is not None))


def _connected(call: Call) -> Value:
    """A connection: it belongs to its process, and may write to the file that it is to."""
    frame = call.frame
    made = frame.fresh(call.node, _CONNECTION)
    frame.walk.effect(frame, "database", "write", "", call.node, call.label)
    for value in call.arguments.all():
        text = Value("str", const=_DATABASE_FILE.sub("", value.const)) if type(value.const) is str else value
        if text.const != value.const or files.is_name(frame, text):
            files.note(frame, call.node, text, "append")
            files.keep_open(frame, made, text, "append")
    return made


def _touch_files(call: Call, name: str) -> list[Value]:
    """Files whose names are among the arguments are read or written, as the name of the function or a mode among the arguments says.

    Returns those that are read.
    """
    texts = [value for value in call.arguments.all() if type(value.const) is str and value.type in ("", "str", "pathlib.Path")]
    mode = next((text for text in texts if _MODE.fullmatch(str(text.const))), None)
    kind = files.kind_of(mode) if mode else "write" if _WRITES_FILE.fullmatch(name.lower()) else "read"
    names = [text for text in texts if files.is_name(call.frame, text)]
    if kind == "write" and _SAVES.fullmatch(name.lower()):
        names += [text for text in _places_to_save(call) if text not in names]
    for text in names:
        files.note(call.frame, call.node, text, kind)
    return names if kind == "read" else []


def _read_queried(call: Call) -> list[Value]:
    """The files that queries among the arguments read."""
    texts = [value.const for value in call.arguments.all() if type(value.const) is str]
    return [file for text in texts for file in strings.read_sql(call.frame, text, call.node)]


def _places_to_save(call: Call) -> list[Value]:
    """The names without extension that are likely those of directories: the first argument, or one whose keyword says so."""
    keyed = [value for keyword, value in call.arguments.keywords.items() if _PATH_KEYWORDS.fullmatch(keyword)]
    texts = [value for value in (*call.arguments.positional[:1], *keyed) if type(value.const) is str]
    return [text for text in texts if _PLAIN_NAME.fullmatch(str(text.const))]


def _change_given(call: Call, name: str) -> None:
    """What an unknown function is likely to change of what it is given; of other objects of libraries it is said that nobody knows."""
    unclear = []
    if _CHANGES_ARGUMENT.fullmatch(name) and call.first.type not in ("str", "scalar"):
        call.frame.change(call.first, call.node, f"`{name}`{MAY_CHANGE}")
        call.frame.change(_kept(call, call.first), call.node, f"`{name}`{MAY_CHANGE}")
    runs = not _BUILDS.fullmatch(name) or _CHANGES_ARGUMENT.fullmatch(name)
    for value in call.arguments.all():
        surveyed.used(call.frame, value, name, call.node)
        if models := _models(call, value):
            for model in models if runs else ():
                call.frame.change(model, call.node, f"`{name}`{GUESS}run it")
        elif _is_foreign(call, value) and not value.view:
            unclear.append(value)
    if unclear and call.node is call.frame.walk.discarded and not any(pattern.fullmatch(name) for pattern in _HAS_ANOTHER_EFFECT):
        for value in unclear:
            call.frame.change(value, call.node, f"`{name}`{GUESS}be called for what it changes")
    elif unclear and not _leaves_alone(call, name):
        reason = f"whether `{name}` changes what it is given is not known"
        call.frame.walk.unknown(call.frame, call.node, reason, "# nbc: pure", unclear)


def _leaves_alone(call: Call, name: str) -> bool:
    """Whether a function is likely to leave what it is given alone: its source or its name says so."""
    return leaves_arguments(call.label) or any(pattern.fullmatch(name) for pattern in _LEAVES_ALONE) or _imitates_numpy(call, name)


def _imitates_numpy(call: Call, name: str) -> bool:
    """Whether NumPy has a function of this name that leaves what it is given alone: `jnp.exp`, `da.where`."""
    row = call.frame.walk.known.function(f"numpy.{name}")
    return row is not None and all(action.verb == "inert" for clause in row if not clause.conditions for action in clause.actions)


def _kept(call: Call, value: Value) -> Value:
    """The objects that the value reaches, but for data and code: the graph of a causal model."""
    heap, known = call.frame.walk.heap, call.frame.walk.known
    reached = heap.below(value.objects) - heap.callees.keys()
    return Value("", frozenset(one for one in reached if heap.types[one] not in _DATA and not known.is_plain(heap.types[one])))


def _is_foreign(call: Call, value: Value) -> bool:
    """Whether a value is an object of a library that is neither data nor code, nor a random generator: a model, a graph, a system."""
    if not value.objects or value.items is not None or type(value.callee) not in (type(None), Wrapped):
        return False
    walk = call.frame.walk
    if value.objects & walk.heap.generators or value.type in _DATA or value.type in walk.classes:
        return False
    return not {"data", "plain"} & {*walk.known.flags(value.type)}


def _constructed(call: Call) -> Value:
    """A class of a library: the new object may keep what it is given."""
    frame, arguments = call.frame, call.arguments
    rows.call_held(call)
    for value in arguments.all():
        surveyed.used(frame, value, call.label.rpartition(".")[2], call.node)
    result = Value(call.label, single(frame.make(call.node, call.label, opened=True)))
    for name, value in arguments.keywords.items():
        frame.capture(result, name, value, call.node)
    for value in (*arguments.positional, *([arguments.rest] if arguments.rest is not None else [])):
        frame.capture(result, KEPT, value, call.node)
    return result
