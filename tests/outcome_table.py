"""`--table FILE`: how the tests of a long session ended, as a table to be committed with the commit that was tested."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def pytest_addoption(parser):
    parser.addoption("--table", metavar="FILE", help="write how the tests ended to this Markdown file")


def pytest_terminal_summary(terminalreporter, config):
    if not config.getoption("--table"):
        return
    rows = [
        (report.nodeid, outcome, f"{report.duration:.1f}")
        for outcome in ("passed", "failed", "error")
        for report in terminalreporter.stats.get(outcome, ())
        if report.when == "call" or outcome == "error"
    ]
    path = Path(config.rootpath, config.getoption("--table"))
    path.write_text("\n".join(_page(sorted(rows))) + "\n", "utf-8")


def _page(rows):
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    yield "# The full tier\n"
    yield f"How the tests that take minutes ended at commit {commit}.\n"
    yield "| test | outcome | seconds |"
    yield "|---|---|---|"
    yield from (f"| `{test}` | {outcome} | {seconds} |" for test, outcome, seconds in rows)
