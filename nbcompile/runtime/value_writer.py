"""Objects of the notebook -> pickled frames and memory.

Nothing of the notebook travels as bytecode: what a definition statement made is named by the statement, which every step runs again for
itself; other functions and classes by the place of their code. Callables in a frame are names in `nbcompile_payload`, a module that exists
only to be named; reading a frame, they are the methods of a `Reader` (`frame_reader.py`).
"""

from __future__ import annotations

import contextlib
import copyreg
import functools
import gc
import importlib
import io
import itertools
import operator
import pathlib
import pickle
import random
import re
import struct
import sys
import types
import typing
import weakref
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .arrays import (
    RowsOf,
    array_parts,
    is_array_of_a_class,
    is_raw,
    loses_that_it_is_read_only,
    number_dtypes,
    own_parts,
    owns_memory,
    reduce_number,
    with_own_arrays,
)
from .arrow import with_own_memory
from .attributes import forgotten_attributes, is_its_attributes, left_out, sets_attributes, way_to_reduce, without_answers
from .callbacks import connected, is_transform, reduce_registry, registry_type, without_addresses
from .code_places import CodeFinder
from .columns import is_info, is_table_of_columns, without_table
from .compiled import parts_of_compiled
from .exceptions import arguments_of, error_state, reduces_itself
from .extents import COPIED_ON_WRITE, FROZEN, READ_ONLY, Extent, Extents, address_of
from .generated import names_looked_up
from .images import has_several, is_image_of_file, said_by_file
from .instances import has_hooks, is_own, take_apart
from .library_settings import PLAIN_HANDLERS, Tied, described_handler
from .loaded import name_of_module
from .local_classes import LocalClasses
from .measurements import measured_types, parts_of_measured
from .molecules import with_properties
from .offered import place_offered, with_own_lists
from .own_paths import NO_PATHS, OwnPaths
from .placeholders import CannotTravel, Placeholder, TravelFailure, placeholder_failure, tied_to_a_process
from .recursion import is_deep, is_its_own
from .set_order import filling, order_of_adding
from .shared_texts import SharedText, chart_types, with_shared_text
from .shell_settings import path_in_shell
from .slot_names import classes_left_alone
from .standard_types import Matches, reduce_forward_reference, reduce_method, reduce_reversed
from .streams import OutStream
from .tables import are_looked_up, is_had_by_others, is_known_as_copy, own_attributes
from .texts import Texts, wide_texts
from .units import contexts_within, made_with_units, number_of_registry, place_of_registry, registry_of, registry_types, told_of_registry

NAMES = types.ModuleType("nbcompile_payload", "What the frames of payloads call; see nbcompile.")
PROTOCOL = 5
# A new set, which is noted in the memo, and the start of its elements. Data may look like it, which costs a look at the memo.
_SET_WITH_ELEMENTS = re.compile(re.escape(pickle.EMPTY_SET + pickle.MEMOIZE + pickle.MARK))
_A_FROZENSET = re.compile(re.escape(pickle.FROZENSET + pickle.MEMOIZE))


def payload_name(name: str) -> Any:
    """A callable that frames can name, and that nobody can call."""

    def stub(*args: Any) -> Any:
        raise CannotTravel("a payload is read by the step runtime of nbcompile, not by pickle itself")

    stub.__module__, stub.__qualname__, stub.__name__ = NAMES.__name__, name, name
    setattr(NAMES, name, stub)
    return stub


def register_names() -> None:
    """Let pickle find the names that frames use."""
    sys.modules[NAMES.__name__] = NAMES


_definition, _module, _main, _attribute = (
    payload_name("definition"),
    payload_name("module"),
    payload_name("main"),
    payload_name("attribute"),
)
_own, _read_only, _row, _texts, _wide_texts = map(payload_name, ("own", "read_only", "row", "texts", "wide_texts"))
_extent, _view, _over = map(payload_name, ("extent", "view", "over"))
_tensor, _parameter, _storage = map(payload_name, ("tensor", "parameter", "storage"))
_function, _set_function, _cell, _cached = map(payload_name, ("function", "set_function", "cell", "cached"))
_generated, _compiled = payload_name("generated"), payload_name("compiled")
_shell = payload_name("shell")
_stream, _handler = payload_name("stream"), payload_name("handler")
_set_attributes, _set_state, _set_told = map(payload_name, ("set_attributes", "set_state", "set_told"))
_bare, _put_in = payload_name("bare"), payload_name("put_in")
_own_dictionary, _set_items = payload_name("own_dictionary"), payload_name("set_items")
_local_class, _set_class = payload_name("local_class"), payload_name("set_class")
_set_blocks, _set_table, _set_looked_up, _take_columns = map(payload_name, ("set_blocks", "set_table", "set_looked_up", "take_columns"))
_fill_sets, _connect_all = payload_name("fill_sets"), payload_name("connect_all")
_placeholder, _exception, _set_exception, _figure = map(payload_name, ("placeholder", "exception", "set_exception", "figure"))
_mapping_view, _mapping_iterator, _iterator_within = map(payload_name, ("mapping_view", "mapping_iterator", "iterator_within"))
_descriptor, _method_of, _with_class, _match = map(payload_name, ("descriptor", "method_of", "with_class", "match"))
_unit_registry, _fill_registry = map(payload_name, ("unit_registry", "fill_registry"))
_shared_text = payload_name("shared_text")
_measurement = payload_name("measured")


