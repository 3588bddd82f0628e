"""Whether an object is still what it was: the print of a value before and after a cell.

A print is made of the pickle of a value and of the contents of its arrays. Large arrays whose memory came with a payload are
compared with the payload, page by page and only where they were written to; of other very large arrays some of the bytes count.
Of many texts or numbers, each an object, the objects themselves are kept and compared. How a library arranges its memory does not count.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import hashlib
import io
import mmap
import operator
import struct
import sys
import warnings
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

from .attributes import SET_BY_TEST_RUNNERS, without_caches, without_counts
from .extents import address_of
from .local_classes import ClassState, member_attributes
from .offered import place_offered
from .recursion import as_deep_as_needed
from .sharing import unchanging_types
from .tables import are_looked_up, notes_on
from .value_writer import Scope, ValueWriter, payload_name

# Of a pickle that is longer than this the rest is not made: such a value is compared by how it begins and by its length.
_LONGEST_PICKLE = 8 << 20
# From this length on objects that nobody can change are kept rather than pickled.
_MANY = 1000
# Arrays from this size on are compared with the payload they lie in, and up to this size by all of their bytes.
_MAPPED_BYTES = 1 << 20
_HASHED_BYTES = 64 << 20
_PRINT_PIECE = 4096
_SAMPLES = 4096
_PRESENT, _SWAPPED, _OF_FILE = 1 << 63, 1 << 62, 1 << 61
# What never changes, or changes only with its name.
_UNCHANGING_KINDS = frozenset((type(None), bool, int, float, complex, str, bytes, range, type(...)))

# What a function has in dictionaries; annotations are evaluated when somebody asks for them since Python 3.14.
_TABLES_OF_FUNCTIONS = ("__dict__", "__kwdefaults__", *(("__annotations__",) if sys.version_info < (3, 14) else ()))
# Attributes of a class that Python and pickle set by themselves.
_NOT_WRITTEN = (
    "__dict__", "__weakref__", "__doc__", "__slotnames__", "__annotations__", "__annotations_cache__", "__annotate_func__",
    *SET_BY_TEST_RUNNERS, "_value2member_map_", "_unhashable_values_", "_unhashable_values_map_", "_hashable_values_",
)  # fmt: skip
# Containers of a class, unless they are long.
_GLANCED_AT, _GLANCED = (list, dict, set), 100

# What holds more than can be seen, and can be another at every look.
_HIDES_WORDS = """
    a generator; an asynchronous generator; an open file; an open archive; an open database; a mapped file; a temporary file; a connection;
    a database connection; a database session; a database cursor; shared memory; a queue between threads; a queue between processes;
    a context variable; a dictionary of weak references; a set of weak references
"""
_HIDES = frozenset(" ".join(words.split()) for words in _HIDES_WORDS.split(";"))

# What stands for arrays, tables and columns in a pickle that nobody reads.
_array, _table, _series, _masked = map(payload_name, ("print_array", "print_table", "print_series", "print_masked"))
_items = payload_name("print_items")


class Mapped(NamedTuple):
    """A payload file that is mapped, and where."""

    path: str
    memory: Any


class Stretch(NamedTuple):
    """The content of an array that is what a file has at a place."""

    path: str
    offset: int
    length: int

    def hash(self) -> bytes:
        """What the hash of the array would be."""
        with open(self.path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
            view = memoryview(memory)[self.offset : self.offset + self.length]
            try:
                return _hash(view)
            finally:
                view.release()


class Items:
    """Objects that nobody can change, in their order. As they are kept, nothing else can come to be where they are."""

    def __init__(self, items: List[Any]) -> None:
        self._items = items

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Items) or len(self._items) != len(other._items):
            return False
        return all(map(operator.is_, self._items, other._items)) or all(map(_are_alike, self._items, other._items))

    __hash__ = None  # type: ignore[assignment]


def _are_alike(one: Any, two: Any) -> bool:
    if one is two or type(one) is not type(two):
        return one is two
    # Equal numbers may be different zeros, and what is no number equals nothing.
    return repr(one) == repr(two) if isinstance(one, (float, complex)) else one == two


def _items_of(values: List[Any]) -> Optional[Items]:
    """These values, if there are many and nobody can change them."""
    return Items(values) if len(values) >= _MANY and _UNCHANGING_KINDS.issuperset(map(type, values)) else None


class Print(NamedTuple):
    """What a value is: the digest of its pickle, and of each array its hash, its items, or where its content is found."""

    digest: bytes
    arrays: Tuple[Any, ...]

    def is_like(self, other: "Print") -> bool:
        """Whether both are of the same value."""
        if self.digest != other.digest or len(self.arrays) != len(other.arrays):
            return False
        return all(one == two or _hash_of(one) == _hash_of(two) for one, two in zip(self.arrays, other.arrays))


def _hash_of(array: Any) -> bytes:
    found: bytes = array.hash() if isinstance(array, Stretch) else array
    return found


class Prints:
    """Takes prints of values. `mapped` are the payloads whose memory arrays may still lie in.

    Where it `counts_lookups`, a table is another one once a label was looked up: it has more memory.
    """

    counts_lookups = False

    def __init__(self, scope: Scope, mapped: Iterable[Mapped]) -> None:
        self._scope = scope
        self._mapped = [(address_of(one.memory), len(one.memory), one.path) for one in mapped]

    def take(self, name: str, value: Any) -> Optional[Print]:
        """The print of a value; `None` where it is never another, or nobody can tell."""
        found = self.take_all(name, value)
        return found if isinstance(found, Print) else None

    def take_all(self, name: str, value: Any) -> Any:
        """The same; but what holds more than can be seen is never like anything."""
        if type(value) in _UNCHANGING_KINDS or (isinstance(value, type) and not self._scope.sends(value)):
            return None
        items = _items_of(list(value)) if type(value) is list else None
        if items is not None:
            return Print(b"list", (items,))
        try:
            return as_deep_as_needed(lambda: self._print_of(name, value))
        except Exception:  # noqa: BLE001 (whatever pickling raises: nobody can tell whether this value changed)
            return None

    def _print_of(self, name: str, value: Any) -> Any:
        beginning = _Beginning()
        with contextlib.closing(_PrintWriter(name, self._scope, self, beginning)) as writer:
            arrays = writer.arrays
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    frame = writer.write(value)
            except _TooLong:
                return Print(beginning.digest(repr((type(value).__name__, _length(value)))), tuple(arrays))
        if frame.failures:
            return None if _HIDES.isdisjoint(failure.what for failure in frame.failures) else object()
        return Print(hashlib.blake2b(frame.content, digest_size=16).digest(), tuple(arrays))

    def of_array(self, array: Any) -> Any:
        """The hash of an array's bytes, or where they are found."""
        content = memoryview(array.reshape(-1).view("u1")) if array.flags.c_contiguous else memoryview(array.tobytes())
        if len(content) >= _MAPPED_BYTES and array.flags.c_contiguous:
            address = array.__array_interface__["data"][0]
            for start, length, path in self._mapped:
                lies_in_it = start and start <= address and address + len(content) <= start + length
                if lies_in_it and _as_in_file(address, content, path, address - start):
                    return Stretch(path, address - start, len(content))
        return _hash(content)


