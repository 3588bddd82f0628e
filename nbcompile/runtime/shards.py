"""A value to shards and back: what a scattered cell is given, and what the notebook has after all its shards ran.

A shard is a part of a value of the same type. Joined in order, parts give the value; what every shard made alike is kept
once; what differs and cannot be joined is a problem, because nobody could say what the plain run would have.
"""

from __future__ import annotations

import collections
import pickle
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .loaded import library_of
from .problem import StepProblem

_SLICED = (list, tuple, range, str, bytes, bytearray)


class Cut(NamedTuple):
    """How a value is cut: into `num` shards of nearly one size, but no more than it has items, or, where that is 0, of `size` items."""

    size: int = 1
    num: int = 0

    def bounds(self, length: int) -> List[Tuple[int, int]]:
        """Where the shards of a value of this length start and end. What is empty is one empty shard: its cell still runs."""
        if self.num:
            num = min(self.num, max(length, 1))
            width, longer = divmod(length, num)
            starts = [number * width + min(number, longer) for number in range(num + 1)]
            return [(starts[number], starts[number + 1]) for number in range(num)]
        return [(start, min(start + self.size, length)) for start in range(0, length, self.size)] or [(0, 0)]


def cut_value(name: str, value: Any, cut: Cut) -> List[Any]:
    """The shards of a value in order."""
    part = _slicer(value)
    if part is None:
        kind = type(value).__name__
        message = "`{}` is a {}, which cannot be cut into shards".format(name, kind)
        raise StepProblem("NB581", message, "scatter over a list, a tuple, a range, a dict, an array or a table")
    return [part(start, end) for start, end in cut.bounds(len(value))]


def own_part(part: Any) -> Any:
    """A shard that does not keep the whole in memory, and is not sent with it: rows of an array or a table are a view of all of them."""
    library = library_of(type(part))
    if library == "numpy" and hasattr(part, "dtype"):
        return part.copy(order="K")
    return part.copy() if library == "pandas" and hasattr(part, "copy") else part


def shard_labels(count: int) -> List[str]:
    """What the shards of one axis are called: numbers that sort as text."""
    width = len(str(max(0, count - 1)))
    return [str(number).zfill(width) for number in range(count)]


def shard_name(payload: str, shard: str) -> str:
    """The stem of the file of a payload, or of one shard of it."""
    return "{}.{}".format(payload, shard) if shard else payload


def shard_order(label: str) -> Tuple[int, ...]:
    """Shards in this order are in the order of the whole."""
    return tuple(int(number) for number in label.split("-"))


def _slicer(value: Any) -> Optional[Callable[[int, int], Any]]:
    if isinstance(value, dict):
        items = list(value.items())
        return lambda start, end: _with_items(value, items[start:end])
    rows = getattr(value, "iloc", None)
    if rows is not None and hasattr(value, "index"):
        return lambda start, end: rows[start:end]
    if isinstance(value, _SLICED) or (hasattr(value, "__getitem__") and hasattr(value, "__len__") and not _keyed(value)):
        # An array without dimensions has no length.
        return (lambda start, end: value[start:end]) if getattr(value, "ndim", 1) else None
    return None


def _with_items(value: Dict[Any, Any], items: Sequence[Tuple[Any, Any]]) -> Dict[Any, Any]:
    """A mapping of the same kind with a part of the items, in their order."""
    part = value.copy()
    part.clear()
    part.update(items)
    return part


def _keyed(value: Any) -> bool:
    return hasattr(value, "keys")


def join_values(name: str, parts: Sequence[Any], *, collected: bool = False) -> Any:
    """The value of which these are the parts, in order. Of what was `collected` under one key, the last counts."""
    first = parts[0]
    if len(parts) == 1:
        return first
    joined = _joined(parts, collected) if all(type(part) is type(first) for part in parts) else None
    if joined is not None:
        return joined.value
    if all(_alike(first, part) for part in parts[1:]):
        return first
    kinds = ", ".join(sorted({type(part).__name__ for part in parts}))
    message = "the shards made different values of `{}` ({}) that cannot be joined".format(name, kinds)
    raise StepProblem("NB582", message, "let the cell make a list of `{}`, and take it together in a cell after it".format(name))


def same_value(name: str, parts: Sequence[Any]) -> Any:
    """The value that all shards left."""
    if all(_alike(parts[0], part) for part in parts[1:]):
        return parts[0]
    message = "each shard changed `{}` in its own way, and none has what the whole cell leaves".format(name)
    raise StepProblem("NB582", message, "take the scatter away, or change `{}` in a cell after it".format(name))


class _Joined(NamedTuple):
    value: Any


def _joined(parts: Sequence[Any], collected: bool) -> Optional[_Joined]:
    """The parts put together, if they are of a type that has parts."""
    first = parts[0]
    if isinstance(first, collections.Counter):
        total = type(first)()
        for part in parts:
            total.update(part)
        return _Joined(total)
    if isinstance(first, dict):
        return _joined_mappings(parts, collected)
    if isinstance(first, (list, tuple)) and not hasattr(first, "_fields"):
        return _Joined(type(first)(item for part in parts for item in part))
    if isinstance(first, (set, frozenset)):
        return _Joined(type(first)().union(*parts))
    if isinstance(first, range):
        return _joined_ranges(parts)
    return _joined_rows(parts)


def _joined_mappings(parts: Sequence[Dict[Any, Any]], collected: bool) -> Optional[_Joined]:
    """One mapping, if no key has two values or the last one counts."""
    total = parts[0].copy()
    for part in parts[1:]:
        for key, value in part.items():
            if key in total and not collected and not _alike(total[key], value):
                return None
            total[key] = value
    return _Joined(total)


def _joined_ranges(parts: Sequence[range]) -> Optional[_Joined]:
    """One range, if each part goes on where the one before it ends."""
    filled = [part for part in parts if len(part)] or [parts[0]]
    total = range(filled[0].start, filled[-1].stop, filled[0].step)
    return _Joined(total) if [*total] == [number for part in filled for number in part] else None


def _joined_rows(parts: Sequence[Any]) -> Optional[_Joined]:
    """Arrays and tables, by the library they come from."""
    first = parts[0]
    library = library_of(type(first))
    if library == "numpy" and getattr(first, "shape", None) and hasattr(first, "dtype"):
        np = sys.modules["numpy"]
        # Empty parts have the type of an empty list, not that of the others.
        filled = [part for part in parts if len(part)] or [first]
        join = np.ma.concatenate if isinstance(first, np.ma.MaskedArray) else np.concatenate
        return _Joined(join(filled, axis=0))
    if library == "pandas" and hasattr(first, "iloc"):
        filled = [part for part in parts if len(part)] or [first]
        return _Joined(sys.modules["pandas"].concat(filled) if len(filled) > 1 else filled[0])
    if library == "pandas" and hasattr(first, "append") and hasattr(first, "get_indexer"):
        return _Joined(first.append(list(parts[1:])))
    return None


def _alike(one: Any, other: Any) -> bool:
    """Whether two shards made the same."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    try:
        return pickle.dumps(one, 4) == pickle.dumps(other, 4)
    except Exception:  # noqa: BLE001 - whatever a value's own code raises, it is not known to be the same
        return False
