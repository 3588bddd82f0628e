"""Calls whose meaning depends on their arguments: builtins and a few of the standard library that a row cannot describe."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable
from string import Formatter

from nbcompile.analysis import by_name, caches, classes, files, filled, paths, rows, types
from nbcompile.analysis.aliases import ANY, FACTORY, KEPT, KEYS
from nbcompile.analysis.assignment import store_attribute
from nbcompile.analysis.bindings import CellFrame, Frame
from nbcompile.analysis.channels import ADDRESSES, MEMORY, REFERENCES
from nbcompile.analysis.namespace import NAMESPACE, module_around, names_of_module, namespace_of, unseen
from nbcompile.analysis.strings import evaluate_text, execute_text
from nbcompile.analysis.values import (
    NO_OBJECTS,
    NONE,
    SCALAR,
    Bound,
    Class,
    Function,
    Partial,
    Value,
    Wrapped,
    join,
    join_all,
    plain,
    says_nan,
    single,
    tuple_of,
)
from nbcompile.analysis.visit import Arguments, Call, call_given
from nbcompile.model.facts import TEMPORARY, TEMPORARY_OF_PROCESS

_PAIR = 2
_ARCHIVE = "numpy.NpzFile"
Special = Callable[[Call], Value]


def getattr_(call: Call) -> Value:
    """`getattr(value, name)`: a literal name is an attribute, any other may be all of them."""
    value = call.first
    name = call.arguments.positional[1] if len(call.arguments.positional) > 1 else SCALAR
    default = call.arguments.positional[2] if len(call.arguments.positional) > 2 else None
    if type(name.const) is str:
        found = types.attribute(call.frame, value, name.const, call.node)
    elif value.type in call.frame.walk.classes:
        of = call.frame.walk.classes[value.type]
        bound = tuple(Value("method", value.objects, Bound(value, "", member.callee)) for member in classes.methods(of))
        parts = call.frame.walk.heap.value(call.frame.walk.heap.parts(value.objects, ANY))
        found = Value("", value.objects | parts.objects, Wrapped((*bound, parts) if parts.callee is not None else bound))
    else:
        found = Value("", call.frame.walk.heap.parts(value.objects, ANY), value.callee if type(value.callee) is str else None)
    return join(found, default) if default is not None else found


def decorator(path: str) -> Special:
    """What `@guvectorize(types)` gives is the decorator."""

    def decorate(call: Call) -> Value:
        return call.frame.walk.library(path)

    return decorate


def compiling(path: str) -> Special:
    """`jit(f)` is a function, `jit(nopython=True)` the decorator, and `jit(types)` one that compiles at once."""

    def compile_(call: Call) -> Value:
        if type(call.first.callee) is Function:
            return classes.decorate(call.frame, call.frame.walk.library(path), call.first, call.node)
        has_types = call.arguments.positional or not call.arguments.keywords.keys().isdisjoint(("signature", "signature_or_function"))
        return call.frame.walk.library(classes.COMPILES_TYPES if has_types else path)

    return compile_


def hasattr_(call: Call) -> Value:
    """`hasattr(value, name)`: a property is worked out."""
    found = call.arguments.positional[1:2]
    if found and type(found[0].const) is str and classes.is_instance(call.frame, call.first):
        types.attribute(call.frame, call.first, found[0].const, call.node)
    return plain("bool")


def bool_(call: Call) -> Value:
    """`bool(value)`."""
    types.tested(call.frame, call.first, call.node)
    return plain("bool")


def in_heap(call: Call) -> Value:
    """Functions of `heapq` compare what is in the heap."""
    elements = [types.element(call.frame, call.first, call.node), *call.arguments.positional[1:2]]
    types.ordered(call.frame, join_all(elements), call.node)
    return _as_table_says(call)


def setattr_(call: Call) -> Value:
    """`setattr(value, name, new)`."""
    if len(call.arguments.positional) == 3:
        value, name, new = call.arguments.positional
        store_attribute(call.frame, value, name.const if type(name.const) is str else ANY, new, call.node)
    return NONE


def namespace(call: Call) -> Value:
    """`globals()`, `locals()`, `vars()`; `vars(value)` are the attributes of the value."""
    if call.arguments.positional and type(call.first.callee) is str:
        return types.library_attribute(call.frame, call.first.callee, "__dict__", call.node)
    if call.arguments.positional:
        return Value("dict", call.first.objects, view=True)
    module = module_around(call.frame)
    return Value(NAMESPACE) if module is None else names_of_module(call.frame, module, call.node)


def local_namespace(call: Call) -> Value:
    """`locals()` in a function are only its own names."""
    inner = namespace_of(call.frame)
    if inner is None or inner.state >= 0:
        return namespace(call)
    held = NO_OBJECTS.union(*(value.objects for value in inner.local.values.values()))
    result = Value("dict", single(call.frame.make(call.node, "dict")))
    call.frame.capture(result, ANY, Value("", held), call.node)
    return result


def dir_(call: Call) -> Value:
    """`dir()` at the top lists all names that are bound; elsewhere and of a value it lists what nobody has to bring."""
    if not call.arguments.all() and namespace_of(call.frame) is None:
        call.frame.walk.opaque(call.frame, call.node, "`dir()` lists all names")
    return Value("list", single(call.frame.make(call.node, "list")))


def eval_(call: Call) -> Value:
    """`eval(text)`: a literal text is Python like any other."""
    text = call.first.const
    if type(text) is str:
        found = evaluate_text(call.frame, text, call.node)
        if found is not None:
            return found
    return unseen(call.frame, call.node, "`eval` of a text that is not literal may use and change any name")


def exec_(call: Call) -> Value:
    """`exec(text)`; with a namespace of its own it does not see the notebook's names."""
    text = call.first.const
    if len(call.arguments.positional) > 1 and call.arguments.positional[1].type == "dict":
        call.frame.change(call.arguments.positional[1], call.node, "`exec` binds names in it")
        return NONE
    if type(text) is str and execute_text(call.frame, text, call.node):
        return NONE
    unseen(call.frame, call.node, "`exec` of a text that is not literal may use, bind and change any name")
    return NONE


