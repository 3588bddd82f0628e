"""The outputs of a cell as nbformat dictionaries, in the order in which they appeared."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Optional


class CellOutputs:
    """Collects the outputs of one cell; neighbouring pieces of one stream are joined."""

    def __init__(self) -> None:
        self.items: List[Dict[str, Any]] = []
        self.clear_pending = False

    def stream(self, name: str, text: str) -> None:
        """Add text to stdout or stderr."""
        if not text:
            return
        self._clear_if_asked()
        if self.items and self.items[-1].get("output_type") == "stream" and self.items[-1]["name"] == name:
            self.items[-1]["text"] += text
        else:
            self.items.append({"output_type": "stream", "name": name, "text": text})

    def display(self, data: Dict[str, Any], metadata: Dict[str, Any], display_id: Optional[str] = None) -> None:
        """Add a displayed object."""
        self._clear_if_asked()
        item: Dict[str, Any] = {"output_type": "display_data", "data": data, "metadata": metadata}
        if display_id:
            item["transient"] = {"display_id": display_id}
        self.items.append(item)

    def result(self, count: int, data: Dict[str, Any], metadata: Dict[str, Any]) -> None:
        """Add the value of the cell's last expression."""
        self._clear_if_asked()
        self.items.append({"output_type": "execute_result", "execution_count": count, "data": data, "metadata": metadata})

    def error(self, name: str, value: str, traceback: List[str]) -> None:
        """Add the exception that ended the cell."""
        self._clear_if_asked()
        self.items.append({"output_type": "error", "ename": name, "evalue": value, "traceback": traceback})

    def clear(self, wait: bool) -> None:
        """Forget the outputs so far, at once or when the next one comes."""
        self.clear_pending = wait
        if not wait:
            self.items = []

    def _clear_if_asked(self) -> None:
        if self.clear_pending:
            self.items, self.clear_pending = [], False


def write_json(path: str, document: Any) -> None:
    """Write a JSON document so that a reader sees all of it or nothing."""
    temporary = path + ".part"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=True, indent=1, sort_keys=True)
        file.write("\n")
    os.replace(temporary, path)
