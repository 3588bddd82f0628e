"""A cell and the names it is scattered over -> which of its results are put together from shards, and what speaks against it.

A cell may be cut along a list when it goes through the list round by round, and no round needs another: a `for` over
it, or a comprehension. What is collected in such rounds is joined; what does not come from the list is the same in
every shard. Everything else is a doubt, with its place: the shards together may then not give what the whole gives.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from nbcompile.model.diagnostic import Span
from nbcompile.model.facts import Change
from nbcompile.model.source import Magic
from nbcompile.model.workflow import Doubt, Gathering

RESULT = "_"
"""What the value of a last expression is called among the names that are joined."""

_COLLECTS = ("append", "extend", "add", "update")
_CHANGES = (*_COLLECTS, "setdefault")
_TAKES_TOGETHER = ("len", "sum", "min", "max", "any", "all", "sorted")
_EMPTY = {"list": "list", "set": "set", "dict": "dict", "Counter": "dict", "defaultdict": "dict", "OrderedDict": "dict"}
_SHOWS = ("print", "display")
# Methods that go through the items of a mapping, and the rows of a table.
_ITEMS, _ROWS = ("items", "keys", "values"), ("iterrows", "itertuples")
_MAPPINGS = ("dict", "collections.OrderedDict", "collections.defaultdict", "collections.Counter")
_TABLE = "pandas.DataFrame"


def gathering(
    tree: ast.Module,
    axes: Sequence[Sequence[str]],
    before: Collection[str] = (),
    empty: Mapping[str, str] = MappingProxyType({}),
    kinds: Mapping[str, str] = MappingProxyType({}),
    changes: Sequence[Sequence[Change]] = (),
) -> Gathering:
    """What becomes of the results of a cell that runs once for each combination of shards.

    `axes` holds the scattered names: those of one axis are cut in step, and every shard of an axis meets every one of
    the next. `before` are the names that cells before it may have bound, and `empty` those of them that hold empty
    containers, with their kinds. `kinds` has the types of the scattered names, where they are known, and `changes`
    says of each statement what it changes that was there before it, other than by collecting (see `without_collecting`).
    """
    cell = _Cell(axes, before, empty, kinds)
    for number, statement in enumerate(tree.body):
        changed = changes[number] if changes else ()
        in_rounds = cell.is_in_rounds(statement)
        if in_rounds:
            cell.change_in_rounds(statement, changed)
        cell.take(statement, last=statement is tree.body[-1])
        if not in_rounds:
            cell.change_alike(changed)
    shows = bool(tree.body) and isinstance(tree.body[-1], ast.Expr) and not isinstance(tree.body[-1].value, Magic)
    return cell.gathering()._replace(shows=shows)


def without_collecting(
    tree: ast.Module, axes: Sequence[Sequence[str]], before: Collection[str], empty: Mapping[str, str], kinds: Mapping[str, str]
) -> list[ast.stmt]:
    """The statements of a cell that is scattered, with only what is read where rounds collect."""
    cell, found = _Cell(axes, before, empty, kinds), []
    for statement in tree.body:
        found.append(_without_collecting(statement, cell.collectors, {}) if cell.is_in_rounds(statement) else statement)
        cell.take(statement, last=False)
    return found


class _Cell:
    """What is known after the statements so far."""

    def __init__(self, axes: Sequence[Sequence[str]], before: Collection[str], empty: Mapping[str, str], kinds: Mapping[str, str]) -> None:
        self.kinds = kinds
        self.axis: Mapping[str, int] = {name: number for number, names in enumerate(axes) for name in names}
        self.width = len(axes)
        self.before = before
        self.kept: dict[str, None] = {}
        self.joined: dict[str, None] = {}
        self.last: dict[str, None] = {}
        self.alike: dict[str, None] = {}
        self.torn: dict[str, None] = {}
        self.rebound: set[str] = set()
        self.spoilt: set[str] = set()
        self.collectors: dict[str, str] = dict(empty)
        self.doubts: list[Doubt] = []
        self.shown = self.unseen = False

    def gathering(self) -> Gathering:
        for name in self.spoilt:
            self._move(name, self.torn)
        return Gathering(
            joined=tuple(self.joined),
            kept=tuple(self.kept),
            last=tuple(self.last),
            alike=tuple(self.alike),
            torn=tuple(self.torn),
            rebound=tuple(name for name in self.last if name in self.rebound),
            doubts=tuple(self.doubts),
            unseen=self.unseen,
        )

    def doubt(self, node: ast.AST, reason: str) -> None:
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        end_line, end_column = getattr(node, "end_lineno", None) or line, (getattr(node, "end_col_offset", None) or column) + 1
        self.doubts.append(Doubt(Span(line, column, end_line, end_column), reason))

    def take(self, statement: ast.stmt, *, last: bool) -> None:
        """One more statement at the top of the cell."""
        if isinstance(statement, ast.For) and self._walked(statement.iter):
            if self.shown and _shows(statement):
                self.doubt(statement, "it shows something after another loop did, and the outputs of shards come one after the other")
            self.shown = self.shown or _shows(statement)
            self._rounds(statement)
        elif isinstance(statement, ast.Assign) and self._collected(statement.value):
            tears = any(name in self.torn for name in _loaded(statement.value))
            for name in _stored(statement):
                self._move(name, self.torn if tears else self.joined)
                self.collectors.pop(name, None)
        elif isinstance(statement, ast.Expr) and (self._collected(statement.value) or (last and self._is_result(statement.value))):
            if last:
                self._move(RESULT, self.joined)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, Magic) and not statement.value.body:
            # What a shell does with its part of the whole cannot be seen.
            self.unseen = True
        elif self._touches_shards(statement):
            self._unclear(statement)
        else:
            self._alike(statement)

    def is_in_rounds(self, statement: ast.stmt) -> bool:
        """Whether what a statement does differs from shard to shard."""
        return self._touches_shards(statement)

    def change_in_rounds(self, statement: ast.stmt, changes: Iterable[Change]) -> None:
        """A statement changes what was there before it, and every shard does so in its own way."""
        read = {*_loaded(statement)}
        for change in changes:
            name = change.name
            if name in self.axis:
                continue
            self.doubts.append(Doubt(change.span, f"it changes `{name}`, and a shard does not see what the others change"))
            self._move(name, self.alike if change.guessed and name not in self.joined else self.torn)
            self.collectors.pop(name, None)
            # What reads it on the way, through a function of the notebook, cannot be seen here.
            if name in self.torn and name not in read:
                self.spoilt.update(_changed_or_stored(statement.body if isinstance(statement, ast.For) else [statement]))

    def change_alike(self, changes: Iterable[Change]) -> None:
        """A statement changes what was there before it, and every shard does so alike."""
        for change in changes:
            if not any(change.name in names for names in (self.axis, self.joined, self.last, self.alike, self.torn)):
                self._move(change.name, self.kept)

    def _is_result(self, value: ast.expr) -> bool:
        """The last expression shows something that was collected."""
        return isinstance(value, ast.Name) and value.id in self.joined

    def _touches_shards(self, node: ast.AST) -> bool:
        return next(self._of_shards(node), None) is not None

    def _of_shards(self, node: ast.AST) -> Iterator[str]:
        """The names in it of which a shard has only its own part."""
        partial = (self.axis, self.joined, self.last, self.alike, self.torn)
        return (name for name in _loaded(node) if any(name in names for names in partial))

    def _unclear(self, statement: ast.stmt) -> None:
        seen = next(self._of_shards(statement))
        self.doubt(statement, f"it reads `{seen}` outside the rounds, and a shard has only its part of it")
        loops = [part for part in ast.walk(statement) if isinstance(part, ast.For)]
        targets = {name for loop in loops for name in _stored(loop.target)}
        whole = any(self._touches_shards(call) for call in _calls_of(statement, _TAKES_TOGETHER))
        whole = whole or any(isinstance(part, ast.NamedExpr) for part in ast.walk(statement))
        for name in _stored(statement):
            if self._is_bound(name):
                self.rebound.add(name)
            self._move(name, self.last if name in targets else self.torn if whole else self.joined)

    def _is_bound(self, name: str) -> bool:
        """Whether the name may have had a value before."""
        return name in self.before or any(name in names for names in self._fates)

    def _move(self, name: str, into: dict[str, None]) -> None:
        """From here on `into` says what becomes of a name."""
        for names in self._fates:
            names.pop(name, None)
        into[name] = None

    @property
    def _fates(self) -> tuple[dict[str, None], ...]:
        return self.kept, self.joined, self.last, self.alike, self.torn

    def _alike(self, statement: ast.stmt) -> None:
        """A statement that does the same in every shard."""
        for name in _stored(statement):
            self._move(name, self.kept)
        # Whoever reads a list may let another name have it, too.
        for name in (*_changed_or_stored([statement]), *_loaded(statement)):
            self.collectors.pop(name, None)
        self.collectors.update(empty_collectors(statement))
        if _shows(statement) or (isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant | ast.Call)):
            self.doubt(statement, "it shows something once in every shard")

    # Rounds.

    def _walked(self, node: ast.expr) -> tuple[int, ...]:
        """The axes that an iterable goes through, item by item; empty where it is something else."""
        if isinstance(node, ast.Name):
            # A table goes through its columns, and a shard has all of them.
            return (self.axis[node.id],) if node.id in self.axis and self.kinds.get(node.id) != _TABLE else ()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords and node.args:
            if node.func.id in ("enumerate", "iter", "tqdm") and len(node.args) == 1:
                return self._walked(node.args[0])
            if node.func.id == "zip":
                found = {self._walked(argument) for argument in node.args}
                return found.pop() if len(found) == 1 else ()
            counted = _counted(node)
            return (self.axis[counted],) if counted in self.axis else ()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) and not node.args:
            name, method = node.func.value.id, node.func.attr
            if name in self.axis and (method in _ROWS or (method in _ITEMS and self.kinds.get(name) in _MAPPINGS)):
                return (self.axis[name],)
        return ()

    def _collected(self, node: ast.expr) -> bool:
        """Whether an expression makes a list of one thing, or some, for each round."""
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp):
            return self._in_order([(generator.iter, generator.target) for generator in node.generators], node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _EMPTY and len(node.args) == 1:
            (argument,) = node.args
            return self._mapped(argument) or (isinstance(argument, ast.GeneratorExp) and self._generated(argument))
        return False

    def _generated(self, node: ast.GeneratorExp) -> bool:
        return self._in_order([(generator.iter, generator.target) for generator in node.generators], node)

    def _mapped(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != "map" or len(node.args) < 2:
            return False
        walked = {self._walked(argument) for argument in node.args[1:]}
        return walked == {(0,)} and self.width == 1

    def _in_order(self, loops: Sequence[tuple[ast.expr, ast.expr]], node: ast.AST) -> bool:
        """The loops go through all axes, in their order, before anything else; the body sees only its own round."""
        walked = [self._walked(iterable) for iterable, _ in loops]
        order = [axis for axes in walked for axis in axes]
        if order[: self.width] != list(range(self.width)) or any(not axes for axes in walked[: self.width]):
            return False
        if any(isinstance(part, ast.NamedExpr) for part in ast.walk(node)):
            # It binds a name of the cell, and the next round may read it.
            return False
        inner = [part for part in ast.iter_child_nodes(node) if not isinstance(part, ast.comprehension)]
        inner += [part for generator in getattr(node, "generators", ()) for part in generator.ifs]
        places = _places(loops)
        return not any(self._whole(part, places) for part in inner)

    def _whole(self, node: ast.AST, places: Mapping[str, int]) -> bool:
        """Whether a scattered name is read other than at the place of the round, or the place itself is read."""
        fine: set[int] = set()
        for part in ast.walk(node):
            if not (isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Name) and part.slice.id in places):
                continue
            by_place = isinstance(part.value, ast.Attribute) and part.value.attr == "iloc"
            named = part.value.value if by_place else part.value  # type: ignore[attr-defined]
            if isinstance(named, ast.Name) and named.id in self.axis:
                fine |= {id(named), id(part.slice)}
        return any(
            isinstance(part, ast.Name)
            and isinstance(part.ctx, ast.Load)
            and id(part) not in fine
            and (part.id in self.axis or part.id in places)
            for part in ast.walk(node)
        )

    def _rounds(self, loop: ast.For) -> None:
        """Loops through all axes, one in the other."""
        loops, body = [(loop.iter, loop.target)], loop.body
        alike: list[ast.stmt] = []
        while len(loops) < self.width:
            inner = [part for part in body if isinstance(part, ast.For) and self._walked(part.iter)]
            if len(inner) != 1:
                break
            alike += [part for part in body if part is not inner[0]]
            loops.append((inner[0].iter, inner[0].target))
            body = inner[0].body
        order = [axis for iterable, _ in loops for axis in self._walked(iterable)]
        if sorted(order) != list(range(self.width)):
            self.doubt(loop, "it does not go through every combination of the shards")
        elif order != sorted(order):
            self.doubt(loop, "its loops are nested in another order than the scatter, and results are joined in the order of the scatter")
        elif any(name for part in alike for name in (*_calls(part),)):
            self.doubt(alike[0], "it runs once in every shard, between two loops over them")
        if loop.orelse:
            self.doubt(loop, "its `else` runs once in every shard")
        self._round(body, _places(loops), {name for _, target in loops for name in _stored(target)})
        stop = next(_breaks(body), None)
        if stop:
            self.doubt(stop, "it ends the rounds, and the other shards go on with theirs")
        partial = sorted(order) != list(range(self.width))
        for name in (*(_changed_or_stored(body) if stop or partial else ()), *(name for part in loop.orelse for name in _stored(part))):
            self._move(name, self.torn)

    def _round(self, body: Sequence[ast.stmt], places: Mapping[str, int], own: set[str]) -> None:
        """What happens in one round: it may collect, and may use nothing of another round."""
        bound, ever = set(own), {name for statement in body for name in _stored(statement)}
        for statement in body:
            self._one(statement, places, bound, ever)
            bound |= _surely_stored(statement)
        # After the loop they are what the last round left that bound them, unless that need not be one of this loop.
        for name in sorted((ever | own) - places.keys() - self.joined.keys() - self.torn.keys()):
            earlier = self._is_bound(name)
            if earlier:
                self.rebound.add(name)
            self._move(name, self.last if name in bound or not earlier else self.torn)
        # What counts the rounds starts anew in every shard.
        for name in places:
            self._move(name, self.torn)
        # Collected once: what another loop adds would follow what this one did, and in shards it comes between.
        for name in (*self.joined, *self.torn):
            self.collectors.pop(name, None)

    def _one(self, statement: ast.stmt, places: Mapping[str, int], bound: set[str], ever: set[str]) -> None:
        collected: dict[str, None] = {}
        read = _without_collecting(statement, self.collectors, collected)
        more = self._whole(read, places)
        if more:
            self.doubt(statement, "a round reads more of the scattered names than its own item")
        early = [name for name in _first_loaded(read, bound) if name in ever or name in self.collectors]
        torn = dict.fromkeys((*early, *_changed(read, bound)))
        for name in torn:
            if name not in self.torn:
                self.doubt(statement, f"`{name}` goes from one round to the next")
            self._move(name, self.torn)
        # What is made of it goes wrong with it.
        tears = more or any(name in self.torn for name in _loaded(read))
        for name in collected:
            if name not in self.torn:
                self._move(name, self.torn if tears else self.joined)
        for name in _stored(read) if tears else ():
            self._move(name, self.torn)


def _places(loops: Sequence[tuple[ast.expr, ast.expr]]) -> dict[str, int]:
    """The names that count the rounds, of `enumerate` or `range(len(xs))`: they start anew in every shard."""
    found: dict[str, int] = {}
    for number, (iterable, target) in enumerate(loops):
        counted = isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Name) and iterable.func.id == "enumerate"
        if counted and isinstance(target, ast.Tuple) and target.elts and isinstance(target.elts[0], ast.Name):
            found[target.elts[0].id] = number
        if isinstance(target, ast.Name) and _counted(iterable):
            found[target.id] = number
    return found


def _counted(node: ast.expr) -> str:
    """The name in `range(len(name))`."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range" and len(node.args) == 1):
        return ""
    (length,) = node.args
    if isinstance(length, ast.Call) and isinstance(length.func, ast.Name) and length.func.id == "len" and len(length.args) == 1:
        return length.args[0].id if isinstance(length.args[0], ast.Name) else ""
    return ""