class Scope(NamedTuple):
    """What writing and reading need to know of the step: its kernel, its definitions, and the classes made by functions.

    Where somebody may look at `owners`, arrays that had their memory for themselves have it again, instead of that of a file.
    """

    kernel: Any
    definitions: Any
    code: CodeFinder
    classes: LocalClasses
    paths: OwnPaths = NO_PATHS
    owners: bool = False

    def sends(self, value: Any) -> bool:
        """Whether a function or class is neither found by its module, nor made by a definition statement, nor a part of a class."""
        if value.__module__ == "builtins" or (value.__module__ != "__main__" and _is_found(value, value.__module__, value.__qualname__)):
            return False
        is_part = "." in value.__qualname__.rpartition("<locals>.")[2]
        return not is_part and self.definitions.place_of(value) is None


class Frame(NamedTuple):
    """One or more variables, pickled with one memo: `pickles` pickles, one after the other, and the memory they refer to.

    `nans` are numbers that are equal to nothing, but for those that every process has: who has the same one finds it by its identity.
    """

    content: Any
    pickles: int
    extents: Extents
    buffers: Tuple[int, ...]
    failures: Tuple[TravelFailure, ...]
    definitions: Tuple[str, ...]
    modules: Tuple[str, ...]
    nans: Tuple[float, ...] = ()


