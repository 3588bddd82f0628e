"""Light types: what attributes, subscripts, iteration and operators give, for types that are known and for those that are not."""

from __future__ import annotations

import ast
import itertools
import posixpath
from collections.abc import Callable, Sequence

from nbcompile.analysis import caches, classes, namespace, paths, rows, surveyed
from nbcompile.analysis.aliases import ANY, FACTORY, KEPT, KEYS
from nbcompile.analysis.bindings import MAIN, CellFrame, Frame
from nbcompile.analysis.channels import ADDRESSES, REFERENCES
from nbcompile.analysis.known import Known, Row
from nbcompile.analysis.modules import imported
from nbcompile.analysis.values import (
    NO_OBJECTS,
    SCALAR,
    Bound,
    Class,
    Function,
    Value,
    join,
    join_all,
    plain,
    single,
    tuple_of,
)
from nbcompile.analysis.visit import NO_ARGUMENTS, call_given
from nbcompile.model.facts import TEMPORARY

SHELL = "shell"
# What `sys.modules` is: the modules that are loaded, by their names.
MODULES = "sys.modules"
# What arithmetic between two types gives: the later one.
_RANK = {
    "int": 1,
    "bool": 1,
    "float": 2,
    "complex": 3,
    "numpy.item": 4,
    "numpy.ndarray": 5,
    "scipy.sparse.spmatrix": 6,
    "pandas.Index": 7,
    "pandas.Series": 8,
    "pandas.DataFrame": 9,
    "xarray.DataArray": 10,
    "xarray.Dataset": 11,
}
_ARRAYS = frozenset(name for name, rank in _RANK.items() if rank > 3)
MAPPINGS = frozenset(("dict", "dict_keys", "collections.OrderedDict", "collections.defaultdict", "collections.Counter"))
# How much garbage there was, which depends on all that the process has done. It matters only to who shows it.
COUNT = "gc.Count"
_SETS = frozenset(("set", "frozenset"))
_COPIED_BY_SLICE = frozenset(("list", "tuple", "bytearray", "array.array"))
_DUNDERS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Add: ("__add__", "__radd__"),
    ast.Sub: ("__sub__", "__rsub__"),
    ast.Mult: ("__mul__", "__rmul__"),
    ast.Div: ("__truediv__", "__rtruediv__"),
    ast.FloorDiv: ("__floordiv__", "__rfloordiv__"),
    ast.Mod: ("__mod__", "__rmod__"),
    ast.Pow: ("__pow__", "__rpow__"),
    ast.MatMult: ("__matmul__", "__rmatmul__"),
    ast.LShift: ("__lshift__", "__rlshift__"),
    ast.RShift: ("__rshift__", "__rrshift__"),
    ast.BitAnd: ("__and__", "__rand__"),
    ast.BitOr: ("__or__", "__ror__"),
    ast.BitXor: ("__xor__", "__rxor__"),
    ast.USub: ("__neg__", ""),
    ast.UAdd: ("__pos__", ""),
    ast.Invert: ("__invert__", ""),
}
_ARITHMETIC = frozenset((ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.MatMult))
_COMPARISONS = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__")
_SHOWN_BY = (
    "_ipython_display_",
    "_repr_mimebundle_",
    "_repr_html_",
    "_repr_png_",
    "_repr_svg_",
    "_repr_latex_",
    "__format__",
    "__str__",
    "__repr__",
)


# Nothing else is called so: whatever has it is matplotlib, under a name that a star has bound.
_SETTINGS_OF_PLOTS = "rcParams"
_NAMES_OF_SHELL = frozenset(("user_ns", "user_global_ns"))
_NAMES_OF_FRAMES = frozenset(("f_globals", "f_locals", "__globals__"))


def attribute(frame: Frame, value: Value, name: str, node: ast.AST) -> Value:
    """`value.name`."""
    if name in _NAMES_OF_FRAMES:
        return namespace.anything(frame, node, f"`{name}` shows the names of the notebook")
    if type(value.callee) is Function and value.callee.compiled:
        caches.look_at_compiled(frame, value.callee, name)
    known_path = paths.attribute(value, name)
    return _attribute(frame, value, name, node) if known_path is None else known_path