def super_(call: Call) -> Value:
    """`super()`."""
    return classes.super_value(call)


def type_(call: Call) -> Value:
    """`type(value)` is the class of an instance."""
    value = call.first
    of = call.frame.walk.classes.get(value.type)
    if of is not None:
        return Value("type", single(of.object), of)
    if instances := classes.of_class(call.frame, value):
        found = [call.frame.walk.classes[one.type] for one in instances]
        return join_all([Value("type", single(of.object), of) for of in found])
    if len(call.arguments.positional) == 3:
        return Value("type", single(call.frame.make(call.node, "type", opened=True)))
    return Value("type", callee=value.type if "." in value.type else None)


def show(call: Call) -> Value:
    """`print` and `display` call what the notebook wrote for showing."""
    call.frame.trace.speaks = True
    _made_text(call)
    stream = call.arguments.keywords.get("file")
    if stream is not None:
        call.frame.change(stream, call.node, "`print` writes to it")
    return NONE


def _made_text(call: Call) -> None:
    for value in call.arguments.all():
        types.shown(call.frame, value, call.node)


def text(call: Call) -> Value:
    """`str(value)`, `repr(value)`, `format(value)`."""
    _made_text(call)
    given = call.first
    objects = given.objects if given.type in ("str", "pathlib.Path") else NO_OBJECTS
    return Value("str", objects, const=str(given.const)) if type(given.const) in (str, int) else Value("str", objects)


def filled_text(call: Call) -> Value:
    """`"{}.csv".format(name)`: known when all that it is filled with is; else as much of a path as is known."""
    _made_text(call)
    template, given = call.owner.const, call.arguments
    try:
        parts = list(Formatter().parse(template)) if type(template) is str and given.rest is None else []
    except ValueError:
        parts = []
    texts: list[Value] = []
    count = itertools.count()
    for literal, field, rule, conversion in parts:
        value = None if field is None else _filled_with(given, field or str(next(count)))
        is_known = value is not None and type(value.const) in (str, int) and not (rule or conversion)
        texts += [Value("str", const=literal), *([] if field is None else [value if value is not None and is_known else SCALAR])]
    return types.joined_name("str", texts, lambda *known: "".join(known)) if texts else plain("str")


def _filled_with(given: Arguments, field: str) -> Value | None:
    """The argument that a field of a text names."""
    if field.isdecimal():
        return given.positional[int(field)] if int(field) < len(given.positional) else None
    return given.keywords.get(field)


def iterator_of(frame: Frame, node: ast.AST, element: Value, held: Value, callee: Partial | None = None, *, certain: bool = False) -> Value:
    """An iterator whose elements are known, and `certain` to be there; it holds what it iterates over."""
    number = frame.make(node, "iterator", role="iterator")
    result = Value("iterator", single(number), callee)
    frame.walk.elements[number] = element
    frame.capture(result, ANY, element, node)
    frame.capture(result, KEPT, held, node)
    if certain:
        filled.fill(frame, result)
    return result