class ValueWriter(pickle.Pickler):
    """Pickles one frame, into memory that is given or its own."""

    def __init__(self, version: str, scope: Scope, content: Optional[io.BytesIO] = None) -> None:
        self._content = io.BytesIO() if content is None else content
        super().__init__(self._content, PROTOCOL, buffer_callback=self._buffer)
        self._version = version
        self._scope = scope
        self._extents = Extents()
        self._buffers: List[int] = []
        self._cells: Dict[int, Tuple[int, Any]] = {}
        self._failures: List[TravelFailure] = []
        self._mentioned: Dict[str, None] = {}
        self._modules: Dict[str, None] = {}
        self._tied: Dict[type, Optional[str]] = {}
        self._hooked: Dict[type, bool] = {}
        self._hashed_by_code: List[type] = []
        self._guards: Dict[int, str] = {}
        self._owners: Dict[int, Any] = {}
        self._rows: Dict[int, RowsOf] = {}
        self._sentinels: Dict[type, Dict[int, Tuple[str, str]]] = {}
        self._registries: List[Any] = []
        self._matches = Matches()
        self._texts = Texts(scope.paths)
        self._by_type: Dict[type, Callable[[Any], Any]] = {
            types.FunctionType: self._reduce_function,
            types.ModuleType: self._reduce_module,
            types.CellType: self._reduce_cell,
            Placeholder: self._reduce_placeholder,
            _SetsInOrder: lambda value: (_fill_sets, (value.fillings,)),
            _Connections: lambda value: (_connect_all, (value.functions,)),
            _Sentinel: lambda value: (_attribute, value.place),
            _Interned: lambda value: (sys.intern, (value.text,)),
            SharedText: lambda value: (_shared_text, (value.label, value.text)),
            OutStream: lambda value: (_stream, (value.name,)),
            type(...): lambda value: (_attribute, ("builtins", "Ellipsis")),
            type(NotImplemented): lambda value: (_attribute, ("builtins", "NotImplemented")),
            property: lambda value: (property, (value.fget, value.fset, value.fdel, value.__doc__)),
            staticmethod: lambda value: (staticmethod, (value.__func__,)),
            classmethod: lambda value: (classmethod, (value.__func__,)),
            types.MappingProxyType: _reduce_proxy,
            type({}.keys()): lambda value: (_mapping_view, ("keys", gc.get_referents(value)[0])),
            type({}.values()): lambda value: (_mapping_view, ("values", gc.get_referents(value)[0])),
            type({}.items()): lambda value: (_mapping_view, ("items", gc.get_referents(value)[0])),
            # Pickle makes iterators of lists of them.
            type(iter({}.keys())): lambda value: _reduce_mapping_iterator("keys", value),
            type(iter({}.values())): lambda value: _reduce_mapping_iterator("values", value),
            type(iter({}.items())): lambda value: _reduce_mapping_iterator("items", value),
            type(iter(set())): lambda value: (_mapping_iterator, ("elements", _still_to_come(value))),
            type(reversed([])): reduce_reversed,
            # `functools.wraps` gives a function those of the class that it stands for.
            types.GetSetDescriptorType: lambda value: (_descriptor, (value.__objclass__, value.__name__)),
            typing.ForwardRef: reduce_forward_reference,
            re.Match: self._reduce_match,
            struct.Struct: lambda value: (struct.Struct, (value.format,)),
            # As one text, in which the step's own directory can be seen, whatever parts pickle would take it apart into.
            **dict.fromkeys((pathlib.PurePosixPath, pathlib.PosixPath), lambda value: (type(value), (str(value),))),
            random.SystemRandom: lambda value: (random.SystemRandom, ()),
            functools._lru_cache_wrapper: self._reduce_cached,
            **dict.fromkeys(PLAIN_HANDLERS, self._reduce_handler),
        }
        self._add_types_of_libraries()
        self._has_special_libraries = not sys.modules.keys().isdisjoint(_SPECIAL_LIBRARIES)

    def close(self) -> None:
        """Let go of what was seen. A pickler reaches itself: all would stay alive until Python collects such rings."""
        self.clear_memo()
        vars(self).clear()

    def write(self, value: Any) -> Frame:
        """Pickle a value, and after it the contents of the closure cells that it reaches."""
        collecting = gc.isenabled()
        gc.disable()
        try:
            with classes_left_alone():
                pickles = self._write_all(value)
        finally:
            if collecting:
                gc.enable()
        return Frame(
            self._content.getbuffer(),
            pickles,
            self._extents,
            tuple(self._buffers),
            tuple(self._failures),
            tuple(self._mentioned),
            tuple(self._modules),
        )

    def _write_all(self, value: Any) -> int:
        """Pickle a value and what comes after it; returns how many pickles that took."""
        self.dump(value)
        self._write_cells(0)
        more = 0
        functions = self._functions_called()
        if functions:
            known = len(self._cells)
            self.dump(_Connections(functions))
            self._write_cells(known)
            more += 1
        fillings = self._fillings()
        if fillings:
            self.dump(_SetsInOrder(fillings))
            more += 1
        return 1 + len(self._cells) + more

    def _write_cells(self, written: int) -> None:
        """Write what is in closure cells, which may lead to others."""
        while written < len(self._cells):
            for _, cell in list(self._cells.values())[written:]:
                self.dump(_cell_contents(cell))
                written += 1

    def _functions_called(self) -> List[Tuple[Any, ...]]:
        """What matplotlib calls when something changes, and would leave behind: registries, and their functions."""
        if not self._registries:
            return []
        written = set(map(id, self._written((object,))))
        found = ((registry, connected(registry, written)) for registry in self._registries)
        return [(registry, functions) for registry, functions in found if functions]

    def _fillings(self) -> List[Tuple[Any, ...]]:
        """The sets that would be walked through in another order than here, and how to fill them."""
        if _SET_WITH_ELEMENTS.search(self._content.getbuffer()) is None:
            return []
        return [(one, *way) for one, way in ((one, filling(one)) for one in self._written((set,))) if way is not None]

    def _written(self, kinds: Tuple[type, ...]) -> List[Any]:
        """What has been written of these types."""
        # A copy of the memo needs several times its memory. Early versions of Python 3.11 and all before do not tell what is in it.
        found = [value for value in gc.get_referents(self) if issubclass(type(value), kinds)]
        return found or [value for _, value in self.memo.copy().values() if issubclass(type(value), kinds)]

    def has_frozensets_in_order(self) -> bool:
        """Whether a frozenset would be walked through in another order than here."""
        if _A_FROZENSET.search(self._content.getbuffer()) is None:
            return False
        return any(order_of_adding(one) is not None for one in self._written((frozenset,)) if type(one) is frozenset)

    def check_keys(self) -> None:
        """Nobody finds a key again whose hash has changed; of a copy, which asks for all hashes anew, one would."""
        if not self._hashed_by_code:
            return
        for one in self._written((dict, set, frozenset)):
            if any(_is_hashed_by_code(key, self._hashed_by_code) for key in _base_of(one).__iter__(one)) and not _finds_all(one):
                raise CannotTravel("a key was changed after it had been put there, and nobody finds it by its hash any more")

    def reducer_override(self, value: Any) -> Any:
        """How to rebuild an object; called for everything but the plain built-in types."""
        kind = type(value)
        place = self._scope.definitions.place_of(value)
        if place is not None:
            self._mentioned[place[0]] = None
            return _definition, place
        reduce = self._by_type.get(kind)
        if reduce is not None:
            return reduce(value)
        if isinstance(value, type):
            return self._reduce_class(value)
        path = path_in_shell(getattr(self._scope.kernel, "shell", None), value)
        if path is not None:
            return _shell, path
        offered = self._offered(value, kind)
        if offered is not None:
            return _attribute, offered
        words = tied_to_a_process(kind, self._tied)
        if words is not None:
            return self._reduce_tied(value, words)
        return reduce_method(value, _method_of) if kind is types.MethodType else self._reduce_any(value, kind)

    def _offered(self, value: Any, kind: type) -> Any:
        """Where a library offers this value under a name; None where it does not."""
        return place_offered(value, kind)

    def _reduce_any(self, value: Any, kind: type) -> Any:
        """What pickle itself would do, but an object that refuses becomes a placeholder on its own."""
        try:
            reduced = self._reduce_whole(value, kind)
            if reduced is not None:
                return reduced
            reduce = copyreg.dispatch_table.get(kind)
            reduced = reduce(value) if reduce is not None and not is_own(reduce) else without_answers(kind, value.__reduce_ex__(PROTOCOL))
        except Exception as error:
            if isinstance(error, RecursionError) and not (is_deep() or is_its_own(error)):
                raise
            return self._fail(value, "an object", f"{type(error).__name__}: {error}")
        if isinstance(reduced, str) and not _is_found(value, _home_of(value, reduced), reduced):
            return self._fail(value, "an object", "nothing says where it is defined")
        if isinstance(reduced, tuple) and len(reduced) > 2 and type(reduced[2]) is dict:
            kept = without_addresses(reduced[2]) if is_transform(kind) else with_own_lists(kind, without_table(kind, reduced[2]))
            reduced = (*reduced[:2], self._with_sentinels(kind, with_own_arrays(value, kept)), *reduced[3:])
        reduced = _made_whole(value, kind, reduced, self._scope.paths)
        attributes = forgotten_attributes(value, reduced, way_to_reduce(kind)) if isinstance(reduced, tuple) else None
        if attributes:
            make, args, state, items, pairs = (*reduced, None, None, None)[:5]
            return make, args, (state, attributes), items, pairs, _set_attributes
        told = left_out(value, kind, reduced) if isinstance(reduced, tuple) else None
        if told:
            make, args, state, items, pairs = (*reduced, None, None, None)[:5]
            return make, args, (state, told), items, pairs, _set_told
        return (*(*reduced, None, None)[:5], _set_state) if sets_attributes(kind, reduced) else reduced

    def _reduce_whole(self, value: Any, kind: type) -> Any:
        """How to rebuild an object of which pickle would lose something, copy memory, or run the notebook's code; `None` for any other."""
        if isinstance(value, BaseException):
            return self._reduce_exception(value)
        if isinstance(value, dict) and is_its_attributes(value, kind):
            return _own_dictionary, (kind,), list(dict.items(value)), None, None, _set_items
        if self._has_hooks(kind):
            make, args, parts = take_apart(value, kind)
            return make or _bare, args, self._parts_of(kind, parts), None, None, _put_in
        reduced = self._reduce_of_library(value, kind) if self._has_special_libraries else None
        return self._reduce_array_of_a_class(value, kind) if reduced is None and is_array_of_a_class(value, kind) else reduced

    def _reduce_of_library(self, value: Any, kind: type) -> Any:
        """The same for what libraries pickle in ways of their own, and not as it was."""
        if is_table_of_columns(kind):
            return _bare, (kind, False), vars(value), None, None, _take_columns
        if is_info(value):
            return kind, (True,), without_table(kind, value.__getstate__())
        if is_image_of_file(kind):
            return self._reduce_image(value)
        compiled = parts_of_compiled(value)
        return None if compiled is None else (_compiled, (kind, compiled))

    def _reduce_image(self, value: Any) -> Any:
        if has_several(value):
            return self._fail(value, "an image of several", "the others are read from the file that it has open")
        make, args, state = value.__reduce_ex__(PROTOCOL)[:3]
        return make, args, (state, said_by_file(value)), None, None, _set_attributes

    def _reduce_array_of_a_class(self, value: Any, kind: type) -> Any:
        """As an array: pickle would copy its memory, which others may see."""
        attributes = getattr(value, "__dict__", None)
        state = (None, without_table(kind, attributes)) if attributes else None
        array = value.view(sys.modules["numpy"].ndarray)
        if owns_memory(value):
            self._owners[id(array)] = array
        return _with_class, (kind, array), state, None, None, _set_attributes

    def _with_sentinels(self, kind: type, state: Dict[Any, Any]) -> Dict[Any, Any]:
        """The state of an object, with names for constants of its module that others are told from by their identity."""
        known = self._sentinels.get(kind)
        if known is None:
            known = self._sentinels[kind] = _sentinels_of(kind)
        found = {name: _Sentinel(known[id(item)]) for name, item in state.items() if id(item) in known} if known else {}
        return {**state, **found} if found else state

    def _reduce_handler(self, value: Any) -> Any:
        try:
            return _handler, described_handler(value)
        except Tied as tied:
            return self._fail(value, tied.what, "it belongs to the process that made it")

    def _reduce_match(self, value: Any) -> Any:
        try:
            return _match, self._matches.way_to(value)
        except pickle.PicklingError as error:
            return self._fail(value, "an object", str(error))

    def _reduce_weak_values(self, value: Any) -> Any:
        contexts = contexts_within(value)
        words = tied_to_a_process(type(value), self._tied)
        return (type(value), (contexts,)) if contexts is not None or words is None else self._reduce_tied(value, words)

    def _reduce_unit_registry(self, value: Any) -> Any:
        place, kind = place_of_registry(value), type(value)
        how = (_unit_registry, (number_of_registry(value), kind)) if place is None else (_attribute, place)
        return (*how, *self._parts_of(kind, (told_of_registry(value),)), None, None, _fill_registry)

    def _reduce_chart(self, value: Any) -> Any:
        reduced = self._reduce_any(value, type(value))
        if not isinstance(reduced, tuple) or len(reduced) < 3 or type(reduced[2]) is not dict:
            return reduced
        return (*reduced[:2], with_shared_text(reduced[2], self._version), *reduced[3:])

    def _reduce_registry(self, value: Any) -> Any:
        self._registries.append(value)
        return reduce_registry(value, PROTOCOL)

    def _has_hooks(self, kind: type) -> bool:
        if kind not in self._hooked:
            self._hooked[kind] = has_hooks(kind)
            if type(kind.__hash__) is types.FunctionType:
                self._hashed_by_code.append(kind)
        return self._hooked[kind]

    def _parts_of(self, kind: type, parts: Tuple[Any, ...]) -> Tuple[Any, ...]:
        """What is written of what an instance of a class with hooks consists of."""
        return parts

    def _reduce_tied(self, value: Any, words: str) -> Any:
        for name in ("stdout", "stderr", "stdin", "__stdout__", "__stderr__"):
            if value is getattr(sys, name, None):
                return _attribute, ("sys", name)
        return self._fail(value, words, "it belongs to the process that made it")

    def _fail(self, value: Any, words: str, reason: str) -> Any:
        failure = TravelFailure(self._version, type_name(type(value)), words, reason)
        self._failures.append(failure)
        return _placeholder, tuple(failure)

    def _reduce_placeholder(self, value: Placeholder) -> Any:
        failure = placeholder_failure(value)
        self._failures.append(failure)
        return _placeholder, tuple(failure)

    def _reduce_module(self, value: types.ModuleType) -> Any:
        if value is sys.modules.get("__main__"):
            return _main, ()
        name = name_of_module(value)
        if sys.modules.get(name) is value:
            self._modules[name] = None
            return _module, (name,)
        return self._fail(value, "a module", "it was not imported")

    # Functions.

    def _reduce_function(self, value: types.FunctionType) -> Any:
        home = value.__module__
        if home != "__main__" and _is_found(value, home, value.__qualname__):
            self._modules[home] = None
            return NotImplemented
        owner = self._scope.definitions.place_of_attribute(value)
        if owner is not None:
            self._mentioned[owner[0]] = None
            return _definition, owner
        module = self._module_of_globals(value.__globals__)
        if module is None:
            return self._reduce_generated(value)
        found = [name for name, item in list(vars(sys.modules[module]).items()) if item is value] if module != "__main__" else []
        if found:
            # What `functools.wraps` has made says that it is where the function is that it calls.
            return _attribute, (module, found[0])
        place = self._scope.code.place(value.__code__, module if module != "__main__" else None)
        if place is None:
            return self._fail(value, "a function", "its source is not known")
        return _function, (tuple(place), module, value.__closure__), _state_of(value), None, None, _set_function

    def _reduce_generated(self, value: types.FunctionType) -> Any:
        """A function that has names of its own, in which it only looks things up, is given those."""
        place, names = self._scope.code.generated_place(value.__code__), names_looked_up(value)
        if place is None or names is None:
            return self._fail(value, "a function", "its global names are nowhere to be found")
        return _generated, (tuple(place), value.__closure__), {**_state_of(value), "__globals__": names}, None, None, _set_function

    def _module_of_globals(self, names: Dict[str, Any]) -> Optional[str]:
        if names is self._scope.kernel.namespace:
            return "__main__"
        module = sys.modules.get(names.get("__name__", ""))
        return module.__name__ if module is not None and vars(module) is names else None

    def _reduce_cell(self, value: Any) -> Any:
        """A cell is made empty; what is in it comes after everything else, so that it may refer to anything."""
        number, _ = self._cells.setdefault(id(value), (len(self._cells), value))
        return _cell, (number,)

    def _reduce_cached(self, value: Any) -> Any:
        if _is_found(value, value.__module__, value.__qualname__) and value.__module__ != "__main__":
            return NotImplemented
        if value.cache_info().currsize:
            return self._fail(value, "a function with a filled cache", "nobody can read its cache")
        typed = value.cache_parameters()["typed"] if hasattr(value, "cache_parameters") else False
        return _cached, (value.__wrapped__, value.cache_info().maxsize, typed)

    # Classes.

    def _reduce_class(self, value: type) -> Any:
        if value.__module__ != "__main__" and _is_found(value, value.__module__, value.__qualname__):
            self._modules[value.__module__] = None
            return NotImplemented
        if value.__module__ == "builtins":
            # Types of the interpreter that have no name there have one in `types`.
            name = next((name for name, item in vars(types).items() if item is value), None)
            return NotImplemented if name is None else (_attribute, ("types", name))
        owner = self._scope.definitions.place_of_attribute(value)
        if owner is not None:
            self._mentioned[owner[0]] = None
            return _definition, owner
        maker = registry_of(value)
        if maker is not None and place_of_registry(maker) is not None:
            return getattr, (maker, value.__name__)
        made, state = self._scope.classes.take_apart(value)
        # Plain tuples: in the joined file our own classes are of `__main__`, and would travel as the notebook's.
        return _local_class, tuple(made), tuple(state), None, None, _set_class

    def _reduce_exception(self, value: BaseException) -> Any:
        if not reduces_itself(type(value)):
            return _exception, (type(value), arguments_of(value)), tuple(error_state(value)), None, None, _set_exception
        reduced = value.__reduce_ex__(PROTOCOL)
        # What such a class does not say, it takes for granted that nobody asks for.
        is_whole = not isinstance(reduced, tuple) or len(reduced) > 2
        return reduced if is_whole else (*reduced, tuple(error_state(value)), None, None, _set_exception)

    # Memory.

    def _add_types_of_libraries(self) -> None:
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            self._by_type[numpy.ndarray] = self._reduce_array
            self._by_type.update(dict.fromkeys((numpy.void, numpy.record), self._reduce_row))
            for dtype in number_dtypes(numpy):
                self._by_type[type(dtype)] = reduce_number
        random = sys.modules.get("numpy.random")
        state = getattr(random, "RandomState", None)
        if state is not None:
            self._by_type[state] = self._reduce_random_state
        generator = getattr(random, "Generator", None)
        if generator is not None:
            # Before numpy 2 it would travel without what others draw from as well.
            self._by_type[generator] = lambda value: (generator, (value.bit_generator,))
        torch = sys.modules.get("torch")
        if torch is not None and hasattr(torch, "Tensor"):
            from .tensors import TensorReducer

            reducer = TensorReducer(self._extents, _tensor, _parameter, _storage, self._fail)
            self._by_type[torch.Tensor] = reducer.reduce_tensor
            self._by_type[torch.nn.Parameter] = reducer.reduce_parameter
        pandas = sys.modules.get("pandas")
        if pandas is not None and hasattr(pandas, "Index"):
            self._add_types_of_pandas(pandas)
        figure = getattr(sys.modules.get("matplotlib.figure"), "Figure", None)
        if figure is not None:
            self._by_type[figure] = self._reduce_figure
        registry = registry_type()
        if registry is not None:
            self._by_type[registry] = self._reduce_registry
        self._by_type.update(dict.fromkeys(chart_types(), self._reduce_chart))
        self._by_type.update(dict.fromkeys(measured_types(), lambda value: (_measurement, parts_of_measured(value))))
        if registry_types():
            self._by_type.update(dict.fromkeys(registry_types(), self._reduce_unit_registry))
            self._by_type[weakref.WeakValueDictionary] = self._reduce_weak_values

    def _add_types_of_pandas(self, pandas: Any) -> None:
        """Know the memory that pandas never changes, and that it copies before it is changed."""
        for name in (
            "Index",
            "RangeIndex",
            "MultiIndex",
            "DatetimeIndex",
            "TimedeltaIndex",
            "PeriodIndex",
            "CategoricalIndex",
            "IntervalIndex",
        ):
            self._by_type[getattr(pandas, name)] = self._reduce_index
        self._by_type.update(dict.fromkeys((pandas.DataFrame, pandas.Series), self._reduce_table))
        if hasattr(pandas, "StringDtype"):
            self._by_type[pandas.StringDtype] = self._reduce_type_of_texts
        managers = sys.modules.get("pandas.core.internals.managers")
        # pandas 3 warns whoever asks for the option, which has no meaning any more.
        if int(pandas.__version__.split(".")[0]) >= 3 or getattr(getattr(pandas.options, "mode", None), "copy_on_write", True) is True:
            for name in ("BlockManager", "SingleBlockManager"):
                if hasattr(managers, name):
                    self._by_type[getattr(managers, name)] = self._reduce_blocks

    def _reduce_index(self, value: Any) -> Any:
        for part in (getattr(value, "_data", None), *getattr(value, "_codes", ())):
            self._guard(part, FROZEN)
        reduced = value.__reduce_ex__(PROTOCOL)
        return (*reduced[:2], (), None, None, _set_looked_up) if are_looked_up(value) else reduced

    def _reduce_type_of_texts(self, value: Any) -> Any:
        make, args = value.__reduce__()[:2]
        return make, tuple(_Interned(one) if type(one) is str else one for one in _with_known_nan(args))

    def _reduce_blocks(self, value: Any) -> Any:
        for block in value.blocks:
            self._guard(block.values, FROZEN if is_had_by_others(block) else COPIED_ON_WRITE)
        reduced = value.__reduce_ex__(PROTOCOL)
        others = tuple(number for number, block in enumerate(value.blocks) if is_had_by_others(block))
        state = reduced[2] if len(reduced) > 2 else None
        return (*reduced[:2], (state, others), None, None, _set_blocks) if others else reduced

    def _reduce_table(self, value: Any) -> Any:
        reduced = value.__reduce_ex__(PROTOCOL)
        attributes, is_copy = own_attributes(value), is_known_as_copy(value)
        return (*reduced[:2], (reduced[2], attributes, is_copy), None, None, _set_table) if attributes or is_copy else reduced

    def _guard(self, array: Any, guard: str) -> None:
        for part in (array, *(getattr(array, name, None) for name in ("_ndarray", "_data", "_mask"))):
            self._guards[id(part)] = guard
            # A part that is a view of all there is.
            self._guards[id(getattr(part, "base", None))] = guard

    def _reduce_random_state(self, value: Any) -> Any:
        """The generator of numpy itself is everywhere the one that the state of the channel was put into."""
        if value is getattr(sys.modules.get("numpy.random.mtrand"), "_rand", None):
            return _attribute, ("numpy.random.mtrand", "_rand")
        return self._reduce_any(value, type(value))

    def _reduce_array(self, value: Any) -> Any:
        wide = wide_texts(value, self._scope.paths)
        if wide is not None:
            return _wide_texts, wide
        owns = id(value) in self._owners or owns_memory(value)
        how, *parts = array_parts(value, self._extents, self._guards.get(id(value), ""), owns)
        return self._reduce_own(value) if how == "own" else ({"view": _view, "buffer": _over, "extent": _extent}[how], tuple(parts))

    def _reduce_row(self, value: Any) -> Any:
        """A row of an array of records: who sets a field of it sets that of the array."""
        rows = self._rows.get(id(value.base))
        if rows is None:
            rows = self._rows[id(value.base)] = RowsOf(value.base)
        if rows.root is None or not is_raw(value):
            return self._reduce_any(value, type(value))
        if rows.goes_as_a_whole():
            return _row, (rows.root, value.dtype, rows.offset_of(value))
        return _row, (rows.array_of(value), value.dtype, 0)

    def _reduce_own(self, value: Any) -> Any:
        """An array that is small, or holds objects."""
        way = self._texts.way_to(value)
        if way is not None:
            return _texts, tuple(way._replace(others=_with_known_nan(way.others)))
        if value.flags.writeable and value.dtype.isnative:
            return value.__reduce__()
        return (_own, own_parts(value)) if is_raw(value) else (_read_only, value.__reduce__())

    def _reduce_figure(self, value: Any) -> Any:
        """A figure travels without its place among pyplot's, so that reading it registers nothing."""
        reduced = value.__reduce_ex__(PROTOCOL)
        state = dict(reduced[2])
        state.pop("_restore_to_pylab", None)
        return (_figure, (*reduced[:2], tuple(name for name in _SHOW_FIGURES if name in sys.modules)), state, *reduced[3:])

    def _buffer(self, buffer: pickle.PickleBuffer) -> bool:
        """Take memory that an object offers; true leaves it in the pickle."""
        view = buffer.raw()
        address = address_of(view) if view.nbytes else 0
        if address == 0:
            return True
        extent = Extent(address, view.nbytes, buffer, view, READ_ONLY if view.readonly else "")
        if view.nbytes < _SMALL_BUFFER:
            self._extents.short.append(extent)
            return True
        self._buffers.append(self._extents.add(extent))
        return False


