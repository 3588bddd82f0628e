"""State that is not a name, taken up in one process and set in another: generators, plot settings, variables, directory, path.

The state of a channel is a plain value, which says nothing of the place where it was taken: directories are told from the step's own.
"""

from __future__ import annotations

import contextlib
import importlib
import locale
import os
import sys
import time
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from .library_settings import Tied, ways_to_send
from .own_paths import LEVELS_ABOVE
from .placeholders import Placeholder, TravelFailure
from .shell_settings import set_settings, take_settings
from .started import start_as_kernels
from .value_writer import type_name

# An import reads these, so they are set before the statements of their cell are run again; all others after them.
READ_BY_IMPORTS = ("os.environ", "cwd", "sys.path")
_INLINE_SETTINGS = ("close_figures", "print_figure_kwargs", "figure_formats")
# What one letter means as a colour: themes of seaborn give them others.
_COLOUR_CODES = "bgrcmykw"
# Under these mime types a shell shows figures, if it is told to.
_FIGURE_MIMES = ("image/png", "image/jpeg", "image/svg+xml", "application/pdf")


class StartingPoint(NamedTuple):
    """What a process starts with, and changes are told from: the cells' directory, the variables, the search path."""

    directory: str
    environ: Dict[str, str]
    path: Tuple[str, ...]


class CellUmask:
    """The permissions that new files of cells do not get. What the runtime writes, it must be able to read, whatever cells set."""

    def __init__(self) -> None:
        # Nobody can ask without setting it.
        self.mask = os.umask(0)
        os.umask(self.mask)

    def set(self, mask: int) -> None:
        """Note what a cell that ran elsewhere has set."""
        self.mask = mask

    @contextlib.contextmanager
    def holds(self) -> Iterator[None]:
        """While entered, it is the umask of the process."""
        own = os.umask(self.mask)
        try:
            yield
        finally:
            self.mask = os.umask(own)