def _held(arguments: Arguments) -> Value:
    return Value("", NO_OBJECTS.union(*(value.objects for value in arguments.all())) if arguments.all() else NO_OBJECTS)


def zip_(call: Call) -> Value:
    """`zip(a, b)`: tuples of elements."""
    if call.arguments.rest is not None:
        element = types.element(call.frame, call.arguments.rest, call.node)
        return iterator_of(call.frame, call.node, call.frame.tuple_of_any(call.node, (element,)), _held(call.arguments))
    certain = filled.all_filled(call.frame, call.arguments.positional)
    items = tuple(types.element(call.frame, value, call.node) for value in call.arguments.positional)
    return iterator_of(call.frame, call.node, tuple_of(items), _held(call.arguments), certain=certain)


def enumerate_(call: Call) -> Value:
    """`enumerate(a)`: a number and an element."""
    value = call.first
    certain = filled.is_filled(call.frame, value)
    pair = tuple_of((plain("int"), types.element(call.frame, value, call.node)))
    return iterator_of(call.frame, call.node, pair, _held(call.arguments), certain=certain)


def map_(call: Call) -> Value:
    """`map(f, xs)`: the function is called when the result is consumed."""
    if not call.arguments.positional:
        return call.frame.fresh(call.node, "iterator")
    function, *values = call.arguments.positional
    elements = tuple(types.element(call.frame, value, call.node) for value in values)
    found = call_given(call.frame, call.node, function, Arguments(elements))
    return iterator_of(call.frame, call.node, found, _held(call.arguments), Partial(function, elements, {}))


def filter_(call: Call) -> Value:
    """`filter(f, xs)`."""
    if len(call.arguments.positional) < 2:
        return call.frame.fresh(call.node, "iterator")
    function, values = call.arguments.positional
    element = types.element(call.frame, values, call.node)
    if function.const is not None:
        call_given(call.frame, call.node, function, Arguments((element,)))
    elif function.type == "NoneType":
        types.tested(call.frame, element, call.node)
    return iterator_of(call.frame, call.node, element, _held(call.arguments))


def groupby(call: Call) -> Value:
    """`itertools.groupby(xs, key)`: keys and groups, which take their elements from the same source."""
    values = call.arguments.positional[0] if call.arguments.positional else call.arguments.keywords.get("iterable", SCALAR)
    function = next((one for one in (*call.arguments.positional[1:2], call.arguments.keywords.get("key")) if one is not None), NONE)
    element = types.element(call.frame, values, call.node)
    key = element if function.type == "NoneType" else call_given(call.frame, call.node, function, Arguments((element,)))
    group = Value("iterator", single(call.frame.make(call.node, "iterator", role="group")))
    call.frame.walk.elements[next(iter(group.objects))] = element
    made = iterator_of(call.frame, call.node, tuple_of((key, group)), _held(call.arguments))
    for number in made.objects:
        call.frame.walk.heap.types[number] = "itertools.groupby"
    for part in (element, made):
        call.frame.capture(group, KEPT, part, call.node)
    return made


def memory(call: Call) -> Value:
    """`sys.getsizeof(x)`: how much room an object has, which depends on how it came about; texts, numbers and tables say what they need."""
    kinds = {call.frame.walk.heap.types[number] for number in call.first.objects}
    if any(not kind.startswith("pandas.") and kind != "tuple" for kind in kinds):
        call.frame.walk.effect(call.frame, REFERENCES, "read", "", call.node)
    return plain("int")


def elements(kind: str) -> Special:
    """`list(xs)`, `sorted(xs, key=f)` and their like: a new container of the elements."""

    def make(call: Call) -> Value:
        value = call.first
        certain = filled.is_filled(call.frame, value)
        key = call.arguments.keywords.get("key")
        in_order = kind != "set" and call.label != "builtins.sorted"
        some = call.arguments.positional or call.arguments.rest
        element = types.element(call.frame, value, call.node, ordered=in_order) if some else SCALAR
        if key is not None and key.callee is not None:
            call_given(call.frame, call.node, key, Arguments((element,)))
        if call.label == "builtins.sorted":
            types.ordered(call.frame, element, call.node)
        if value.type in ("iterator", "file"):
            rows.move_on(call.frame, value, call.node, "it is consumed")
        if kind == "tuple":
            return value if value.items is not None else call.frame.tuple_of_any(call.node, (element,))
        if kind == "set":
            classes.compare(call.frame, call.node, element)
        result = Value(kind, single(call.frame.make(call.node, kind)))
        call.frame.capture(result, ANY, element, call.node)
        if certain:
            filled.fill(call.frame, result)
        return result

    return make


