"""Runs cells where IPython is not installed: as plain Python, with what a notebook shows of itself as far as that needs no IPython.

The value of the last expression is shown, with the representations it offers; so are open figures, and what is given to `display`. There
are no magics: a cell that has some is a syntax error.
"""

from __future__ import annotations
import __future__

import ast
import base64
import builtins
import contextlib
import inspect
import io
import os
import sys
import tokenize
import traceback
import types
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .cell_kernel import CellKernel
from .environment import make_main_module
from .memory import RESERVE
from .recorder import Recorder
from .sources import CELL_FOLDER, CellSource

_REPRESENTATIONS = (
    ("_repr_html_", "text/html"),
    ("_repr_markdown_", "text/markdown"),
    ("_repr_latex_", "text/latex"),
    ("_repr_svg_", "image/svg+xml"),
    ("_repr_json_", "application/json"),
    ("_repr_javascript_", "application/javascript"),
    ("_repr_png_", "image/png"),
    ("_repr_jpeg_", "image/jpeg"),
)
_NEWER_FIRST = ("_", "__", "___")
# What draws no window, and is there wherever matplotlib is.
_BACKEND = "agg"


class PlainKernel(CellKernel):
    """Runs cells as the interpreter runs what is typed."""

    kind = "plain"

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder, vars(make_main_module()))
        self._flags = 0
        self._results: Dict[int, Any] = {}
        if os.environ.get("MPLBACKEND", "").endswith("backend_inline"):
            os.environ["MPLBACKEND"] = _BACKEND
        self.namespace.update(In=[""], Out=self._results, **dict.fromkeys(_NEWER_FIRST, ""))

    def run(self, source: CellSource) -> Optional[BaseException]:
        """Run one cell; returns the exception that ended it."""
        number = source.number or 0
        self.namespace["In"][:] = [self._inputs.get(one, "") for one in range(number)] + [source.text]
        self._inputs[number] = source.text
        name = self.sources.add(source)
        with self._without_input(), self.builtins_of_cells():
            error: Optional[BaseException] = self._turn(self._execute(source, name))
            error = self._show_figures() or error
        self.recorder.flush()
        return error

    async def _execute(self, source: CellSource, name: str) -> Optional[BaseException]:
        try:
            body = ast.parse(source.text, name).body
            shown = body.pop() if body and isinstance(body[-1], ast.Expr) and not _ends_with_semicolon(source.text) else None
            # Each statement on its own, as IPython does it: what compiles is then the same code with both.
            for statement in body:
                await self._evaluate(self.compile(ast.Module([statement], []), name))
            if isinstance(shown, ast.Expr):
                value = await self._evaluate(self.compile(ast.Expression(shown.value), name, "eval"))
                if value is not None:
                    self._keep_result(source.number or 0, value)
                    self.recorder.result(source.number or 0, *representations(value))
        except BaseException as error:  # noqa: BLE001 (whatever ends a cell is shown)
            RESERVE.release()
            self.recorder.error(type(error).__name__, str(error), _lines_of(error))
            return error
        return None

    async def _evaluate(self, code: types.CodeType) -> Any:
        found = eval(code, self.namespace)  # noqa: S307 (the notebook's own code)
        return await found if code.co_flags & inspect.CO_COROUTINE else found

    def _keep_result(self, number: int, value: Any) -> None:
        names = self.namespace
        names["___"], names["__"], names["_"] = names.get("__", ""), names.get("_", ""), value
        names[f"_{number}"] = self._results[number] = value

    def _show_figures(self) -> Optional[BaseException]:
        """Show the figures that a cell has left open, and close them."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is None:
            return None
        try:
            for number in pyplot.get_fignums():
                self._display(pyplot.figure(number))
        except Exception as error:  # noqa: BLE001 (what drawing raises belongs to the cell)
            self.recorder.error(type(error).__name__, str(error), _lines_of(error))
            return error
        finally:
            pyplot.close("all")
        return None

    @contextlib.contextmanager
    def builtins_of_cells(self) -> Iterator[None]:
        """Let cells find `display`."""
        builtins.display = self._display  # type: ignore[attr-defined]
        try:
            yield
        finally:
            del builtins.display  # type: ignore[attr-defined]

    def _display(self, *values: Any, **_: Any) -> None:
        for value in values:
            self.recorder.display(*representations(value))

    def show_result(self, cell: int, number: Optional[int], value: Any) -> None:
        """Show a value as that of the last expression of a cell."""
        self.recorder.cell = cell
        self.recorder.result(number or 0, *representations(value))

    def bind_history(self, name: str, value: Any) -> bool:
        """Bind a name of the history of results; returns whether it was one."""
        if name == "Out":
            results = dict(value)
            self._results.clear()
            self._results.update(results)
            self.namespace.update({f"_{number}": result for number, result in results.items()})
        elif name.startswith("_") and name[1:].isdigit():
            self.namespace[name] = self._results[int(name[1:])] = value
        else:
            return False
        return True

    def is_result(self, name: str) -> bool:
        """Whether a name is bound to one of the last results."""
        return name in _NEWER_FIRST and any(self.namespace.get(name, self) is value for value in self._results.values())

    def compile(self, tree: Any, file_name: str, mode: str = "exec") -> types.CodeType:
        """Compile with the `__future__` imports that cells have made so far."""
        flags = self._flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code: types.CodeType = compile(tree, file_name, mode, flags=flags, dont_inherit=True)
        for name in __future__.all_feature_names:
            self._flags |= code.co_flags & getattr(__future__, name).compiler_flag
        return code

    def execute(self, code: types.CodeType) -> None:
        """Execute code in the namespace with the builtins that cells see."""
        with self.builtins_of_cells():
            self._context.run(exec, code, self.namespace)


def representations(value: Any) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """How a notebook shows a value, as far as the value itself says so, and what is to be known of it."""
    data: Dict[str, Any] = {"text/plain": repr(value)}
    if isinstance(value, type):
        return data, {}
    bundle = getattr(value, "_repr_mimebundle_", None)
    if callable(bundle):
        found = bundle(include=None, exclude=None) or {}
        return ({**data, **found[0]}, found[1]) if isinstance(found, tuple) else ({**data, **found}, {})
    for method, mime in _REPRESENTATIONS:
        represent = getattr(value, method, None)
        found = represent() if callable(represent) else None
        if found is not None:
            data[mime] = base64.b64encode(found).decode("ascii") if isinstance(found, bytes) else found
    figure = getattr(sys.modules.get("matplotlib.figure"), "Figure", None)
    if figure is not None and isinstance(value, figure):
        picture = io.BytesIO()
        value.savefig(picture, format="png", bbox_inches="tight")
        data["image/png"] = base64.b64encode(picture.getvalue()).decode("ascii")
    return data, {}


def _ends_with_semicolon(text: str) -> bool:
    """Whether a cell ends so that its value is not shown."""
    last = ""
    with contextlib.suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.string.strip() and token.type not in (tokenize.COMMENT, tokenize.ENDMARKER):
                last = token.string
    return last == ";"


def _lines_of(error: BaseException) -> List[str]:
    """The traceback of an exception from the first cell on."""
    place = error.__traceback__
    while place is not None and not place.tb_frame.f_code.co_filename.startswith(CELL_FOLDER):
        place = place.tb_next
    lines = traceback.format_exception(type(error), error, place)
    return [line for text in lines for line in text.rstrip("\n").split("\n")]
