"""The content of a value as a short text: equal where two processes made the same thing, whatever its addresses.

What counts is what the notebook can see of a value: types, contents, the order of dictionaries, which parts are one object
or share memory. Sets have no order, and immutable values no identity. Floating point counts bit by bit in `digest`; `shape` leaves
it out, and `floats` sums it up, so that values can also be compared within a tolerance.
"""

from __future__ import annotations

import array
import builtins
import collections
import functools
import hashlib
import io
import itertools
import math
import os
import pathlib
import re
import struct
import sys
import types
import warnings
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .attributes import SET_BY_TEST_RUNNERS, without_answers, without_caches, without_counts
from .columns import without_table
from .instances import has_hooks, take_apart
from .loaded import is_local, library_of, name_of_module
from .molecules import as_read_back
from .offered import place_of_shared, with_own_lists
from .own import json_dump
from .own_paths import NO_PATHS, OwnPaths
from .placeholders import Placeholder
from .sharing import unchanging_types
from .slot_names import classes_left_alone
from .streams import OutStream
from .tables import notes_on, own_attributes
from .texts import wide_texts

_PLAIN = frozenset((type(None), bool, int, str, bytes))
_PLAIN_IN_SETS = _PLAIN | {float, complex}
# Class attributes that say where a class was written or that Python fills in when it likes.
_UNSEEN_IN_CLASSES = frozenset(
    (
        "__dict__", "__weakref__", "__module__", "__annotations__", "__annotate_func__", "__annotate__", "__annotations_cache__",
        "__static_attributes__", "__firstlineno__", "__abstractmethods__", "_abc_impl", "__classdictcell__", "__type_params__",
        "__slotnames__", "_value2member_map_", *SET_BY_TEST_RUNNERS,
    )
)  # fmt: skip
# What metaclasses collect from the bases: those of traitlets hold classes that are looked up when something is first made.
_COLLECTED = {"traitlets.traitlets": ("_descriptors", "_instance_inits", "_traits")}
# How long a runner of tests says that they took.
_RAN, _ANY_TIME = re.compile(rb"(Ran \d+ tests? in )[\d.]+s"), rb"\1...s"
_REDUCE_PROTOCOL = 4
_FINGERPRINT_BYTES = 16


class Fingerprint(NamedTuple):
    """What a value is. `floats` are the count, the sum of magnitudes and a weighted sum of its finite floating-point numbers.

    `opaque` names the types of parts that cannot be looked into: nothing but their type was compared.
    """

    type: str
    digest: str
    shape: str
    floats: Tuple[int, float, float]
    opaque: Tuple[str, ...]


