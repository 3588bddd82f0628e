"""Execute the rows of one library's table, and compare what they say with what happens.

A row is called with its own examples; without any, with what the library has for the names of its parameters, once more with
each flag that could make it change what it is given, and with the lists of arguments of the library's ladder that it takes
without an error. In every call: what the row does not call changed is as it was, the result has the type that it says, shares what it
says and nothing else, and channels and files are left alone that it does not name. Over all calls: what it says is changed,
drawn or touched was seen to be so at least once.
"""

import contextlib
import importlib
import inspect
import io
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from nbcompile.analysis.known import Known, Row, Section, lines_of, read_library
from tests.known.state import State, channels

_FILE_VERBS = {"loads": "r", "streams": "r", "saves": "w", "appends": "w", "tests": "r", "opens": "rw", "lists": "r", "fills": "w"}
_CHANGING = ("changes", "asks", "puts", "keeps", "extends", "consumes")
_EVENTS = []
_RESULT_ONLY = ("part", "item", "view", "memory", "holding", "calling")


@dataclass
class Library:
    """What there is to execute one library's rows with.

    `parameters` has an argument for a parameter's name, or for `FUNCTION(NAME)` or `SECTION(NAME)`; `flags` has values for
    optional parameters that can make a call change what it is given; `$` in the `ladder` is what a setter sets; `unproved`
    says of rows and sections why they are not executed. Where receivers are `costly` to make and to look at, one of them serves
    to find out which arguments a row takes. A row is executed `enough` times.
    """

    name: str
    names: dict = field(default_factory=dict)
    types: dict = field(default_factory=dict)
    receivers: dict = field(default_factory=dict)
    ladder: tuple = ("()",)
    parameters: dict = field(default_factory=dict)
    flags: dict = field(default_factory=dict)
    calls: dict = field(default_factory=dict)
    only_examples: frozenset = frozenset()
    unproved: dict = field(default_factory=dict)
    not_seen: frozenset = frozenset()
    are_channels: frozenset = frozenset()
    costly: bool = False
    enough: int = 3
    modules: dict = field(default_factory=dict)


@dataclass
class Verdict:
    """What became of one row."""

    label: str
    calls: int = 0
    absent: bool = False
    why: str = ""
    lies: dict = field(default_factory=dict)
    unseen: tuple = ()


def _hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        mode, flags = arguments[1] or "", arguments[2] or 0
        writes = any(letter in mode for letter in "wax+") or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        _EVENTS.append((os.fsdecode(arguments[0]), "w" if writes else "r"))
    elif event in ("os.listdir", "os.scandir", "os.remove", "os.rmdir") and (
        isinstance(arguments[0], int) or arguments[-1] not in (-1, arguments[0])
    ):
        return  # of a directory that is open, as when one is removed with all that is in it
    elif event in ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "shutil.rmtree", "os.truncate", "os.chmod", "os.utime", "os.link"):
        _EVENTS.append((str(arguments[0]), "w"))
        if event == "os.rename":
            _EVENTS.append((str(arguments[1]), "w"))
    elif event in ("os.listdir", "os.scandir", "glob.glob"):
        _EVENTS.append((str(arguments[0] if arguments[0] is not None else "."), "r"))
    elif event in ("subprocess.Popen", "os.system", "os.posix_spawn", "os.fork"):
        _EVENTS.append(("process", "process"))
    elif event in ("socket.connect", "socket.getaddrinfo"):
        _EVENTS.append(("network", "network"))


class Place(NamedTuple):
    """A row and where it stands."""

    section: str
    name: str
    row: Row

    @property
    def label(self) -> str:
        """How verdicts and examples call it."""
        return f"{self.section}.{self.name}"


class Names(dict):
    """The named values of a library, made anew for each call."""

    def __init__(self, makers):
        super().__init__()
        self._makers = makers

    def __missing__(self, name):
        made = self._makers[name]
        value = self[name] = eval(made, MODULES, self) if isinstance(made, str) else made()  # noqa: S307
        return value


class Recorder:
    """Makes a function that notes that it was called."""

    def __init__(self):
        self.called = False

    def function(self):
        """The function, which is given to calls."""

        def given(*values, **_):
            self.called = True
            return values[0] if values else 0

        return given


