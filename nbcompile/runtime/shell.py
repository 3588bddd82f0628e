"""Runs cells in an IPython shell that looks like a kernel's and records what a front end would have shown."""

from __future__ import annotations

import sys
import types
from typing import Any, Dict, List, Optional

from .outputs import CellOutputs


class RecordingStream:
    """A text stream that hands what is written to the current cell's outputs."""

    encoding = "UTF-8"
    errors = "strict"

    def __init__(self, name: str, recorder: "Recorder") -> None:
        self.name = "<" + name + ">"
        self._kind = name
        self._recorder = recorder

    def write(self, text: str) -> int:
        """Record the text."""
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not " + type(text).__name__)
        self._recorder.current.stream(self._kind, text)
        return len(text)

    def writelines(self, lines: List[str]) -> None:
        """Record several pieces of text."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        """A notebook is no terminal."""
        return False

    def writable(self) -> bool:
        """Text can be written."""
        return True


class Recorder:
    """Where outputs go: the cell that runs now."""

    def __init__(self) -> None:
        self.current = CellOutputs()


def make_shell(recorder: Recorder, namespace: types.ModuleType) -> Any:
    """An IPython shell over `namespace` whose displays, results and errors go to `recorder`."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.history import HistoryManager
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets import Type
    from traitlets.config import Config

    class Publisher(DisplayPublisher):  # type: ignore[misc,unused-ignore]
        def publish(
            self,
            data: Dict[str, Any],
            metadata: Optional[Dict[str, Any]] = None,
            *,
            transient: Optional[Dict[str, Any]] = None,
            update: bool = False,
            **_: Any,
        ) -> None:
            recorder.current.display(_plain(data), metadata or {}, (transient or {}).get("display_id"))

        def clear_output(self, wait: bool = False) -> None:
            recorder.current.clear(wait)

    class Hook(DisplayHook):  # type: ignore[misc,unused-ignore]
        def write_output_prompt(self) -> None:
            self.data: Dict[str, Any] = {}

        def write_format_data(self, format_dict: Dict[str, Any], md_dict: Optional[Dict[str, Any]] = None) -> None:
            recorder.current.result(self.prompt_count, _plain(format_dict), md_dict or {})

        def finish_displayhook(self) -> None:
            self._is_active = False

    class MemoryHistory(HistoryManager):  # type: ignore[misc,unused-ignore]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["hist_file"] = ":memory:"
            super().__init__(*args, **kwargs)

    class ZMQInteractiveShell(InteractiveShell):  # type: ignore[misc,unused-ignore]
        display_pub_class = Type(Publisher)
        displayhook_class = Type(Hook)

        def init_history(self) -> None:
            self.history_manager = MemoryHistory(shell=self, parent=self)
            self.configurables.append(self.history_manager)

        def enable_gui(self, gui: Optional[str] = None) -> None:
            """There is no event loop to start."""

        def _showtraceback(self, etype: Any, evalue: Any, stb: List[str]) -> None:
            recorder.current.error(str(etype.__name__), str(evalue), list(stb))

    config = Config()
    config.IPKernelApp = Config()
    shell = ZMQInteractiveShell.instance(config=config, user_module=namespace)
    # Libraries ask for this attribute to learn that they are in a notebook and not in a terminal (pandas' is_terminal).
    shell.kernel = types.SimpleNamespace(shell=shell)
    shell.colors = "linux" if "linux" in _colour_names(shell) else "neutral"
    return shell


def _colour_names(shell: Any) -> List[str]:
    trait = shell.traits().get("colors")
    return list(getattr(trait, "values", ()) or ())


def _plain(data: Dict[str, Any]) -> Dict[str, Any]:
    """The mime bundle with bytes as base64, as a front end gets it."""
    import base64

    return {mime: base64.encodebytes(value).decode("ascii") if isinstance(value, bytes) else value for mime, value in data.items()}


def run_cell(shell: Any, recorder: Recorder, source: str, count: int) -> CellOutputs:
    """Run one cell as a kernel would; returns what it showed."""
    outputs = recorder.current = CellOutputs()
    shell.execution_count = count
    kept = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = RecordingStream("stdout", recorder), RecordingStream("stderr", recorder)
    try:
        shell.run_cell(source, store_history=True)
    finally:
        sys.stdout, sys.stderr = kept
    return outputs
