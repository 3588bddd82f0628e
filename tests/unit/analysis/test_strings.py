"""Names in texts that libraries evaluate."""

from tests.unit.analysis.flows import edges


def test_a_query_reads_the_names_after_the_sign():
    assert "0 low 2" in edges("import pandas as pd\nlow = 3", "df = pd.DataFrame()", "df.query('a > @low')")


def test_an_expression():
    assert "0 x 1" in edges("x = 1", "eval('x + 1')")
