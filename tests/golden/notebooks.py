"""Notebooks from percent text, for golden cases: `# %% id [tag, tag]` starts a code cell, `# %% [markdown]` a text cell."""

import json
import re

_MARK = re.compile(r"# %%(?: (?P<id>[\w-]+))?(?: \[(?P<tags>[^]]*)\])?")


def notebook_bytes(percent: str) -> bytes:
    cells = []
    for line in percent.splitlines(keepends=True):
        mark = _MARK.fullmatch(line.strip())
        if mark:
            tags = [tag.strip() for tag in (mark["tags"] or "").split(",") if tag.strip()]
            markdown = tags == ["markdown"]
            cell = {
                "cell_type": "markdown" if markdown else "code",
                "metadata": {"tags": tags} if tags and not markdown else {},
                "source": "",
            }
            cell["id"] = mark["id"] or f"c{len(cells)}"
            cells.append(cell if markdown else {**cell, "outputs": [], "execution_count": None})
        else:
            cells[-1]["source"] += line
    for cell in cells:
        cell["source"] = cell["source"].rstrip("\n")
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