def fingerprint(value: Any) -> Fingerprint:
    """The fingerprint of one value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _ContentWalk().run(value)


def final_print(value: Any, paths: OwnPaths = NO_PATHS, members: Optional["_Members"] = None) -> Fingerprint:
    """The fingerprint of a variable at the end of a run.

    What libraries keep for the whole process (`os.environ`, settings, registries) is in each process what happened there, so a name for
    it counts as a name, and its state where cells show it. Each run has a directory of its own: its name counts as such. `members` are
    the digests of members of sets of other values at the same time.
    """
    # Before the filters of warnings are others for a moment.
    walk = _FinalWalk(paths, members)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return walk.run(value)


def described(values: Dict[str, Any], paths: OwnPaths) -> Dict[str, Any]:
    """What is told of final values."""
    members: _Members = {}
    return {"values": {name: final_print(value, paths, members)._asdict() for name, value in values.items()}}


def describe_kernel(shell: Any, names: Sequence[str], path: str, directory: str) -> None:
    """Write down what the variables of a kernel are, which was started in `directory`: these, and all that a person bound."""
    hidden = set(shell.user_ns_hidden)
    wanted = {name: one for name, one in list(shell.user_ns.items()) if name in names or not (name.startswith("_") or name in hidden)}
    with open(path, "w", encoding="ascii") as file:
        json_dump(described(wanted, OwnPaths(directory))["values"], file)


def _kind(value: Any) -> str:
    """What a value is called; of the iterators that Python itself has, no more than that they are."""
    kind = type(value)
    is_iterator = kind.__module__ in ("builtins", "itertools") and hasattr(kind, "__next__") and hasattr(kind, "__reduce__")
    return "iterator" if is_iterator and kind is not types.GeneratorType else _full_name(kind)


def _is_exhausted(reduced: Any) -> bool:
    """Whether an iterator has given all it has: whatever it was, that is what pickle makes of it."""
    if isinstance(reduced, tuple) and reduced[0] is itertools.chain:
        # One that pickle has made goes through an empty tuple, until it is asked.
        sources = reduced[2] if len(reduced) > 2 else ()
        return all(type(source) is type(iter(())) and _is_exhausted(source.__reduce__()) for source in sources)
    return isinstance(reduced, tuple) and reduced[0] is iter and isinstance(reduced[1][0], (tuple, list, str, bytes)) and not reduced[1][0]


class _FloatSums:
    """Sums up floating-point numbers so that a change of one of them, or of their order, changes a sum."""

    def __init__(self) -> None:
        self.count, self.magnitude, self.weighted = 0, 0.0, 0.0

    def add(self, numbers: Any) -> None:
        """Take numbers in their order: a numpy array if numpy is there, else any sequence."""
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            found = numpy.asarray(numbers, dtype="float64").ravel()
            found = numpy.where(numpy.isfinite(found), found, 0.0)
            weights = ((numpy.arange(self.count, self.count + found.size, dtype="uint64") * 2654435761) % 4294967296) / 4294967296 + 0.5
            self.magnitude += float(numpy.abs(found).sum())
            self.weighted += float((found * weights).sum())
            self.count += int(found.size)
            return
        for number in numbers:
            if math.isfinite(number):
                self.magnitude += abs(number)
                self.weighted += number * ((self.count * 2654435761) % 4294967296 / 4294967296 + 0.5)
            self.count += 1


class _ContentWalk:
    """One walk over everything that a value reaches. Depth is on a list, not on Python's stack."""

    def __init__(self, is_member: bool = False, members: Optional["_Members"] = None) -> None:
        self._is_member = is_member
        self._known_members: _Members = {} if members is None else members
        self._exact = hashlib.blake2b(digest_size=_FINGERPRINT_BYTES)
        self._shape = hashlib.blake2b(digest_size=_FINGERPRINT_BYTES)
        self._floats = _FloatSums()
        self._seen: Dict[Any, int] = {}
        self._alive: List[Any] = []
        self._todo: List[Any] = []
        self._memory: List[Tuple[int, int, int]] = []
        self._opaque: Dict[str, None] = {}

    def run(self, value: Any) -> Fingerprint:
        """Walk, and sum up."""
        self._todo.append(value)
        with classes_left_alone():
            while self._todo:
                self._visit(self._todo.pop())
        for group in _overlapping(self._memory):
            self._say("memory", *group)
        floats = self._floats.count, self._floats.magnitude, self._floats.weighted
        return Fingerprint(_kind(value), self._exact.hexdigest(), self._shape.hexdigest(), floats, tuple(sorted(self._opaque)))

    # What is said of a value.

    def _say(self, *words: Any) -> None:
        for word in words:
            # Very long integers have no decimal form.
            text = word if isinstance(word, bytes) else (f"{word:x}" if type(word) is int else repr(word)).encode("utf-8", "surrogatepass")
            self._bytes(text)

    def _bytes(self, content: Any) -> None:
        length = len(content).to_bytes(8, "little")
        for digest in (self._exact, self._shape):
            digest.update(length)
            digest.update(content)

    def _numbers(self, content: bytes, numbers: Any) -> None:
        self._exact.update(content)
        self._floats.add(numbers)

    def _parts(self, parts: Iterable[Any]) -> None:
        """Look at these next, in this order."""
        self._todo.extend(reversed(list(parts)))

    # One value.

    def _visit(self, value: Any) -> None:
        kind = type(value)
        if kind in _PLAIN:
            self._say(kind.__name__, value)
        elif kind is float or kind is complex:
            self._say(kind.__name__)
            numbers = (value,) if kind is float else (value.real, value.imag)
            self._numbers(struct.pack(f"<{len(numbers)}d", *numbers), numbers)
        elif kind is tuple or kind is frozenset:
            self._contents(value, kind)
        elif kind is types.CodeType or kind is re.Pattern:
            # As immutable as a tuple: nobody can tell it from a copy.
            (self._code if kind is types.CodeType else self._other)(value, kind)
        else:
            self._visit_object(value, kind)

    def _visit_object(self, value: Any, kind: type) -> None:
        """Look at an object where it first comes; those that are told by contents never change: equal ones are the same."""
        identity = (kind, value) if _is_told_by_contents(kind) else id(value)
        if identity in self._seen:
            self._say("again", self._seen[identity])
        else:
            self._seen[identity] = len(self._seen)
            self._alive.append(value)
            self._look(value, kind)

    def _look(self, value: Any, kind: type) -> None:
        _look_at(value, kind)(self, value, kind)

    def _contents(self, value: Any, kind: type) -> None:
        self._say(kind.__name__, len(value))
        if kind in (set, frozenset):
            self._members(value)
            return
        kinds = set(map(type, value))
        if kinds <= _PLAIN - {int} or (kinds <= _PLAIN and all(type(one) is not int or one.bit_length() < 64 for one in value)):
            self._say("plain", repr(value).encode("utf-8", "surrogatepass"))
        elif kinds == {float}:
            self._say("floats")
            self._numbers(array.array("d", value).tobytes(), value)
        else:
            self._parts(value)

    def _members(self, value: Any) -> None:
        """A set has no order: each member is walked on its own. Within that, sets of objects, which may lead back, count by their types."""
        if self._is_member and not all(map(_leads_nowhere, value)):
            self._say(*sorted(_full_name(type(item)) for item in value))
        else:
            self._say(*sorted(map(self._member, value)))

    def _member(self, item: Any) -> str:
        """What a member of a set counts as; of a tuple each part on its own, since many sets have an object in tuples of their own."""
        if type(item) is not tuple or all(type(part) in _PLAIN_IN_SETS for part in item):
            return self._part_of_set(item)
        first = {id(part): number for number, part in reversed(list(enumerate(item))) if type(part) not in _PLAIN_IN_SETS}
        return repr([(self._part_of_set(part), first.get(id(part))) for part in item])

    def _part_of_set(self, item: Any) -> str:
        """Each may lead to all others, and be in many sets: so none is walked twice."""
        if type(item) in _PLAIN_IN_SETS or (type(item) is tuple and all(type(part) in _PLAIN_IN_SETS for part in item)):
            return _ContentWalk(is_member=True).run(item).digest
        if id(item) in self._seen:
            return f"again {self._seen[id(item)]}"
        known = self._known_members.get(id(item))
        if known is None:
            known = self._known_members[id(item)] = item, _ContentWalk(is_member=True, members=self._known_members).run(item).digest
        return known[1]

    def _mapping(self, value: Any, kind: type) -> None:
        self._say(_full_name(kind), len(value))
        # An ordered dictionary has an order of its own.
        items = collections.OrderedDict.items if isinstance(value, collections.OrderedDict) else dict.items
        self._parts(part for item in list(items(value)) for part in item)

    def _module(self, value: Any, kind: type) -> None:
        self._say("module", name_of_module(value))

    def _class(self, value: Any, kind: type) -> None:
        self._say("class", value.__module__, value.__qualname__)
        if value.__module__ == "__main__":
            unseen = _UNSEEN_IN_CLASSES.union(_COLLECTED.get(type(value).__module__, ()))
            names = sorted(name for name in vars(value) if name not in unseen)
            self._say(*names)
            self._parts([*value.__bases__, *(vars(value)[name] for name in names)])

    def _function(self, value: Any, kind: type) -> None:
        self._say("function", value.__module__ or "", value.__qualname__)
        if value.__module__ != "__main__" and "<" not in value.__qualname__:
            return
        extra = dict(sorted(vars(value).items()))
        self._parts([value.__code__, value.__defaults__, value.__kwdefaults__, *(value.__closure__ or ()), extra])

    def _code(self, value: Any, kind: type) -> None:
        self._say("code", value.co_name, value.co_code, value.co_names, value.co_varnames, value.co_freevars, value.co_flags)
        self._parts(value.co_consts)

    def _cell(self, value: Any, kind: type) -> None:
        try:
            self._parts(["cell", value.cell_contents])
        except ValueError:
            self._say("empty cell")

    def _method(self, value: Any, kind: type) -> None:
        self._say("method", value.__name__)
        self._parts([] if _is_offered_by_a_module(value) else [value.__self__, value.__func__])

    def _built_in(self, value: Any, kind: type) -> None:
        owner = getattr(value, "__self__", None)
        self._say("builtin", getattr(value, "__qualname__", value.__name__))
        self._parts([] if owner is None or isinstance(owner, types.ModuleType) or _is_offered_by_a_module(value) else [owner])

    def _wrapper(self, value: Any, kind: type) -> None:
        self._say(kind.__name__)
        names = ("fget", "fset", "fdel", "__func__", "__wrapped__", "func")
        self._parts([getattr(value, name) for name in names if hasattr(value, name)])

    def _partial(self, value: Any, kind: type) -> None:
        """Who asks for its attributes gives it some, and then a partial of it is no longer one of its function."""
        self._say("partial")
        *content, attributes = value.__reduce__()[2]
        self._parts([*content, attributes or {}])

    def _buffer(self, value: Any, kind: type) -> None:
        """Attributes do not count: who captures output leaves some of its own."""
        if value.closed:
            self._hidden(value, kind)
        else:
            self._say(kind.__name__, value.tell())
            self._parts([value.getvalue()])

    def _match(self, value: Any, kind: type) -> None:
        self._say("match", value.regs)
        self._parts([value.re, value.string, value.pos, value.endpos])

    def _path(self, value: Any, kind: type) -> None:
        self._say(kind.__name__, str(value))

    def _struct(self, value: Any, kind: type) -> None:
        self._say("format", value.format)

    def _view_of_mapping(self, value: Any, kind: type) -> None:
        self._say(kind.__name__)
        self._parts([list(value)] if not isinstance(value, types.MappingProxyType) else [dict(value)])

    def _hidden(self, value: Any, kind: type) -> None:
        self._say("opaque", _full_name(kind))
        self._opaque[_full_name(kind)] = None

    def _other(self, value: Any, kind: type) -> None:
        """What pickle would keep of an object; of one that refuses, its attributes; of one without any, its type."""
        try:
            reduced = _reduce(value, kind)
        except Exception:  # noqa: BLE001 (whatever an object raises, it refuses)
            self._hidden(value, kind)
            attributes = getattr(value, "__dict__", None)
            if isinstance(attributes, dict):
                said = (item for item in attributes.items() if not _is_own_method(value, *item))
                self._parts([dict(sorted(said, key=lambda item: str(item[0])))])
            return
        if _is_exhausted(reduced):
            # Pickle makes one and the same of all of them.
            self._say("an iterator with nothing to come")
            return
        self._say("object", _kind(value))
        self._parts([kind] if kind.__module__ == "__main__" else [])
        if isinstance(reduced, str):
            self._say(reduced)
            return
        # What a factory of pickle is called says no more than the type.
        _, arguments, *rest = reduced
        state, items, pairs = (*rest[:3], None, None, None)[:3]
        if type(state) is dict:
            state = _counted(kind, state)
        elif type(state) is tuple:
            state = tuple(_counted(kind, part) if type(part) is dict else part for part in without_counts(kind, state))
        items = None if items is None else list(items)
        pairs = None if pairs is None else [part for pair in pairs for part in pair]
        self._parts([tuple(one for one in arguments if one is not kind), state, items, pairs])

    # Libraries.

    def _array(self, value: Any, kind: type) -> None:
        self._say(_full_name(kind), value.dtype.str if value.dtype.names is None else value.dtype.descr, value.shape)
        self._note_memory(value)
        self._array_contents(value)

    def _masked_array(self, value: Any, kind: type) -> None:
        numpy = sys.modules["numpy"]
        data, mask = numpy.asarray(value.data), numpy.ma.getmaskarray(value)
        self._say(_full_name(kind), data.dtype.str if data.dtype.names is None else data.dtype.descr, data.shape)
        self._note_memory(value)
        # Below a mask lies whatever the memory held.
        self._array_contents(numpy.ma.filled(value, numpy.zeros((), data.dtype)))
        self._parts([mask, value.fill_value])

    def _array_contents(self, value: Any) -> None:
        numpy = sys.modules["numpy"]
        if value.dtype.hasobject:
            self._parts([value.tolist()] if value.ndim == 0 or value.dtype.names else value.ravel().tolist())
        elif value.dtype.char in "efdFD":
            flat = numpy.ascontiguousarray(value).ravel()
            numbers = flat.view(f"f{flat.dtype.itemsize // 2}") if value.dtype.kind == "c" and flat.dtype.isnative else flat.real
            self._numbers(_memory_of(flat), numbers)
        elif value.dtype.char in "gG":
            # Long doubles have bytes that say nothing.
            self._say([str(number) for number in value.ravel()])
        else:
            self._bytes(_memory_of(numpy.ascontiguousarray(value).ravel()))

    def _note_memory(self, value: Any) -> None:
        bounds = getattr(sys.modules["numpy"].lib, "array_utils", sys.modules["numpy"]).byte_bounds
        if value.size:
            self._memory.append((*bounds(value), self._seen.get(id(value), -1)))

    def _generator(self, value: Any, kind: type) -> None:
        """Where numpy's own generator stands is no matter of those who have it."""
        if value is sys.modules["numpy.random.mtrand"]._rand:
            self._say("the generator of numpy")
        else:
            self._other(value, kind)

    def _scalar(self, value: Any, kind: type) -> None:
        array_of_one = sys.modules["numpy"].asarray(value)
        self._say(_full_name(kind), array_of_one.dtype.str)
        self._array_contents(array_of_one)

    def _frame(self, value: Any, kind: type) -> None:
        self._say(_full_name(kind), value.shape)
        columns = [value.iloc[:, place].array for place in range(value.shape[1])]
        self._columns([value.columns, value.index, *notes_on(value), *columns], value)

    def _series(self, value: Any, kind: type) -> None:
        self._say(_full_name(kind), len(value))
        self._columns([value.name, value.index, *notes_on(value), value.array], value)

    def _columns(self, parts: List[Any], owner: Any) -> None:
        # patsy notes on a table how it was designed, which cannot travel: a placeholder says so where somebody asks.
        own = {name: one for name, one in sorted(own_attributes(owner).items()) if name != "design_info"}
        self._parts([*parts, own])

    def _index(self, value: Any, kind: type) -> None:
        self._say(_full_name(kind), len(value), str(getattr(value, "freq", None)))
        if hasattr(value, "levels"):
            self._parts([list(value.names), *value.levels, *value.codes])
        elif value.inferred_type == "mixed":
            self._parts([list(value.names), value.array])
        else:
            # It never changes: which tables have one and the same index is the business of pandas.
            del self._seen[id(value)]
            self._column(value.array, type(value.array))
            self._parts([list(value.names)])

    def _column(self, value: Any, kind: type) -> None:
        """An array of pandas: by what it holds, not by how it is kept."""
        self._say("column", str(value.dtype))
        if hasattr(value, "codes") and hasattr(value, "categories"):
            self._say(bool(value.ordered), value.codes.tolist())
            self._parts([value.categories])
        elif hasattr(value, "asi8"):
            self._say(value.asi8.tobytes())
        else:
            numpy = sys.modules["numpy"]
            plain = kind.__name__ in ("NumpyExtensionArray", "PandasArray")
            self._array_contents(numpy.asarray(value) if plain else numpy.asarray(value, dtype=object))

    def _tensor(self, value: Any, kind: type) -> None:
        self._say("tensor", str(value.dtype), tuple(value.shape), bool(value.requires_grad))
        try:
            self._array_contents(value.detach().cpu().numpy())
        except (RuntimeError, TypeError):
            self._parts([value.detach().cpu().tolist()])

    def _chart(self, value: Any, kind: type) -> None:
        """What a chart of plotly is as JSON. Which objects it has made of its parts, and in which order, says who has asked for them."""
        self._say(_full_name(kind))
        self._parts([_sorted_parts(value.to_plotly_json())])

    def _fits(self, value: Any, kind: type) -> None:
        """What is in a file of FITS, or in one part of it. What has been read of it so far says who has asked for it."""
        self._say(_full_name(kind))
        if isinstance(value, list):
            self._parts([_answer(lambda: list(value))])
            return
        # Reading them says in the header how they are now.
        data = _answer(lambda: value.data)
        self._parts([str(value.header), data])

    def _handle(self, value: Any, kind: type) -> None:
        """A handle of HDF5 is told by what it leads to; its number says what else is or was open."""
        h5py = sys.modules["h5py"]
        asked = (lambda: h5py.h5i.get_name(value), lambda: os.path.basename(h5py.h5f.get_name(value)), lambda: (value.shape, value.dtype))
        self._say(_full_name(kind), *([str(_answer(one)) for one in asked] if value.valid else ["closed"]))

    def _stream(self, value: Any, kind: type) -> None:
        """What `sys.stdout` was: a kernel's, or ours."""
        self._say(_full_name(kind), value.name)

    def _fit_parameters(self, value: Any, kind: type) -> None:
        """Parameters of lmfit. Its interpreter has a copy of each number, whole or not, as it was when somebody set it last."""
        try:
            _, _, state = value.__reduce__()
            symbols = {name: item for name, item in state["unique_symbols"].items() if name not in value}
        except Exception:  # noqa: BLE001 (whatever an object raises, it refuses)
            self._other(value, kind)
            return
        self._say(_full_name(kind))
        self._parts([state["params"], dict(sorted(symbols.items()))])

    def _artist(self, value: Any, kind: type) -> None:
        """What is drawn is compared as a picture; of the object count its texts, limits, data and parts."""
        self._say(_full_name(kind))
        words = ("get_label", "get_text", "get_title", "get_xlabel", "get_ylabel", "get_xlim", "get_ylim", "get_xydata", "get_array")
        asked = [_answer(getattr(value, word)) for word in words if callable(getattr(value, word, None))]
        parts = [one for one in value.get_children() if type(one).__name__ != "Spine"] if hasattr(value, "get_lines") else ()
        self._parts([*asked, *(getattr(value, "axes", ()) if hasattr(value, "add_axes") else ()), *parts])


