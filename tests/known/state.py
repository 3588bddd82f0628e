"""What a value is, as a digest, and which mutable objects and memory can be reached from it."""

import collections
import functools
import hashlib
import io
import pickle
import random
import re
import sys
import types

_ATOMS = (
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    range,
    type(None),
    type(...),
    type,
    types.ModuleType,
    types.BuiltinFunctionType,
    re.Pattern,
)
# What an object notes down to answer faster, or to know that it must be drawn again, is not part of its state.
_NOT_STATE = re.compile(
    r"_?stale.*|.*_?cached?_?\w*|__networkx_cache__|_mem|_res|_callbacks|_axobservers|_random_state|_lut|_isinit|_parents|_invalid|_has_canonical_format|_has_sorted_indices|canvas|_renderer|_lock|_tmpdir",
    re.IGNORECASE,
)
_GETTERS = """
    label text xlim ylim zlim title xlabel ylabel xscale yscale visible zorder alpha color facecolor edgecolor linewidth linestyle marker
    position extent offsets array clim xydata path size_inches dpi fontsize rotation xbound ybound rlabel_position aspect autoscale_on
    clip_on rasterized url gid sketch_params frame_on axisbelow navigate in_layout picker hatch animated
"""
_MOST = 60_000


class State:
    """One look at a value."""

    def __init__(self, value):
        self._hash = hashlib.blake2b(digest_size=16)
        self._memo = {}
        self._kept = []
        self.objects = {}
        self.memory = []
        self._look(value, 0)
        self.digest = self._hash.hexdigest()

    def shares(self, other):
        """Whether a mutable object or writable memory can be reached from both."""
        if not self.objects.keys().isdisjoint(other.objects):
            return True
        return any(low < end and start < high for low, high in self.memory for start, end in other.memory)

    def _say(self, *words):
        for word in words:
            self._hash.update(word if isinstance(word, bytes) else str(word).encode("utf-8", "replace"))
            self._hash.update(b"\0")

    def _look(self, value, depth):
        kind = type(value)
        if isinstance(value, _ATOMS) and not isinstance(value, type):
            self._say(kind.__name__, repr(value))
            return
        if isinstance(value, type | types.FunctionType | types.MethodDescriptorType):
            self._say("code", value.__module__ if hasattr(value, "__module__") else "", value.__qualname__)
            return
        if id(value) in self._memo:
            self._say("again", self._memo[id(value)])
            return
        self._memo[id(value)] = len(self._memo)
        self._kept.append(value)
        if depth > 40 or len(self._memo) > _MOST:
            self._say("deep")
            return
        self._say(kind.__module__, kind.__qualname__)
        for wanted, look in _LOOKS:
            if wanted(value):
                try:
                    look(self, value, depth + 1)
                except Exception:  # noqa: BLE001 - a closed file, a generator without a state: nothing to be seen
                    self._say("not to be seen")
                return
        self._object(value, depth + 1)

    def _mutable(self, value):
        self.objects[id(value)] = value

    def _tuple(self, value, depth):
        for part in value:
            self._look(part, depth)

    def _list(self, value, depth):
        self._mutable(value)
        self._say(len(value))
        for part in list(value):
            self._look(part, depth)
        self._attributes(value, depth)

    def _dict(self, value, depth):
        self._mutable(value)
        self._say(len(value))
        for key, part in list(dict.items(value)):
            self._look(key, depth)
            self._look(part, depth)
        self._attributes(value, depth)

    def _set(self, value, depth):
        if isinstance(value, set):
            self._mutable(value)
        self._say(*sorted(repr(part) for part in value))

    def _array(self, value, depth):
        import numpy as np

        self._say(value.dtype, value.shape)
        if value.dtype == object:
            self._mutable(value)
            for part in value.ravel():
                self._look(part, depth)
            return
        self._say(np.ascontiguousarray(value).tobytes())
        if value.flags.writeable and value.size:
            bounds = np.lib.array_utils.byte_bounds if hasattr(np.lib, "array_utils") else np.byte_bounds
            self.memory.append(bounds(value))
        self._attributes(value, depth)

    def _frame(self, value, depth):
        self._mutable(value)
        self._look(list(map(str, value.columns)), depth)
        self._look(value.index, depth)
        self._look(value.columns, depth)
        for place in range(value.shape[1]):
            self._values(value.iloc[:, place], depth)
        self._look(dict(value.attrs), depth)

    def _series(self, value, depth):
        self._mutable(value)
        self._say(value.name)
        self._look(value.index, depth)
        self._values(value, depth)
        self._look(dict(value.attrs), depth)

    def _values(self, value, depth):
        self._say(value.dtype)
        for part in value.astype(object).to_numpy(copy=True).tolist():
            self._look(part, depth)

    def _indexer(self, value, depth):
        self._mutable(value)
        self._look(value.obj, depth)

    def _index(self, value, depth):
        self._say(value.dtype, value.names, repr(value.tolist()))

    def _artist(self, value, depth):
        self._mutable(value)
        for name in _GETTERS.split():
            getter = getattr(value, f"get_{name}", None)
            if getter is not None:
                self._look(_result_of(getter), depth)
        for name in ("_x", "_y", "_width", "_height", "_prop_order", "_cmap", "cmap", "_axis_names", "_gridOnMajor", "_major_tick_kw"):
            if hasattr(value, name):
                self._say(name, repr(getattr(value, name)))
        for name in ("xaxis", "yaxis"):
            axis = getattr(value, name, None)
            if axis is not None:
                self._say(name, [repr(tick) for tick in axis.get_majorticklocs()], axis.get_inverted())
                self._say(type(axis.get_major_formatter()).__name__, type(axis.get_major_locator()).__name__)
        for child in value.get_children():
            self._look(child, depth)

    def _graph(self, value, depth):
        self._mutable(value)
        for part in (value.graph, value._node, value._adj):
            self._look(part, depth)

    def _generator(self, value, depth):
        self._mutable(value)
        self._say(value.gi_frame.f_lasti if value.gi_frame else "ended")
        if value.gi_frame:
            for part in list(value.gi_frame.f_locals.values()):
                self._look(part, depth)

    def _random(self, value, depth):
        self._mutable(value)
        self._look(
            value.getstate() if hasattr(value, "getstate") else value.get_state() if hasattr(value, "get_state") else value.state, depth
        )

    def _rng(self, value, depth):
        self._look(value.bit_generator, depth)

    def _text(self, value, depth):
        self._mutable(value)
        self._say(value.closed)
        if not value.closed:
            self._say(value.tell(), value.getvalue())

    def _file(self, value, depth):
        self._mutable(value)
        self._say(value.closed)
        if not value.closed:
            try:
                self._say(value.tell())
            except OSError:
                self._say("does not tell")

    def _method(self, value, depth):
        self._say(value.__name__)
        self._look(value.__self__, depth)

    def _partial(self, value, depth):
        self._look(value.func, depth)
        self._look(value.args, depth)
        self._look(value.keywords, depth)

    def _text_form(self, value, depth):
        self._say(repr(value))

    def _logger(self, value, depth):
        """A logger is found by its name; what is set in it is state of the library, and only what it was given is its own."""
        self._mutable(value)
        self._say(value.name)
        self._look([value.handlers, value.filters], depth)

    def _object(self, value, depth):
        if not _is_frozen(value):
            self._mutable(value)
        found = self._attributes(value, depth)
        if not found:
            self._reduced(value, depth)

    def _attributes(self, value, depth):
        """What is in `__dict__` and slots; whether there is any such place."""
        own = getattr(value, "__dict__", None)
        if isinstance(own, dict):
            for name in sorted(own, key=str):
                if not _NOT_STATE.fullmatch(str(name)):
                    self._say(name)
                    self._look(own[name], depth)
        slots = [name for part in type(value).__mro__ for name in _slots_of(part)]
        for name in slots:
            if not _NOT_STATE.fullmatch(name) and hasattr(value, name) and not _is_unasked(type(value), name, getattr(value, name)):
                self._say(name)
                self._look(getattr(value, name), depth)
        return isinstance(own, dict) or bool(slots)

    def _reduced(self, value, depth):
        try:
            reduced = value.__reduce_ex__(4)
        except Exception:  # noqa: BLE001 - many objects cannot be taken apart, each in its way
            return
        if isinstance(reduced, tuple):
            for part in reduced[1:3]:
                self._look(part, depth)