def dict_(call: Call) -> Value:
    """`dict(pairs, key=value)`."""
    result = Value("dict", single(call.frame.make(call.node, "dict")))
    if call.arguments.keywords or filled.is_filled(call.frame, call.first):
        filled.fill(call.frame, result)
    for value in call.arguments.positional:
        if value.type in ("dict", "collections.OrderedDict"):
            held = call.frame.walk.heap.parts(value.objects, ANY)
        else:
            pair = types.element(call.frame, value, call.node)
            key, item = pair.items if pair.items is not None and len(pair.items) == _PAIR else (SCALAR, pair)
            classes.compare(call.frame, call.node, key)
            call.frame.capture(result, KEYS, key, call.node)
            call.frame.capture(result, ANY, item, call.node)
            continue
        call.frame.capture(result, ANY, Value("", held), call.node)
    for name, value in call.arguments.keywords.items():
        call.frame.capture(result, name, value, call.node)
    if call.arguments.rest is not None:
        call.frame.capture(result, ANY, call.arguments.rest, call.node)
    return result


def default_dict(call: Call) -> Value:
    """`collections.defaultdict(factory, …)`, which calls the factory for what it does not have."""
    given = call.arguments
    filled_with = dict_(Call(call.frame, call.node, Arguments(given.positional[1:], given.keywords, given.rest)))
    result = Value("collections.defaultdict", filled_with.objects)
    for number in result.objects:
        call.frame.walk.heap.types[number] = result.type
    factory = call.first
    if factory.objects:
        call.frame.capture(result, FACTORY, factory, call.node)
    elif factory.callee is not None:
        call.frame.capture(result, ANY, call_given(call.frame, call.node, factory, Arguments()), call.node)
    return result


def field(call: Call) -> Value:
    """`dataclasses.field(default_factory=f)`: the function is called for each instance."""
    result = call.frame.fresh(call.node, "dataclasses.Field", opened=False)
    factory = call.arguments.keywords.get(FACTORY)
    if factory is not None:
        call.frame.capture(result, FACTORY, factory, call.node)
    return result


_TEST = ("builtins.any", "builtins.all")


def extreme(call: Call) -> Value:
    """`min`, `max`, `sum`, `any`, `all`: one of the elements or something made of them."""
    many = len(call.arguments.positional) > 1
    in_order = call.label == "builtins.sum"
    found = join_all(list(call.arguments.positional)) if many else types.element(call.frame, call.first, call.node, ordered=in_order)
    key = call.arguments.keywords.get("key")
    if key is not None and key.callee is not None:
        found = join(found, SCALAR)
        call_given(call.frame, call.node, key, Arguments((found,)))
    if call.label in _TEST:
        types.tested(call.frame, found, call.node)
    types.ordered(call.frame, found, call.node)
    for value in call.arguments.positional:
        if value.type in ("iterator", "generator"):
            rows.move_on(call.frame, value, call.node, "it is consumed")
    return found


def sum_(call: Call) -> Value:
    """`sum(xs)`."""
    element = extreme(Call(call.frame, call.node, Arguments(call.arguments.positional[:1], None, call.arguments.rest)))
    return types.operate(call.frame, element, ast.Add, element, call.node)


def next_(call: Call) -> Value:
    """`next(iterator)` moves it on."""
    value = call.first
    rows.move_on(call.frame, value, call.node, "`next` moves it on")
    found = classes.call_member(call.frame, value, "__next__", (), call.node)
    found = found if found is not None else types.element(call.frame, value, call.node)
    return join(found, call.arguments.positional[1]) if len(call.arguments.positional) > 1 else found


def iter_(call: Call) -> Value:
    """`iter(xs)`."""
    value = call.first
    if value.type in ("iterator", "generator"):
        return value
    return iterator_of(call.frame, call.node, types.element(call.frame, value, call.node), value)


def reversed_(call: Call) -> Value:
    """`reversed(xs)`, which looks into `xs` whenever it is asked."""
    value = call.first
    types.implicit(call.frame, value, "__reversed__", call.node)
    element = types.element(call.frame, value, call.node)
    return iterator_of(call.frame, call.node, element, value, certain=filled.is_filled(call.frame, value))