class _FinalWalk(_ContentWalk):
    """Does not look into what a library keeps, unless it never changes: for that, modules may have names that are loaded later."""

    def __init__(self, paths: OwnPaths, members: Optional["_Members"] = None) -> None:
        super().__init__(members=members)
        self._paths = paths
        self._kept = {"": frozenset(_objects_of(_STATE_IN_PLAIN_OBJECTS))}
        self._unchanging = unchanging_types()

    def _bytes(self, content: Any) -> None:
        content = self._paths.without(content)
        super()._bytes(_RAN.sub(_ANY_TIME, content) if isinstance(content, bytes) and b"Ran " in content else content)

    def _look(self, value: Any, kind: type) -> None:
        texts = wide_texts(value, self._paths) if kind is getattr(sys.modules.get("numpy"), "ndarray", None) else None
        if self._is_kept(value, kind):
            self._hidden(value, kind)
        elif texts is not None:
            self._parts(texts)
        else:
            super()._look(value, kind)

    def _is_kept(self, value: Any, kind: type) -> bool:
        if kind is Placeholder:
            # It answers nobody else, not even Python when that asks for its class.
            return True
        if kind is types.FunctionType:
            return self._is_kept_function(value)
        if kind is dict and value.get("__name__") == "builtins":
            # Whoever runs code in a dictionary gives it those of Python, of which a dictionary that travelled has a copy.
            return set(value) == set(vars(builtins))
        if place_of_shared(value, kind):
            return True
        home = "" if kind in (dict, list, set) else library_of(kind)
        if home in _NOT_KEPT or isinstance(value, self._unchanging):
            return False
        if home not in self._kept:
            self._kept[home] = frozenset(_objects_of_library(home))
        return id(value) in self._kept[home]

    def _is_kept_function(self, function: types.FunctionType) -> bool:
        """Whether a library has made a function for itself, in which it notes, as IPython does, whether it was called."""
        module = function.__module__ or "__main__"
        if "<" not in function.__qualname__ or module == "__main__" or is_local(getattr(sys.modules.get(module), "__file__", None)):
            return False
        if _ANY not in self._kept:
            self._kept[_ANY] = frozenset(_objects_of(name for name in list(sys.modules) if name != "__main__"))
        return id(function) in self._kept[_ANY]


