"""One walk over a notebook, cell by cell in order: what all frames share."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Mapping
from copy import copy

from nbcompile.analysis import channels, classes
from nbcompile.analysis.aliases import Heap
from nbcompile.analysis.beside import loaded_with
from nbcompile.analysis.bindings import BlockFrame, EffectKey, Frame, FunctionFrame, Mark, Origin, Spot, spot
from nbcompile.analysis.functions import Provisional, Summary
from nbcompile.analysis.known import HERE, Known
from nbcompile.analysis.known.surveys import kept_attributes
from nbcompile.analysis.modules import ModuleFrame
from nbcompile.analysis.values import ARTIST, SCALAR, Class, Code, Function, Value, join_all, plain, single
from nbcompile.analysis.visit import Call
from nbcompile.model.source import Directive, Magic

# `__name__` is the notebook's own.
_BUILTINS = (frozenset(dir(builtins)) | {"get_ipython", "display", "__builtins__"}) - {"__name__"}
# The shell binds them anew before each cell.
_LAST_INPUTS = ("_i", "_ii", "_iii")
# What cells said and showed, and where they were.
# By these names everybody has these modules, and nothing else.
_USUAL = {
    **{name: name for name in ("json", "math", "matplotlib", "numpy", "os", "pandas", "re", "scipy", "seaborn", "sys", "torch")},
    "mpl": "matplotlib",
    "np": "numpy",
    "nx": "networkx",
    "pd": "pandas",
    "plt": "matplotlib.pyplot",
    "sns": "seaborn",
}
_OF_SESSION = re.compile(r"In|Out|_ih|_oh|_dh|_i{1,3}|_i?\d+")
_SHELL_NAMES = frozenset(
    ("In", "Out", "exit", "quit", "__name__", "__doc__", "__builtins__", "__file__", "__builtin__", "__package__", "__spec__", "__loader__")
)

_METHODS = frozenset(("function", "property", "staticmethod", "classmethod"))
_CALLED_BY_LIBRARIES = frozenset(
    ("__call__", "__getitem__", "__len__", "__iter__", "__next__", "__array__", "__eq__", "__lt__", "__hash__")
)


class Walk:
    """The heap, the table, the notebook's namespace after the cells so far, and what the current cell is.

    `stateful` are the functions with caches and the classes of which an earlier walk found that their state matters; `found_stateful`
    are those of which this one did.
    """

    def __init__(self, known: Known | None = None, stateful: frozenset[Origin] = frozenset()) -> None:
        self.known = known or Known()
        self.stateful = stateful
        self.found_stateful: set[Origin] = set()
        self.remembered: dict[str, set[Origin]] = {}
        self.heap = Heap()
        self.namespace: dict[str, Value] = {}
        self.names_of: dict[int, set[str]] = {}
        self.classes: dict[str, Class] = {}
        self.codes: dict[int, Code] = {}
        self._asides: dict[tuple[int, str], tuple[ast.AST, ast.AST]] = {}
        self.elements: dict[int, Value] = {}
        self.filled: set[int] = set()
        # Objects that work things out when they are first asked for them, and what they were surely asked for since they last changed.
        self.lazy: frozenset[int] = frozenset()
        # What operators have made of objects that nobody has described, which it holds: its terms.
        self.expressions: frozenset[int] = frozenset()
        self.worked_out: dict[int, frozenset[str]] = {}
        self.elements_made: set[int] = set()
        # Names in the operands of `is` where it compares values whose identity nobody follows.
        self.compared: dict[str, None] = {}
        self.figures: dict[int, int] = {}
        self.figure_numbers: set[int] = set()
        self.written: dict[str, None] = {}
        # Files that have got a second name, under both.
        self.linked: set[str] = set()
        # Whether a cell may have gone to another directory.
        self.has_moved = False
        # Files to which a library writes whatever it is asked to, as a log: by its channel.
        self.logged: dict[str, dict[str, None]] = {}
        self.stateless: set[str] = set()
        # The source of modules beside the notebook, those that were run, and those that cells write themselves.
        self.sources: Mapping[str, str] = {}
        self._loaded_with: dict[str, frozenset[str]] = {}
        self.modules: dict[str, ModuleFrame | None] = {}
        self.own_modules: set[str] = set()
        # Modules that are loaded more than once.
        self.reloaded: frozenset[str] = frozenset()
        # Whether `%autoreload` loads modules again whose files have changed.
        self.loads_again = False
        # Whether a cell asks which exceptional conditions there were in arithmetic of decimal numbers.
        self.keeps_flags = False
        # Whether a cell asks how the last command of the shell ended.
        self.keeps_exit_code = False
        self.stateful_modules: set[str] = set()
        # Libraries of which a star import binds names that are not known.
        self.starred: set[str] = set()
        # What objects of the imported libraries, as far as nobody has described these, keep when it is first read.
        self.kept_attributes: frozenset[str] = frozenset()
        self.completed: set[str] = set()
        self.running: dict[int, Summary] = {}
        # Functions that were met while they were running, and those of which this is so in the function that is running now.
        self.recursive: set[int] = set()
        self.awaited: set[int] = set()
        # Summaries made with what was known by then of functions that are still running, which are these.
        self.provisional: dict[Function | Code, list[Provisional]] = {}
        self.supposed: dict[int, Summary] = {}
        self.bindings = 0
        self.anything = Value("")
        self.given: dict[str, Value] = {}
        self.cell = 0
        # The exceptions whose handlers run.
        self.handled: list[int] = []
        self.has_walrus = False
        # The expression whose value nothing is done with.
        self.discarded: ast.expr | None = None
        # The last expression of a cell, whose value is displayed.
        self.shown: ast.expr | None = None
        self.ends_early = False
        self.errors: list[tuple[Spot, str]] = []
        self.pure_lines: frozenset[int] = frozenset()
        self.kept: list[ast.AST] = []
        self.history: set[int] = set()
        # Top-level modules that are asked for parts nobody knows of.
        self.packages: set[str] = set()
        # What the shell was given to call while it runs cells.
        self.called_by_shell: list[Value] = []
        self.results: list[tuple[int, Value, bool]] = []
        self._library: dict[str, Value] = {}
        # Streams that are not those of the beginning.
        self.replaced: set[str] = set()

    # -- cells and their names -----------------------------------------------------------------------------------

    def start_cell(self, index: int, has_walrus: bool, directives: tuple[Directive, ...]) -> None:
        """A new cell begins."""
        self.cell = index
        self.handled = []
        self.has_walrus = has_walrus
        self.ends_early = False
        self.errors = []
        self.history = set()
        self.packages = set()
        self.pure_lines = frozenset(one.line for one in directives if one.name in ("pure", "mutates"))
        for name in _LAST_INPUTS:
            self.unbind(name)

    def aside(self, node: ast.AST, role: str) -> ast.AST:
        """A node that stands where this one does, for what is made there by something else."""
        key = id(node), role
        if key not in self._asides:
            self._asides[key] = node, copy(node)
        return self._asides[key][1]

    def rebind(self, name: str, value: Value) -> None:
        """The notebook's name has a new value."""
        self.unbind(name)
        self.namespace[name] = value
        for number in value.objects:
            self.names_of.setdefault(number, set()).add(name)

    def unbind(self, name: str) -> None:
        """The notebook's name has no value any more."""
        old = self.namespace.pop(name, None)
        if old is not None:
            for number in old.objects:
                self.names_of[number].discard(name)

    def names_reaching(self, objects: Iterable[int]) -> set[str]:
        """The names bound to any of these objects."""
        found: set[str] = set()
        for number in objects:
            names = self.names_of.get(number)
            if names:
                found |= names
        return found

    def displayed(self, value: Value, *, certain: bool) -> None:
        """The cell's last expression is shown, and then `_` is its value; unless it is None, or the cell does not come to it."""
        self.results.append((self.cell, value, certain))

    def last_results(self, number: int) -> tuple[tuple[int, ...], Value]:
        """The cells of which the last so many results may be, and what the first of these may be."""
        candidates: list[tuple[int, Value]] = []
        for cell, value, certain in reversed(self.results):
            candidates.append((cell, value))
            number -= certain
            if not number:
                break
        return tuple(cell for cell, _ in candidates), join_all([value for _, value in candidates])

    def outdated(self, name: str) -> None:
        """A name has another value now: caches that were filled with its help can be told from empty ones."""
        if self.remembered:
            self.found_stateful.update(self.remembered.get(name, ()))

    # -- values --------------------------------------------------------------------------------------------------

    def library(self, path: str) -> Value:
        """A module, function or class of a library."""
        value = self._library.get(path)
        if value is None:
            value = self._library[path] = Value("library", callee=path)
        return value

    def unbound(self, frame: Frame, name: str, node: ast.AST, via: tuple[str, ...]) -> Value:
        """A name that no cell so far binds: a builtin, one of the shell's, or one that is not there."""
        if name in _BUILTINS:
            if name not in frame.trace.builtins:
                frame.trace.builtins[name] = Mark(spot(node), via)
            return self.library("builtins" if name == "__builtins__" else f"builtins.{name}")
        if name in ("_", "__", "___") and self.results:
            cells, value = self.last_results(len(name))
            self.history.update(cells)
            return value
        if _OF_SESSION.fullmatch(name):
            self.opaque(frame, node, f"`{name}` holds the session's history")
            if name in ("Out", "_oh") or name[1:].isdecimal():
                # No name is bound to the results, so they are not sent.
                self.history.update(index for index, *_ in self.results)
            return SCALAR
        if name == "__annotations__":
            self.opaque(frame, node, "`__annotations__` holds what every cell has annotated")
            return SCALAR
        if name not in frame.trace.uses:
            frame.trace.uses[name] = Mark(spot(node), via)
        if name in _SHELL_NAMES:
            frame.trace.builtins.setdefault(name, frame.trace.uses.pop(name))
            return Value("str", const="__main__") if name == "__name__" else plain("str")
        found = self.given.get(name)
        if found is None:
            found = self.given[name] = self._starred(name) or Value("", single(self.heap.new("", opened=True)))
        return found

    def _starred(self, name: str) -> Value | None:
        """What a star import of names that are not known has probably bound: modules often hand on what they use themselves."""
        return self.library(_USUAL[name]) if self.starred and name in _USUAL else None

    def in_function(self, frame: Frame) -> bool:
        """Whether a frame belongs to a function that is called."""
        while isinstance(frame, BlockFrame):
            if not frame.is_class:
                return True
            frame = frame.parent
        return isinstance(frame, FunctionFrame)

    def is_new(self, holder: Value, value: Value) -> bool:
        """Whether the objects were made by a library as the elements of what it just returned, so that each stands for several."""
        heap = self.heap
        made = all(
            number in self.elements_made
            or (number in heap.origin and not heap.is_mirror(number) and not heap.is_mirror(heap.origin[number][0]))
            for number in value.objects
        )
        return made and not self.names_reaching(heap.above(holder.objects))

    def figure(self) -> int:
        """The object that stands for what pyplot draws on in this cell: its figures are closed at the end of each."""
        found = self.figures.get(self.cell)
        if found is None:
            found = self.figures[self.cell] = self.heap.new(ARTIST)
            self.figure_numbers.add(found)
        return found

    def keep(self, tree: ast.AST) -> None:
        """Hold on to a tree, so that its nodes' identities stay their own."""
        self.kept.append(tree)

    # -- what code does ------------------------------------------------------------------------------------------

    def effect(self, frame: Frame, channel: str, mode: str, subject: str, node: ast.AST, reason: str = "") -> None:
        """State that is not a name is read, written or drawn from."""
        key = EffectKey(channel, mode, subject)
        if channel == "files" and mode != "read":
            self.written[subject] = None
            self._written_again(frame, subject, node)
        self.has_moved |= channel == "cwd" and mode != "read"
        if key not in frame.trace.effects:
            frame.trace.touch(key, Mark(spot(node), (), reason))

    def imported(self, frame: Frame, module: str, node: ast.AST) -> None:
        """A module is imported; it may be one that an earlier cell has written.

        One of the notebook's own says what it has to say when it is first loaded, so that is done again where it is loaded again.
        """
        self.effect(frame, "import", "read", module, node)
        if module not in self._loaded_with:
            self._loaded_with[module] = loaded_with(self.sources, module)
        self.packages |= self._loaded_with[module]
        if not self.known.covers(module):
            self.kept_attributes |= kept_attributes(module)
        own = [path for path in self.written if f"{module}.py" == path.rpartition("/")[2] or module in path.split("/")[:-1]]
        if own and self.loads_again:
            self.effect(frame, channels.EXTENSIONS, "read", module, node)
        if module in self.reloaded or (own and self.loads_again):
            # Who has something of the module must go on having that, whatever the module has by then.
            self.effect(frame, f"library:{module}", "write", module, node)
        if own:
            self.own_modules.add(module)
            self.packages.add(module)
            self.stateful_modules |= {module} if any(path not in self.stateless for path in own) else set()
            # Modules that were written one by one import each other.
            for path in self.written:
                if path in own or path.endswith(".py"):
                    self.effect(frame, "files", "read", path, node)
        elif HERE in self.written and not self.known.covers(module) and module not in self.sources:
            # It may be what was written under a name that nobody can tell.
            self.effect(frame, "files", "read", HERE, node)

    def _written_again(self, frame: Frame, path: str, node: ast.AST) -> None:
        """A file that may be a module is written: an extension of IPython loads it again before the next cell, wherever it is used."""
        names = path.removesuffix(".py").split("/") if self.loads_again and path.endswith(".py") else ()
        for module in sorted(self.own_modules.intersection(names)):
            self.effect(frame, f"library:{module}", "write", module, node)

    def touch_module(self, frame: Frame, path: str, node: ast.AST) -> None:
        """Something of a module is called, or of who knows what: a module that the notebook has written may change its own globals."""
        module = path.partition(".")[0]
        for one in sorted(self.stateful_modules) if not path else (module,) if module in self.stateful_modules else ():
            self.effect(frame, f"library:{one}", "draw", path or one, node)

    def opaque(self, frame: Frame, node: ast.AST, reason: str) -> None:
        """What happens here cannot be followed: the cell reads and writes everything."""
        self.filled.clear()
        if frame.trace.opaque is None:
            frame.trace.opaque = Mark(spot(node), (), reason)

    def unseen(self, frame: Frame, node: ast.AST, reason: str) -> None:
        """Code runs that cannot be read here: it may use any name, and any file."""
        self.opaque(frame, node, reason)
        self.effect(frame, "files", "append", HERE, node)

    def unknown(self, frame: Frame, node: ast.AST, reason: str, remedy: str, values: list[Value]) -> None:
        """Something was guessed about these values."""
        objects = tuple(sorted({number for value in values for number in value.objects}))
        frame.trace.unknowns.setdefault(reason, (Mark(spot(node)), remedy, objects))

    def unknown_magic(self, frame: Frame, node: Magic) -> None:
        """A magic that is not IPython's own."""
        self.unseen(frame, node, f"`%{node.name}` is not a magic that is known")

    def not_python(self, node: ast.AST, message: str) -> None:
        """The cell parses, but Python does not compile it."""
        self.errors.append((spot(node), message))

    def start_live(self, frame: Frame, node: ast.AST, values: list[Value], reason: str) -> None:
        """Something is started that goes on after the cell."""
        for value in values:
            if value.objects or value.callee is not None:
                frame.trace.live.append((Mark(spot(node), (), reason), value))

    def is_pure(self, node: ast.AST) -> bool:
        """Whether the author said that this line, or the whole cell, changes nothing."""
        lines = self.pure_lines
        return bool(lines) and (0 in lines or getattr(node, "lineno", -1) in lines)

    def calls_anew(self, frame: Frame, number: int) -> bool:
        """Whether a library's call of this object may do what an earlier one in the same code did not: a name was bound since."""
        if frame.trace.called.get(number) == self.bindings:
            return False
        frame.trace.called[number] = self.bindings
        return True

    def call_methods(self, call: Call) -> None:
        """A library may call any method of the notebook's objects that it is given."""
        if not self.classes:
            return
        for value in call.values():
            if not value.objects:
                continue
            for number in sorted(self.heap.below(value.objects)):
                of = self.classes.get(self.heap.types[number])
                if of is not None:
                    self._call_all(call.frame, call.node, of, number)

    def _call_all(self, frame: Frame, node: ast.AST, of: Class, number: int) -> None:
        if not self.calls_anew(frame, number):
            return
        instance = Value(of.type, single(number))
        classes.copied(frame, instance, node)
        seen: list[Class] = []
        todo = [of]
        while todo:
            current = todo.pop(0)
            seen.append(current)
            # A method may set attributes of the class.
            for name, member in tuple(current.members.items()):
                if member.type in _METHODS and (not name.startswith("__") or name in _CALLED_BY_LIBRARIES):
                    classes.call_member(frame, instance, name, (), node)
            todo += [base.callee for base in current.bases if isinstance(base.callee, Class) and base.callee not in seen]
