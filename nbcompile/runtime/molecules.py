"""Molecules and reactions of RDKit: their own pickles leave out the properties that somebody has set, and round coordinates to 32 bits."""

from __future__ import annotations

import sys
from typing import Any

# `PropertyPickleOptions` of RDKit: all properties but those that it works out when it is asked for them, and coordinates as they are.
_SET_PROPERTIES, _ALL_DIGITS = 0xFFDF, 0x10000


def with_properties(value: Any, reduced: Any) -> Any:
    """The parts that pickle would make a molecule or a reaction of again, with all that was set; those of anything else as they are."""
    flags = _flags_for(type(value))
    if not flags or not isinstance(reduced, tuple) or type(reduced[1]) is not tuple or [type(one) for one in reduced[1]] != [bytes]:
        return reduced
    return (reduced[0], (value.ToBinary(flags),), *reduced[2:])


def as_read_back(value: Any, reduced: Any) -> Any:
    """The same of what these parts make: a molecule that was read has its patterns in other words than one that was not."""
    whole = with_properties(value, reduced)
    return whole if whole is reduced else with_properties(whole[0](*whole[1]), whole)


def _flags_for(kind: type) -> int:
    """What to ask for; nothing of what RDKit does not make. It cannot read the digits of a reaction."""
    for module, name, flags in (
        ("rdkit.Chem.rdchem", "Mol", _SET_PROPERTIES | _ALL_DIGITS),
        ("rdkit.Chem.rdChemReactions", "ChemicalReaction", _SET_PROPERTIES),
    ):
        made = getattr(sys.modules.get(module), name, None)
        if made is not None and issubclass(kind, made):
            return flags
    return 0