def _collecting(statement: ast.stmt) -> tuple[str, Sequence[ast.expr]] | None:
    """`y.append(x)`, `y += [x]`, `y[k] = x`: what is collected into, and what is read for it."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.attr in _COLLECTS:
            return function.value.id, statement.value.args
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name) and isinstance(statement.op, ast.Add | ast.BitOr):
        return statement.target.id, [statement.value]
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Subscript):
        target = statement.targets[0]
        if isinstance(target.value, ast.Name):
            return target.value.id, [target.slice, statement.value]
    return None


def _without_collecting(statement: ast.stmt, collectors: Collection[str], collected: dict[str, None]) -> ast.stmt:
    """The statement with only what is read where it collects, in its branches and inner loops, too; `collected` takes the names."""
    found = _collecting(statement)
    if found and found[0] in collectors:
        collected[found[0]] = None
        return ast.copy_location(ast.Expr(ast.copy_location(ast.Tuple([*found[1]], ast.Load()), statement)), statement)
    if not isinstance(statement, ast.With | ast.For | ast.If | ast.Try | ast.While | ast.Match):
        return statement
    kept = copy.copy(statement)
    for field, parts in ast.iter_fields(statement):
        if field in ("handlers", "cases"):
            setattr(kept, field, [copy.copy(part) for part in parts])
            for part in getattr(kept, field):
                part.body = [_without_collecting(inner, collectors, collected) for inner in part.body]
        elif field in ("body", "orelse", "finalbody"):
            setattr(kept, field, [_without_collecting(inner, collectors, collected) for inner in parts])
    return kept


def empty_collectors(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    """The names to which a statement binds empty containers, each its own, and the kinds of these."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
        return
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    for target in targets if len(targets) == 1 else ():
        pairs = [(target, statement.value)]
        if isinstance(target, ast.Tuple | ast.List) and isinstance(statement.value, ast.Tuple | ast.List):
            pairs = list(zip(target.elts, statement.value.elts, strict=False))
        for one, value in pairs:
            kind = _empty_kind(value)
            if kind and isinstance(one, ast.Name):
                yield one.id, kind