def _attribute(frame: Frame, value: Value, name: str, node: ast.AST) -> Value:
    callee, known = value.callee, frame.walk.known
    if type(callee) is str:
        return library_attribute(frame, callee, name, node)
    if name in ("__dict__", "__traceback__") and value.objects:
        return _tied_attribute(frame, value, name)
    if value.type in (SHELL, "property"):
        return _of_shell(frame, value, name, node) if value.type == SHELL else Value("method", value.objects, Bound(value, name))
    if value.type in frame.walk.classes or type(callee) is Class or value.type == "super":
        return classes.attribute(frame, value, name, node)
    if value.type:
        row = _attribute_row(known, value.type, name)
        if row is not None:
            return rows.look(frame, node, row, value, f"{value.type}.{name}")
        if known.method(value.type, name) is not None:
            return Value("method", value.objects, Bound(value, name))
        if known.is_immutable(value.type):
            return SCALAR
    elif instances := classes.of_class(frame, value):
        rest = classes.others(frame, value)
        found = join_all([classes.attribute(frame, one, name, node) for one in instances])
        return join(found, _untyped_attribute(frame, Value("", rest, callee, view=value.view), name, node)) if rest else found
    return _untyped_attribute(frame, value, name, node)


def _of_shell(frame: Frame, shell: Value, name: str, node: ast.AST) -> Value:
    """Whatever is reached from the shell is a part of it; its namespace is the notebook's."""
    if name in _NAMES_OF_SHELL:
        return Value(namespace.NAMESPACE)
    if name == "kernel":
        frame.walk.unknown(frame, node, "steps have no kernel, but something that stands for one", "# nbc: pure", [shell])
    return shell


def _attribute_row(known: Known, kind: str, name: str) -> Row | None:
    """What reading an attribute does: by its own row, else by the row for all that are neither in the table nor methods."""
    row = known.method(kind, f".{name}")
    return row if row is not None or known.method(kind, name) is not None else known.method(kind, ".*")


def _untyped_attribute(frame: Frame, value: Value, name: str, node: ast.AST) -> Value:
    callee = value.callee
    if name == _SETTINGS_OF_PLOTS and callee is None and not any(map(frame.walk.heap.types.__getitem__, value.objects)):
        return frame.walk.library(f"matplotlib.{name}")
    surveyed.read(frame, value, name, node)
    parts = frame.walk.heap.parts(value.objects, name)
    found = frame.walk.heap.value(parts)
    if found.callee is not None or type(callee) is Function:
        return found
    return Value(found.type if parts else "", parts, Bound(value, name))


def _tied_attribute(frame: Frame, value: Value, name: str) -> Value:
    if name == "__dict__":
        # What is stored in the dictionary is seen in the object only in one process.
        return Value("dict", value.objects, view=True)
    frame.walk.heap.ask_for_frames(value.objects)
    return Value("", value.objects)


def library_attribute(frame: Frame, path: str, name: str, node: ast.AST) -> Value:
    """An attribute of a library's module, class or function. Those of `__main__` are the notebook's names."""
    if path == MAIN:
        return Value(namespace.NAMESPACE) if name == "__dict__" else frame.read_global(name, node)
    if f"{path}.{name}" in paths.WORDS:
        return Value("str", const=paths.WORDS[f"{path}.{name}"])
    row = frame.walk.known.method(path, f".{name}")
    if row is not None:
        return rows.look(frame, node, row, frame.walk.library(path), f"{path}.{name}")
    if frame.walk.known.method(path, name) is None:
        # It may be a module, which is there because anything has imported it.
        frame.walk.packages.add(path.partition(".")[0])
    return frame.walk.library(imported(frame, f"{path}.{name}"))