class Channels:
    """The channels of this process. `directory` is where its cells start."""

    def __init__(self, kernel: Any, directory: str) -> None:
        self._kernel = kernel
        self._shell = getattr(kernel, "shell", None)
        self.umask = CellUmask()
        self._start = StartingPoint(directory, dict(os.environ), tuple(sys.path))
        self._current: Dict[str, int] = {}
        if self._shell is not None:
            start_as_kernels()
        self._ways: Dict[str, Tuple[Callable[[], Any], Callable[[Any], None]]] = {
            "random": (_take_random, _set_random),
            "numpy.random": (_take_numpy, _set_numpy),
            "torch.random": (_take_torch, _set_torch),
            "matplotlib": (self._take_matplotlib, self._set_matplotlib),
            "os.environ": (self._take_environ, self._set_environ),
            "cwd": (self._take_directory, self._set_directory),
            "sys.path": (self._take_path, self._set_path),
            "matplotlib.interactive": (_take_interactive, _set_interactive),
            "umask": (lambda: self.umask.mask, self.umask.set),
            "locale": (_take_locale, _set_locale),
            "shell": (lambda: take_settings(self._shell), lambda state: set_settings(self._shell, state)),
            **ways_to_send(),
        }

    def travels(self, name: str) -> bool:
        """Whether this channel has a state that can be set elsewhere."""
        return name in self._ways

    def take(self, name: str, cell: int) -> Any:
        """The state of a channel after a cell has set it; `None` where its library is not loaded."""
        self._current[name] = cell
        try:
            # Numbers of `decimal` and numpy are shown as context variables say.
            return self._kernel.in_context(self.look, name)
        except Tied as tied:
            return Placeholder(TravelFailure(f"channel:{name}@{cell}", type_name(type(tied.value)), tied.what, "it belongs to its process"))

    def look(self, name: str) -> Any:
        """The state of a channel as it is now."""
        return self._ways[name][0]()

    def is_current(self, name: str, cell: int) -> bool:
        """Whether the channel is in the state in which this cell left it."""
        return self._current.get(name) == cell

    def set(self, name: str, cell: int, state: Any) -> None:
        """Put a channel in the state in which a cell left it."""
        self._current[name] = cell
        if state is not None:
            self._kernel.in_context(self._ways[name][1], state)

    # matplotlib: its parameters, its backend, and how the shell shows figures.

    def _take_matplotlib(self) -> Any:
        state: Dict[str, Any] = {"parameters": {}, "backend": None, "inline": {}, "formats": self._figure_formats(), "codes": {}}
        matplotlib = sys.modules.get("matplotlib")
        if matplotlib is not None:
            state["parameters"] = {name: dict.__getitem__(matplotlib.rcParams, name) for name in matplotlib.rcParams}
            backend = state["parameters"].pop("backend", None)
            state["backend"] = backend if isinstance(backend, str) else None
            names = getattr(sys.modules.get("matplotlib.colors"), "colorConverter", None)
            state["codes"] = {code: names.colors[code] for code in _COLOUR_CODES if code in names.colors} if names is not None else {}
            state["colours"] = _colours_of_default_map(matplotlib)
        settings = self._inline_settings()
        if settings is not None:
            state["inline"] = {name: getattr(settings, name) for name in _INLINE_SETTINGS}
        return state

    def _inline_settings(self) -> Any:
        """What `%config InlineBackend` sets; before pyplot is imported, that is kept by the shell alone."""
        known = sys.modules.get("matplotlib_inline.config")
        chosen = self._shell is not None and "InlineBackend" in self._shell.config
        if known is None and not chosen:
            return None
        return importlib.import_module("matplotlib_inline.config").InlineBackend.instance(parent=self._shell)

    def _set_matplotlib(self, state: Any) -> None:
        if state["parameters"]:
            import matplotlib as mpl

            if state["backend"] and state["backend"] != dict.get(mpl.rcParams, "backend"):
                mpl.use(state["backend"])
            if state.get("colours") and state["parameters"]["image.cmap"] not in mpl.colormaps:
                from matplotlib.colors import ListedColormap

                mpl.colormaps.register(ListedColormap(state["colours"], name=state["parameters"]["image.cmap"]))
            dict.update(mpl.rcParams, state["parameters"])
        if state["codes"]:
            names = importlib.import_module("matplotlib.colors").colorConverter.colors
            for code, colour in state["codes"].items():
                if names.get(code) != colour:
                    names[code] = colour
        if state["inline"]:
            from matplotlib_inline.config import InlineBackend

            for name, value in state["inline"].items():
                setattr(InlineBackend.instance(parent=self._shell), name, value)
        if state["formats"] is not None and state["formats"] != self._figure_formats():
            from IPython.core.pylabtools import select_figure_formats

            select_figure_formats(self._shell, set(state["formats"][0]), **state["formats"][1])

    def _figure_formats(self) -> Optional[Tuple[List[str], Dict[str, Any]]]:
        """The formats in which the shell shows figures and what it tells `savefig`; `None` where nobody has chosen any."""
        figure = getattr(sys.modules.get("matplotlib.figure"), "Figure", None)
        if figure is None or self._shell is None:
            return None
        formats: List[str] = []
        words: Dict[str, Any] = {}
        for mime in _FIGURE_MIMES:
            show = self._shell.display_formatter.formatters[mime].type_printers.get(figure)
            given = dict(getattr(show, "keywords", None) or {})
            if given.pop("base64", False) or "fmt" in given:
                formats.append(given.pop("fmt", "retina"))
                words.update(given)
        return (formats, words) if formats else None

    # The environment of the process.

    def _take_environ(self) -> Any:
        start = self._start.environ
        changed = {name: value for name, value in os.environ.items() if start.get(name) != value}
        return {"set": changed, "removed": [name for name in start if name not in os.environ], "zone": time.tzname}

    def _set_environ(self, state: Any) -> None:
        wanted = {name: value for name, value in self._start.environ.items() if name not in state["removed"]}
        wanted.update(state["set"])
        for name in [name for name in os.environ if name not in wanted]:
            del os.environ[name]
        for name, value in wanted.items():
            if os.environ.get(name) != value:
                os.environ[name] = value
        # Python looks at TZ when it is told to, and not before.
        if tuple(state["zone"]) != time.tzname and hasattr(time, "tzset"):
            time.tzset()

    def _take_directory(self) -> Any:
        return self._portable(os.getcwd())

    def _set_directory(self, state: Any) -> None:
        directory = self._here(state)
        os.makedirs(directory, exist_ok=True)
        os.chdir(directory)

    def _take_path(self) -> Any:
        places = {entry: place for place, entry in reversed(list(enumerate(self._start.path)))}
        return [("start", places[entry]) if entry in places else self._portable(entry) for entry in sys.path]

    def _set_path(self, state: Any) -> None:
        start = self._start.path
        sys.path[:] = [start[at] if kind == "start" else self._here((kind, at)) for kind, at in state if kind != "start" or at < len(start)]
        importlib.invalidate_caches()

    def _portable(self, path: Any) -> Tuple[str, Any]:
        """A path, told from the cells' directory if it lies there, or above it where steps stage `../data`."""
        if not isinstance(path, str) or not os.path.isabs(path):
            return "", path
        below = os.path.relpath(os.path.realpath(path), os.path.realpath(self._start.directory))
        return ("", path) if below.split(os.sep).count(os.pardir) > LEVELS_ABOVE else ("here", below)

    def _here(self, portable: Any) -> Any:
        kind, path = portable
        return os.path.normpath(os.path.join(self._start.directory, path)) if kind == "here" else path