def _empty_kind(value: ast.expr) -> str:
    """The kind of an empty container; nothing for anything else."""
    if isinstance(value, ast.List) and not value.elts:
        return "list"
    if isinstance(value, ast.Dict) and not value.keys:
        return "dict"
    if isinstance(value, ast.Call):
        name = value.func.attr if isinstance(value.func, ast.Attribute) else value.func.id if isinstance(value.func, ast.Name) else ""
        return _EMPTY.get(name, "") if name == "defaultdict" or not value.args else ""
    return ""


def _changed(node: ast.AST, bound: set[str]) -> Iterator[str]:
    """The names that a round changes although it did not bind them."""
    for part in ast.walk(node):
        if isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name):
            holder: ast.expr | None = part.target
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in _CHANGES:
            holder = part.func.value
        elif isinstance(part, ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store | ast.Del):
            holder = part.value
        else:
            continue
        if isinstance(holder, ast.Name) and holder.id not in bound:
            yield holder.id


def _changed_or_stored(body: Sequence[ast.stmt]) -> Iterator[str]:
    """The names that the statements bind, or whose objects they change."""
    for statement in body:
        yield from _stored(statement)
        yield from _changed(statement, set())


def _breaks(body: Iterable[ast.AST]) -> Iterator[ast.Break]:
    """Where the loop that has this body is left."""
    for part in body:
        if isinstance(part, ast.Break):
            yield part
        elif not isinstance(part, ast.For | ast.While | ast.FunctionDef | ast.ClassDef):
            yield from _breaks(ast.iter_child_nodes(part))


