"""What notebooks set of libraries that many cells read: which warnings are shown, who logs what, how numbers are calculated and shown.

Taken up as plain values, and set in another process. What somebody put there that belongs to its process is `Tied`: it does not travel.
"""

from __future__ import annotations

import functools
import importlib
import logging
import sys
import types
import uuid
import warnings
import weakref
from typing import Any, Callable, Dict, Iterator, List, Tuple, cast

from .loaded import is_local, library_of
from .started import set_started, take_started
from .streams import stream_of_process

_LEVELS = dict(logging._levelToName)
_SHOWS = warnings.showwarning, warnings.formatwarning
_SHOWS_WARNINGS = "a function that shows warnings"
PLAIN_HANDLERS: Tuple[type, ...] = (logging.StreamHandler, logging.NullHandler, type(logging.lastResort))
# `logging.captureWarnings` shows them with this.
_LOGS_WARNINGS: Any = vars(logging)["_showwarning"]
_STREAMS = ("stdout", "stderr", "__stdout__", "__stderr__")
# Stands for a handler that the process has anyhow.
_OWN = "own"
_LIMITS = ("recursionlimit", "switchinterval", "int_max_str_digits")


class Tied(Exception):
    """What a channel holds belongs to the process: `value` is it, and `what` says in words what it is."""

    def __init__(self, value: Any, what: str) -> None:
        super().__init__(what)
        self.value, self.what = value, what


# Warnings.


def _take_warnings() -> Any:
    shows = warnings.showwarning
    place = None if shows is _SHOWS[0] or _are_logged() else _place_in_library(shows)
    if warnings.formatwarning is not _SHOWS[1]:
        raise Tied(warnings.formatwarning, _SHOWS_WARNINGS)
    return {"filters": list(warnings.filters), "shows": place}


def _place_in_library(function: Any) -> Tuple[str, ...]:
    """Where an installed library has a function, or the object whose method it is: module and names. Raises `Tied`."""
    owner = getattr(function, "__self__", function)
    library = _loaded_library(getattr(function, "__module__", None) or "")
    modules = [one for one in list(sys.modules) if library and one.partition(".")[0] == library]
    for module in sorted(modules, key=len):
        found = next((name for name, value in list(vars(sys.modules[module]).items()) if value is owner), None)
        if found is not None and not is_local(getattr(sys.modules[library], "__file__", None)):
            return (module, found) if owner is function else (module, found, function.__name__)
    raise Tied(function, _SHOWS_WARNINGS)


def _are_logged() -> bool:
    return warnings.showwarning is _LOGS_WARNINGS


def _set_warnings(state: Any) -> None:
    if state["shows"]:
        # Most libraries do this themselves when they are loaded.
        module, *names = state["shows"]
        function: Any = functools.reduce(getattr, names, importlib.import_module(module))
        warnings.showwarning = function
    # What modules remember to have shown counts no more.
    warnings.resetwarnings()
    cast("List[Any]", warnings.filters)[:] = state["filters"]


# Logging.


class Loggers:
    """Who logs what. Handlers that were there before any cell ran are those of the process, and stay."""

    def __init__(self) -> None:
        self._there = [handler for _, logger in _all_loggers() for handler in logger.handlers]

    def take(self) -> Any:
        """All loggers as plain values. Raises `Tied`."""
        if logging.getLoggerClass().__module__ == "__main__":
            raise Tied(logging.getLoggerClass(), "a class of loggers")
        return {
            "loggers": {name: self._described(name, one) for name, one in _all_loggers()},
            "levels": dict(logging._levelToName),
            "disable": logging.root.manager.disable,
            "warnings": _are_logged(),
            "last": getattr(logging.lastResort, "level", None),
        }

    def _described(self, name: str, logger: logging.Logger) -> Dict[str, Any]:
        library = _loaded_library(name)
        if logger.filters and not library:
            raise Tied(logger.filters[0], "a filter of a logger")
        handlers = [_OWN if self._is_own(one, library) else described_handler(one) for one in logger.handlers]
        return {"set": (logger.level, logger.propagate, logger.disabled), "handlers": handlers, "library": library}

    def _is_own(self, handler: Any, library: str) -> bool:
        """Whether it cannot be sent and need not be: every process has one, or every one that loads the library."""
        if _is_told(handler):
            return False
        return any(one is handler for one in self._there) or bool(library and library_of(type(handler)) == library)

    def set(self, state: Any) -> None:
        """Let them log as they did elsewhere."""
        for level, name in {**_LEVELS, **state["levels"]}.items():
            logging.addLevelName(level, name)
        known = logging.root.manager.loggerDict
        for name, wanted in state["loggers"].items():
            if name and name not in known and wanted["set"] == (logging.NOTSET, True, False) and not wanted["handlers"]:
                continue
            logger = logging.getLogger(name or None)
            level, logger.propagate, logger.disabled = wanted["set"]
            logger.setLevel(level)
            if not wanted["library"] or wanted["library"] in sys.modules:
                self._set_handlers(logger, wanted["library"], wanted["handlers"])
        logging.disable(state["disable"])
        logging.captureWarnings(state["warnings"])
        if logging.lastResort is not None and state["last"] is not None:
            logging.lastResort.setLevel(state["last"])

    def _set_handlers(self, logger: logging.Logger, library: str, wanted: List[Any]) -> None:
        own = iter([one for one in logger.handlers if self._is_own(one, library)])
        found = [next(own, None) if one == _OWN else told_handler(*one) for one in wanted]
        logger.handlers[:] = [one for one in found if one is not None]