def asks(method: str, kind: str) -> Special:
    """`len(x)` and its like: Python calls a method of the value, and gives a value of a fixed type."""

    def ask(call: Call) -> Value:
        types.implicit(call.frame, call.first, method, call.node)
        return plain(kind)

    return ask


def operation(kind: type[ast.AST]) -> Special:
    """`operator.add` and its like, for instances of the notebook's classes, which have methods for it."""

    def operate(call: Call) -> Value:
        given = call.arguments.positional
        if len(given) == 2 and any(classes.is_instance(call.frame, value) for value in given):
            return types.operate(call.frame, given[0], kind, given[1], call.node)
        return _as_table_says(call)

    return operate


def tells_apart(kind: str) -> Special:
    """`operator.is_` and its like, which tell an object or its memory from a copy."""

    def tell(call: Call) -> Value:
        given = call.arguments.all()
        for value in given:
            call.frame.trace.compared |= value.objects
        if isinstance(call.frame.home, CellFrame) and not all(value.objects for value in given):
            call.frame.walk.compared.update(dict.fromkeys(part.id for part in ast.walk(call.node) if type(part) is ast.Name))
        return plain(kind)

    return tell


def address(call: Call) -> Value:
    """`id(x)`: a number that means nothing in another process, nor of an object that was sent."""
    call.frame.trace.compared |= call.first.objects
    call.frame.walk.effect(call.frame, ADDRESSES, "read", "", call.node)
    call.frame.walk.effect(call.frame, MEMORY, "write", "", call.node)
    return plain("int")


def float_(call: Call) -> Value:
    """`float(x)`: a number, but for a NaN, which has an identity."""
    types.implicit(call.frame, call.first, "__float__", call.node)
    is_nan = says_nan(call.first.const)
    return Value("float", single(call.frame.make(call.node, classes.NAN))) if is_nan else plain("float")


def same_kind(call: Call) -> Value:
    """`abs(x)`, `round(x, n)`: something new of the kind of the value."""
    value = call.first
    method = "__abs__" if call.label.endswith("abs") else "__round__"
    found = classes.call_member(call.frame, value, method, (), call.node)
    return found if found is not None else types.operate(call.frame, value, ast.USub, value, call.node)


def wraps(call: Call) -> Value:
    """`functools.wraps(f)`: a decorator that leaves what it decorates as it is."""
    return call.frame.walk.library("functools.wraps")


def decorator_of_classes(call: Call) -> Value:
    """`dataclass(frozen=True)` is the decorator, `dataclass(C)` is what it makes of a class."""
    decorator = call.frame.walk.library(call.label)
    return classes.decorate(call.frame, decorator, call.first, call.node) if call.arguments.positional else decorator


def range_(call: Call) -> Value:
    """`range(…)`; how many steps it has is known when its call.arguments are."""
    for value in call.arguments.all():
        types.implicit(call.frame, value, "__index__", call.node)
    numbers = [value.const for value in call.arguments.positional]
    whole = [number for number in numbers if isinstance(number, int)]
    if call.arguments.rest is None and len(whole) == len(numbers):
        try:
            return Value("range", const=len(range(*whole)))
        except (TypeError, ValueError, OverflowError):
            return plain("range")
    return plain("range")


def open_(call: Call) -> Value:
    """`open(name, mode)`."""
    given = call.arguments
    mode = given.keywords.get("mode") or (given.positional[1] if len(given.positional) > 1 else None)
    name, kind = given.keywords.get("file") or call.first, files.kind_of(mode)
    files.note(call.frame, call.node, name, kind)
    made = Value("file", single(call.frame.make(call.node, "file", opened=True)))
    files.keep_open(call.frame, made, name, kind)
    return made


def import_module(call: Call) -> Value:
    """`importlib.import_module(name)` gives what `import name` binds, where the name is known."""
    found, name = _as_table_says(call), call.first.const
    if type(name) is not str or name.startswith("."):
        return found
    call.frame.walk.imported(call.frame, name.partition(".")[0], call.node)
    return call.frame.walk.library(call.frame.walk.known.canonical(name))


def _as_table_says(call: Call) -> Value:
    row = call.frame.walk.known.function(call.label)
    return rows.apply(call, row) if row is not None else SCALAR


def change_directory(call: Call) -> Value:
    """`os.chdir(path)`."""
    path = (call.arguments.keywords.get("path") or call.first).const
    if type(path) is str:
        files.enter(call.frame, path, call.node)
    return _as_table_says(call)


