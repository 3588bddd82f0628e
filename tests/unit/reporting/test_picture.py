"""The page of a plan says how fast it can be, and what keeps it from being faster."""

from dataclasses import replace

from nbcompile.api import analyze_bytes, plan
from nbcompile.model.plan import Bound
from nbcompile.reporting.picture import draw_plan, html
from tests.golden.notebooks import notebook_bytes


def test_the_page_of_a_plan_has_the_bound_and_the_hints():
    program = analyze_bytes(notebook_bytes("# %%\nx = 1\nprint(x)\n# %%\nprint(x)\n"), "nb")
    made = plan(program)
    made = replace(made, bound=Bound(cell_seconds=6.0, path_seconds=2.0, hints=("cells 1 and 2 would be <parallel>",)))
    page = html(draw_plan(made, program.notebook))
    assert "<p>bound about 2 of 6 s, so 3.0 times as fast at best</p>" in page
    assert "<p>hint cells 1 and 2 would be &lt;parallel&gt;</p>" in page