def subscript(frame: Frame, value: Value, key: Value, node: ast.AST) -> Value:
    """`value[key]`."""
    classes.compare(frame, node, key)
    implicit(frame, key, "__index__", node)
    if value.items is not None or value.type == SHELL:
        return _from_tuple(frame, value, key, node) if value.items is not None else value
    if value.type == namespace.NAMESPACE or (value.type == MODULES and type(key.const) is str):
        return namespace.read(frame, key, node) if value.type == namespace.NAMESPACE else _loaded_module(frame, str(key.const), node)
    if type(value.callee) is Class:
        return classes.of_itself(frame, value, "__getitem__", (key,), node) or value
    if classes.is_instance(frame, value):
        found = _from_instance(frame, value, key, node)
        return found if value.type else join(found, _from_container(frame, value, key, node))
    if value.type:
        if value.type == "collections.defaultdict":
            _ask_factory(frame, value, node)
        row = key_row(frame, value.type, key, "")
        if row is not None:
            return rows.look(frame, node, row, value, f"{value.type}[]")
        if frame.walk.known.is_immutable(value.type) or type(value.callee) is str:
            return SCALAR if value.callee is None else value
    return _from_container(frame, value, key, node)


def _ask_factory(frame: Frame, value: Value, node: ast.AST) -> None:
    """A dictionary with a default makes what it does not have."""
    factory = frame.walk.heap.value(frame.walk.heap.parts(value.objects, FACTORY))
    if factory.callee is not None:
        frame.capture(value, ANY, call_given(frame, node, factory, NO_ARGUMENTS), node)


def _from_instance(frame: Frame, value: Value, key: Value, node: ast.AST) -> Value:
    """An item of an instance of a class of the notebook."""
    for method in ("__getitem__", "__missing__"):
        found = classes.call_member(frame, value, method, (key,), node)
        if found is not None:
            return found
    return frame.walk.heap.value(frame.walk.heap.parts(value.objects, ANY))


def _from_container(frame: Frame, value: Value, key: Value, node: ast.AST) -> Value:
    """An item or a slice of something of which no row says what it gives.

    Objects of libraries are mostly told apart by their identity, so that nothing is found with a copy of its key.
    """
    heap = frame.walk.heap
    if surveyed.is_foreign(frame, key) and surveyed.is_foreign(frame, value):
        frame.trace.compared |= key.objects
    word = key.const if type(key.const) is str else ANY
    if key.type == "slice":
        if value.type in _COPIED_BY_SLICE:
            return container(frame, node, value.type, (value,))
        return Value(value.type, value.objects, None, view=True)
    parts = heap.parts_of_tuple(value.objects) if value.type == "tuple" else heap.parts(value.objects, word)
    if word != ANY or value.type:
        return frame.walk.heap.value(parts, view=value.view)
    found = frame.walk.heap.value(parts | value.objects, view=True)
    return Value("", found.objects, found.callee, view=True)


def key_row(frame: Frame, type: str, key: Value, store: str) -> Row | None:  # noqa: A002
    """The row for a subscript with this kind of key: `[str]`, `[slice]`, `[int]`, or `[]` for any."""
    known = frame.walk.known
    kind = "str" if key.type == "str" else "slice" if key.type == "slice" else "int" if key.type == "int" else ""
    row = known.method(type, f"[{kind}]{store}") if kind else None
    return row if row is not None else known.method(type, f"[]{store}")


def _loaded_module(frame: Frame, name: str, node: ast.AST) -> Value:
    """`sys.modules[name]`: the module is there because the notebook has imported it, whatever it is called since."""
    walk = frame.walk
    found = walk.library(walk.known.canonical(name))
    for bound in [bound for bound, value in walk.namespace.items() if value.callee == found.callee]:
        frame.read_global(bound, node, (name,))
    return found


def ask_for_modules(frame: Frame, node: ast.AST) -> None:
    """`name in sys.modules`: whatever the notebook has imported may have brought the module."""
    walk = frame.walk
    for name, value in tuple(walk.namespace.items()):
        if type(value.callee) is str and not value.objects:
            frame.read_global(name, node, (value.callee,))


def _from_tuple(frame: Frame, value: Value, key: Value, node: ast.AST) -> Value:
    items = value.items or ()
    if type(key.const) is int and -len(items) <= key.const < len(items):
        return items[key.const]
    if key.type == "slice":
        return frame.tuple_of_any(node, items)
    return join_all(list(items))