def load_arrays(call: Call) -> Value:
    """`numpy.load(name)`: an archive stays open, and its arrays are read when they are asked for."""
    value = _as_table_says(call)
    name = (call.arguments.keywords.get("file") or call.first).const
    return call.frame.fresh(call.node, _ARCHIVE, role="archive") if type(name) is str and name.endswith(".npz") else value


def partial(call: Call) -> Value:
    """`functools.partial(f, …)`."""
    if not call.arguments.positional:
        return call.frame.fresh(call.node, "")
    function, *given = call.arguments.positional
    number = call.frame.make(call.node, "functools.partial", role="partial")
    made = Partial(function, tuple(given), call.arguments.keywords)
    call.frame.walk.heap.callees[number] = made
    result = Value("functools.partial", single(number), made)
    call.frame.capture(result, ANY, _held(call.arguments), call.node)
    return result


def reduce_(call: Call) -> Value:
    """`functools.reduce(f, xs)`."""
    if len(call.arguments.positional) < 2:
        return call.frame.fresh(call.node, "")
    function, values = call.arguments.positional[:2]
    element = types.element(call.frame, values, call.node)
    start = join(element, call.arguments.positional[2]) if len(call.arguments.positional) > 2 else element
    return join(element, call_given(call.frame, call.node, function, Arguments((start, element))))


def shallow_copy(call: Call) -> Value:
    """`copy.copy(x)`, `x.copy()` of a container: a new one that holds the same."""
    value = call.owner if call.owner.objects else call.first
    if value.items is not None or not value.objects or type(value.callee) in (Function, Class):
        return value
    rest, results = classes.others(call.frame, value), []
    for one in classes.of_class(call.frame, value):
        copied = classes.copied(call.frame, one, call.node, "__copy__")
        if copied is None:
            rest |= one.objects
        else:
            results.append(copied)
    if rest:
        results.append(types.container(call.frame, call.node, value.type, (Value(value.type, rest, value.callee, view=value.view),)))
    return join_all(results)


def deep_copy(call: Call) -> Value:
    """`copy.deepcopy(x)`: everything below it anew, shared only among the copies."""
    frame, heap, value = call.frame, call.frame.walk.heap, call.first
    if type(value.callee) in (Function, Class):
        return value
    made = SCALAR
    for number in sorted(heap.below(value.objects)) if frame.walk.classes else ():
        for one in classes.of_class(frame, Value("", single(number))):
            if (found := classes.copied(frame, one, call.node, "__deepcopy__")) is not None and number in value.objects:
                made = found
    copies = {
        number: frame.make(call.node, heap.types[number], opened=heap.is_open(number), role=f"copy of {number}")
        for number in sorted(heap.below(value.objects))
    }
    for number, new in copies.items():
        for key, held in heap.fields.get(number, {}).items():
            for part in sorted(held):
                heap.hold(new, key, copies[part])
        if number in heap.callees:
            heap.callees[new] = heap.callees[number]
        if number in heap.draws:
            heap.draws[new] = heap.draws[number]
    copied = _renumbered(value, copies)
    return join(copied, made) if made.objects else copied


def _renumbered(value: Value, copies: dict[int, int]) -> Value:
    objects = frozenset(copies[number] for number in value.objects)
    items = tuple(_renumbered(item, copies) for item in value.items) if value.items is not None else None
    return Value(value.type, objects, value.callee, value.const, items)


def dict_items(call: Call) -> Value:
    """`d.items()`."""
    heap = call.frame.walk.heap
    keys = join(heap.value(heap.named(call.owner.objects, KEYS)), SCALAR)
    part = heap.value(heap.parts(call.owner.objects, ANY))
    certain = filled.is_filled(call.frame, call.owner)
    return iterator_of(call.frame, call.node, tuple_of((keys, part)), call.owner, certain=certain)


def dict_values(call: Call) -> Value:
    """`d.values()`."""
    part = call.frame.walk.heap.value(call.frame.walk.heap.parts(call.owner.objects, ANY))
    return iterator_of(call.frame, call.node, part, call.owner, certain=filled.is_filled(call.frame, call.owner))


def dict_get(call: Call) -> Value:
    """`d.get(key, default)`; `pop` and `setdefault` change the dictionary as well."""
    key = call.first
    found = call.frame.walk.heap.value(call.frame.walk.heap.parts(call.owner.objects, key.const if type(key.const) is str else ANY))
    return join(found, call.arguments.positional[1]) if len(call.arguments.positional) > 1 else found


