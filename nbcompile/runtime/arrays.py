"""numpy arrays and torch tensors on their way into a payload and out of it."""

from __future__ import annotations

import importlib
import re
import sys
import weakref
from typing import Any, Dict, Sequence, Tuple

from .columns import column_types
from .extents import READ_ONLY, Extent, Extents, address_of

# Arrays that own less than this travel inside the pickle and own their memory again; larger ones are mapped.
SMALL = 1 << 16
_COMPARED_BYTES = 1 << 20
# How many rows of a large array go by themselves.
_ROWS_ALONE = 64
# Element types that are nothing but their bytes.
_RAW_KINDS = "biufcmMSUV"
_FOREIGN_BUFFERS = (bytes, bytearray)
# `a.resize(n)` gives nothing; what a picture is resized to is bound, or shown.
_LOOKS_AT_OWNER = re.compile(r"(?:^|[;:])\s*[\w.\[\]'\"]+\.resize\(|(?<!\bsys)\.flags\b|\.base\b")
# Arrays that show a payload, and had their memory for themselves.
_HAD_MEMORY: Dict[int, Any] = {}


def array_parts(array: Any, extents: Extents, guard: str, owns: bool) -> Any:
    """How to rebuild an array: ("own",), ("view", base, …), ("buffer", object, …) or ("extent", number, …).

    It `owns` its memory if it has nobody else's, or stands for an array of a class that has its own.
    """
    numpy = sys.modules["numpy"]
    root = _root(array, numpy.ndarray)
    raw = is_raw(array)
    if root is array and root.base is None and (not raw or (array.nbytes < SMALL and _is_plain(array))):
        return ("own",)
    if root is not array and (not raw or root.nbytes < SMALL) and type(root) is numpy.ndarray and root.base is None and _is_plain(root):
        return ("view", root, *_layout(array, _start(array) - _start(root)))
    foreign = root.base.obj if isinstance(root.base, memoryview) else root.base
    # An array that pickle has made writes to memory that it was given as bytes, which is its own.
    if type(foreign) in _FOREIGN_BUFFERS and raw and not (type(foreign) is bytes and array.flags.writeable):
        return ("buffer", foreign, *_layout(array, _start(array) - address_of(foreign)))
    if not raw or array.size == 0:
        return ("own",)
    low, high = _bounds(array)
    if high - low < SMALL and _is_plain(array) and root is array:
        return ("own",)
    whole = memoryview(array.reshape(-1, order="A").view("u1")) if _is_plain(array) else None
    guard = guard or ("" if array.flags.writeable else READ_ONLY)
    return ("extent", extents.add(Extent(low, high - low, array, whole, guard), owns), *_layout(array, _start(array) - low))


def extent_of(array: Any, guard: str) -> Extent:
    """The memory that an array shows, whoever owns it."""
    low, high = _bounds(array)
    return Extent(low, high - low, array, None, guard or ("" if array.flags.writeable else READ_ONLY))


def is_raw(array: Any) -> bool:
    """Whether an array is nothing but its bytes."""
    return array.dtype.kind in _RAW_KINDS and not array.dtype.hasobject


def is_array_of_a_class(value: Any, kind: type) -> bool:
    """Whether a value is an array of a subclass that pickles it as any array: of records, a matrix, of a class of the notebook.

    Or a masked array, which is one with a mask among its attributes, and would pickle the bytes of both; or one of astropy.
    """
    numpy = sys.modules.get("numpy")
    if numpy is None or kind is numpy.ndarray or not issubclass(kind, numpy.ndarray) or issubclass(kind, numpy.memmap):
        return False
    masked = (numpy.ma.MaskedArray,) if "numpy.ma" in sys.modules else ()
    known = (numpy.ndarray, *masked, *column_types())
    ways = ("__reduce__", "__reduce_ex__", "__setstate__")
    return any(all(getattr(kind, way) is getattr(one, way) for way in ways) for one in known) and _is_made_of_memory(value)


def _is_made_of_memory(value: Any) -> bool:
    numpy = sys.modules["numpy"]
    # Masked quantities of astropy are masked however they are viewed.
    return value.size > 0 and is_raw(value) and type(value.view(numpy.ndarray)) is numpy.ndarray