class _TooLong(Exception):
    pass


class _Beginning(io.BytesIO):
    """Takes a pickle that is not too long, or how one begins that is."""

    def write(self, content: Any) -> int:
        room = _LONGEST_PICKLE - self.tell()
        if len(content) > room:
            super().write(memoryview(content)[:room])
            raise _TooLong
        return super().write(content)

    def digest(self, length: str) -> bytes:
        found = hashlib.blake2b(length.encode(), digest_size=16)
        found.update(self.getbuffer())
        return found.digest()


class _PrintWriter(ValueWriter):
    """Pickles a value without what it keeps only to answer faster, and tables as their columns."""

    def __init__(self, name: str, scope: Scope, prints: Prints, stream: _Beginning) -> None:
        super().__init__(name, scope, stream)
        self._prints = prints
        self._unchanging = unchanging_types()
        self.arrays: List[Any] = []
        self._by_type.update(dict.fromkeys((io.StringIO, io.BytesIO, functools.partial), self._reduce_with_attributes))
        masked = sys.modules.get("numpy.ma")
        if masked is not None and hasattr(masked, "MaskedArray"):
            # Which value stands for what is masked is worked out when somebody asks.
            self._by_type[masked.MaskedArray] = lambda value: (
                _masked,
                (value.data, masked.getmaskarray(value), value.fill_value, bool(value.hardmask)),
            )
        pandas = sys.modules.get("pandas")
        if pandas is not None and hasattr(pandas, "DataFrame"):
            self._by_type[pandas.DataFrame] = self._reduce_table
            self._by_type[pandas.Series] = lambda value: (_series, (value.array, value.index, value.name, *self._notes_on(value)))

    def _functions_called(self) -> List[Tuple[Any, ...]]:
        """Who hears of a change is no part of the value."""
        return []

    def _offered(self, value: Any, kind: type) -> Any:
        """What never changes is the same whichever module has a name for it by now, as those that are loaded later have for numbers."""
        return None if isinstance(value, self._unchanging) else super()._offered(value, kind)

    def _reduce_array(self, value: Any) -> Any:
        if value.dtype.hasobject:
            items = _items_of(value.ravel("K").tolist()) if value.dtype.char == "O" else None
            if items is None:
                return value.__reduce__()
            self.arrays.append(items)
            return _items, (value.shape, value.strides, bool(value.flags.writeable))
        self.arrays.append(self._prints.of_array(value))
        return _array, (value.dtype, value.shape, bool(value.flags.writeable))

    def _reduce_index(self, value: Any) -> Any:
        """Labels are the same whether or not somebody has looked them up."""
        return super()._reduce_index(value)[:2]

    def _reduce_table(self, value: Any) -> Any:
        return _table, (
            value.columns,
            value.index,
            [value._get_column_array(number) for number in range(value.shape[1])],
            *self._notes_on(value),
        )

    def _notes_on(self, table: Any) -> List[Any]:
        return [*notes_on(table), self._prints.counts_lookups and are_looked_up(table.index)]

    def _reduce_with_attributes(self, value: Any) -> Any:
        """A buffer or a partial has a dictionary for attributes from when somebody first looks for one."""
        reduced = self._reduce_any(value, type(value))
        if not isinstance(reduced, tuple) or not isinstance(reduced[2], tuple):
            return reduced
        *content, attributes = reduced[2]
        return (*reduced[:2], (*content, attributes or None), *reduced[3:])

    def _reduce_class(self, value: type) -> Any:
        """Few ask a class for its subclasses, and that is known before any cell runs."""
        reduced = super()._reduce_class(value)
        if not isinstance(reduced, tuple) or len(reduced) < 3:
            return reduced
        return (*reduced[:2], tuple(ClassState(*reduced[2])._replace(subclasses=())), *reduced[3:])

    def _reduce_any(self, value: Any, kind: type) -> Any:
        reduced = super()._reduce_any(value, kind)
        state = reduced[2] if isinstance(reduced, tuple) and len(reduced) > 2 else None
        if isinstance(state, dict):
            return (*reduced[:2], _without_caches(kind, state), *reduced[3:])
        # Arrays of pandas have their attributes beside what they hold.
        return (*reduced[:2], self._parts_of(kind, state), *reduced[3:]) if type(state) is tuple else reduced

    def _parts_of(self, kind: type, parts: Tuple[Any, ...]) -> Tuple[Any, ...]:
        return tuple(_without_caches(kind, part) if isinstance(part, dict) else part for part in without_counts(kind, parts))


