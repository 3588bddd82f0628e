"""The table of known calls: that every line can be read, and means something."""

from importlib.resources import files

import pytest

from nbcompile.analysis import channels, known, rows
from nbcompile.analysis.known import Known, Result, lines_of, read_library

LIBRARIES = sorted(place.name.removesuffix(".txt") for place in files(known).iterdir() if place.name.endswith(".txt"))
VERBS = {*rows._ACTIONS, "inert", "formula", *channels.DRAWS_LATER}


def every_line():
    for library in LIBRARIES:
        for section in read_library(library).sections:
            for _, names, clauses in lines_of(section.body):
                yield library, section.name, names, clauses


def types_in(result: Result):
    yield result.type
    for item in result.items:
        yield from types_in(item)


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_line_can_be_read(library):
    for name, section, names, clauses in every_line():
        if name != library or names == ["__all__"]:
            continue
        assert names, f"a line of [{section}] names nothing: {clauses}"
        for clause in known._decode(clauses, section):
            assert {action.verb for action in clause.actions} <= VERBS, f"{section}: {clauses}"
            assert clause.actions or clause.result is not None, f"{section}: {clauses}"


@pytest.mark.parametrize("library", LIBRARIES)
def test_sections_are_not_repeated_and_belong_to_their_library(library):
    names = [section.name for section in read_library(library).sections]
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
    if library != known.STANDARD:
        assert {name.partition(".")[0] for name in names} <= {library} | known._BUILTIN_TYPES | {"library", "namespace", "shell"}


@pytest.mark.parametrize("library", LIBRARIES)
def test_types_of_results_have_a_section(library):
    table = Known()
    missing = set()
    for name, section, names, clauses in every_line():
        if name != library or names == ["__all__"]:
            continue
        for clause in known._decode(clauses, section):
            for kind in types_in(clause.result) if clause.result is not None else ():
                if kind and kind not in known._BUILTIN_TYPES and not table.knows(kind) and not table.is_immutable(kind):
                    missing.add(kind)
    assert not missing


def test_several_paths_to_the_same_thing():
    table = Known()
    assert table.canonical("statsmodels.genmod.api.GLM") == table.canonical("statsmodels.discrete.count_model.GLM") == "statsmodels.api.GLM"


def test_a_section_of_its_own_inside_a_package_that_is_known_by_another_name():
    table = Known()
    for path in ("statsmodels.tsa.api.VAR", "statsmodels.graphics.tsaplots.plot_acf", "statsmodels.tools.numdiff.approx_hess"):
        assert table.canonical(path) == path


@pytest.mark.parametrize("library", LIBRARIES)
def test_bases_have_a_section(library):
    table = Known()
    for section in read_library(library).sections:
        for base in section.bases:
            assert table.knows(base), f"{section.name}({base})"


def test_a_line_for_some_versions_holds_for_these_and_the_weaker_one_when_none_is_known():
    old, new = Known({"pandas": (2, 2)}), Known({"pandas": (3, 0)})
    assert [clause.result.kind for clause in old.method("pandas.DataFrame", "[str]")] == ["part"]
    assert [clause.result.kind for clause in new.method("pandas.DataFrame", "[str]")] == ["new"]
    assert Known().method("pandas.DataFrame", "[str]") == old.method("pandas.DataFrame", "[str]")


def test_the_standard_library_is_one_library():
    assert Known().function("json.dumps") is not None
    assert Known().function("numbers.nothing") is None


def test_a_type_has_what_its_bases_have():
    table = Known()
    assert table.home("collections.Counter", "most_common") == "collections.Counter"
    assert table.home("collections.OrderedDict", "update") == "dict"
    assert table.home("collections.OrderedDict", "nothing") == ""
