"""The one writer of JSON and YAML: the same value gives the same bytes, on any machine."""

from __future__ import annotations

import io
import json

_NEVER_FOLD = 1_000_000


def json_bytes(value: object) -> bytes:
    """Indented ASCII JSON with sorted keys and a final newline."""
    return (json.dumps(value, ensure_ascii=True, indent=1, sort_keys=True) + "\n").encode("ascii")


def yaml_bytes(value: object) -> bytes:
    """Block-style YAML with keys in the order given."""
    # A run on this machine writes no YAML, and would wait for this longer than for its own plan.
    from ruamel.yaml import YAML  # noqa: PLC0415

    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.width = _NEVER_FOLD
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.indent(mapping=2, sequence=4, offset=2)
    stream = io.BytesIO()
    writer.dump(value, stream)
    return stream.getvalue()
