"""Texts that are told from equal ones: charts of altair that are joined have their data in common if it is the same object.

So has an address, which is a text. It keeps its label wherever it comes to. The first place where it is seen labels it: the version or
definition that is this text or has it, or else the version whose chart has it. Only steps that name altair do that.
"""

from __future__ import annotations

import sys
from typing import Any, Dict, Iterable, List, Tuple

_CHARTS = ("Chart", "LayerChart", "RepeatChart", "ConcatChart", "HConcatChart", "VConcatChart", "FacetChart")
# Addresses are shorter. What somebody has labelled is kept as long as the process.
_LONGEST, _MOST = 4096, 100
_BY_LABEL: Dict[str, str] = {}
_LABELS: Dict[int, Tuple[str, str]] = {}
_labelling: List[bool] = []


class SharedText:
    """Stands for a text that is one object, wherever it is read."""

    def __init__(self, label: str, text: str) -> None:
        self.label, self.text = label, text


def label_where_charts_are(texts: Iterable[str]) -> None:
    """Label texts in this process from now on, if one of these texts of cells names altair."""
    _labelling[:] = [True] if any("altair" in text for text in texts) else []


def chart_types() -> Tuple[type, ...]:
    """The classes of charts, where altair is loaded."""
    altair = sys.modules.get("altair")
    return tuple(getattr(altair, name) for name in _CHARTS if hasattr(altair, name))


def labelled(value: Any, label: str) -> Any:
    """A value; the text that has its label already, if that is equal. The texts in a small container have labels made of it."""
    if not _labelling:
        return value
    if type(value) in (dict, list, tuple) and len(value) <= _MOST:
        for number, part in enumerate(list(value.values()) if type(value) is dict else list(value)):
            _label_text(part, f"{label} {number}")
    if _label_of(value) or type(value) is not str or _BY_LABEL.get(label) != value:
        _label_text(value, label)
        return value
    return _BY_LABEL[label]


def _label_of(value: Any) -> str:
    label, text = _LABELS.get(id(value), ("", None))
    return label if text is value else ""


def _label_text(value: Any, label: str) -> None:
    if type(value) is str and len(value) <= _LONGEST and not _label_of(value):
        _LABELS[id(value)], _BY_LABEL[label] = (label, value), value


def with_label(value: Any) -> Any:
    """What stands for a value, if that is a text that has a label; or else the value."""
    label = _label_of(value) if type(value) is str else ""
    return SharedText(label, value) if label else value


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
    return {**state, "_kwds": {**keywords, "data": with_label(data)}}