def _without_caches(kind: type, state: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The attributes that count; an object without any has no state at all."""
    return without_caches(kind, state) or None


def _length(value: Any) -> Any:
    return len(value) if isinstance(value, (list, dict, set, tuple, bytearray)) else getattr(value, "shape", None)


def _hash(content: memoryview) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    if len(content) <= _HASHED_BYTES:
        digest.update(content)
        return digest.digest()
    stride = len(content) // _SAMPLES
    for start in range(0, len(content), stride):
        digest.update(content[start : start + _PRINT_PIECE])
    digest.update(content[-_PRINT_PIECE:])
    return digest.digest()


def _as_in_file(address: int, content: memoryview, path: str, offset: int) -> bool:
    """Whether mapped memory is what the file has there. Pages that nobody wrote to are."""
    page = mmap.PAGESIZE
    first, last = address // page, (address + len(content) - 1) // page
    try:
        with open("/proc/self/pagemap", "rb", buffering=0) as table:
            table.seek(first * 8)
            entries = table.read((last - first + 1) * 8)
    except OSError:
        return False
    flags = struct.unpack(f"={len(entries) // 8}Q", entries)
    if len(flags) != last - first + 1:
        return False
    written = [number for number, flag in enumerate(flags, first) if flag & (_PRESENT | _SWAPPED) and not flag & _OF_FILE]
    if not written:
        return True
    with open(path, "rb") as file:
        return all(_same_page(number * page, address, content, file, offset) for number in written)


def _same_page(start: int, address: int, content: memoryview, file: Any, offset: int) -> bool:
    low, high = max(start, address) - address, min(start + mmap.PAGESIZE, address + len(content)) - address
    file.seek(offset + low)
    return bool(file.read(high - low) == content[low:high])


def _glance(item: Any) -> Tuple[Any, ...]:
    """Which object an attribute is, and what a short container has."""
    kind = type(item)
    if kind not in _GLANCED_AT or len(item) > _GLANCED:
        return (id(item),)
    return (id(item), *map(id, item), *(map(id, item.values()) if kind is dict else ()))


def shallow_print(value: Any) -> Tuple[Any, ...]:
    """What a definition statement made, one level deep: the parts of a function, the attributes of a class."""
    if isinstance(value, type):
        members = vars(value).get("_member_map_", {}).values() if issubclass(value, enum.Enum) else ()
        own = tuple((name, *_glance(item)) for name, item in sorted(vars(value).items()) if name not in _NOT_WRITTEN)
        annotated = vars(value).get("__annotations__")
        called = value.__name__, value.__qualname__, id(value.__bases__), tuple(annotated) if isinstance(annotated, dict) else ()
        return (*called, *own, *((name, id(item)) for member in members for name, item in sorted(member_attributes(member).items())))
    if place_offered(value, type(value)) is not None:
        # It stays what it is, and keeps what it was asked.
        return ()
    parts: List[Any] = [getattr(value, name, None) for name in ("__code__", "__defaults__")]
    tables = [getattr(value, name, None) for name in _TABLES_OF_FUNCTIONS]
    named = (sorted((str(name), id(item)) for name, item in table.items()) for table in tables if isinstance(table, dict))
    return (*map(id, parts), *map(tuple, named))