def _objects_of_library(home: str) -> Iterator[int]:
    """The objects that modules of a library have under a name; what the notebook's own modules keep is the notebook's."""
    if is_local(getattr(sys.modules.get(home), "__file__", None)):
        return iter(())
    return _objects_of(name for name in list(sys.modules) if name.partition(".")[0] == home)


def _objects_of(modules: Iterable[str]) -> Iterator[int]:
    found = (sys.modules.get(name) for name in modules)
    return (id(one) for module in found if module is not None for one in list(vars(module).values()))


_TOLD_BY_CONTENTS = (("sympy.core.basic", "Basic"), ("astropy.units", "UnitBase"), ("numpy", "dtype"))
_ANY = "*"
# Generators of random numbers have a state that travels, and counts.
_NOT_KEPT = frozenset(("__main__", "builtins", "random", "numpy", "torch"))
_STATE_IN_PLAIN_OBJECTS = ("sys", "os", "warnings", "logging", "mimetypes", "linecache", "copyreg", "site")
_Look = Callable[[_ContentWalk, Any, type], None]
# By identity; with the objects, so that no other gets the identity of one.
_Members = Dict[int, Tuple[Any, str]]
_LOOKS: Dict[type, _Look] = {
    list: _ContentWalk._contents,
    set: _ContentWalk._contents,
    types.ModuleType: _ContentWalk._module,
    types.FunctionType: _ContentWalk._function,
    types.CellType: _ContentWalk._cell,
    types.MethodType: _ContentWalk._method,
    types.BuiltinFunctionType: _ContentWalk._built_in,
    type(str.join): _ContentWalk._built_in,
    property: _ContentWalk._wrapper,
    staticmethod: _ContentWalk._wrapper,
    classmethod: _ContentWalk._wrapper,
    functools.cached_property: _ContentWalk._wrapper,
    functools._lru_cache_wrapper: _ContentWalk._wrapper,
    functools.partial: _ContentWalk._partial,
    io.StringIO: _ContentWalk._buffer,
    io.BytesIO: _ContentWalk._buffer,
    types.MappingProxyType: _ContentWalk._view_of_mapping,
    type({}.keys()): _ContentWalk._view_of_mapping,
    type({}.values()): _ContentWalk._view_of_mapping,
    type({}.items()): _ContentWalk._view_of_mapping,
    types.GeneratorType: _ContentWalk._hidden,
    types.CoroutineType: _ContentWalk._hidden,
    types.FrameType: _ContentWalk._hidden,
    types.TracebackType: _ContentWalk._hidden,
    OutStream: _ContentWalk._stream,
    Placeholder: _ContentWalk._hidden,
    re.Match: _ContentWalk._match,
    pathlib.PosixPath: _ContentWalk._path,
    pathlib.PurePosixPath: _ContentWalk._path,
    struct.Struct: _ContentWalk._struct,
}
_LOOKS_OF_LIBRARIES: Tuple[Tuple[str, str, _Look], ...] = (
    ("numpy", "generic", _ContentWalk._scalar),
    ("numpy.ma", "MaskedArray", _ContentWalk._masked_array),
    ("numpy.random.mtrand", "RandomState", _ContentWalk._generator),
    ("pandas", "DataFrame", _ContentWalk._frame),
    ("pandas", "Series", _ContentWalk._series),
    ("pandas", "Index", _ContentWalk._index),
    ("pandas.api.extensions", "ExtensionArray", _ContentWalk._column),
    ("torch", "Tensor", _ContentWalk._tensor),
    ("matplotlib.artist", "Artist", _ContentWalk._artist),
    ("astropy.io.fits", "HDUList", _ContentWalk._fits),
    ("astropy.io.fits.hdu.base", "_BaseHDU", _ContentWalk._fits),
    ("h5py._objects", "ObjectID", _ContentWalk._handle),
    ("ipykernel.iostream", "OutStream", _ContentWalk._stream),
    ("lmfit.parameter", "Parameters", _ContentWalk._fit_parameters),
    ("plotly.basedatatypes", "BaseFigure", _ContentWalk._chart),
    ("plotly.basedatatypes", "BasePlotlyType", _ContentWalk._chart),
)


