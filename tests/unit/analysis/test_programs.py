"""Only what surely names a program that a cell starts is found."""

import nbformat
import pytest

from nbcompile.analysis.programs import read_programs
from nbcompile.frontend.ipynb import read_notebook
from nbcompile.frontend.parse import parse_cells


def programs(source):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    parsed = parse_cells(read_notebook(nbformat.writes(notebook).encode(), "x").value)
    return [one.name for one in read_programs(parsed)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("!samtools view -h a.bam | head -3 > x.txt", ["samtools", "head"]),
        ("lines = !A=1 B=2 bwa mem x && ls; cat < f 2>&1", ["bwa", "ls", "cat"]),
        ("!awk '{print $1; x && y}' f | sort -u", ["awk", "sort"]),
        ("!/opt/tool/bin/run --all", ["/opt/tool/bin/run"]),
        ("%%bash\ncd data\nfastqc *.fq \\\n  --quiet # all of it\nmultiqc .", ["fastqc", "multiqc"]),
        ("import subprocess\nif x:\n    subprocess.run(['bwa', 'mem', path], check=True)", ["bwa"]),
        ("subprocess.check_output(('git', 'log'))", ["git"]),
        ("!ls\n!ls -l", ["ls"]),
        ("!echo hi; cd x; export A=1", []),
        ("!pip install samtools", []),
        ("!{tool} view | $other | ./mine.sh", []),
        ("!which samtools || echo none", []),
        ("%%bash\nif true; then samtools view; fi", []),
        ("%%bash\nrun() { samtools view; }\nrun", []),
        ("%%bash\ncat <<END\nsamtools view\nEND", []),
        ("%%perl\nsamtools view", []),
        ("subprocess.run([tool, 'x']); subprocess.run('a | b', shell=True); os.system('bwa')", []),
        ("!unbalanced 'quote", []),
    ],
)
def test_programs_of_a_cell(source, expected):
    assert programs(source) == expected