def _all_loggers() -> Iterator[Tuple[str, logging.Logger]]:
    """All loggers by their names; that of the root is empty."""
    yield "", logging.root
    yield from ((name, one) for name, one in list(logging.root.manager.loggerDict.items()) if isinstance(one, logging.Logger))


def _loaded_library(name: str) -> str:
    """The library that has a module or a logger of this name, if one is loaded."""
    top = name.partition(".")[0]
    return top if top in sys.modules and top != "__main__" else ""


# Handlers by what tells them from all others, in whichever process they are.
_KNOWN: "weakref.WeakValueDictionary[str, logging.Handler]" = weakref.WeakValueDictionary()


def _place_of(handler: Any) -> Any:
    """The name of the stream that a handler writes to, if it is one that every process has."""
    return next((name for name in _STREAMS if getattr(handler, "stream", None) is stream_of_process(name)), None)


def _is_told(handler: Any) -> bool:
    """Whether what a handler is made of says all of it."""
    is_there = _place_of(handler) is not None or getattr(handler, "stream", None) is None
    return type(handler) in PLAIN_HANDLERS and not handler.filters and is_there


def described_handler(handler: Any) -> Tuple[Any, ...]:
    """What a handler is made of, and what tells it from all others. Raises `Tied` where it belongs to the process."""
    if not _is_told(handler):
        raise Tied(handler, "a logging handler")
    number = next((number for number, known in list(_KNOWN.items()) if known is handler), None)
    if number is None:
        number = uuid.uuid4().hex
        _KNOWN[number] = handler
    kind = PLAIN_HANDLERS.index(type(handler))
    return number, kind, _place_of(handler), handler.level, handler.formatter, handler.name, getattr(handler, "terminator", None)


def told_handler(number: str, kind: int, place: Any, level: int, formatter: Any, name: Any, terminator: Any) -> logging.Handler:
    """The handler that was described: the one that is here, or another like it."""
    found: Any = _KNOWN.get(number)
    if found is None:
        make: Callable[..., logging.Handler] = PLAIN_HANDLERS[kind]
        found = _KNOWN[number] = make(stream_of_process(place)) if place else make()
    found.setLevel(level)
    found.setFormatter(formatter)
    found.name = name
    if terminator is not None and terminator != found.terminator:
        found.terminator = terminator
    return cast("logging.Handler", found)


def sent_handler(number: str, *described: Any) -> logging.Handler:
    """A handler that came with a variable. How one is set that a logger has here is said by the channel of the loggers."""
    found = _KNOWN.get(number)
    is_used = found is not None and any(found in logger.handlers for _, logger in _all_loggers())
    return cast("logging.Handler", found) if is_used else told_handler(number, *described)


# How numbers are calculated and shown.


# What other contexts are made of, and what they consist of.
_PATTERNS = ("DefaultContext", "BasicContext", "ExtendedContext")
_PARTS_OF_CONTEXTS = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp", "flags", "traps")


def _take_decimal() -> Any:
    decimal = sys.modules.get("decimal")
    if decimal is None:
        return None
    return {"current": decimal.getcontext().copy(), **{name: getattr(decimal, name).copy() for name in _PATTERNS}}