def container(frame: Frame, node: ast.AST, type: str, values: tuple[Value, ...]) -> Value:  # noqa: A002
    """A new container that holds what the others hold."""
    result = Value(type, single(frame.make(node, type, role="copy")))
    heap = frame.walk.heap
    for value in values:
        if value.items is not None:
            for place, item in enumerate(value.items):
                frame.capture(result, ANY, frame.as_object(item, node, f"item {place}"), node)
        elif value.type == "tuple":
            frame.capture(result, ANY, Value("", heap.parts_of_tuple(value.objects)), node)
        elif value.objects:
            frame.capture(result, ANY, Value("", heap.parts(value.objects, ANY)), node)
    return result


def element(frame: Frame, value: Value, node: ast.AST, *, ordered: bool = True) -> Value:
    """What iterating over the value gives; `ordered` if it matters what comes first."""
    found = _element(frame, value, node)
    if ordered and value.type in _SETS:
        _ordered_by_addresses(frame, value, found, node)
    return found


def _ordered_by_addresses(frame: Frame, value: Value, found: Value, node: ast.AST) -> None:
    """A set is walked through in an order that follows from where some of its elements lie."""
    elements = classes.hashed_by_address(frame, found)
    if elements:
        frame.trace.compared |= elements | value.objects
        frame.walk.effect(frame, ADDRESSES, "read", "", node)
        frame.walk.effect(frame, REFERENCES, "read", "", node)


def _element(frame: Frame, value: Value, node: ast.AST) -> Value:
    if value.items is not None:
        return join_all(list(value.items))
    if value.type in frame.walk.classes:
        return _iterated_instance(frame, value, node)
    if not value.type and (instances := classes.of_class(frame, value)):
        rest = classes.others(frame, value)
        found = join_all([_iterated_instance(frame, one, node) for one in instances])
        return join(found, _untyped_element(frame, Value("", rest, value.callee))) if rest else found
    if value.type in ("generator", "iterator", namespace.NAMESPACE):
        return _consumed(frame, value, node)
    if type(value.callee) is Class:
        return classes.of_itself(frame, value, "__iter__", (), node) or SCALAR
    for number in value.objects if len(value.objects) == 1 else ():
        if number in frame.walk.elements:
            return frame.walk.elements[number]
    return _element_of_type(frame, value, node) if value.type else _untyped_element(frame, value)


def _untyped_element(frame: Frame, value: Value) -> Value:
    heap = frame.walk.heap
    if not value.objects:
        return SCALAR
    found = heap.value(heap.parts(value.objects, ANY) | value.objects)
    return Value("", found.objects, found.callee, view=True)


def _element_of_type(frame: Frame, value: Value, node: ast.AST) -> Value:
    """The elements of a library's or Python's own container."""
    heap, known = frame.walk.heap, frame.walk.known
    row = known.method(value.type, "iter()")
    if row is not None:
        found = rows.look(frame, node, row, value, f"iter({value.type})")
        keys = heap.named(value.objects, KEYS) if value.type in MAPPINGS else NO_OBJECTS
        return join(heap.value(keys), found) if keys else found
    if known.is_immutable(value.type):
        return plain("str") if value.type == "str" else plain("int") if value.type == "range" else SCALAR
    if value.type == "tuple":
        return heap.value(heap.parts_of_tuple(value.objects))
    return heap.value(heap.parts(value.objects, ANY))


def _consumed(frame: Frame, value: Value, node: ast.AST) -> Value:
    """The elements of an iterator, which is moved on; what makes them is called."""
    if value.type == namespace.NAMESPACE:
        return namespace.anything(frame, node, "a loop over `globals()` may read any name")
    rows.move_on(frame, value, node, "it is consumed")
    if value.callee is not None:
        made = call_given(frame, node, Value("function", value.objects, value.callee), NO_ARGUMENTS)
        if value.type == "generator":
            return made
    heap = frame.walk.heap
    for number in value.objects if len(value.objects) == 1 else ():
        if number in frame.walk.elements:
            return frame.walk.elements[number]
    return heap.value(heap.parts(value.objects, ANY))