def reseed() -> None:
    """After a fork: random numbers of one's own. Python's generator sees to that itself."""
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.seed()
    symbol = sys.modules.get("sympy.core.symbol")
    if symbol is not None:
        # Symbols that should be equal to no other are numbered from here; those of other steps may come into this one.
        symbol.Dummy._base_dummy_index += int.from_bytes(os.urandom(3), "big")


def _take_interactive() -> Any:
    """Whether plots are interactive, and whether there has been a figure: the first loads the backend, which makes them so again."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    return None if pyplot is None else {"on": pyplot.isinteractive(), "loaded": getattr(pyplot, "_backend_mod", None) is not None}


def _set_interactive(state: Any) -> None:
    pyplot = importlib.import_module("matplotlib.pyplot")
    if state["loaded"] and getattr(pyplot, "_backend_mod", None) is None:
        pyplot.switch_backend(pyplot.get_backend())
    importlib.import_module("matplotlib").interactive(state["on"])


def _take_locale() -> str:
    return locale.setlocale(locale.LC_ALL)


def _set_locale(state: str) -> None:
    locale.setlocale(locale.LC_ALL, state)


# Generators, bit for bit.


def _colours_of_default_map(matplotlib: Any) -> Optional[List[List[float]]]:
    """What the colour map that is used by default consists of, unless every process has it: libraries register others when imported."""
    name = dict.get(matplotlib.rcParams, "image.cmap")
    known = getattr(matplotlib, "colormaps", {})
    if name == dict.get(matplotlib.rcParamsDefault, "image.cmap") or name not in known:
        return None
    colours: List[List[float]] = known[name](range(known[name].N)).tolist()
    return colours


def _take_random() -> Any:
    import random

    return random.getstate()


def _set_random(state: Any) -> None:
    import random

    version, numbers, gauss = state
    random.setstate((version, tuple(numbers), gauss))


def _take_numpy() -> Any:
    numpy = sys.modules.get("numpy.random")
    return None if numpy is None else numpy.get_state(legacy=False)


def _set_numpy(state: Any) -> None:
    generators = importlib.import_module("numpy.random")
    if generators.get_state(legacy=False)["bit_generator"] != state["bit_generator"]:
        generators.set_bit_generator(getattr(generators, state["bit_generator"])())
    generators.set_state(state)


def _take_torch() -> Any:
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() and torch.cuda.is_initialized() else []
    return {"cpu": torch.get_rng_state().numpy(), "cuda": [state.numpy() for state in devices]}


def _set_torch(state: Any) -> None:
    torch = importlib.import_module("torch")
    torch.set_rng_state(torch.from_numpy(state["cpu"]))
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all([torch.from_numpy(one) for one in state["cuda"]])
