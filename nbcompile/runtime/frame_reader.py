"""Pickled frames and memory -> objects of the notebook."""

from __future__ import annotations

import functools
import gc
import importlib
import io
import itertools
import os
import pickle
import struct
import sys
import types
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from .arrays import bytes_of, note_owner, rebuild_array_view, rebuild_own, rebuild_row, rebuild_view, with_its_own_memory
from .attributes import not_found_again, set_attributes, take_state, with_known_names
from .callbacks import connect, is_transform, with_addresses
from .code_places import CodePlace
from .columns import take_columns
from .compiled import make_compiled
from .definitions import NamesAfter
from .exceptions import made_again, set_error_state
from .instances import complete, make_bare, set_own_state
from .library_settings import sent_handler
from .loaded import LOADED
from .measurements import measured
from .payload_file import broken_payload
from .placeholders import CannotTravel, Placeholder, TravelFailure
from .set_order import Filling, Order
from .shared_texts import text_labelled
from .shell_settings import part_of_shell
from .standard_types import Matches, MatchWay
from .streams import stream_of_process
from .tables import have_as_others, look_up, make_known_as_copy, set_own_attributes
from .texts import Texts, TextsWay, rebuild_wide_texts
from .units import fill_registry, registry_numbered
from .value_writer import NAMES, Scope, type_name


class FrameInFile(NamedTuple):
    """A frame as it is found in a payload; `places` are start and length of its extents in `memory`, of which arrays `owned` some alone."""

    path: str
    content: Any
    memory: Any
    places: List[Tuple[int, int]]
    buffers: List[int]
    owned: Sequence[int] = ()


# No notebook can have this name.
_CALLED = "<load>"
_LOAD = compile("load()", "<payload>", "eval").replace(co_names=(_CALLED,))