def _slots_of(kind):
    slots = kind.__dict__.get("__slots__") or ()
    names = (slots,) if isinstance(slots, str) else slots
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def _result_of(getter):
    try:
        return getter()
    except Exception:  # noqa: BLE001 - a getter that needs a renderer, or arguments
        return None


# Libraries whose objects never change.
_FROZEN = frozenset(("datetime", "pathlib", "decimal", "fractions", "uuid", "sympy", "zoneinfo", "enum", "pyproj", "shapely"))


# Coordinates of xarray are indexes of pandas in other clothes.
_FROZEN_TYPES = frozenset(("IndexVariable", "PandasIndex", "PandasMultiIndex", "PandasIndexingAdapter", "PandasMultiIndexingAdapter"))


def _is_frozen(value):
    library = type(value).__module__.partition(".")[0]
    return library in _FROZEN or (library == "xarray" and type(value).__name__ in _FROZEN_TYPES)


def _is_unasked(kind, name, item):
    """Whether a dictionary that is made when somebody first looks for it has nothing in it."""
    return name in ("_attrs", "_encoding") and not item and kind.__module__.startswith("xarray.")


def _is(*names):
    """Whether a value is of one of the types, which need not be loaded."""

    def wanted(value):
        return any(f"{kind.__module__}.{kind.__qualname__}" in names for kind in type(value).__mro__)

    return wanted