def _set_decimal(state: Any) -> None:
    decimal = importlib.import_module("decimal")
    for name in _PATTERNS:
        pattern = getattr(decimal, name)
        for part in _PARTS_OF_CONTEXTS:
            setattr(pattern, part, getattr(state[name], part))
    decimal.setcontext(state["current"])


def _take_numpy_settings() -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    called = numpy.geterrcall()
    if called is not None and not isinstance(called, types.FunctionType):
        # The notebook has it, too, and looks at what was written to it.
        raise Tied(called, "an object that numpy writes errors to")
    return {"shown": numpy.get_printoptions(), "errors": numpy.geterr(), "called": called, "buffer": numpy.getbufsize()}


def _set_numpy_settings(state: Any) -> None:
    numpy = importlib.import_module("numpy")
    numpy.set_printoptions(**state["shown"])
    numpy.seterr(**state["errors"])
    numpy.seterrcall(state["called"])
    numpy.setbufsize(state["buffer"])


def _take_pandas_options() -> Any:
    """The options that are not what they are by default."""
    return dict(_changed_options()) if "pandas" in sys.modules else None


def _changed_options() -> List[Tuple[str, Any]]:
    config = importlib.import_module("pandas._config.config")
    known = [(name, one.defval) for name, one in config._registered_options.items() if name not in config._deprecated_options]
    found = [(name, config.get_option(name), usual) for name, usual in known]
    return [(name, value) for name, value, usual in found if type(value) is not type(usual) or value != usual]


def _set_pandas_options(state: Any) -> None:
    pandas = importlib.import_module("pandas")
    for name in [name for name, _ in _changed_options() if name not in state]:
        pandas.reset_option(f"^{name}$")
    for name, value in state.items():
        pandas.set_option(name, value)


# The modules that have settings when they have been loaded, and all that can be looked at.
HAVE_SETTINGS = {"decimal": "library:decimal", "numpy": "library:numpy.settings", "pandas": "library:pandas.options"}
SETTINGS = ("library:logging", *HAVE_SETTINGS.values())


def look_at_settings() -> Dict[str, Any]:
    """How numbers are calculated and shown, and where is logged, by channel, of the libraries that are loaded: to be compared."""
    root = logging.getLogger()
    found: Dict[str, Any] = {"library:logging": (root.level, list(root.handlers), root.manager.disable)}
    modules: List[Any] = [sys.modules.get(name) for name in ("decimal", "numpy", "pandas._config.config")]
    decimal, numpy, pandas = modules
    if decimal is not None:
        context = decimal.getcontext()
        # Calculating sets flags.
        found["library:decimal"] = [getattr(context, part) for part in _PARTS_OF_CONTEXTS if part != "flags"]
    if hasattr(numpy, "get_printoptions"):
        found["library:numpy.settings"] = (numpy.get_printoptions(), numpy.geterr(), numpy.geterrcall())
    if hasattr(pandas, "_global_config"):
        found["library:pandas.options"] = _copied(pandas._global_config)
    return found


def _copied(options: Dict[str, Any]) -> Dict[str, Any]:
    return {name: _copied(value) if type(value) is dict else value for name, value in options.items()}


def _take_limits() -> Any:
    return {name: getattr(sys, "get" + name)() for name in _LIMITS if hasattr(sys, "get" + name)}


def _set_limits(state: Any) -> None:
    for name, value in state.items():
        getattr(sys, "set" + name, lambda value: None)(value)


def _take_words(own: List[str]) -> Any:
    """The words of `sys.argv` after the program, if they are not those that the process was called with: of these each has its own."""
    return sys.argv[1:] if sys.argv[1:] != own else None


def _set_words(state: Any) -> None:
    if state is not None:
        sys.argv[1:] = state


def ways_to_send() -> Dict[str, Tuple[Callable[[], Any], Callable[[Any], None]]]:
    """How to take and to set what a channel holds, by the name of the channel. Asked before any cell runs."""
    loggers = Loggers()
    return {
        "library:warnings": (_take_warnings, _set_warnings),
        "library:logging": (loggers.take, loggers.set),
        "library:decimal": (_take_decimal, _set_decimal),
        "library:numpy.settings": (_take_numpy_settings, _set_numpy_settings),
        "library:pandas.options": (_take_pandas_options, _set_pandas_options),
        "library:sys.limits": (_take_limits, _set_limits),
        "library:sys.argv": (functools.partial(_take_words, sys.argv[1:]), _set_words),
        "library:threading.names": (take_started, set_started),
    }
