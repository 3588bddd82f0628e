"""A notebook run in one process, and with a process for every cell: what differs, and who had said so."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from nbcompile import api
from nbcompile.api.verification import Observer
from nbcompile.model.plan import Granularity
from nbcompile.model.settings import Settings
from nbcompile.model.verification import Exactness
from nbcompile.verify.judge import judge, named_cells


def differences(path, python=sys.executable):
    """The account of both runs of a notebook that lies alone in its directory, with the interpreter that has its libraries."""
    analysed = api.analyze(path)
    with TemporaryDirectory() as folder:
        observer = Observer(path, Settings(python=python, jobs=2), Exactness.EXACT, Path(folder), lambda _: None)
        runs = [observer.compiled(Granularity.NOTEBOOK, "plain"), observer.compiled(Granularity.CELL)]
        judged = judge(runs, lambda: observer.compiled(Granularity.NOTEBOOK, "again"), Exactness.EXACT, analysed.graph)
    plan = api.plan(analysed, Settings(granularity=Granularity.CELL))
    sources = tuple(cell.source for cell in analysed.notebook.code_cells)
    return judged.verification(path, named_cells(analysed.diagnostics, analysed.facts), plan, sources)
