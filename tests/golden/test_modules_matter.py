"""Every module of the analysis matters: with it neutralised, at least ten of the small cases come out otherwise."""

import importlib
import inspect
import pkgutil
import sys
import types

import pytest

from nbcompile import analysis, dataflow
from tests.golden.test_passes import CASES, produce, read_case

# What other passes look at: installing lines, shards, declared steps, what guards found.
OTHERS = ("environment", "scattered", "apart", "lengths", "rounds", "proposals", "declared", "programs", "known", "findings", "lessons")
MODULES = [
    f"{package.__name__}.{module.name}"
    for package in (analysis, dataflow)
    for module in pkgutil.iter_modules(package.__path__)
    if module.name not in OTHERS
]


def neutral(function):
    """A function that does nothing and gives what its return type has for nothing."""
    from nbcompile.analysis.values import NO_OBJECTS, SCALAR

    nothing = {"None": None, "bool": False, "int": 0, "str": "", "Value": SCALAR, "Objects": NO_OBJECTS}
    words = str(inspect.signature(function).return_annotation).strip("'\"")
    head = words.partition("[")[0].strip()
    empty = {"list": list, "dict": dict, "set": set, "tuple": tuple, "frozenset": frozenset}
    return lambda *_, **__: empty[head]() if head in empty else nothing.get(words)


def functions_of(module):
    """Its public functions, and those of its classes, by where they are found."""
    for name, value in vars(module).items():
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__ and not name.startswith("_"):
            yield module, name, value
        elif isinstance(value, type) and value.__module__ == module.__name__:
            yield from (
                (value, inner, made) for inner, made in vars(value).items() if isinstance(made, types.FunctionType) and inner[0] != "_"
            )


def neutralise(module, patch):
    """Replace the functions wherever they are known."""
    replaced = {}
    for owner, name, function in list(functions_of(module)):
        replaced[function] = neutral(function)
        patch.setattr(owner, name, replaced[function])
    for other in [one for name, one in sys.modules.items() if name.startswith("nbcompile.") and isinstance(one, types.ModuleType)]:
        for name, value in list(vars(other).items()):
            if isinstance(value, types.FunctionType) and value in replaced:
                patch.setattr(other, name, replaced[value])
            elif isinstance(value, dict):
                for key, inner in list(value.items()):
                    if isinstance(inner, types.FunctionType) and inner in replaced:
                        patch.setitem(value, key, replaced[inner])


def comes_out(case):
    cells, stage, expected = read_case(case)
    try:
        return produce(cells, stage, case.stem) == expected
    except (AttributeError, TypeError, KeyError, ValueError, IndexError, NotImplementedError, RecursionError):
        return False


@pytest.mark.full
@pytest.mark.parametrize("name", MODULES)
def test_without_a_module_ten_cases_break(name, monkeypatch):
    neutralise(importlib.import_module(name), monkeypatch)
    broken = 0
    for case in CASES:
        broken += not comes_out(case)
        if broken >= 10:
            return
    pytest.fail(f"only {broken} cases need {name}")