def _look_at(value: Any, kind: type) -> _Look:
    """How to look at a value that is no atom."""
    found = _LOOKS.get(kind)
    if found is not None:
        return found
    if kind is dict or (isinstance(value, dict) and kind.__module__ == "collections" and not hasattr(value, "default_factory")):
        return _ContentWalk._mapping
    if isinstance(value, type):
        return _ContentWalk._class
    if value is sys.modules.get("__main__"):
        # The shell has a class of its own for it.
        return _ContentWalk._module
    numpy = sys.modules.get("numpy")
    if kind is getattr(numpy, "ndarray", None) or kind is getattr(numpy, "memmap", None):
        return _ContentWalk._array
    for module, name, how in _LOOKS_OF_LIBRARIES:
        library_type = getattr(sys.modules.get(module), name, None)
        if isinstance(library_type, type) and isinstance(value, library_type):
            return how
    return _ContentWalk._other


def _is_told_by_contents(kind: type) -> bool:
    """Whether equal instances of a class, expressions of SymPy or units of astropy, are one to whoever has them."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in _TOLD_BY_CONTENTS)
    return kind.__module__ != "__main__" and any(isinstance(base, type) and issubclass(kind, base) for base in found)


def _sorted_parts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted_parts(value[name]) for name in sorted(value)}
    return [_sorted_parts(one) for one in value] if isinstance(value, (list, tuple)) else value


def _is_offered_by_a_module(method: Any) -> bool:
    """Whether a module offers this method as a function of its own, as `random.randint`: its object is state of the library."""
    homes = {name for name in (method.__module__, type(method.__self__).__module__) if name and name != "__main__"}
    homes.update([name.rpartition(".")[0] for name in homes])
    found = [getattr(sys.modules.get(home), method.__name__, None) for home in homes]
    # A method that has travelled is another object than that of the module, of the same function and object.
    return any(type(one) is type(method) and one == method for one in found)


def _is_own_method(value: Any, name: Any, attribute: Any) -> bool:
    """Whether an attribute is what the object has anyway: IPython 9 puts `write` back into streams that way."""
    return type(attribute) is types.BuiltinMethodType and attribute.__self__ is value and attribute.__name__ == name


def _reduce(value: Any, kind: type) -> Any:
    """What an object is made of: by pickle's account, but for what the notebook has it say of itself."""
    if not has_hooks(kind):
        return without_answers(kind, as_read_back(value, value.__reduce_ex__(_REDUCE_PROTOCOL)))
    make, args, (items, pairs, state, attributes) = take_apart(value, kind)
    return make, args, {**state, **(attributes or {})} if isinstance(state, dict) else (state, attributes), items, pairs


