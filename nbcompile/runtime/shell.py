"""Runs cells in an IPython shell that is to them what a kernel's shell is, without sockets or a front end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import sys
import types
from typing import Any, ContextManager, Dict, Iterator, List, Optional, Tuple

from .cell_kernel import CellKernel, InputRefused
from .frontend import KernelStandIn, take_over_comms
from .installing import leave_out_installs
from .memory import RESERVE
from .recorder import Recorder
from .recursion import Depth
from .sources import CellSource, cell_file_name

# Since then a kernel counts an error while a value is displayed as the cell's.
_DISPLAY_ERRORS_FAIL_CELLS = (7, 3)
# What `%gui` and `%matplotlib` may ask for without a window system.
_QUIET_GUIS = (None, "asyncio", "inline", "nbagg", "webagg", "notebook", "ipympl", "widget")


class _PublisherMixin:
    """Hands what is displayed to the recorder. `shell` is set by IPython."""

    shell: Any

    def publish(
        self, data: Any, metadata: Any = None, source: Any = None, *, transient: Any = None, update: bool = False, **_: Any
    ) -> None:
        self._validate_data(data, metadata or {})  # type: ignore[attr-defined]
        self.shell.recorder.display(data, metadata, transient, update)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.recorder.clear(wait)


class _HookMixin:
    """Hands the value of an expression to the recorder."""

    shell: Any
    # Older IPython knows of no value being shown, and asks nothing before the first one.
    _is_active = False

    def start_displayhook(self) -> None:
        self._is_active = True

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        self.shell.recorder.result(self.prompt_count, format_dict, md_dict)  # type: ignore[attr-defined]

    def fill_exec_result(self, result: Any) -> None:
        super().fill_exec_result(result)  # type: ignore[misc]
        self.shell.recorder.results.append(result)

    def finish_displayhook(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._is_active = False


class _CompilerMixin:
    """Names the code of cells as a kernel does."""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        return os.environ.get("IPYKERNEL_CELL_NAME") or cell_file_name(raw_code)


class _ShellMixin:
    """What ipykernel's shell does differently from IPython's own."""

    recorder: Recorder
    kernel: Any
    payload_manager: Any
    displayhook: Any
    _failed_in_display = False

    def init_virtualenv(self) -> None:
        """A kernel runs in the environment of its own Python."""

    def init_environment(self) -> None:
        """The variables are set before the shell is made."""

    def init_hooks(self) -> None:
        super().init_hooks()  # type: ignore[misc]
        from IPython.core import page

        self.set_hook("show_in_pager", page.as_hook(self._page), 99)  # type: ignore[attr-defined]

    def init_magics(self) -> None:
        super().init_magics()  # type: ignore[misc]
        for name in ("autosave", "clear", "less", "more", "man"):
            self.register_magic_function(getattr(self, "_magic_" + name), "line", name)  # type: ignore[attr-defined]

    def enable_gui(self, gui: Optional[str] = None) -> None:
        """There is no event loop to start."""
        if gui not in _QUIET_GUIS:
            from IPython.core.error import UsageError

            raise UsageError(f"Invalid GUI request {gui!r}, valid ones are:dict_keys({[*_QUIET_GUIS[1:], None]})")
        self.active_eventloop = gui

    def ask_exit(self) -> None:
        self.exit_now = True
        self.payload_manager.write_payload({"source": "ask_exit", "keepkernel": getattr(self, "keepkernel_on_exit", None)})

    def set_next_input(self, text: str, replace: bool = False) -> None:
        self.payload_manager.write_payload({"source": "set_next_input", "text": text, "replace": replace})

    def get_parent(self) -> Dict[str, Any]:
        return dict(self.kernel.get_parent())

    @property
    def parent_header(self) -> Dict[str, Any]:
        return self.get_parent()

    @contextlib.contextmanager
    def _tee(self, channel: str) -> Iterator[None]:
        """IPython keeps a second copy of all output for `%notebook`; a flood of it would fill the memory."""
        yield

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        RESERVE.release()
        super().showtraceback(*args, **kwargs)  # type: ignore[misc]

    def _showtraceback(self, etype: Any, evalue: Any, stb: List[str]) -> None:
        if self.displayhook.is_active if hasattr(self.displayhook, "is_active") else self.displayhook._is_active:
            self._failed_in_display = True
        self.recorder.error(str(etype.__name__), str(evalue), list(stb))

    def _page(self, text: Any, start: int = 0, screen_lines: int = 0, pager_cmd: Any = None) -> None:
        data = text if isinstance(text, dict) else {"text/plain": text}
        self.payload_manager.write_payload({"source": "page", "data": data, "start": max(0, start)})

    def _magic_autosave(self, line: str) -> None:
        from IPython.core.error import UsageError
        from IPython.display import Javascript, display

        try:
            interval = int(line)
        except ValueError as error:
            raise UsageError(f"%autosave requires an integer, got {line!r}") from error
        display(Javascript(f"IPython.notebook.set_autosave_interval({1000 * interval})"), include=["application/javascript"])
        print(f"Autosaving every {interval} seconds" if interval else "Autosave disabled")  # noqa: T201

    def _magic_clear(self, line: str) -> None:
        self.system("clear")  # type: ignore[attr-defined]

    def _magic_less(self, line: str) -> None:
        from IPython.core import page
        from IPython.core.error import UsageError

        if not line:
            raise UsageError("Missing filename.")
        with open(line) as file:
            page.page(file.read())

    _magic_more = _magic_less

    def _magic_man(self, line: str) -> None:
        from IPython.core import page

        page.page(self.getoutput(f"man {line} | col -b", split=False))  # type: ignore[attr-defined]


def ipython_is_there() -> bool:
    """Whether cells can run in IPython."""
    try:
        import IPython.core.interactiveshell  # noqa: F401
    except ImportError:
        return False
    return True


def make_shell(recorder: Recorder, work: str) -> Any:
    """The one shell of this process. Starts no thread and opens no file but a profile directory below `work`."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell, InteractiveShellABC
    from traitlets import Any as AnyTrait
    from traitlets import CBool, Type
    from traitlets.config import Config

    publisher = type("ZMQDisplayPublisher", (_PublisherMixin, DisplayPublisher), {"__module__": "ipykernel.zmqshell"})
    hook = type("ZMQShellDisplayHook", (_HookMixin, DisplayHook), {"__module__": "ipykernel.displayhook"})
    traits = {
        "__module__": "ipykernel.zmqshell",
        "display_pub_class": Type(publisher),
        "displayhook_class": Type(hook),
        "kernel": AnyTrait(),
        "recorder": AnyTrait(),
        "autoindent": CBool(False),
        "readline_use": CBool(False),
    }
    shell_class: Any = type("ZMQInteractiveShell", (_ShellMixin, InteractiveShell), traits)
    InteractiveShellABC.register(shell_class)
    config = Config()
    # Libraries look for this section to tell a kernel from a terminal; an empty one does not count.
    config.IPKernelApp.parent_handle = 1
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    kernel = KernelStandIn(recorder)
    shell = shell_class.instance(config=config, ipython_dir=os.path.join(work, "ipython"), kernel=kernel, recorder=recorder)
    kernel.shell = shell
    _use_kernel_exit(shell)
    shell.history_manager.get_tail = functools.partial(_last_inputs, shell.history_manager)
    leave_out_installs(shell)
    # The one extension that a kernel loads on its own: `%store`.
    shell.extension_manager.load_extension("storemagic")
    shell.compile = type("XCachingCompiler", (_CompilerMixin, type(shell.compile)), {"__module__": "ipykernel.compiler"})()
    return shell


