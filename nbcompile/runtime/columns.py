"""Tables of astropy and their columns: arrays whose memory others may show, and which know their table.

astropy itself pickles copies of columns, in the byte order of this machine, and no column that has a table.
"""

from __future__ import annotations

import sys
from typing import Any, Dict, Tuple

from .loaded import library_of

_ARRAYS = (("astropy.units", "Quantity"), ("astropy.table", "Column"), ("astropy.table", "MaskedColumn"))
# Weak references to the table: of columns, and of what other arrays have as `info`.
_TABLE, _TABLE_OF_OTHERS = "_parent_table", "parent_table"
# Where a masked array has another copy of its attributes.
_COPIES = ("_optinfo", "_basedict")


def column_types() -> Tuple[type, ...]:
    """The arrays of astropy that travel as other arrays do, with their attributes."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in _ARRAYS)
    return tuple(kind for kind in found if isinstance(kind, type))


def is_table_of_columns(kind: type) -> bool:
    """Whether this is the class of tables of astropy, or one that leaves it to that how tables are pickled."""
    table = getattr(sys.modules.get("astropy.table"), "Table", None)
    if not isinstance(table, type) or not issubclass(kind, table):
        return False
    return all(getattr(kind, name, None) is getattr(table, name, None) for name in ("__reduce__", "__getstate__", "__setstate__"))


def is_info(value: Any) -> bool:
    """Whether this is what an array says of itself; pickle would make one that lacks what it keeps functions in."""
    kind = getattr(sys.modules.get("astropy.utils.data_info"), "DataInfo", None)
    return isinstance(kind, type) and isinstance(value, kind) and hasattr(value, "_attrs")


def without_table(kind: type, state: Dict[str, Any]) -> Dict[str, Any]:
    """The attributes of a column, or what it says of itself, without the table: that knows its columns."""
    if "astropy" not in sys.modules or not _is_of_astropy(kind):
        return state
    kept = {name: None if name == _TABLE else item for name, item in state.items() if name != _TABLE_OF_OTHERS}
    kept.update({name: without_table(kind, state[name]) for name in _COPIES if type(state.get(name)) is dict})
    return kept


def says_nothing(kind: type, name: Any, item: Any) -> bool:
    """Whether this is the `info` that an array has since somebody asked it for one, and in which nothing is said."""
    return name == "info" and _is_of_astropy(kind) and not getattr(item, "_attrs", True)


def take_columns(made: Any, attributes: Dict[str, Any]) -> None:
    """Make a table of what another one is made of."""
    made.__dict__.update(attributes)
    for column in made.columns.values():
        column.info.parent_table = made


def _is_of_astropy(kind: type) -> bool:
    return any(library_of(base) == "astropy" for base in kind.__mro__)