# Whose objects are asked one by one how they travel.
_SPECIAL_LIBRARIES = ("astropy", "numba", "PIL.ImageFile")


class _Interned:
    """Stands for a text that is one object in each process, as those that are written in code are: pickle writes it once."""

    def __init__(self, text: str) -> None:
        self.text = text


class _SetsInOrder:
    """What comes last in a frame: sets that are there by then, and how each is filled."""

    def __init__(self, fillings: List[Tuple[Any, ...]]) -> None:
        self.fillings = fillings


class _Connections:
    """What comes after everything else in a frame: what calls functions, and these functions."""

    def __init__(self, functions: List[Tuple[Any, ...]]) -> None:
        self.functions = functions


class _Sentinel:
    """Stands for a constant of a module: which module, and what it is called there."""

    def __init__(self, place: Tuple[str, str]) -> None:
        self.place = place


def _with_known_nan(values: Sequence[Any]) -> List[Any]:
    """These values, with a name for numpy's own NaN, so that nothing else of theirs has to be written in the exact way."""
    nan = getattr(sys.modules.get("numpy"), "nan", None)
    return [_Sentinel(("numpy", "nan")) if value is nan else value for value in values]


def _reduce_proxy(value: Any) -> Tuple[Any, ...]:
    """A view of the names of a class is that of the class; any other shows a dictionary."""
    (shown,) = gc.get_referents(value)
    names = shown if type(shown) is dict else {}
    of_class = (getattr(names.get(name), "__objclass__", None) for name in ("__dict__", "__weakref__"))
    owner = next((one for one in of_class if isinstance(one, type)), None)
    if owner is not None and gc.get_referents(vars(owner))[0] is shown:
        return getattr, (owner, "__dict__")
    return types.MappingProxyType, (shown,)


