"""Texts that are told from equal ones: charts of altair that are joined have their data in common if it is the same object.

So has an address, which is a text. It keeps its label wherever it comes to. The first place where it is seen labels it: the version or
definition that is this text or has it, or else the version whose chart has it.
"""

from __future__ import annotations

import sys
from typing import Any, Dict, Tuple

_CHARTS = ("Chart", "LayerChart", "RepeatChart", "ConcatChart", "HConcatChart", "VConcatChart", "FacetChart")
# Addresses are shorter. What somebody has labelled is kept as long as the process.
_LONGEST, _MOST = 4096, 100
_BY_LABEL: Dict[str, str] = {}
_LABELS: Dict[int, str] = {}


class SharedText:
    """Stands for a text that is one object, wherever it is read."""

    def __init__(self, label: str, text: str) -> None:
        self.label, self.text = label, text


def chart_types() -> Tuple[type, ...]:
    """The classes of charts, where altair is loaded."""
    altair = sys.modules.get("altair")
    return tuple(getattr(altair, name) for name in _CHARTS if hasattr(altair, name))


def label_texts(value: Any, label: str) -> None:
    """Let a value have this label, if it is a text that could be an address, and the texts in a small container labels made of it."""
    if type(value) in (dict, list, tuple) and len(value) <= _MOST:
        for number, part in enumerate(value.values() if type(value) is dict else value):
            _label_text(part, f"{label} {number}")
    else:
        _label_text(value, label)


def _label_text(value: Any, label: str) -> None:
    if type(value) is str and len(value) <= _LONGEST and id(value) not in _LABELS:
        _LABELS[id(value)], _BY_LABEL[label] = label, value


def with_label(value: Any, version: str) -> Any:
    """What stands for the value of a version, if that is a text that came from elsewhere; or else the value."""
    label = _LABELS.get(id(value), version) if type(value) is str else version
    return value if label == version else SharedText(label, value)


def text_labelled(label: str, text: str) -> str:
    """The text that has this label here, or this one, which has it from now on."""
    known = _BY_LABEL.get(label)
    if known == text:
        return known
    _label_text(text, label)
    return text


def with_shared_text(state: Dict[str, Any], version: str) -> Dict[str, Any]:
    """The state of a chart of a version, with something that stands for its data, if that is a text."""
    keywords = state.get("_kwds")
    if type(keywords) is not dict:
        return state
    data = keywords.get("data")
    if type(data) is not str or len(data) > _LONGEST:
        return state
    _label_text(data, f"{version} data {len(_LABELS)}")
    return {**state, "_kwds": {**keywords, "data": with_label(data, "")}}
