"""Names that are bound on some paths, and read before they are."""

from tests.unit.analysis.flows import edges, program


def test_an_augmented_assignment_reads_its_target_first():
    assert "0 a 1" in edges("a = 1", "a += (a := 2)")


def test_what_one_branch_deletes_and_the_other_binds_is_not_certain():
    for text in ("if c:\n    del a\nelse:\n    a = 2", "if c:\n    a = 2\nelse:\n    del a"):
        facts = program("a, c = 1, len([1])", text).facts[1]
        assert not any(made.certain for made in facts.definitions if made.name == "a")