def _answer(method: Callable[[], Any]) -> Any:
    """What an artist says of itself; contours want to be asked for each label, and whoever derives a class may want anything."""
    try:
        return method()
    except Exception as error:  # noqa: BLE001 (the object's own code: whatever it raises)
        return type(error).__name__


def _leads_nowhere(value: Any) -> bool:
    kind = type(value)
    return kind in _PLAIN or kind in (float, complex) or (kind in (tuple, frozenset) and all(map(_leads_nowhere, value)))


def _memory_of(flat: Any) -> Any:
    """The bytes of a contiguous array."""
    return flat.view("u1").data if flat.size and flat.dtype.itemsize else b""


def _overlapping(stretches: List[Tuple[int, int, int]]) -> List[Tuple[int, ...]]:
    """The numbers of arrays of which each overlaps the next, in groups of more than one."""
    groups: List[List[int]] = []
    reach: Optional[int] = None
    for start, end, number in sorted(stretches):
        if reach is not None and start < reach:
            groups[-1].append(number)
            reach = max(reach, end)
        else:
            groups.append([number])
            reach = end
    return sorted(tuple(sorted(group)) for group in groups if len(group) > 1)


def _counted(kind: type, state: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The attributes that count, by name; an object without any has no state at all."""
    kept = with_own_lists(kind, without_table(kind, without_caches(kind, state)))
    return dict(sorted(kept.items(), key=lambda item: str(item[0]))) or None


def _full_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