def _sentinels_of(kind: type) -> Dict[int, Tuple[str, str]]:
    """The texts and bare objects that the modules of a class have under a name, by their identity."""
    modules = dict.fromkeys(base.__module__ for base in kind.__mro__ if base.__module__ not in ("__main__", "builtins"))
    named = ((module, name, item) for module in modules for name, item in vars(sys.modules.get(module, NAMES)).items())
    return {id(item): (module, name) for module, name, item in named if type(item) in (str, object) and not name.startswith("__")}


_SMALL_BUFFER = 1 << 12
# They tell the shell how to show figures, once for each process.
_SHOW_FIGURES = ("matplotlib.pyplot", "matplotlib_inline.backend_inline")
_EMPTY = "nbcompile: nothing"
_NEW_WITH_KEYWORDS = copyreg.__newobj_ex__  # type: ignore[attr-defined]


def _is_hashed_by_code(key: Any, kinds: Sequence[type]) -> bool:
    """Whether code that is written in Python works out the hash of a key, or of a part of it."""
    return any(_is_hashed_by_code(part, kinds) for part in key) if type(key) in (tuple, frozenset) else type(key) in kinds


def _base_of(container: Any) -> Any:
    """The built-in type of a container: its own class may walk through anything."""
    return next(one for one in (dict, set, frozenset) if isinstance(container, one))


