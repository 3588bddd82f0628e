"""The tags of Kale, of which some mean what a tag means here: such a cell has both.

That cells are a step (`step:`, `block:`) and what they wait for (`prev:`) is worked out from the code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_MEANS = {"pipeline-parameters": "parameters", "skip": "skip-execution"}
_OF_KALE = ("step:", "block:", "prev:")


def with_known_tags(cells: Sequence[Any], metadata: Mapping[str, Any]) -> list[Any]:
    """The cells of a notebook's JSON; those of Kale's notebooks with the tags that mean the same here."""
    tags = [_tags(cell) for cell in cells]
    named = "kubeflow_notebook" in metadata
    if not named and not any(tag == "pipeline-parameters" or tag.startswith(_OF_KALE) for found in tags for tag in found):
        return list(cells)
    return [_translated(cell, found) if not _MEANS.keys().isdisjoint(found) else cell for cell, found in zip(cells, tags, strict=True)]


def _tags(cell: Any) -> list[str]:  # noqa: ANN401 - it is what the JSON holds
    metadata = cell.get("metadata") if isinstance(cell, dict) and cell.get("cell_type") == "code" else None
    found = metadata.get("tags") if isinstance(metadata, dict) else None
    return [tag for tag in found if isinstance(tag, str)] if isinstance(found, list) else []


def _translated(cell: dict[str, Any], tags: Sequence[str]) -> dict[str, Any]:
    new = [_MEANS[tag] for tag in tags if tag in _MEANS and _MEANS[tag] not in tags]
    return {**cell, "metadata": {**cell["metadata"], "tags": [*cell["metadata"]["tags"], *new]}}