def _last_inputs(
    history: Any, n: Optional[int] = 10, raw: bool = True, output: bool = False, include_latest: bool = False
) -> List[Tuple[Any, ...]]:
    """The last inputs of this session, for which a kernel has a database: libraries look there for the number of the cell."""
    lines = list(history.get_range(0, 1, None, raw=raw, output=output))
    return (lines if include_latest else lines[:-1])[-(n or 10) :]


def _use_kernel_exit(shell: Any) -> None:
    """`exit` and `quit` ask the kernel to stop after the cell."""
    from IPython.core.autocall import ZMQExitAutocall

    shell.exiter = ZMQExitAutocall(shell)
    for name in ("exit", "quit"):
        shell.user_ns[name] = shell.user_ns_hidden[name] = shell.exiter


class IPythonKernel(CellKernel):
    """Runs cells one after the other, with an event loop that is running while they do."""

    kind = "ipython"

    def __init__(self, recorder: Recorder, work: str) -> None:
        from IPython.core.async_helpers import _pseudo_sync_runner

        self.shell = make_shell(recorder, work)
        super().__init__(recorder, self.shell.user_ns)
        self._parsed: Dict[str, str] = {"": ""}
        take_over_comms(self.shell.kernel)
        # Asked once for all steps that are forked from this process.
        self._version = _kernel_version()
        self._depth = Depth()
        self._depth.warm_up(lambda code: _pseudo_sync_runner(self.shell.run_code(code)))

    def run(self, source: CellSource) -> Optional[BaseException]:
        """Run one cell; returns the exception that ended it."""
        shell = self.shell
        shell.execution_count = source.number or 0
        self._number_inputs(source.number or 0)
        shell.kernel.start_cell(source.cell)
        self._tell_streams()
        shell._failed_in_display = False
        with self._without_input():
            result = self._turn(self._execute(source))
        self._inputs[source.number or 0] = source.text
        shell.kernel.end_cell()
        self.recorder.flush()
        shell.payload_manager.clear_payload()
        error = result.error_before_exec or result.error_in_exec
        if error is None and shell._failed_in_display and self._version >= _DISPLAY_ERRORS_FAIL_CELLS:
            return getattr(sys, "last_value", None) or RuntimeError("display failed")
        return error  # type: ignore[no-any-return]

    def _tell_streams(self) -> None:
        """Tell the streams which cell they answer: only those of the moment, so what was put aside stays with its cell."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "set_parent"):
                stream.set_parent(self.shell.kernel.get_parent())

    def show_result(self, cell: int, number: Optional[int], value: Any) -> None:
        """Show a value as that of the last expression of a cell."""
        self.recorder.cell = cell
        self.shell.execution_count = number or 0
        data, metadata = self.shell.display_formatter.format(value)
        self.recorder.result(number or 0, data, metadata)

    def bind_history(self, name: str, value: Any) -> bool:
        """Bind a name of IPython's history of results; returns whether it was one."""
        history, hook = self.shell.history_manager, self.shell.displayhook
        if name in ("Out", "_oh"):
            # It may be the very history that is to be replaced.
            results = dict(value)
            history.output_hist.clear()
            history.output_hist.update(results)
            self.namespace.update({f"_{number}": result for number, result in results.items()})
        elif name in ("_", "__", "___"):
            setattr(hook, name, value)
            self.namespace[name] = value
        elif name.startswith("_") and name[1:].isdigit():
            self.namespace[name] = history.output_hist[int(name[1:])] = value
        else:
            return False
        return True

    def is_result(self, name: str) -> bool:
        """Whether a name is bound to one of the last results, by IPython itself."""
        return name in ("_", "__", "___") and self.namespace.get(name) is getattr(self.shell.displayhook, name)

    def transform(self, text: str) -> str:
        """The cell as plain Python, or as it is where IPython cannot transform it."""
        try:
            return str(self.shell.transform_cell(text))
        except Exception:  # noqa: BLE001 (the cell shows the error when it runs)
            return text

    def _number(self, file_name: str, count: Optional[int]) -> None:
        numbers = getattr(self.shell.compile, "_filename_map", None)
        if numbers is not None and count is not None:
            numbers[file_name] = count

    def compile(self, tree: Any, file_name: str, mode: str = "exec") -> types.CodeType:
        """Compile with the `__future__` imports that cells have made so far."""
        code: types.CodeType = self.shell.compile(tree, file_name, mode)
        return code

    def builtins_of_cells(self) -> ContextManager[Any]:
        """While entered, builtins are as cells find them."""
        trap: ContextManager[Any] = self.shell.builtin_trap
        return trap

    def execute(self, code: types.CodeType) -> None:
        """Execute code in the namespace with the builtins that cells see."""
        with self.shell.builtin_trap:
            self._context.run(exec, code, self.namespace)

    def _input_error(self) -> Any:
        from IPython.core import error

        return getattr(error, "StdinNotImplementedError", InputRefused)

    async def _execute(self, source: CellSource) -> Any:
        from IPython.core.async_helpers import _pseudo_sync_runner

        shell = self.shell
        given: Dict[str, Any] = {"transformed_cell": source.text, "preprocessing_exc_tuple": None}
        try:
            given["transformed_cell"] = shell.transform_cell(source.text)
        except Exception:  # noqa: BLE001 (IPython shows it)
            given["preprocessing_exc_tuple"] = sys.exc_info()
        self.sources.add(source._replace(transformed=given["transformed_cell"]))
        if source.text.startswith("%%time"):
            body = source.text.partition("\n")[2]
            self.sources.add_unseen(CellSource(source.cell, body, self.transform(body), source.number), "<timed exec>")
        result = None
        try:
            coroutine = shell.run_cell_async(source.text, store_history=True, **given)
            awaits = shell.should_run_async(source.text, **given)
            with self._as_deep_as_a_kernel(source, awaits):
                # A kernel, too, awaits in a task, which keeps to itself the context variables that it sets.
                result = await asyncio.ensure_future(coroutine) if awaits else _pseudo_sync_runner(coroutine)
        except BaseException as error:  # noqa: BLE001 (what IPython does with what it has not handled itself)
            shell.showtraceback(running_compiled_code=True)
            result = types.SimpleNamespace(error_before_exec=None, error_in_exec=error)
        finally:
            shell.events.trigger("post_execute")
            shell.events.trigger("post_run_cell", result)
        return result

    def _as_deep_as_a_kernel(self, source: CellSource, awaits: bool) -> ContextManager[None]:
        """While entered by what runs a cell, calls may go as deep as below a kernel; where it may ask how deep, nothing is changed."""
        if self.asks_for_limit or "recursionlimit" in source.text:
            return contextlib.nullcontext()
        return self._depth.of_task(_frame_of_loop()) if awaits else self._depth.of_cell(sys._getframe(1), self._version)

    def _number_inputs(self, count: int) -> None:
        """Make `In[count]` the cell that runs next, whatever ran in this process before."""
        history = self.shell.history_manager
        raw = [self._inputs.get(number, "") for number in range(count)]
        history.input_hist_raw[:] = raw
        for text in set(raw) - self._parsed.keys():
            self._parsed[text] = self.transform(text).rstrip("\n")
        history.input_hist_parsed[:] = [self._parsed[text] for text in raw]
        history._i00, history._i, history._ii, history._iii = [*raw[::-1], "", "", "", ""][:4]
        self.namespace.update({f"_i{number}": text for number, text in self._inputs.items() if number < count})


def _frame_of_loop() -> types.FrameType:
    """The frame that starts whatever task is next; the caller's, where an event loop is not Python's own."""
    caller = sys._getframe(1)
    frame: Optional[types.FrameType] = caller
    while frame is not None and frame.f_code.co_filename != asyncio.events.__file__:
        frame = frame.f_back
    return frame or caller


def _kernel_version() -> Tuple[int, int]:
    """The first two numbers of the version of the kernel that is installed here; of the newest that is known where none is."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        major, minor = (int(part) for part in version("ipykernel").split(".")[:2])
    except (PackageNotFoundError, ValueError):
        return (7, 4)
    return (major, minor)