def _surely_stored(statement: ast.stmt) -> set[str]:
    """The names that a statement binds on every path by which it goes on to the next."""
    if isinstance(statement, ast.If):
        return _stored_on_all([statement.body, statement.orelse])
    if isinstance(statement, ast.Try) and not statement.finalbody:
        return _stored_on_all([[*statement.body, *statement.orelse], *(handler.body for handler in statement.handlers)])
    if isinstance(statement, ast.With):
        items = {name for item in statement.items for name in _stored(item)}
        return items.union(*(_surely_stored(part) for part in statement.body))
    uncertain = isinstance(statement, ast.For | ast.While | ast.Try | ast.Match | ast.AugAssign)
    return set() if uncertain else set(_stored(statement))


def _stored_on_all(sides: Sequence[Sequence[ast.stmt]]) -> set[str]:
    """The names bound on each of these, but for those that leave the round."""
    going_on = [side for side in sides if not (side and isinstance(side[-1], ast.Continue | ast.Break | ast.Raise))]
    bound = [set().union(*map(_surely_stored, side)) for side in going_on]
    return set.intersection(*bound) if bound else set()


def _first_loaded(node: ast.AST, bound: Collection[str]) -> Iterator[str]:
    """The names that a statement reads before it has surely bound them."""
    bound = {*bound}
    if not isinstance(node, ast.With | ast.For | ast.If | ast.Try | ast.While):
        yield from (name for name in _loaded(node) if name not in bound)
        return
    for field in ("items", "iter", "test"):
        heads = getattr(node, field, ())
        for head in heads if isinstance(heads, list) else [heads] if heads else ():
            yield from (name for name in _loaded(head) if name not in bound)
    own = {name for item in getattr(node, "items", ()) for name in _stored(item)} | set(
        _stored(node.target) if isinstance(node, ast.For) else ()
    )
    for field in ("body", "orelse", "finalbody"):
        inside = bound | own if field == "body" else set(bound)
        for statement in getattr(node, field, ()):
            yield from _first_loaded(statement, inside)
            inside |= _surely_stored(statement)
    for handler in getattr(node, "handlers", ()):
        yield from _first_loaded(handler, bound | ({handler.name} if handler.name else set()))