def _finds_all(container: Any) -> bool:
    """Whether a container finds each of its elements."""
    kind = _base_of(container)
    keys = list(kind.__iter__(container))
    try:
        return all(kind.__contains__(container, key) for key in keys) and len(set(keys)) == len(keys)
    except Exception:  # noqa: BLE001 (whatever the hash of an element raises: it is not found)
        return False


def _reduce_mapping_iterator(which: str, iterator: Any) -> Any:
    """An iterator goes on in its own dictionary, and notices what is changed there; that of a namespace goes on in a copy of the rest."""
    to_come = _still_to_come(iterator)
    if to_come is None:
        return _mapping_iterator, (which, None)
    mapping = next((one for one in gc.get_referents(iterator) if isinstance(one, dict)), None)
    if mapping is None or "__name__" in mapping or "__module__" in mapping:
        return _mapping_iterator, (which, to_come)
    given = len(mapping) - len(to_come)
    rest = itertools.islice(getattr(dict, which)(mapping), given, None)
    goes_on = all(map(_is_same_item if which == "items" else operator.is_, rest, to_come))
    return (_iterator_within, (which, mapping, given)) if goes_on else (_mapping_iterator, (which, to_come))


def _is_same_item(one: Any, other: Any) -> bool:
    return one[0] is other[0] and one[1] is other[1]