def _iterated_instance(frame: Frame, value: Value, node: ast.AST) -> Value:
    iterator = classes.call_member(frame, value, "__iter__", (), node)
    if iterator is not None and iterator.type != value.type:
        return element(frame, iterator, node)
    found = classes.call_member(frame, value, "__next__", (), node) or classes.call_member(frame, value, "__getitem__", (SCALAR,), node)
    return found or frame.walk.heap.value(frame.walk.heap.parts(value.objects, ANY))


def operate(frame: Frame, left: Value, operator: type[ast.AST], right: Value, node: ast.AST) -> Value:
    """`left operator right`; for one operand, both are the same."""
    if right.type == namespace.NAMESPACE:
        return namespace.fill(frame, left, node)
    one, other = left.type, right.type
    if frame.walk.keeps_flags and "decimal.Decimal" in (one, other):
        frame.walk.effect(frame, "library:decimal", "draw", "flags", node)
    if one == "str" and operator is ast.Mod:
        # `"%s" % value`
        shown(frame, right, node)
    instances = frame.walk.classes and (classes.is_instance(frame, left) or classes.is_instance(frame, right))
    if one == "str" and (operator is ast.Mod or not instances):
        return _text(left, operator, right)
    if one == "pathlib.Path" and operator is ast.Div:
        return path_below(left, right)
    if not left.objects and not right.objects and not instances:
        return _immutable_result(one, operator, other)
    if instances:
        return classes.operate(frame, left, _DUNDERS.get(operator, ("", "")), right, node)
    spreading = [value for value in (left, right) if value.objects and "spreads" in frame.walk.known.flags(value.type)]
    if spreading:
        return _holding(frame, frame.fresh(node, spreading[0].type, opened=False), spreading, node)
    return _of_data(frame, left, operator, right, node)


def _of_data(frame: Frame, left: Value, operator: type[ast.AST], right: Value, node: ast.AST) -> Value:
    one, other = left.type, right.type
    if one in _RANK and other in _RANK:
        return frame.fresh(node, one if _RANK[one] >= _RANK[other] else other, opened=False)
    if left.items is not None and right.items is not None and operator is ast.Add:
        return tuple_of((*left.items, *right.items))
    if one in ("list", "tuple", "dict", "set", "collections.deque", "collections.Counter") and (other in ("int", "") or one == other):
        return container(frame, node, one, (left, right))
    if one in _ARRAYS or other in _ARRAYS:
        return frame.fresh(node, one if _RANK.get(one, 0) >= _RANK.get(other, 0) else other, opened=False)
    return _expression(frame, left, operator, right, node)


def _expression(frame: Frame, left: Value, operator: type[ast.AST], right: Value, node: ast.AST) -> Value:
    """What objects of libraries make of each other. If nobody has described them, it may be an expression, which holds its terms."""
    known = left.type if left.type not in _RANK and left.type not in ("", "scalar", "list", "tuple") else right.type
    made = frame.fresh(node, known if known not in _RANK and known != "scalar" else "", opened=False)
    frame.walk.heap.note_libraries(made.objects, left.objects | right.objects)
    # Functions compute with what they are given, which is numbers more often, and all that they are given may be in what they give.
    symbolic = type(frame) is CellFrame and operator in _ARITHMETIC and left is not right
    if symbolic and surveyed.is_foreign(frame, left) and surveyed.is_foreign(frame, right):
        _holding(frame, made, (left, right), node)
        frame.walk.expressions |= made.objects
    return made


def _holding(frame: Frame, made: Value, terms: Sequence[Value], node: ast.AST) -> Value:
    for term in terms:
        frame.capture(made, KEPT, term, node)
    return made


def path_below(path: Value, *parts: Value) -> Value:
    """`path / part`: a name that is known when all its parts are."""
    return joined_name("pathlib.Path", (path, *parts), posixpath.join)


