"""What libraries find where a kernel and its front end would be: a kernel object, comms that nobody hears, widgets."""

from __future__ import annotations

import hashlib
from typing import Any, Callable, Dict, List, Optional

from .recorder import Recorder


class KernelStandIn:
    """The `kernel` of the shell. Output widgets ask it which message is being answered."""

    implementation = "ipython"
    eventloop = None

    def __init__(self, recorder: Recorder) -> None:
        self.shell: Any = None
        self.recorder = recorder
        self.comm_manager: Any = None
        self.take_over_comms: Callable[[], None] = lambda: None
        self.widgets: Dict[str, Dict[str, Any]] = {}
        self._message = ""
        self._comms_made = 0
        self._listening: List["_OutputWidgetStandIn"] = []

    def start_cell(self, cell: int) -> None:
        """From now on everything answers a request to run this cell."""
        self._message = f"cell-{cell}"
        self._comms_made = 0
        # Loading ipykernel, as some libraries do, puts a real kernel's comms in their place.
        self.take_over_comms()

    def end_cell(self) -> None:
        """Send Output widgets what they have shown, which a kernel hears when the cell is over."""
        for widget in self._listening:
            widget.send_state()

    def get_parent(self, channel: str = "shell") -> Dict[str, Any]:
        """The message that is being answered."""
        return {"header": {"msg_id": self._message, "msg_type": "execute_request"}, "msg_id": self._message}

    @property
    def _parent_header(self) -> Dict[str, Any]:
        return self.get_parent()

    def do_one_iteration(self) -> None:
        """There are no messages to handle."""

    def next_comm_id(self) -> str:
        """An id that is the same in every run."""
        self._comms_made += 1
        return hashlib.sha256(f"{self._message}/{self._comms_made}".encode()).hexdigest()[:32]

    def opened(self, comm: Any, state: Dict[str, Any]) -> None:
        """A widget came to be."""
        self.widgets[comm.comm_id] = dict(state)
        if state.get("_model_name") == "OutputModel":
            self._listening.append(_OutputWidgetStandIn(comm, self.recorder))

    def changed(self, comm: Any, state: Dict[str, Any]) -> None:
        """A widget's state changed."""
        self.widgets.setdefault(comm.comm_id, {}).update(state)
        for widget in self._listening:
            if widget.comm is comm and "msg_id" in state:
                widget.listen(bool(state["msg_id"]))


class _OutputWidgetStandIn:
    """Takes what a cell shows while an Output widget is open, and gives it to the widget as a front end would."""

    def __init__(self, comm: Any, recorder: Recorder) -> None:
        self.comm = comm
        self._recorder = recorder
        self._outputs: List[Dict[str, Any]] = []
        self._clear_pending = False
        self._changed = False

    def listen(self, on: bool) -> None:
        """Start or stop taking outputs."""
        self._recorder.flush()
        if on:
            self._recorder.hooks.append(self._take)
        elif self._take in self._recorder.hooks:
            self._recorder.hooks.remove(self._take)

    def send_state(self) -> None:
        """Tell the widget what it shows."""
        if self._changed:
            self._changed = False
            state = {"outputs": list(self._outputs)}
            self.comm.handle_msg({"content": {"data": {"method": "update", "state": state, "buffer_paths": []}}, "buffers": []})

    def _take(self, output: Dict[str, Any]) -> None:
        self._changed = True
        if output["output_type"] == "clear_output":
            self._clear_pending = output["wait"]
            if not output["wait"]:
                self._outputs = []
            return
        if self._clear_pending:
            self._outputs, self._clear_pending = [], False
        output = {key: value for key, value in output.items() if key != "transient"}
        last: Optional[Dict[str, Any]] = self._outputs[-1] if self._outputs else None
        if last and output["output_type"] == last["output_type"] == "stream" and output["name"] == last["name"]:
            last["text"] += output["text"]
        else:
            self._outputs.append(output)


def take_over_comms(kernel: KernelStandIn) -> None:
    """Let widgets open comms without a front end. Does nothing where the `comm` package is not installed."""
    try:
        import comm
        from comm.base_comm import BaseComm
    except ImportError:
        return

    class SilentComm(BaseComm):  # type: ignore[misc,unused-ignore]
        """A comm whose messages change what is known of a widget and go nowhere else."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.setdefault("comm_id", kernel.next_comm_id())
            self.kernel = kernel
            super().__init__(*args, **kwargs)

        def publish_msg(self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any) -> None:
            state = (data or {}).get("state")
            if state is None or keys.get("target_name", "jupyter.widget") != "jupyter.widget":
                return
            if msg_type == "comm_open":
                kernel.opened(self, state)
            elif msg_type == "comm_msg":
                kernel.changed(self, state)

    manager = kernel.comm_manager = comm.get_comm_manager()

    def take_over() -> None:
        comm.create_comm = SilentComm
        comm.get_comm_manager = lambda: manager

    kernel.take_over_comms = take_over
    take_over()