def _still_to_come(iterator: Any) -> Optional[List[Any]]:
    """What an iterator of a dictionary or set will give; nothing where that has grown or shrunk, of which the iterator complains."""
    try:
        return list(iterator.__reduce__()[1][0])
    except RuntimeError:
        return None


def _cell_contents(cell: Any) -> Tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()


def _state_of(function: types.FunctionType) -> Dict[str, Any]:
    """What a function has besides its code."""
    state = {
        "__defaults__": function.__defaults__,
        "__kwdefaults__": function.__kwdefaults__,
        "__dict__": function.__dict__,
        "__name__": function.__name__,
        "__qualname__": function.__qualname__,
        "__module__": function.__module__,
        "__doc__": function.__doc__,
        "__annotations__": _annotations(function),
    }
    texts = function.__code__.co_consts[:1]
    # A function is made with the text of its code.
    is_mute = function.__doc__ is None and bool(texts) and isinstance(texts[0], str)
    return {name: item for name, item in state.items() if item or (is_mute and name == "__doc__")}


def _annotations(function: types.FunctionType) -> Any:
    try:
        return function.__annotations__
    except NameError:
        # From Python 3.14 on they are evaluated when they are asked for.
        return None


def _made_whole(value: Any, kind: type, reduced: Any, paths: OwnPaths) -> Any:
    """How to make an object again, with what its library would lose on the way."""
    reduced = with_own_memory(value, kind, paths, with_properties(value, made_with_units(kind, _with_own_keywords(reduced))))
    return (_read_only, reduced) if loses_that_it_is_read_only(value, reduced) else reduced