def _shows(node: ast.AST) -> bool:
    return any(call in _SHOWS for call in _calls(node))


def _loaded(node: ast.AST) -> list[str]:
    """The names that are read, but for those that comprehensions and lambdas bind for themselves."""
    if isinstance(node, ast.Name):
        return [node.id] if isinstance(node.ctx, ast.Load) else []
    found = [name for part in ast.iter_child_nodes(node) for name in _loaded(part)]
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        own = {part.id for one in node.generators for part in ast.walk(one.target) if isinstance(part, ast.Name)}
        found = [name for name in found if name not in own] + _loaded(node.generators[0].iter)
    elif isinstance(node, ast.Lambda):
        own = {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
        found = [name for name in found if name not in own] + [name for one in node.args.defaults for name in _loaded(one)]
    return found


def _stored(node: ast.AST) -> list[str]:
    """The names that a statement binds in the cell, not those of comprehensions and functions in it."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return [node.name]
    if isinstance(node, ast.alias):
        return [node.asname or node.name.partition(".")[0]]
    if isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return []
    own = [node.id] if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else []
    if isinstance(node, ast.MatchAs | ast.MatchStar | ast.ExceptHandler) and node.name:
        own = [node.name]
    if isinstance(node, ast.MatchMapping) and node.rest:
        own = [node.rest]
    return [*own, *(name for part in ast.iter_child_nodes(node) for name in _stored(part))]


def _calls(node: ast.AST) -> list[str]:
    return [part.func.id for part in ast.walk(node) if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)]


def _calls_of(node: ast.AST, names: Collection[str]) -> list[ast.Call]:
    return [part for part in ast.walk(node) if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in names]
