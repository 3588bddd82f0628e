"""Arrays of texts, such as columns of tables: written as one text, where pickle would look at each of millions of objects."""

from __future__ import annotations

import pickle
import sys
from types import SimpleNamespace
from typing import Any, List, NamedTuple, Optional, Tuple

from .own_paths import OwnPaths

# Values of these types hold no others, and nobody can change them.
WITHOUT_PARTS = frozenset((type(None), bool, int, float, complex, str, bytes))
# Of these, but for texts, pickle itself keeps no identity.
_WRITTEN = frozenset((type(None), bool, int, float, str))
_FEW = 1000
# Between two texts stands what is in none of them.
_SEPARATORS = ("\0", "\x1f", "\x1e", "\ue000")
_HOW = ("utf-8", "surrogatepass")


class TextsWay(NamedTuple):
    """How to make an array: the texts that no array before it has, its other values, and for each item which of all these it is.

    `places` count from the text number `since` of the frame. Without them the array is its new texts, one after the other.
    """

    content: Any
    separator: str
    others: List[Any]
    since: int
    places: Any
    shape: Tuple[int, ...]
    order: str
    writeable: bool


class _Objects(NamedTuple):
    """The objects that an array holds, by their identities: where each comes first, which each item is, and which are texts."""

    identities: Any
    first: Any
    items: Any
    are_texts: Any


class Texts:
    """The texts in the arrays of one frame. Each is written where it first comes, and is the same object wherever it comes again."""

    def __init__(self, paths: OwnPaths) -> None:
        """Texts that name one of `paths` are left to others."""
        self._paths = paths
        self._written: Any = None
        self._numbers: Any = None
        self._count = 0
        self._read: List[Any] = []

    def way_to(self, array: Any) -> Optional[TextsWay]:
        """How to make an array of texts; nothing where it is none, or a small one."""
        if array.dtype.char != "O" or array.size < _FEW or not array.flags.forc:
            return None
        order = "C" if array.flags.c_contiguous else "F"
        flat = array.reshape(-1, order=order)
        objects = _objects_in(flat)
        if objects is None:
            return None
        numpy = sys.modules["numpy"]
        numbers = self._known(objects.identities)
        is_new = objects.are_texts & (numbers < 0)
        new, rest = (which[numpy.argsort(objects.first[which])] for which in map(numpy.flatnonzero, (is_new, ~objects.are_texts)))
        texts = flat[objects.first[new]].tolist()
        joined = _as_one_text(texts, self._paths)
        if joined is None:
            return None
        since = self._count if is_new.sum() == objects.are_texts.sum() else 0
        numbers[new] = self._count + numpy.arange(len(new))
        numbers[rest] = self._count + len(new) + numpy.arange(len(rest))
        self._keep(objects.identities[is_new], numbers[is_new])
        kind = numpy.min_scalar_type(self._count + len(rest))
        places = None if len(new) == array.size else (numbers - since).astype(kind)[objects.items]
        others = flat[objects.first[rest]].tolist()
        return TextsWay(*joined, others, since, places, array.shape, order, bool(array.flags.writeable))

    def _known(self, identities: Any) -> Any:
        """For each object which text of the frame it is, -1 for one that was not written."""
        numpy = sys.modules["numpy"]
        if self._written is None:
            return numpy.full(len(identities), -1, numpy.int64)
        at = numpy.minimum(numpy.searchsorted(self._written, identities), len(self._written) - 1)
        return numpy.where(self._written[at] == identities, self._numbers[at], -1)

    def _keep(self, identities: Any, numbers: Any) -> None:
        """Know these texts, whose identities are in order."""
        numpy = sys.modules["numpy"]
        self._count += len(identities)
        if self._written is None:
            self._written, self._numbers = identities, numbers
            return
        identities, numbers = numpy.concatenate((self._written, identities)), numpy.concatenate((self._numbers, numbers))
        order = numpy.argsort(identities, kind="stable")
        self._written, self._numbers = identities[order], numbers[order]

    def make(self, way: TextsWay) -> Any:
        """An array of texts; those before it in the frame have been made before it."""
        numpy = sys.modules["numpy"]
        texts = numpy.array([] if way.content is None else str(way.content, *_HOW).split(way.separator), object)
        self._read.append(texts)
        if way.places is None:
            # The frame goes on knowing its texts, whatever becomes of the array.
            items = texts.copy()
        else:
            self._read = [numpy.concatenate(self._read)]
            items = numpy.concatenate((self._read[0][way.since :], numpy.array(way.others, object)))[way.places]
        made = items if len(way.shape) == 1 else numpy.empty(way.shape, object, way.order)
        if made is not items:
            made.reshape(-1, order=way.order)[:] = items
        made.flags.writeable = way.writeable
        return made


def wide_texts(array: Any, paths: OwnPaths) -> Optional[Tuple[Any, ...]]:
    """How to make an array of texts that lie in it side by side, all as wide as the longest, if they name one of `paths`."""
    if not paths.mark or array.dtype.char != "U" or array.dtype.itemsize < 4 * len(paths.mark):
        return None
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    texts = array.reshape(-1, order=order).tolist()
    if not any(map(paths.is_named_in, texts)):
        return None
    return texts, array.dtype.itemsize // 4 - max(map(len, texts)), array.shape, order, bool(array.flags.writeable)


def rebuild_wide_texts(texts: List[str], spare: int, shape: Tuple[int, ...], order: str, writeable: bool) -> Any:
    """An array of texts that lie in it side by side, each with room for `spare` characters more than the longest has."""
    numpy = sys.modules["numpy"]
    array = numpy.array(texts, f"U{max(map(len, texts)) + spare}").reshape(shape, order=order)
    array.flags.writeable = writeable
    return array


def _objects_in(flat: Any) -> Optional[_Objects]:
    """What an array of texts, and perhaps of other values without parts, holds; nothing for any other."""
    numpy = sys.modules["numpy"]
    # Its memory is the addresses of its items, which are their identities; to ask each item takes longer than all the rest.
    memory = {**flat.__array_interface__, "typestr": numpy.dtype(numpy.uintp).str, "descr": [("", numpy.dtype(numpy.uintp).str)]}
    addresses = numpy.asarray(SimpleNamespace(__array_interface__=memory))
    identities, first, items = numpy.unique(addresses, return_index=True, return_inverse=True)
    distinct = flat[first].tolist()
    kinds = frozenset(map(type, distinct))
    if str not in kinds or not kinds <= _WRITTEN:
        return None
    are_texts = numpy.array([type(item) is str for item in distinct]) if len(kinds) > 1 else numpy.ones(len(distinct), bool)
    return _Objects(identities, first, items, are_texts)


def _as_one_text(texts: List[str], paths: OwnPaths) -> Optional[Tuple[Any, str]]:
    """Texts as one, and what is between them; nothing for texts in which everything is, or a name of the step's own directory."""
    for separator in _SEPARATORS if texts else ():
        joined = separator.join(texts)
        if paths.is_named_in(joined):
            return None
        if joined.count(separator) == len(texts) - 1:
            return pickle.PickleBuffer(joined.encode(*_HOW)), separator
    return None if texts else (None, "")


def items_with_parts(array: Any) -> List[Any]:
    """What an array of objects holds, but for values without parts."""
    items = array.flat
    if array.dtype.char == "O" and array.flags.forc:
        flat = array.reshape(-1, order="C" if array.flags.c_contiguous else "F")
        if array.size >= _FEW and _objects_in(flat) is not None:
            return []
        items = flat.tolist()
    return [item for item in items if type(item) not in WITHOUT_PARTS]