class Reader(pickle.Unpickler):
    """Unpickles one frame. Its methods are what the names of `nbcompile_payload` mean in it."""

    def __init__(self, frame: "FrameInFile", scope: Scope, cell: int) -> None:
        """`cell` is the last cell of which the frame knows."""
        self._memory = frame.memory
        self._places = frame.places
        self._path = frame.path
        self._scope = scope
        self._cells: Dict[int, Any] = {}
        self._exact: Dict[int, Any] = {}
        self._matches = Matches()
        self._texts = Texts(scope.paths)
        self._owned = frozenset(frame.owned)
        self._owning: Dict[int, Any] = {}
        self._row_bytes: Dict[int, Tuple[Any, Any]] = {}
        self._told: List[Tuple[Any, Dict[str, Any]]] = []
        self._cell = cell
        view = memoryview(frame.memory)
        stretches = [frame.places[number] for number in frame.buffers]
        super().__init__(io.BytesIO(frame.content), buffers=[view[start : start + length] for start, length in stretches])

    def read(self, pickles: int) -> Any:
        """The value of the frame, with the closure cells filled."""
        namespace, own = self._scope.kernel.namespace, {_CALLED: self.load}
        collecting = gc.isenabled()
        gc.disable()
        try:
            # As if a cell had called it: some objects look for names of the notebook in their caller.
            value = eval(_LOAD, namespace, NamesAfter(self._scope.definitions, namespace, self._cell, own))  # noqa: S307 (our own code)
            number = 0
            for contents in (self.load() for _ in range(pickles - 1)):
                if contents:
                    self.cell(number).cell_contents = contents[0]
                # What is no cell is nothing.
                number += contents is not None
            self._compare_told()
            return value
        finally:
            # An object may keep the names, and must not keep us, who know all objects. We reach ourselves, too.
            own.clear()
            self.memo.clear()
            vars(self).clear()
            if collecting:
                gc.enable()

    def _compare_told(self) -> None:
        """Refuse an object that came without something it had, and that nobody could find again."""
        for made, attributes in self._told:
            name = not_found_again(made, attributes)
            if name:
                raise CannotTravel(f"how `{type_name(type(made))}` is pickled leaves out its `{name}`, which is another one in the copy")

    def persistent_load(self, found: Tuple[Any, ...]) -> Any:
        """A frozenset, NaN or text, by its number, and how it is made where it comes first."""
        number, *making = found
        if making:
            kind, parts, rest = making
            if kind == "frozenset":
                self._exact[number] = Order(*parts).make()
            elif kind == "path":
                text = self._scope.paths.text_of(parts)
                self._exact[number] = os.fsencode(text) if rest == "bytes" else text
            else:
                self._exact[number] = self.attribute(*parts) if parts else struct.unpack("d", rest)[0]
        return self._exact[number]

    def find_class(self, module: str, name: str) -> Any:
        if module == NAMES.__name__:
            return getattr(self, name)
        LOADED.reads(module)
        return super().find_class(module, name)

    def definition(self, statement: str, name: str) -> Any:
        return self._scope.definitions.lookup(statement, name)

    def module(self, name: str) -> Any:
        return importlib.import_module(name)

    def main(self) -> Any:
        return sys.modules["__main__"]

    def attribute(self, module: str, name: str) -> Any:
        return getattr(importlib.import_module(module), name)

    def stream(self, name: str) -> Any:
        return stream_of_process(name)

    def handler(self, *described: Any) -> Any:
        return sent_handler(*described)

    def placeholder(self, *failure: str) -> Any:
        return Placeholder(TravelFailure(*failure))

    def extent(self, number: int, *layout: Any) -> Any:
        array = rebuild_view(self._memory, self._places[number][0], layout)
        return self._as_owner(array, type(array)) if number in self._owned else array

    def _as_owner(self, array: Any, kind: type) -> Any:
        """An array that had its memory for itself, and has it again where somebody may look at that."""
        made = with_its_own_memory(array, kind) if self._scope.owners else None
        if made is None:
            made = note_owner(array if type(array) is kind else array.view(kind))
        self._owning[id(made)] = made
        return made

    def own(self, *parts: Any) -> Any:
        return rebuild_own(*parts)

    def row(self, array: Any, dtype: Any, offset: int) -> Any:
        if id(array) not in self._row_bytes:
            self._row_bytes[id(array)] = array, bytes_of(array)
        return rebuild_row(self._row_bytes[id(array)][1], dtype, offset)

    def texts(self, *parts: Any) -> Any:
        return self._texts.make(TextsWay(*parts))

    def wide_texts(self, *parts: Any) -> Any:
        return rebuild_wide_texts(*parts)

    def read_only(self, make: Any, args: Any, state: Any) -> Any:
        made = make(*args)
        made.__setstate__(state)
        made.flags.writeable = False
        return made

    def with_class(self, kind: type, array: Any) -> Any:
        return self._as_owner(array, kind) if id(array) in self._owning else array.view(kind)

    def view(self, base: Any, *layout: Any) -> Any:
        return rebuild_array_view(base, layout)

    def over(self, base: Any, *layout: Any) -> Any:
        return rebuild_view(base, 0, layout)

    def storage(self, number: int) -> Any:
        from .tensors import NO_MEMORY, rebuild_storage

        offset, length = self._places[number] if number != NO_MEMORY else (0, 0)
        return rebuild_storage(memoryview(self._memory)[offset : offset + length])

    def tensor(self, *parts: Any) -> Any:
        from .tensors import rebuild_tensor

        return rebuild_tensor(*parts)

    def parameter(self, *parts: Any) -> Any:
        from .tensors import rebuild_parameter

        return rebuild_parameter(*parts)

    def cell(self, number: int) -> Any:
        if number not in self._cells:
            self._cells[number] = types.CellType()
        return self._cells[number]

    def function(self, place: Tuple[Any, ...], module: str, closure: Optional[Tuple[Any, ...]]) -> types.FunctionType:
        try:
            code = self._scope.code.code(CodePlace(*place))
        except LookupError as error:
            raise broken_payload(self._path, str(error)) from error
        if module == "__main__":
            made: types.FunctionType = self._scope.kernel.function(code, closure)
            return made
        return types.FunctionType(code, vars(importlib.import_module(module)), None, None, closure)

    def generated(self, place: Tuple[Any, ...], closure: Optional[Tuple[Any, ...]]) -> types.FunctionType:
        try:
            return self._scope.code.generated_function(CodePlace(*place), closure)
        except LookupError as error:
            raise broken_payload(self._path, str(error)) from error

    def set_function(self, function: types.FunctionType, state: Dict[str, Any]) -> None:
        function.__dict__.update(state.pop("__dict__", {}))
        function.__globals__.update(state.pop("__globals__", {}))
        for name, value in state.items():
            setattr(function, name, value)

    def shell(self, *path: str) -> Any:
        shell = getattr(self._scope.kernel, "shell", None)
        return None if shell is None else part_of_shell(shell, path)

    def take_columns(self, made: Any, attributes: Any) -> None:
        take_columns(made, attributes)

    def set_attributes(self, made: Any, state: Any) -> None:
        set_attributes(made, state)

    def set_state(self, made: Any, state: Dict[Any, Any]) -> None:
        state = with_known_names(state)
        take_state(made, with_addresses(state) if is_transform(type(made)) else state)

    def set_told(self, made: Any, parts: Tuple[Any, Dict[str, Any]]) -> None:
        state, told = parts
        if not hasattr(made, "__setstate__"):
            set_own_state(made, state)
        elif type(state) is dict:
            self.set_state(made, state)
        else:
            made.__setstate__(state)
        self._told.append((made, told))

    def compiled(self, kind: Any, parts: Any) -> Any:
        return make_compiled(kind, parts)

    def own_dictionary(self, kind: type) -> Any:
        made: Any = dict.__new__(kind)
        object.__setattr__(made, "__dict__", made)
        return made

    def set_items(self, made: Any, items: List[Tuple[Any, Any]]) -> None:
        dict.update(made, items)

    def bare(self, kind: type, initialised: bool, *args: Any) -> Any:
        return make_bare(kind, initialised, *args)

    def put_in(self, made: Any, parts: Tuple[Any, ...]) -> None:
        complete(made, parts)

    def set_blocks(self, made: Any, state: Tuple[Any, Tuple[int, ...]]) -> None:
        own, others = state
        if own is not None:
            made.__setstate__(own)
        for number in others:
            have_as_others(made.blocks[number])

    def fill_sets(self, fillings: List[Tuple[Any, ...]]) -> None:
        for value, *way in fillings:
            Filling(*way).fill(value)

    def connect_all(self, functions: List[Tuple[Any, ...]]) -> None:
        for registry, called in functions:
            connect(registry, called)

    def set_table(self, made: Any, parts: Tuple[Any, Dict[str, Any], bool]) -> None:
        state, attributes, is_copy = parts
        made.__setstate__(state)
        set_own_attributes(made, attributes)
        if is_copy:
            make_known_as_copy(made)

    def set_looked_up(self, labels: Any, nothing: Any) -> None:
        look_up(labels)

    def figure(self, make: Any, args: Any, modules: Tuple[str, ...]) -> Any:
        for name in modules:
            importlib.import_module(name)
        return make(*args)

    def local_class(self, *made: Any) -> type:
        return self._scope.classes.make(*made)

    def set_class(self, made: type, state: Any) -> None:
        self._scope.classes.complete(made, state)

    def unit_registry(self, number: str, kind: type) -> Any:
        return registry_numbered(number, kind)

    def fill_registry(self, registry: Any, state: Dict[str, Any]) -> None:
        fill_registry(registry, state, self._cell)

    def shared_text(self, label: str, text: str) -> str:
        return text_labelled(label, text)

    def measured(self, *parts: Any) -> Any:
        return measured(*parts)

    def exception(self, kind: Any, args: Tuple[Any, ...]) -> BaseException:
        return made_again(kind, args)

    def set_exception(self, made: BaseException, state: Any) -> None:
        set_error_state(made, state)

    def cached(self, function: Any, maxsize: Optional[int], typed: bool) -> Any:
        return functools.lru_cache(maxsize, typed)(function)

    def descriptor(self, owner: type, name: str) -> Any:
        return vars(owner)[name]

    def method_of(self, owner: Any, name: str) -> Any:
        """The method that the owner's class has under a name, whatever the owner itself has there."""
        return types.MethodType(next(vars(kind)[name] for kind in type(owner).__mro__ if name in vars(kind)), owner)

    def match(self, pattern: Any, text: Any, start: int, end: int, way: MatchWay) -> Any:
        return self._matches.find(pattern, text, start, end, way)

    def mapping_view(self, which: str, mapping: Dict[Any, Any]) -> Any:
        return getattr(mapping, which)()

    def mapping_iterator(self, which: str, to_come: Optional[List[Any]]) -> Any:
        if which == "elements":
            return self._iterator_of_set() if to_come is None else self.mapping_iterator("values", to_come)
        if to_come is None:
            mapping: Dict[Any, Any] = {}
            invalid = iter(getattr(mapping, which)())
            mapping[None] = None
            return invalid
        mapping = dict(to_come) if which == "items" else dict.fromkeys(to_come) if which == "keys" else dict(enumerate(to_come))
        return iter(getattr(mapping, which)())

    def _iterator_of_set(self) -> Any:
        """An iterator of a set that has grown."""
        elements: Set[Any] = set()
        invalid = iter(elements)
        elements.add(None)
        return invalid

    def iterator_within(self, which: str, mapping: Dict[Any, Any], given: int) -> Any:
        iterator = iter(getattr(dict, which)(mapping))
        for _ in itertools.islice(iterator, given):
            pass
        return iterator