def _with_own_keywords(reduced: Any) -> Any:
    """How to make an object again, with keywords that nobody shares, since `__new__` is given a dictionary of its own."""
    if not isinstance(reduced, tuple) or reduced[0] is not _NEW_WITH_KEYWORDS:
        return reduced
    kind, args, keywords = reduced[1]
    return (reduced[0], (kind, args, dict(keywords)), *reduced[2:])


def type_name(kind: type) -> str:
    """What a type is called in messages and in OUTPUTS.json."""
    return kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"


def _home_of(value: Any, name: str) -> Optional[str]:
    """The module in which pickle looks for a name: where the value says that it is, or else the first that has it."""
    home = getattr(value, "__module__", None)
    if home is not None:
        return str(home)
    others = (item for item in list(sys.modules.items()) if item[0] != "__main__")
    return next((module for module, found in others if getattr(found, "__dict__", {}).get(name) is value), None)


def _imported(module: str) -> Any:
    """A module; one that nobody has imported yet is, as pickle would: `numpy.rec` is only where its classes say that they are."""
    top = module.partition(".")[0]
    if module not in sys.modules and top != module and top in sys.modules:
        # The module's own code may raise anything: then nobody finds the value there, and it is sent as one that has no place.
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    return sys.modules.get(module)


def _is_found(value: Any, module: Optional[str], name: str) -> bool:
    """Whether importing gives this very object under this name."""
    found: Any = _imported(module or "")
    for part in name.split("."):
        found = getattr(found, part, _EMPTY)
    return found is value
