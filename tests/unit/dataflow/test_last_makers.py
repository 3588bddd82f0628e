"""The cell after which a variable is what it is at the end."""

from nbcompile.api import analyze_bytes
from nbcompile.model.graph import last_makers
from tests.golden.notebooks import notebook_bytes


def last(*cells):
    return last_makers(analyze_bytes(notebook_bytes("".join(f"# %%\n{cell}\n" for cell in cells)), "nb").graph)


def test_changes_and_deletions_count():
    found = last("x = [1]; y = 2", "x.append(2)", "del y", "print(x)")
    assert (found["x"], found["y"]) == (1, 2)


def test_what_a_library_holds_is_changed_under_the_name_it_was_imported_by():
    found = last("from calendar import mdays, month", "mdays[1] = int(input_of_somebody)", "print(mdays, month)")
    assert (found["mdays"], found["month"]) == (1, 0)