MODULES = {}
_EVERYTHING = "*"
_FAILS = "fails on"


def rows_of(library: str, versions) -> list[Place]:
    """The rows of a library that hold for the versions."""
    known, found = Known(versions), []
    for section in read_library(library).sections:
        names = dict.fromkeys(name for _, names, _ in lines_of(section.body) for name in names)
        found += [Place(section.name, name, row) for name in names if (row := _own_row(known, section.name, name)) is not None]
    return found


def _own_row(known: Known, section: str, name: str) -> Row | None:
    return known.method(section, name) if known.home(section, name) == section else None


class Prover:
    """Executes the rows of one library."""

    def __init__(self, library: Library, versions):
        self.library = library
        self.known = Known(versions)
        self._attributes: dict[str, dict[str, frozenset[str]]] = {}
        MODULES.clear()
        MODULES["__builtins__"] = __builtins__
        for short, module in library.modules.items():
            MODULES[short] = importlib.import_module(module)
        self.rows = rows_of(library.name, versions)
        self.sections: dict[str, Section] = {section.name: section for section in read_library(library.name).sections}

    def _receivers(self, section: str, name: str) -> tuple[str, ...]:
        """The receivers of a section that have the name; all of them where that cannot be told so."""
        receivers = self.library.receivers.get(section, ())
        receivers = (receivers,) if isinstance(receivers, str) else receivers
        if len(receivers) < 4 or name[0] in "[_" or name.endswith("()"):
            return receivers
        if section not in self._attributes:
            self._attributes[section] = {one: self._names_of(one) for one in receivers}
        word = name.strip(".=")
        return tuple(one for one in receivers if word in self._attributes[section][one]) or receivers[:1]

    def _given_more(self, row: Row, text: str, result) -> list[str]:
        """The same call with what the conditions of the row ask for: a place for the result, `inplace`, axes."""
        found = []
        for clause in row:
            words = [condition.argument.keyword for condition in clause.conditions if condition.word == "if"]
            word = words[0] if len(words) == len(clause.conditions) == 1 else ""
            value = {"out": "_like", "inplace": "True", "ax": "ax"}.get(word)
            if value in self.library.names or (value in ("True", "_like") and (value == "True" or hasattr(result, "dtype"))):
                found.append(f"{text[:-1]}{', ' if text[1:-1].strip() else ''}{word}={value})")
        return found

    def _names_of(self, receiver: str) -> frozenset[str]:
        names = Names({**self.library.names, "f": Recorder().function})
        with contextlib.redirect_stdout(io.StringIO()):
            return frozenset(dir(eval(receiver, MODULES, names)))  # noqa: S307

    def prove(self, place: Place) -> Verdict:
        """Execute one row."""
        verdict = Verdict(place.label)
        seen: set[str] = set()
        examples = self._examples(place)
        found = bool(self._why_unproved(place)) or (not examples and not self._ladder(place))
        if place.name == _EVERYTHING:
            return self._prove_everything(place, verdict)
        for receiver in self._receivers(place.section, place.name) or ("",):
            if verdict.calls >= self.library.enough and not examples:
                break
            takes = Scout(self, place, receiver, "").takes if self.library.costly and not examples else bool
            fitting = () if examples else self._fitting(place, receiver)
            outcomes = [self._try(place, receiver, text, verdict, seen) for text in fitting if takes(text)]
            for text in examples or (() if "done" in outcomes else self._ladder(place)):
                if verdict.calls >= self.library.enough and not examples:
                    break
                outcomes.append(self._try(place, receiver, text, verdict, seen) if takes(text) else "not taken")
            found = found or any(outcome != "absent" for outcome in outcomes)
        verdict.absent = not found
        if not verdict.calls:
            verdict.why = self._why_unproved(place)
        if verdict.calls:
            verdict.lies = {lie: text for lie, text in verdict.lies.items() if not lie.startswith(_FAILS)} or verdict.lies
            hidden = place.section in self.library.not_seen or place.label in self.library.not_seen
            verdict.unseen = () if hidden else tuple(sorted(claims_of(place.row) - seen))
        return verdict

    def _prove_everything(self, place: Place, verdict: Verdict) -> Verdict:
        """A row for all other methods, by those that the receivers have."""
        owned = {name for one in self.rows if one.section == place.section for name in (one.name, one.name.strip(".="))}
        for receiver in self._receivers(place.section, place.name):
            for name in sorted(self._names_of(receiver) - owned):
                if name[0] != "_" and f"{place.section}.{name}" not in self.library.unproved:
                    other = Place(place.section, name, place.row)
                    for text in (*self._fitting(other, receiver), *self._ladder(other)):
                        if Trial(self, other, receiver, "").is_method() and self._try(other, receiver, text, verdict, set()) == "done":
                            break
        return verdict

    def _examples(self, place: Place) -> tuple[str, ...]:
        examples = self.library.calls.get(place.label, ())
        return (examples,) if isinstance(examples, str) else tuple(examples)

    def _fitting(self, place: Place, receiver: str) -> tuple[str, ...]:
        """Arguments by the names of the parameters that must be given; then one list more for each flag."""
        if not self.library.parameters or not place.name.isidentifier() or not self._ladder(place):
            return ()
        parameters = Trial(self, place, receiver, "").parameters()
        needed = [one for one in parameters if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
        values = [self._value_for(place, one.name) for one in needed]
        if parameters == [] or None in values:
            return ()
        words = [f"{one.name}={value}" if one.kind is one.KEYWORD_ONLY else value for one, value in zip(needed, values, strict=True)]
        flags = [f"{one.name}={self.library.flags[one.name]}" for one in parameters if one.name in self.library.flags and one not in needed]
        return tuple(f"({', '.join(more)})" for more in (words, *([*words, flag] for flag in flags)))

    def _value_for(self, place: Place, parameter: str) -> str | None:
        values = self.library.parameters
        keys = (f"{place.label}({parameter})", f"{place.name}({parameter})", f"{place.section}({parameter})", parameter)
        return next((values[key] for key in keys if key in values), None)

    def _ladder(self, place: Place) -> tuple[str, ...]:
        """Arguments for a row without examples; nothing where a call might do harm."""
        quiet = self.library.only_examples
        if self._why_unproved(place) or place.label in quiet:
            return ()
        if place.name.startswith((".", "[", "iter(", "with(")):
            return ("()",)
        if place.section in quiet:
            return ()
        setter = place.name.startswith("set_")
        return tuple(text.replace("$", place.name[4:]) for text in self.library.ladder if setter or "$" not in text)

    def _why_unproved(self, place: Place) -> str:
        return self.library.unproved.get(place.label, self.library.unproved.get(place.section, ""))

    def _try(self, place: Place, receiver: str, text: str, verdict: Verdict, seen: set[str]) -> str:
        trial = Trial(self, place, receiver, text)
        outcome = trial.run()
        if outcome == "done":
            verdict.calls += 1
            seen |= trial.seen
            method = f".{place.name}" if place.label != verdict.label else ""
            verdict.lies.update(dict.fromkeys(trial.lies, f"{receiver}{method}{text}"))
            for given in self._given_more(place.row, text, trial.result):
                more = Trial(self, place, receiver, given, {"_like": trial.like})
                if more.run() == "done":
                    seen |= more.seen
                    verdict.lies.update(dict.fromkeys(more.lies, f"{receiver}{given}"))
        elif outcome != "absent" and self._examples(place) and isinstance(self.library.receivers.get(place.section, ""), str):
            verdict.lies.setdefault(f"{_FAILS} {text} of {receiver or 'the module'}: {outcome}", text)
        return outcome


def claims_of(row: Row) -> set[str]:
    """What a row says that must be seen at least once."""
    found = set()
    for clause in row:
        for action in clause.actions if not clause.conditions else ():
            if action.verb in ("changes", *_FILE_VERBS):
                found |= {f"{action.verb} {_word(target)}" for target in action.targets[:1] if target.keyword != "./"}
            elif action.verb in ("draws", "moves", "seeds", "sets") and action.word in channels():
                found.add(f"{action.verb} {action.word}")
    return found


def _word(target):
    return target.keyword if target.position is None else f"{target.position}"


class Trial:
    """One call of a row."""

    def __init__(self, prover, place, receiver, text, names=None):
        self.prover, (self.section, self.name, self.row) = prover, place
        self.receiver_text, self.text = receiver, text
        self.more_names = names or {}
        self.result = None
        self.lies: list[str] = []
        self.seen: set[str] = set()
        self.recorder = Recorder()

    def run(self) -> str:
        """Make the call, look, and compare."""
        with _silence():
            return self._prepare() or self._capture() or self._observe()

    def _prepare(self) -> str:
        """Make the receiver, and find what to call; gives why that cannot be done."""
        self.names = Names({**self.prover.library.names, "f": self.recorder.function, **self.more_names})
        try:
            self.receiver = eval(self.receiver_text, MODULES, self.names) if self.receiver_text else self._module()  # noqa: S307
        except AttributeError:
            return "absent"
        except Exception as error:  # noqa: BLE001 - said as what it is
            return f"receiver {type(error).__name__} {error}"[:100]
        self.target = self._target(self.names)
        if self.target is None:
            return "absent"
        self.names["self"] = self.receiver
        return ""

    def _capture(self) -> str:
        """Make the arguments; gives why that cannot be done."""
        try:
            captured = eval(f"_call_{self.text}", {**MODULES, "_call_": lambda *a, **k: (a, k)}, self.names)  # noqa: S307
        except Exception as error:  # noqa: BLE001 - an example that does not fit
            return f"{type(error).__name__} {error}"[:100]
        self.args, self.kwargs = captured
        return ""

    def _call(self) -> str:
        """Make the call; gives how it fails."""
        del _EVENTS[:]
        previous = signal.signal(signal.SIGALRM, _late)
        signal.setitimer(signal.ITIMER_REAL, 20)
        try:
            self.result = self.target(*self.args, **self.kwargs)
        except Late:
            return "late"
        except (Exception, SystemExit) as error:  # noqa: BLE001 - arguments of the ladder that do not fit
            return f"{type(error).__name__} {error}"[:100]
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
        return ""

    def is_method(self) -> bool:
        """Whether what the row is about can be called."""
        names = Names({**self.prover.library.names, "f": self.recorder.function})
        self.receiver = eval(self.receiver_text, MODULES, names)  # noqa: S307
        return callable(self._target(names))

    def parameters(self) -> list[inspect.Parameter]:
        """The parameters of what is called; none where that cannot be told."""
        names = Names({**self.prover.library.names, "f": self.recorder.function})
        with _silence():
            try:
                self.receiver = eval(self.receiver_text, MODULES, names) if self.receiver_text else self._module()  # noqa: S307
                return list(inspect.signature(self._target(names)).parameters.values())
            except (AttributeError, TypeError, ValueError):
                return []

    def like(self):
        """A place for a result of this shape."""
        import numpy as np

        return np.zeros_like(np.asarray(self.result))

    def _module(self):
        if self.section == "builtins":
            return importlib.import_module("builtins")
        return _found(self.section)

    def _target(self, names):
        """What to call for the row, with the arguments; nothing when there is no such thing."""
        owner, name = self.receiver, self.name
        if name[0] == ".":
            return self._attribute(name.strip(".="), sets=name.endswith("="))
        if name[0] == "[" and name.endswith("="):
            return lambda key=0, value=1: owner.__setitem__(key, value)
        if name[0] == "[":
            key = {"[str]": "a", "[int]": 0, "[slice]": slice(0, 2)}.get(name, 0)
            return lambda given=key: owner[given]
        if name == "iter()":
            return lambda: next(iter(owner))
        if name == "with()":
            return getattr(owner, "__enter__", None)
        if name == "__call__":
            return owner if callable(owner) else None
        return _quietly(lambda: getattr(owner, name))

    def _attribute(self, name, *, sets):
        owner = self.receiver
        if _quietly(lambda: (getattr(owner, name),)) is None:
            return None
        if not sets:
            return lambda: getattr(owner, name)
        return lambda *value: setattr(owner, name, value[0] if value else getattr(owner, name))

    def _observe(self) -> str:
        own = self.receiver_text and self.section not in self.prover.library.are_channels
        roots = {"self": self.receiver} if own else {}
        roots.update({str(place): value for place, value in enumerate(self.args)})
        roots.update(self.kwargs)
        for value in roots.values() if self.prover.library.costly else ():
            State(value)  # what is drawn finds its limits when it is first looked at
        before = {key: State(value) for key, value in roots.items()}
        state = channels()
        failure = self._call()
        if failure:
            return failure
        events = list(_EVENTS)
        after = {key: State(value) for key, value in roots.items()}
        clauses = [clause for clause in self.row if self._holds(clause)]
        self._compare_changes(clauses, roots, before, after)
        self._compare_channels(clauses, state, channels())
        self._compare_files(clauses, roots, events)
        self._compare_result(clauses, roots, after)
        if self.recorder.called and any(action.verb == "inert" for clause in clauses for action in clause.actions):
            self.lies.append("calls a function that it is given")
        return "done"

    def _holds(self, clause) -> bool:
        return all(map(self._is_met, clause.conditions))

    def _is_met(self, condition) -> bool:
        given = self._given(condition.argument, _NOTHING)
        if given is _NOTHING:
            truth = False
        elif condition.texts:
            truth = given in condition.texts
        elif condition.word.endswith("not"):
            truth = isinstance(given, bool | int | None) and not given
        elif hasattr(given, "dtype"):
            truth = True
        else:
            try:
                truth = bool(given) or (condition.word == "unless" and given is not None and given is not False)
            except ValueError:
                truth = True
        return truth != condition.word.startswith("unless")

    def _given(self, target, default=None):
        if target.keyword in self.kwargs:
            return self.kwargs[target.keyword]
        if target.position is not None and target.position < len(self.args):
            return self.args[target.position]
        return self.receiver if target.keyword == "self" else default

    def _meant(self, target) -> list:
        if target.keyword == "*":
            return [*self.args, *self.kwargs.values()]
        found = self._given(target, _NOTHING)
        return [] if found is _NOTHING else [found]

    def _compare_changes(self, clauses, roots, before, after):
        allowed = []
        for clause in clauses:
            for action in clause.actions:
                if action.verb in _CHANGING:
                    held = action.targets if action.verb != "puts" else action.targets[-1:]
                    allowed += [
                        value
                        for target in held
                        if action.verb in ("changes", "closes", "asks", "consumes", "puts")
                        for value in self._meant(target)
                    ]
                    allowed += [self.receiver] if action.verb in ("keeps", "extends") else []
                if action.verb in ("draws", "loads", "saves", "appends", "opens"):
                    allowed += [value for target in action.targets for value in self._meant(target) if hasattr(value, "read")]
        reach = [State(value) for value in allowed]
        for key, value in roots.items():
            changed = before[key].digest != after[key].digest and not (
                isinstance(value, Iterator) and key != "self" and not hasattr(value, "read")
            )
            if changed and not any(
                value is one or id(value) in state.objects or state.shares(after[key]) for one, state in zip(allowed, reach, strict=True)
            ):
                self.lies.append(f"{key} is changed")
            if changed:
                for clause in clauses:
                    self.seen |= {
                        f"changes {_word(target)}"
                        for action in clause.actions
                        if action.verb == "changes"
                        for target in action.targets
                        if any(value is one or after[key].shares(State(one)) for one in self._meant(target))
                    }

    def _compare_channels(self, clauses, before, after):
        said = {(action.verb, action.word) for clause in clauses for action in clause.actions}
        words = {word for verb, word in said if verb in ("draws", "moves", "seeds", "sets")}
        unseeded = any(verb == "draws" and word == "self" for verb, word in said) and self._may_be_unseeded()
        unseeded = unseeded or any(verb == "fits" for verb, _ in said)
        for name, digest in after.items():
            if before.get(name, digest) != digest:
                # A module that is imported late may filter its own warnings.
                if name not in (*words, "library:warnings") and not (unseeded and "random" in name):
                    self.lies.append(f"the channel {name} is changed")
                self.seen |= {f"{verb} {name}" for verb in ("draws", "moves", "seeds", "sets")}

    def _may_be_unseeded(self) -> bool:
        """Whether the row of the receiver's class says that values of it can draw from a global generator."""
        kind = type(self.receiver)
        public = [part for part in kind.__module__.split(".") if part[0] != "_"]
        row = self.prover.known.function(".".join((*public, kind.__qualname__)))
        return row is None or any(action.verb in ("unseeded", "advances") for clause in row for action in clause.actions)

    def _compare_files(self, clauses, roots, events):
        said = [
            (action.verb, target)
            for clause in clauses
            for action in clause.actions
            if action.verb in _FILE_VERBS
            for target in action.targets
        ]
        reads = any(verb in _FILE_VERBS for verb, _ in said)
        writes = any("w" in _FILE_VERBS[verb] for verb, _ in said)
        here = os.getcwd()  # noqa: PTH109
        words = {action.word for clause in clauses for action in clause.actions}
        for path, mode in events:
            if mode in ("process", "network"):
                if mode not in words and not (mode == "process" and "process" in words):
                    self.lies.append(f"it touches the {mode}")
                continue
            full = os.path.join(here, path)  # noqa: PTH118
            mine = full.startswith(here)
            if mine and mode == "w" and not writes and "process" not in words:
                self.lies.append("it writes a file")
            if mine and mode == "r" and not reads and "process" not in words:
                self.lies.append("it reads a file")
            for verb, target in said:
                if (
                    any(str(value).rstrip("/") and (str(value) in path or path in str(value)) for value in self._meant(target))
                    and mode in _FILE_VERBS[verb]
                ):
                    self.seen.add(f"{verb} {_word(target)}")
        for verb, target in said:
            if any(hasattr(value, "read") for value in self._meant(target)) or verb == "tests":
                self.seen.add(f"{verb} {_word(target)}")

    def _compare_result(self, clauses, roots, after):
        results = [clause.result for clause in clauses if clause.result is not None]
        if not results:
            return
        last = State(self.result)
        lies = [self._against(result, self.result, last, roots, after) for result in results[-1:]]
        self.lies += lies[0]

    def _against(self, said, result, state, roots, after) -> list[str]:
        if result is NotImplemented:
            return []
        if said.kind == "none":
            return [] if result is None else [f"gives {type(result).__name__}, not None"]
        if said.kind == "self":
            return self._type_lies(said.type, result) if said.type else self._receiver_lies(result)
        if said.kind == "argument":
            return self._argument_lies([value for target in said.targets for value in self._meant(target)], result, state)
        lies = self._type_lies(said.type, result) if said.type else []
        if "." in said.type and self.prover.known.is_immutable(said.type):
            return lies
        if said.items:
            lies += self._item_lies(said, result, roots, after)
        shared = [key for key in roots if state.shares(after[key])]
        fine = [value for target in said.targets for value in self._meant(target)]
        fine_states = [State(value) for value in fine]
        kept = [
            value
            for clause in self.row
            for action in clause.actions
            if action.verb in ("keeps", "extends")
            for target in action.targets
            for value in self._meant(target)
        ]
        fine_states += [State(value) for value in kept]
        for key in shared:
            holds = said.kind in _RESULT_ONLY or said.items
            if not (holds and (said.items or any(one.shares(after[key]) for one in fine_states))):
                lies.append(f"its result shares something with {key}")
        return lies

    def _receiver_lies(self, result) -> list[str]:
        if result is None or result is self.receiver or _alike(result, self.receiver):
            return []
        return [f"gives {type(result).__name__}, not its receiver"]

    @staticmethod
    def _argument_lies(given, result, state) -> list[str]:
        scalar = getattr(result, "shape", None) == () and not hasattr(result, "ctypes")
        if scalar or any(result is one or _alike(result, one) for one in given):
            return []
        # What is drawn is one object with all that it is drawn on: a list of axes is those axes.
        drawn = any(hasattr(one, "get_figure") and state.objects.keys() & State(one).objects.keys() for one in given)
        return [] if drawn else ["does not give the argument"]

    def _item_lies(self, said, result, roots, after) -> list[str]:
        del roots, after
        if said.type == "tuple" and len(said.items) > 1:
            if not isinstance(result, tuple | list) or len(result) != len(said.items):
                return [f"gives {type(result).__name__} of another length"]
            parts = list(zip(said.items, result, strict=True))
        elif not hasattr(result, "__iter__"):
            return [f"gives {type(result).__name__}, which has no elements"]
        elif said.type in ("iterator", "generator"):
            parts = [(said.items[0], part) for part in list(_some(result))]
        else:
            parts = [(said.items[-1], part) for part in (result.values() if isinstance(result, dict) else list(result)[:5])]
        return [
            lie
            for item, part in parts
            if item.kind == "new"
            for lie in [
                *(self._type_lies(item.type, part) if item.type else []),
                *(self._item_lies(item, part, None, None) if item.items else []),
            ]
        ]

    def _type_lies(self, name, result) -> list[str]:
        wanted = self._types(name)
        if wanted is None:
            return [f"the type {name} stands for nothing"]
        if name == "NoneType" or wanted is object or result is None or isinstance(result, wanted):
            return []
        return [f"gives {type(result).__module__}.{type(result).__qualname__}, not {name}"]

    def _types(self, name):
        types = {**_PLAIN_TYPES, **self.prover.library.types}
        if name in types:
            found = types[name]
            return eval(found, MODULES) if isinstance(found, str) else found  # noqa: S307
        owner, _, last = name.rpartition(".")
        try:
            found = getattr(importlib.import_module(owner), last)
        except (ImportError, AttributeError, ValueError):
            return None
        return found if isinstance(found, type) else None


class Scout(Trial):
    """Tells whether a row takes arguments, without looking at what happens: one receiver serves until a call succeeds."""

    target = None

    def takes(self, text) -> bool:
        """Whether the call raises nothing."""
        self.text = text
        with _silence():
            if (self.target is None and self._prepare()) or self._capture() or self._call():
                return False
        self.target = None
        return True


@contextlib.contextmanager
def _silence():
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _found(path):
    """The module, or the thing in a module, at a path."""
    try:
        return importlib.import_module(path)
    except ImportError as error:
        owner, _, last = path.rpartition(".")
        if not owner:
            raise AttributeError(path) from error
        return getattr(_found(owner), last)


def _alike(one, other):
    return type(one) is type(other) and isinstance(one, str | int | float | bool | type(None) | tuple) and one == other


def _some(iterator):
    with contextlib.suppress(Exception):  # what fails only when it is consumed is no matter of the row
        for _, part in zip(range(3), iterator, strict=False):
            yield part


def _quietly(look):
    """What a look gives; nothing when it fails, as some properties do when there is nothing to give."""
    try:
        return look()
    except Exception:  # noqa: BLE001
        return None


class Late(Exception):
    """The call takes too long."""


def _late(*_):
    raise Late


_NOTHING = SimpleNamespace()
_PLAIN_TYPES = {
    "bool": "(bool, __import__('numpy').bool_)" if "numpy" in sys.modules else bool,
    "int": int,
    "float": (float, int),
    "str": str,
    "bytes": bytes,
    "complex": complex,
    "list": list,
    "dict": dict,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "range": range,
    "slice": slice,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "scalar": object,
    "object": object,
    "type": type,
    "function": object,
    "iterator": object,
    "generator": object,
    "file": object,
    "dict_keys": object,
    "exception": object,
    "NoneType": object,
}


def prove(library: Library, versions) -> list[Verdict]:
    """Execute all rows, in a directory of their own."""
    if _hook not in _HOOKED:
        sys.addaudithook(_hook)
        _HOOKED.append(_hook)
    prover = Prover(library, versions)
    back, streams = Path.cwd(), (sys.stdout, sys.stderr)
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        try:
            return [prover.prove(place) for place in prover.rows]
        finally:
            os.chdir(back)
            sys.stdout, sys.stderr = streams


_HOOKED: list = []


_DISTRIBUTIONS = {
    "numpy": "numpy",
    "pandas": "pandas",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "matplotlib": "matplotlib",
    "networkx": "networkx",
    "statsmodels": "statsmodels",
}


def installed_versions() -> dict[str, tuple[int, ...]]:
    """The versions that lines of the tables may ask for."""
    return {library: tuple(map(int, version(name).split(".")[:2])) for library, name in _DISTRIBUTIONS.items()}