class RowsOf:
    """The rows of an array of records that show its memory, or that of its `root`; `None` where it holds others than numbers and texts."""

    def __init__(self, base: Any) -> None:
        self.base = base
        numpy = sys.modules["numpy"]
        root: Any = _root(base, numpy.ndarray) if isinstance(base, numpy.ndarray) else None
        self.root: Any = root if root is not None and is_raw(root) and _is_plain(root) else None
        self._address = _start(self.root) if self.root is not None else 0
        # A small array goes with the first of its rows, and a large one, which is sent as memory, when many of them have gone.
        self._alone = 0 if type(root) is numpy.ndarray and root.nbytes < SMALL else _ROWS_ALONE

    def goes_as_a_whole(self) -> bool:
        """Whether this row goes as a part of the root; asked once for each row."""
        self._alone -= 1
        return self._alone < 0

    def offset_of(self, row: Any) -> int:
        """Where a row begins."""
        return _start(row) - self._address

    def array_of(self, row: Any) -> Any:
        """The array without axes that shows the same memory as a row."""
        numpy = sys.modules["numpy"]
        return numpy.ndarray((), row.dtype, bytes_of(self.root.view(numpy.ndarray)), self.offset_of(row))


def rebuild_row(memory: Any, dtype: Any, offset: int) -> Any:
    """A row in the bytes of an array of records."""
    return importlib.import_module("numpy").ndarray((), dtype, memory, offset)[()]


def loses_that_it_is_read_only(value: Any, reduced: Any) -> bool:
    """Whether everybody could write to a copy, and nobody to the array: numpy pickles so a file that is mapped to be read."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.ndarray) or value.flags.writeable:
        return False
    return isinstance(reduced, tuple) and len(reduced) == 3 and getattr(reduced[0], "__name__", "") == "_reconstruct"


def with_own_arrays(value: Any, state: Dict[Any, Any]) -> Dict[Any, Any]:
    """The state of an object with its very arrays, where its own way to be pickled has copied them: others may see their memory."""
    numpy = sys.modules.get("numpy")
    own = getattr(value, "__dict__", None) if numpy is not None else None
    if numpy is None or type(own) is not dict or own is state:
        return state
    copied = [name for name, item in state.items() if type(item) is numpy.ndarray and own.get(name, item) is not item]
    return {**state, **{name: own[name] for name in copied if _is_copy(state[name], own[name])}} if copied else state


def _is_copy(array: Any, other: Any) -> bool:
    """Whether an array of numbers has the elements of another one in the same order."""
    if type(other) is not type(array) or not is_raw(array) or (other.dtype, other.shape) != (array.dtype, array.shape):
        return False
    if not (_is_plain(array) and array.strides == other.strides):
        return bool(array.tobytes() == other.tobytes())
    left, right = bytes_of(array), bytes_of(other)
    pieces = (slice(start, start + _COMPARED_BYTES) for start in range(0, left.size, _COMPARED_BYTES))
    return all((left[piece] == right[piece]).all() for piece in pieces)


def own_parts(array: Any) -> Tuple[Any, ...]:
    """A small array that owns its memory, as its bytes."""
    order = "C" if array.flags.c_contiguous else "F"
    return array.tobytes(order="A"), array.dtype, array.shape, order, bool(array.flags.writeable)


def rebuild_own(content: bytes, dtype: Any, shape: Tuple[int, ...], order: str, writeable: bool) -> Any:
    """An array with memory of its own. numpy's own pickles would turn other byte orders into this machine's."""
    numpy = importlib.import_module("numpy")
    array = numpy.frombuffer(content, dtype).reshape(shape, order=order).copy(order=order)
    array.flags.writeable = writeable
    return array


def number_dtypes(numpy: Any) -> Tuple[Any, ...]:
    """The types of numbers and objects that numpy has one object of, which pickle would give back as another that is equal.

    Of some there are two: C's `long` and `long long` are as long as each other, and become one in a pickle.
    """
    found = map(numpy.dtype, "?bBhHiIlLqQefdgFDGO")
    return tuple(dtype for dtype in found if type(dtype) is not numpy.dtype)  # before 1.20 all have one class


def reduce_number(dtype: Any) -> Tuple[Any, ...]:
    """A type that is one of `number_dtypes`, by its own name: `asarray(x, float)` is `x` itself only where `x` has the very object.

    What the notebook has unpickled has another one, which makes its own pickle longer.
    """
    numpy, name = sys.modules["numpy"], dtype.byteorder + dtype.char
    is_another = dtype is not numpy.dtype(name) and numpy.dtype(dtype.str).char == dtype.char
    return tuple(dtype.__reduce__()) if dtype.metadata or is_another else (numpy.dtype, (name,))


def rebuild_view(base: Any, start: int, layout: Sequence[Any]) -> Any:
    """An array over the bytes of `base`: a bytes object, or a mapped file, whose byte `start` is the extent's first."""
    numpy = importlib.import_module("numpy")
    dtype, shape, strides, offset, writeable = layout
    array = numpy.ndarray(shape, dtype, buffer=base, offset=start + offset, strides=strides)
    if not writeable:
        array.flags.writeable = False
    return array


