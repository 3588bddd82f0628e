"""Measured quantities of `uncertainties`: two results are correlated if they come from the same measurement, which is one by its identity.

So a measurement is one object wherever it comes to, as long as nobody has given it another uncertainty in between.
"""

from __future__ import annotations

import sys
import uuid
from typing import Any, Dict, Tuple

# Measurements by what tells them from all others, in whichever process they are. Nothing can say when the last is gone: they stay.
_MEASURED: Dict[str, Any] = {}
_NUMBERS_OF_MEASURED: Dict[int, str] = {}


def measured_types() -> Tuple[type, ...]:
    """The class of measured quantities, where the library is loaded."""
    found = getattr(sys.modules.get("uncertainties.core"), "Variable", None)
    return (found,) if found is not None else ()


def parts_of_measured(value: Any) -> Tuple[str, type, Any, Any, Any]:
    """What tells a measurement from all others as it is now, and what it is made of."""
    parts = value.nominal_value, value._std_dev, value.tag
    number = _NUMBERS_OF_MEASURED.get(id(value), "")
    known = _MEASURED.get(number)
    if known is not value or _stated(parts) != number.partition(" ")[2]:
        number = f"{uuid.uuid4().hex} {_stated(parts)}"
        _note_measured(number, value)
    return (number, type(value), *parts)


def measured(number: str, kind: type, nominal: Any, deviation: Any, tag: Any) -> Any:
    """The measurement that is here already, or this one, which is from now on."""
    found = _MEASURED.get(number)
    if found is None or _stated((found.nominal_value, found._std_dev, found.tag)) != number.partition(" ")[2]:
        found = kind(nominal, deviation, tag)
        _note_measured(number, found)
    return found


def _note_measured(number: str, value: Any) -> None:
    _MEASURED[number], _NUMBERS_OF_MEASURED[id(value)] = value, number


def _stated(parts: Tuple[Any, ...]) -> str:
    nominal, deviation, tag = parts
    return repr((nominal, deviation, tag if isinstance(tag, str) else ""))
