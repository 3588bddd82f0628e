"""What pickle leaves out of tables of pandas: attributes that a notebook has set, and that a table has its memory from others.

Such memory is copied before it is written, or a warning says that it was. Both hang on the other tables. They stay behind,
so something stands for them. Labels that were looked up have a table of hashes besides, which `info` and `memory_usage` count.
"""

from __future__ import annotations

import warnings
import weakref
from typing import Any, Dict, List

from .attributes import is_cache

# pandas knows the other tables weakly; these are known until the process ends, with its step.
_others: List[Any] = []


class _Source:
    """Stands for the table that another is a copy of: pandas looks at nothing but its shape, and whether it is there."""

    shape = ()


def is_had_by_others(block: Any) -> bool:
    """Whether pandas would copy these columns before it writes them, because another table has them."""
    references = getattr(block, "refs", None)
    return references is not None and bool(references.has_reference())


def have_as_others(block: Any) -> None:
    """Have these columns copied before they are written."""
    _others.append(block.copy(deep=False))


def is_known_as_copy(table: Any) -> bool:
    """Whether pandas, before version 3, would warn whoever writes to this table that another one stays as it is."""
    reference = getattr(table, "_is_copy", None)
    source = reference() if isinstance(reference, weakref.ReferenceType) else None
    return source is not None and source.shape != table.shape


def make_known_as_copy(table: Any) -> None:
    """Have pandas warn whoever writes to this table."""
    source = _Source()
    _others.append(source)
    table._is_copy = weakref.ref(source)


def are_looked_up(labels: Any) -> bool:
    """Whether pandas has a table of hashes of these labels, which it makes when the first of them is looked up."""
    engine = getattr(labels, "_cache", {}).get("_engine")
    is_hashed = getattr(engine, "is_mapping_populated", False) and len(labels)
    return bool(is_hashed) and (labels.dtype != object or labels.nlevels > 1 or labels.inferred_type == "string")


def look_up(labels: Any) -> None:
    """Have pandas make the table of hashes. It says of some labels that this is slow, which whoever looked them up has been told."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels.get_loc(labels[0])


def notes_on(table: Any) -> List[Any]:
    """What a table has besides its columns: attributes, and whether labels may repeat."""
    return [table.attrs, getattr(getattr(table, "flags", None), "allows_duplicate_labels", True)]


def own_attributes(table: Any) -> Dict[str, Any]:
    """What was set on a table itself, as in `df.source = "survey"`."""
    return {name: one for name, one in vars(table).items() if not name.startswith("_") and not is_cache(type(table), name)}


def set_own_attributes(table: Any, attributes: Dict[str, Any]) -> None:
    """Set attributes past pandas, which may take them for columns."""
    for name, one in attributes.items():
        object.__setattr__(table, name, one)