def dict_setdefault(call: Call) -> Value:
    """`d.setdefault(key, default)`."""
    found = dict_get(call)
    call.frame.change(call.owner, call.node, "`.setdefault()` changes it")
    if len(call.arguments.positional) > 1:
        key = call.first
        call.frame.capture(call.owner, key.const if type(key.const) is str else ANY, call.arguments.positional[1], call.node)
    return found


def dict_pop(call: Call) -> Value:
    """`d.pop(key, default)`."""
    call.frame.change(call.owner, call.node, "`.pop()` removes an item")
    return dict_get(call)


def dict_update(call: Call) -> Value:
    """`d.update(other, key=value)`."""
    call.frame.change(call.owner, call.node, "`.update()` changes it")
    for value in call.arguments.positional:
        types.taken_as_mapping(call.frame, value, call.node)
        call.frame.capture(call.owner, ANY, Value("", call.frame.walk.heap.parts(value.objects, ANY)), call.node)
    for name, value in call.arguments.keywords.items():
        call.frame.capture(call.owner, name, value, call.node)
    return NONE


def input_(call: Call) -> Value:
    """`input()`: nobody is there to answer."""
    call.frame.walk.effect(call.frame, "stdin", "read", "", call.node)
    return plain("str")


def pathlib_path(call: Call) -> Value:
    """`Path(a, b)`."""
    if not call.arguments.positional and call.arguments.rest is None:
        return Value("pathlib.Path", const=".")
    return _joined_path("pathlib.Path", call)


def below(call: Call) -> Value:
    """`path.joinpath(a, b)`."""
    return types.path_below(call.owner, *call.arguments.all())


def worked_out(work: Callable[[Call], Value]) -> Callable[[Call], Value]:
    """A function that gives a path: the table says what it does, `work` which path that is."""

    def path(call: Call) -> Value:
        _as_table_says(call)
        return work(call)

    return path


def join_paths(call: Call) -> Value:
    """`os.path.join(a, b)`."""
    return _joined_path("str", call)


def _joined_path(kind: str, call: Call) -> Value:
    parts = (*call.arguments.positional, *([call.arguments.rest] if call.arguments.rest is not None else ()))
    return types.joined_name(kind, parts, lambda *names: "/".join(name.rstrip("/") or "/" for name in names))


def temporary_name(call: Call) -> Value:
    """`tempfile.mkdtemp()`: a name that is known when it is made, of what goes with the process or its machine."""
    frame = call.frame
    frame.walk.effect(frame, "process", "write", "", call.node, call.label)
    number = frame.make(call.node, "tempfile.Name")
    return Value("str", single(number), const=f"{TEMPORARY}{frame.walk.cell}-{number}")


def temporary_directory(call: Call) -> Value:
    """`tempfile.gettempdir()`: one directory in a process, and perhaps another in the next."""
    return Value("str", single(call.frame.make(call.node, "tempfile.Name")), const=TEMPORARY_OF_PROCESS)


def temporary_file(call: Call) -> Value:
    """`tempfile.mkstemp()`."""
    descriptor = call.frame.fresh(call.node, "os.descriptor", role="item 0")
    return tuple_of((descriptor, temporary_name(call)))


def reload(call: Call) -> Value:
    """`importlib.reload(module)` runs the file of the module once more."""
    module = call.first.callee
    if type(module) is str:
        call.frame.walk.imported(call.frame, module.partition(".")[0], call.node)
        call.frame.walk.effect(call.frame, f"library:{module.partition('.')[0]}", "write", module, call.node)
    return call.first


def get_ipython(_: Call) -> Value:
    """The shell itself: what is done with it cannot be followed, except for what the parser has resolved."""
    return Value("shell")


