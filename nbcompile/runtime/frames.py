"""Objects of the notebook -> frames: as fast as pickle can, or exactly, or only where they lead."""

from __future__ import annotations

import contextlib
import io
import math
import re
import struct
import sys
from typing import Any, Dict, Optional, Sequence, Tuple

from .arrays import extent_of, is_raw
from .own_paths import OwnPaths
from .placeholders import Placeholder, TravelFailure
from .recursion import as_deep_as_needed
from .set_order import Order, order_of_adding
from .shared_texts import with_label
from .sharing import Reach
from .texts import items_with_parts
from .value_writer import Frame, Scope, ValueWriter, payload_name, type_name

# A number that is none, of either sign.
_NO_NUMBER = re.compile(rb"G[\x7f\xff]\xf8\x00\x00\x00\x00\x00\x00")
_what_it_holds = payload_name("what_it_holds")


def write_frame(version: str, value: Any, scope: Scope) -> Frame:
    """Pickle one value. What cannot travel becomes a placeholder, all of the value if need be."""
    try:
        return as_deep_as_needed(lambda: _write_as_it_is(version, with_label(value), scope))
    except Exception as error:  # noqa: BLE001 (whatever __reduce__ or the pickler raises: this value cannot travel)
        return _frame_of(ValueWriter(version, scope), Placeholder(_failure_of(version, value, error)))


def reach_of(version: str, value: Any, scope: Scope) -> Optional[Reach]:
    """What a value reaches, found as when it is written; nothing where it cannot be."""
    try:
        return as_deep_as_needed(lambda: _reach(version, value, scope))
    except Exception:  # noqa: BLE001 (as above)
        return None


def _reach(version: str, value: Any, scope: Scope) -> Reach:
    with contextlib.closing(_ReachWriter(version, scope, _NoContent())) as writer:
        return writer.reach(value)


def write_frame_of_many(versions: Sequence[str], values: Tuple[Any, ...], scope: Scope) -> Frame:
    """Pickle several values with one memo."""
    try:
        return as_deep_as_needed(lambda: _write_as_it_is(versions[0], tuple(map(with_label, values)), scope))
    except Exception as error:  # noqa: BLE001 (as above)
        stand_ins = tuple(Placeholder(_failure_of(version, value, error)) for version, value in zip(versions, values))
        return _frame_of(ValueWriter(versions[0], scope), stand_ins)


def _frame_of(writer: ValueWriter, value: Any) -> Frame:
    with contextlib.closing(writer):
        return writer.write(value)


def _write_as_it_is(version: str, value: Any, scope: Scope) -> Frame:
    """Pickle as fast as pickle can, and exactly from where that turns out not to be enough."""
    with contextlib.suppress(_NotPlain), contextlib.closing(ValueWriter(version, scope, _WhilePlain(scope.paths))) as quick:
        frame = quick.write(value)
        quick.check_keys()
        if not quick.has_frozensets_in_order():
            return frame
    try:
        with contextlib.closing(_ExactWriter(version, scope)) as exact:
            frame = exact.write(value)
            exact.check_keys()
            return frame._replace(nans=exact.nans())
    except _HoldsItself:
        return _frame_of(ValueWriter(version, scope), value)


def _failure_of(version: str, value: Any, error: Exception) -> TravelFailure:
    return TravelFailure(version, type_name(type(value)), "an object", f"{type(error).__name__}: {error}")


class _NotPlain(Exception):
    """There may be a NaN outside arrays, which containers find by its identity, or a text that names the step's own directory."""


class _WhilePlain(io.BytesIO):
    """Takes a pickle, which comes in frames of whole instructions, up to the first one that is not plain."""

    def __init__(self, paths: OwnPaths) -> None:
        super().__init__()
        self._paths = paths

    def write(self, content: Any) -> int:
        if _NO_NUMBER.search(content) is not None or self._paths.are_in_memory(content):
            raise _NotPlain
        return super().write(content)


