"""The definition statements of the notebook: run again where they are needed, and known by what they made.

A statement runs at most once in a process, in notebook order, in the namespace as its cell would have found it. What it made can then be
named by the statement, so that no class or function has to travel.
"""

from __future__ import annotations

import ast
import contextlib
import sys
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple

from .document import DefinitionEntry, StepDocument
from .problem import StepProblem
from .recorder import Recorder
from .shared_texts import labelled
from .sources import CellSource

# Values that are the same object to everybody; naming the statement that bound one of them would say nothing.
_ATOMS = (type(None), bool, int, float, complex, str, bytes, tuple, frozenset, type(...), type(NotImplemented))


class Made(NamedTuple):
    """An object that a definition statement bound."""

    value: Any
    statement: str
    name: str


class NamesAfter(Mapping[str, Any]):
    """The names that code finds which looks for the names of the notebook: those that are bound, else what a definition up to a cell binds.

    Some objects look for names by themselves when they are read or used, as a model does that was given a formula.
    """

    def __init__(self, definitions: "Definitions", namespace: Dict[str, Any], cell: int, own: Mapping[str, Any]) -> None:
        self._definitions, self._namespace, self._cell, self._own = definitions, namespace, cell, own

    def __getitem__(self, name: str) -> Any:
        found = next((names[name] for names in (self._own, self._namespace) if name in names), self)
        return self._definitions.value_of(name, self._cell) if found is self else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._namespace)

    def __len__(self) -> int:
        return len(self._namespace)