_OPERATORS: dict[str, type[ast.AST]] = {
    "add": ast.Add,
    "sub": ast.Sub,
    "mul": ast.Mult,
    "matmul": ast.MatMult,
    "truediv": ast.Div,
    "floordiv": ast.FloorDiv,
    "mod": ast.Mod,
    "pow": ast.Pow,
    "and_": ast.BitAnd,
    "or_": ast.BitOr,
    "xor": ast.BitXor,
}
SPECIAL: dict[str, Special] = {
    **filled.SPECIAL,
    **{f"operator.{name}": operation(kind) for name, kind in _OPERATORS.items()},
    "builtins.getattr": getattr_,
    "builtins.setattr": setattr_,
    **{path: decorator(path) for path in classes.COMPILES_AT_ONCE},
    **{path: compiling(path) for path in classes.COMPILES},
    "builtins.globals": namespace,
    "builtins.vars": namespace,
    "importlib.import_module": import_module,
    "builtins.locals": local_namespace,
    "builtins.dir": dir_,
    "builtins.eval": eval_,
    "builtins.exec": exec_,
    "builtins.super": super_,
    "builtins.type": type_,
    "builtins.print": show,
    "builtins.display": show,
    "IPython.display.display": show,
    "IPython.core.display.display": show,
    "builtins.str": text,
    "builtins.repr": text,
    "builtins.format": text,
    "builtins.zip": zip_,
    "builtins.enumerate": enumerate_,
    "builtins.map": map_,
    "builtins.filter": filter_,
    "builtins.list": elements("list"),
    "builtins.tuple": elements("tuple"),
    "builtins.set": elements("set"),
    "builtins.frozenset": elements("set"),
    "builtins.sorted": elements("list"),
    "builtins.reversed": reversed_,
    "collections.deque": elements("collections.deque"),
    "builtins.dict": dict_,
    "collections.OrderedDict": dict_,
    "collections.Record._make": elements("tuple"),
    "collections.defaultdict": default_dict,
    "dataclasses.field": field,
    "dataclasses.dataclass": decorator_of_classes,
    **{f"{library}.{name}": decorator_of_classes for library in ("attr", "attrs") for name in classes.KEEP_ARGUMENTS},
    "builtins.min": extreme,
    "builtins.max": extreme,
    "builtins.any": extreme,
    "builtins.all": extreme,
    "builtins.sum": sum_,
    "builtins.next": next_,
    "builtins.iter": iter_,
    "builtins.range": range_,
    "builtins.len": asks("__len__", "int"),
    "builtins.hash": asks("__hash__", "int"),
    "builtins.id": address,
    "itertools.groupby": groupby,
    "unittest.main": by_name.run_tests,
    "doctest.testmod": by_name.run_examples,
    "sys.getsizeof": memory,
    "gc.collect": lambda _: plain(types.COUNT),
    "numpy.may_share_memory": tells_apart("bool"),
    "numpy.shares_memory": tells_apart("bool"),
    "operator.is_": tells_apart("bool"),
    "operator.is_not": tells_apart("bool"),
    "builtins.int": asks("__int__", "int"),
    "builtins.float": float_,
    "builtins.bool": bool_,
    "builtins.hasattr": hasattr_,
    **dict.fromkeys(("heapq.heapify", "heapq.heappush", "heapq.heappop", "heapq.heappushpop", "heapq.heapreplace"), in_heap),
    "builtins.abs": same_kind,
    "builtins.round": same_kind,
    "functools.wraps": wraps,
    "importlib.reload": reload,
    "functools.lru_cache": caches.lru_cache,
    "functools.cache": caches.lru_cache,
    "builtins.open": open_,
    "io.open": open_,
    "builtins.input": input_,
    "os.chdir": change_directory,
    "numpy.load": load_arrays,
    "functools.partial": partial,
    "functools.reduce": reduce_,
    "copy.copy": shallow_copy,
    "copy.deepcopy": deep_copy,
    "sklearn.clone": deep_copy,
    "sklearn.base.clone": deep_copy,
    "list.copy": shallow_copy,
    "dict.copy": shallow_copy,
    "set.copy": shallow_copy,
    "str.format": filled_text,
    "dict.items": dict_items,
    "dict.values": dict_values,
    "dict.get": dict_get,
    "dict.setdefault": dict_setdefault,
    "dict.pop": dict_pop,
    "dict.update": dict_update,
    "pathlib.Path": pathlib_path,
    "tempfile.gettempdir": temporary_directory,
    "tempfile.mkdtemp": temporary_name,
    "tempfile.mkstemp": temporary_file,
    "pathlib.Path.joinpath": below,
    "os.path.join": join_paths,
    "os.path.dirname": worked_out(paths.directory),
    "os.path.normpath": worked_out(paths.normal),
    "os.path.split": worked_out(paths.split),
    **dict.fromkeys(("os.path.abspath", "os.path.realpath"), worked_out(paths.absolute)),
    **dict.fromkeys(("pathlib.Path.resolve", "pathlib.Path.absolute"), worked_out(paths.resolved)),
    **dict.fromkeys(("os.getcwd", "pathlib.Path.cwd"), worked_out(paths.working_directory)),
    "builtins.get_ipython": get_ipython,
    "IPython.get_ipython": get_ipython,
}