def _of(*kinds):
    return lambda value: isinstance(value, kinds)


_LOOKS = (
    (_of(list, collections.deque), State._list),
    (_of(dict), State._dict),
    (_of(set, frozenset), State._set),
    (_is("networkx.classes.graph.Graph"), State._graph),
    (_is("numpy.ndarray"), State._array),
    (_is("pandas.DataFrame", "pandas.core.frame.DataFrame"), State._frame),
    (_is("pandas.Series", "pandas.core.series.Series"), State._series),
    (_is("pandas.Index", "pandas.core.indexes.base.Index"), State._index),
    (_is("pandas._libs.indexing.NDFrameIndexerBase"), State._indexer),
    (_is("matplotlib.artist.Artist"), State._artist),
    (_is("logging.Logger"), State._logger),
    (_is("numpy.random._generator.Generator"), State._rng),
    (_of(random.Random), State._random),
    (_is("numpy.random.mtrand.RandomState", "numpy.random.bit_generator.BitGenerator"), State._random),
    (
        _is(
            "pathlib.PurePath",
            "typing.TypeVar",
            "argparse.Namespace",
            "sympy.core.basic.Basic",
            "numpy.generic",
            "numpy.dtype",
            "pandas._libs.tslibs.timestamps.Timestamp",
            "xarray.core.indexes.PandasMultiIndex",
        ),
        State._text_form,
    ),
    (_of(tuple), State._tuple),
    (_of(io.StringIO, io.BytesIO), State._text),
    (_of(io.IOBase), State._file),
    (_of(types.GeneratorType), State._generator),
    (_of(types.MethodType), State._method),
    (_of(functools.partial), State._partial),
)


def channels():
    """The digests of state that is not a value: generators, options, the environment."""
    found = {"random": hash(random.getstate()), "os.environ": _environ(), "cwd": _cwd(), "sys.path": str(sys.path)}
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        found["numpy.random"] = pickle.dumps(numpy.random.get_state())
        found["library:numpy.settings"] = str(numpy.get_printoptions()) + str(numpy.geterr())
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is not None:
        found["matplotlib"] = str(sorted((key, str(value)) for key, value in dict.items(matplotlib.rcParams) if key != "backend"))
    pandas = sys.modules.get("pandas")
    if pandas is not None:
        found["library:pandas.options"] = str(pandas._config.config._global_config)
    warnings, logging = sys.modules["warnings"], sys.modules.get("logging")
    found["library:warnings"] = str(warnings.filters)
    if logging is not None:
        found["library:logging"] = _logging(logging)
    return found


def _logging(logging):
    """What is set in the loggers. That there is one that says nothing, and what it has worked out, is no state."""
    loggers = [logging.root, *(one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger))]
    found = {}
    for one in loggers:
        handlers = [handler for handler in one.handlers if not isinstance(handler, logging.NullHandler)]
        found[one.name] = str((one.level, handlers, one.filters, one.propagate, one.disabled))
    as_made = str((0, [], [], True, False))
    return str((logging.root.manager.disable, sorted(item for item in found.items() if item[1] != as_made)))


def _environ():
    import os

    return str(sorted(os.environ.items()))


def _cwd():
    import os

    return os.getcwd()  # noqa: PTH109 - what the library changes