def owns_memory(array: Any) -> bool:
    """Whether an array has its memory for itself, or had it where it was made."""
    known = _HAD_MEMORY.get(id(array))
    return array.base is None or (known is not None and known() is array)


def note_owner(array: Any) -> Any:
    """Remember of an array, which shows a payload now, that it had its memory for itself."""
    number = id(array)
    _HAD_MEMORY[number] = weakref.ref(array, lambda _: _HAD_MEMORY.pop(number, None))
    return array


def with_its_own_memory(array: Any, kind: Any) -> Any:
    """An array of a class with memory of its own, which it could let go of; where that would lie in another order, nothing."""
    numpy = importlib.import_module("numpy")
    if not _is_plain(array):
        return None
    order = "C" if array.flags.c_contiguous else "F"
    made = numpy.ndarray.__new__(kind, array.shape, array.dtype, order=order)
    # As bytes: records have room between their fields.
    bytes_of(made.view(numpy.ndarray))[...] = bytes_of(array)
    made.flags.writeable = array.flags.writeable
    return made


def bytes_of(array: Any) -> Any:
    """The memory of an array without gaps, as bytes that show it."""
    return array.reshape(-1, order="A").view("u1")


def rebuild_array_view(base: Any, layout: Sequence[Any]) -> Any:
    """A view of an array, which is its base."""
    numpy = importlib.import_module("numpy")
    dtype, shape, strides, offset, writeable = layout
    flat = base.reshape(-1, order="A")
    if not dtype.hasobject:
        return rebuild_view(flat.view("u1"), 0, layout)
    array = numpy.lib.stride_tricks.as_strided(flat[offset // dtype.itemsize :], shape, strides) if flat.size else flat.reshape(shape)
    if not writeable:
        array.flags.writeable = False
    return array


def looks_at_owners(text: str) -> bool:
    """Whether a cell may see who has the memory of an array: who changes its size has to have it."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith(("from ", "import ")))
    return any(map(_LOOKS_AT_OWNER.search, lines))


def _root(array: Any, kind: Any) -> Any:
    while True:
        base = array.base
        if type(base).__name__ == "DummyArray":
            # What numpy's stride tricks put between a view and its array.
            base = base.base
        if not isinstance(base, kind):
            return array
        array = base


def _is_plain(array: Any) -> bool:
    return bool(array.flags.c_contiguous or array.flags.f_contiguous)


def _start(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def _layout(array: Any, offset: int) -> Tuple[Any, ...]:
    return array.dtype, array.shape, array.strides, offset, bool(array.flags.writeable)


def _bounds(array: Any) -> Tuple[int, int]:
    """The first address an array uses, and the one after its last."""
    low = high = _start(array)
    for size, stride in zip(array.shape, array.strides):
        if stride < 0:
            low += (size - 1) * stride
        else:
            high += (size - 1) * stride
    return low, high + array.itemsize