def joined_name(kind: str, parts: Sequence[Value], join_texts: Callable[..., str]) -> Value:
    """A text or path made of parts: known when they are. What begins in a temporary directory is below it, whatever follows.

    So is what begins in a directory that is known from where the notebook lies.
    """
    texts = [part.const for part in parts]
    objects = NO_OBJECTS.union(*(part.objects for part in parts if part.type in ("str", "pathlib.Path")))
    if texts and all(type(text) in (str, int) for text in texts):
        return Value(kind, objects, const=join_texts(*map(str, texts)))
    if texts and type(texts[0]) is str and texts[0].startswith(TEMPORARY):
        return Value(kind, objects, const=f"{texts[0].rstrip('/')}/*")
    known = [str(text) for text in itertools.takewhile(lambda text: type(text) in (str, int), texts)]
    below = join_texts(*known, "*") if known else ""
    return Value(kind, objects, const=below) if paths.is_below_a_name(below) else Value(kind, objects)


def _text(left: Value, operator: type[ast.AST], right: Value) -> Value:
    return joined_name("str", (left, right), lambda *texts: "".join(texts)) if operator is ast.Add else plain("str")


def _immutable_result(one: str, operator: type[ast.AST], other: str) -> Value:
    if operator is ast.Div and one in ("int", "float", "bool") and other in ("int", "float", "bool"):
        return plain("float")
    if one in _RANK and other in _RANK:
        return plain(one if _RANK[one] >= _RANK[other] else other)
    if one == other:
        return plain(one)
    return plain("datetime.datetime") if "datetime.datetime" in (one, other) else SCALAR


def compare(frame: Frame, left: Value, right: Value, node: ast.AST) -> Value:
    """`left < right` and its like."""
    if not left.objects and not right.objects:
        return plain("bool")
    for value, other in ((left, right), (right, left)):
        if classes.is_instance(frame, value):
            for dunder in _COMPARISONS:
                classes.call_member(frame, value, dunder, (other,), node)
            return plain("bool")
    best = max((value.type for value in (left, right)), key=lambda name: _RANK.get(name, 0))
    if best in _ARRAYS:
        return frame.fresh(node, best, opened=False)
    if left.type in _CONTAINERS or right.type in _CONTAINERS:
        return plain("bool")
    return frame.fresh(node, "", opened=False)


_CONTAINERS = frozenset(("list", "dict", "set", "tuple", "str", "collections.deque", "collections.Counter"))


def tested(frame: Frame, value: Value, node: ast.AST) -> None:
    """The value is taken for true or false."""
    if frame.walk.classes and classes.call_member(frame, value, "__bool__", (), node) is None:
        classes.call_member(frame, value, "__len__", (), node)


def ordered(frame: Frame, element: Value, node: ast.AST) -> None:
    """Elements are compared with each other."""
    if classes.is_instance(frame, element):
        compare(frame, element, element, node)


def implicit(frame: Frame, value: Value, method: str, node: ast.AST) -> None:
    """A method that Python calls by itself, if the notebook wrote it."""
    if frame.walk.classes:
        classes.call_member(frame, value, method, (), node)


def gone_through(frame: Frame, value: Value, node: ast.AST) -> None:
    """All of the value is taken: what the notebook wrote for that is called."""
    if classes.is_instance(frame, value):
        element(frame, value, node)


def taken_as_mapping(frame: Frame, value: Value, node: ast.AST) -> None:
    """The keys of the value and what it has under them are asked for."""
    if classes.is_instance(frame, value):
        for method in ("keys", "__iter__"):
            implicit(frame, value, method, node)
        classes.call_member(frame, value, "__getitem__", (SCALAR,), node)


def shown(frame: Frame, value: Value, node: ast.AST) -> None:
    """The value is displayed or made into text: what the notebook wrote for that is called."""
    if value.type == COUNT:
        frame.walk.effect(frame, REFERENCES, "read", "", node)
    if value.items is not None:
        for item in value.items:
            shown(frame, item, node)
    if not frame.walk.classes or not value.objects:
        return
    heap = frame.walk.heap
    reached = heap.below(value.objects)
    made = {of.type for of in map(heap.callees.get, reached) if type(of) is Class} if value.callee is None else set()
    for kind in sorted({heap.types[number] for number in reached} | made):
        if kind in frame.walk.classes:
            instance = value if value.type == kind else Value(kind, value.objects)
            for method in _SHOWN_BY:
                classes.call_member(frame, instance, method, (), node)