class Definitions:
    """The definition statements that a step may run again, and those that have run."""

    def __init__(self, document: StepDocument, kernel: Any, recorder: Recorder) -> None:
        self._entries = {entry.id: entry for entry in document.definitions}
        self._document = document
        self._kernel = kernel
        self._recorder = recorder
        self._bound: Dict[str, Dict[str, Any]] = {}
        self._by_id: Dict[int, Made] = {}
        self._statements: Dict[int, List[ast.stmt]] = {}
        self.sources: Dict[int, CellSource] = {}

    def replay(self, wanted: Iterable[str]) -> None:
        """Run the statements that have not run, with those they need, and bind what all of them bind, in notebook order."""
        entries = self._with_what_they_use(wanted)
        with self._recorder.mute():
            for entry in entries:
                if entry.id not in self._bound:
                    self._run(entry)
                self._kernel.namespace.update(self._bound[entry.id])

    def replay_all(self, cell: int) -> None:
        """Run all statements up to a cell."""
        self.replay([entry.id for entry in self._entries.values() if entry.cell <= cell])

    def bring(self, module: Any, part: str, cell: int) -> str:
        """Run imports of earlier cells until a module has a part; returns a name that the last of them binds, or nothing."""
        for entry in sorted(self._entries.values(), key=lambda entry: entry.order):
            if entry.cell >= cell or entry.id in self._bound or not isinstance(self._statement(entry), (ast.Import, ast.ImportFrom)):
                continue
            with contextlib.suppress(StepProblem):
                self.replay([entry.id])
            if hasattr(module, part):
                return entry.binds[0]
        return ""

    def before(self, cell: int, wanted: Iterable[str]) -> List[str]:
        """Those of the statements that stand in earlier cells than this one."""
        return [one for one in wanted if self._entry(one).cell < cell]

    def bound_by(self, wanted: Iterable[str]) -> Dict[str, Any]:
        """What these statements bind, in notebook order. All of them have run."""
        found: Dict[str, Any] = {}
        for entry in sorted((self._entry(one) for one in wanted), key=lambda entry: entry.order):
            found.update(self._bound[entry.id])
        return found

    def not_yet_bound(self, wanted: Iterable[str]) -> Set[str]:
        """The names that statements look up which have still to run, and that no earlier statement binds: a builtin's, say."""
        entries = [entry for entry in self._with_what_they_use(wanted) if entry.id not in self._bound]
        return {name for entry in entries for name in entry.uses if not self._makers(name, entry)}

    def took_place(self, cell: int) -> None:
        """A cell has run as itself: what its definition statements bound is what they made, unless later ones bound it, too."""
        namespace = self._kernel.namespace
        for entry in self._entries.values():
            if entry.cell == cell and entry.id not in self._bound:
                self._statement(entry)
                later = {name for node in self._statements[cell][entry.ordinal + 1 :] for name in _bound_names(node)}
                self._remember(entry, {name: namespace[name] for name in entry.binds if name in namespace and name not in later})

    def value_of(self, name: str, cell: int) -> Any:
        """What the last definition statement up to a cell binds a name to. It runs if it has to, and leaves no name bound that was not.

        Raises KeyError where no statement binds it.
        """
        entries = [entry for entry in self._entries.values() if name in entry.binds and entry.cell <= cell]
        if not entries:
            raise KeyError(name)
        last = max(entries, key=lambda entry: entry.order)
        if last.id not in self._bound:
            namespace = self._kernel.namespace
            names = {bound for entry in self._with_what_they_use([last.id]) for bound in entry.binds}
            before = {bound: namespace[bound] for bound in names if bound in namespace}
            self.replay([last.id])
            for bound in names:
                namespace.pop(bound, None)
            namespace.update(before)
        return self._bound[last.id][name]

    def found(self, name: str) -> Any:
        """What the last of the statements that have run binds a name to. Raises KeyError where there is none."""
        entries = [entry for entry in self._entries.values() if name in self._bound.get(entry.id, ())]
        if not entries:
            raise KeyError(name)
        return self._bound[max(entries, key=lambda entry: entry.order).id][name]

    def place_of(self, value: Any) -> Optional[Tuple[str, str]]:
        """The statement and the name of an object that a definition statement made."""
        made = self._by_id.get(id(value))
        return (made.statement, made.name) if made is not None and made.value is value else None

    def place_of_attribute(self, value: Any) -> Optional[Tuple[str, str]]:
        """The same for a function or class inside a class that a definition statement made; the name then has dots."""
        root, _, rest = value.__qualname__.partition(".")
        if not rest or "<locals>" in rest:
            return None
        for statement, bound in self._bound.items():
            if root in bound and _static_attribute(bound[root], rest) is value:
                return statement, value.__qualname__
        return None

    def lookup(self, statement: str, name: str) -> Any:
        """What a statement made here."""
        root, _, rest = name.partition(".")
        if root not in self._bound.get(statement, {}):
            raise StepProblem(
                "NB591", f"a payload mentions `{name}` of definition {statement}, which has not run", "compile the notebook again"
            )
        value = self._bound[statement][root]
        return _static_attribute(value, rest) if rest else value

    def made(self) -> Iterable[Made]:
        """Every object that a definition statement made here."""
        return self._by_id.values()

    def _with_what_they_use(self, wanted: Iterable[str]) -> List[DefinitionEntry]:
        """The statements, and those that bind what they use before them, in notebook order."""
        found: Dict[str, DefinitionEntry] = {}
        waiting = [self._entry(one) for one in wanted]
        while waiting:
            entry = waiting.pop()
            if entry.id in found:
                continue
            found[entry.id] = entry
            if entry.id not in self._bound:
                waiting += [maker for name in entry.uses for maker in self._makers(name, entry)]
        return sorted(found.values(), key=lambda entry: entry.order)

    def _makers(self, name: str, user: DefinitionEntry) -> List[DefinitionEntry]:
        earlier = [entry for entry in self._entries.values() if name in entry.binds and entry.order < user.order]
        return [max(earlier, key=lambda entry: entry.order)] if earlier else []

    def _entry(self, wanted: str) -> DefinitionEntry:
        if wanted not in self._entries:
            raise StepProblem("NB591", f"the step document has no definition statement {wanted}", "compile the notebook again")
        return self._entries[wanted]

    def _run(self, entry: DefinitionEntry) -> None:
        namespace = self._kernel.namespace
        statement = self._statement(entry)
        source = self.sources[entry.cell]
        stars = isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"
        before = dict(namespace) if stars else {}
        try:
            tree = ast.Module([statement], [])
            self._kernel.execute(self._kernel.compile(tree, self._kernel.sources.name_of(source)))
        except BaseException as error:
            raise _cannot_replay(entry, source, error) from error
        bound = {name: namespace[name] for name in entry.binds if name in namespace}
        if stars:
            bound.update({name: value for name, value in namespace.items() if name not in before or before[name] is not value})
        self._remember(entry, bound)

    def _remember(self, entry: DefinitionEntry, bound: Dict[str, Any]) -> None:
        self._bound[entry.id] = bound
        for name, value in bound.items():
            labelled(value, f"{entry.id} {name}")
            if not isinstance(value, _ATOMS) and not isinstance(value, type(sys)) and id(value) not in self._by_id:
                self._by_id[id(value)] = Made(value, entry.id, name)

    def _statement(self, entry: DefinitionEntry) -> ast.stmt:
        if entry.cell not in self._statements:
            text = self._document.sources.get(entry.cell)
            if text is None:
                raise StepProblem("NB591", f"the step document has no source of cell {entry.cell}", "compile the notebook again")
            source = self._kernel.register(entry.cell, text, self._document.counts.get(entry.cell))
            self.sources[entry.cell] = source
            self._statements[entry.cell] = ast.parse(source.transformed).body
        body = self._statements[entry.cell]
        if entry.ordinal >= len(body):
            raise StepProblem("NB591", f"cell {entry.cell} has no statement {entry.ordinal}", "compile the notebook again")
        return body[entry.ordinal]


def _bound_names(tree: ast.AST) -> Iterator[str]:
    """The names that a statement may bind, and some that it does not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]


def _static_attribute(value: Any, name: str) -> Any:
    """What a dotted name finds in the bodies of classes, without calling descriptors."""
    for part in name.split("."):
        owners = value.__mro__ if isinstance(value, type) else ()
        value = next((vars(owner)[part] for owner in owners if part in vars(owner)), None)
        value = getattr(value, "__func__", value) if isinstance(value, (staticmethod, classmethod)) else value
    return value


def _cannot_replay(entry: DefinitionEntry, source: CellSource, error: BaseException) -> StepProblem:
    lines = source.transformed.splitlines()[entry.lines[0] - 1 : entry.lines[1]]
    text = lines[0].strip() if lines else entry.id
    if isinstance(error, ImportError):
        advice = f"install what `{text}` needs in the environment of this step"
        return StepProblem("NB590", f"`{text}` of cell {entry.cell} fails here: {error}", advice)
    return StepProblem("NB593", f"`{text}` of cell {entry.cell} fails here: {type(error).__name__}: {error}", "run the cell on its own")