class _HoldsItself(Exception):
    """A frozenset is met again within its own elements."""


class _ExactWriter(ValueWriter):
    """Writes some frozensets as what they are made of, each NaN as the one it is, and texts without the names of the step's own directory.

    Of these pickle asks nobody else how to rebuild them.

    It asks for every object, and every number, which takes time.
    """

    def __init__(self, version: str, scope: Scope) -> None:
        super().__init__(version, scope)
        self._orders: Dict[int, Tuple[Optional[Order], Any]] = {}
        self._made: Dict[int, Tuple[int, Any]] = {}
        self._within: Dict[int, str] = {}
        known = ((sys.modules.get(module), name) for module in ("numpy", "math") for name in ("nan",))
        self._constants = {id(getattr(module, name)): (module.__name__, name) for module, name in known if module is not None}

    def persistent_id(self, value: Any) -> Any:
        """The number of a frozenset, NaN or text, and how it is made where it is first met; nothing for anything else."""
        kind = type(value)
        if kind is float and math.isnan(value):
            return self._nan(value)
        if kind is str and self._within.get(len(self._within)) is value:
            self._within.popitem()
        if kind is str or kind is bytes:
            return self._text(value, kind)
        order = self._order_of(value) if kind is frozenset else None
        return None if order is None else self._frozenset(value, order)

    def _order_of(self, value: Any) -> Optional[Order]:
        known = self._orders.get(id(value))
        if known is None:
            known = self._orders[id(value)] = order_of_adding(value), value
        return known[0]

    def _nan(self, value: float) -> Tuple[Any, ...]:
        known = self._made.get(id(value))
        if known is not None:
            return (known[0],)
        number = len(self._made)
        self._made[id(value)] = number, value
        return number, "nan", self._constants.get(id(value)), struct.pack("d", value)

    def _text(self, value: Any, kind: type) -> Optional[Tuple[Any, ...]]:
        known = self._made.get(id(value))
        if known is not None:
            return (known[0],)
        parts = self._scope.paths.parts_of(value)
        if parts is None:
            return None
        number = len(self._made)
        self._made[id(value)] = number, value
        return number, "path", parts, kind.__name__

    def nans(self) -> Tuple[float, ...]:
        """Those that were written, and that no module has."""
        return tuple(one for _, one in self._made.values() if type(one) is float and id(one) not in self._constants)

    def _frozenset(self, value: Any, order: Order) -> Tuple[Any, ...]:
        known = self._made.get(id(value))
        if known is not None:
            if any(end == f"end of {known[0]}" for end in self._within.values()):
                raise _HoldsItself
            return (known[0],)
        number = len(self._made)
        self._made[id(value)] = number, value
        # This text comes when all elements are written.
        end = self._within[len(self._within) + 1] = f"end of {number}"
        return number, "frozenset", tuple(order), end


class _ReachWriter(ValueWriter):
    """Goes where a value leads, but not to the texts and numbers in its arrays."""

    def reach(self, value: Any) -> Reach:
        self.write(value)
        return Reach(self.memo.copy(), self._guards, self._extents, self._scope.sends)

    def _reduce_any(self, value: Any, kind: type) -> Any:
        # Others than numpy's own arrays travel with copies of their memory.
        if isinstance(value, getattr(sys.modules.get("numpy"), "ndarray", ())):
            self._see(value)
        return super()._reduce_any(value, kind)

    def _see(self, array: Any) -> None:
        if array.size and is_raw(array):
            self._extents.add(extent_of(array, self._guards.get(id(array), "")))

    def _reduce_array(self, value: Any) -> Any:
        reduced = super()._reduce_array(value)
        self._see(value)
        return reduced

    def _reduce_own(self, value: Any) -> Any:
        return (_what_it_holds, (items_with_parts(value),)) if value.dtype.hasobject else super()._reduce_own(value)


class _NoContent(io.BytesIO):
    def write(self, content: Any) -> int:
        return len(content)
