"""What all tests share: the `--accept` flag, and the rule that nothing is skipped in CI."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes tells how busy the machine is.
settings.register_profile("nbcompile", deadline=None)
# What CI draws is the same every time: it tells what a change has done, and people's runs look for what nobody has seen.
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "nbcompile")

ROOT = Path(__file__).parent.parent

pytest_plugins = ["tests.services.plugin", "tests.outcome_table"]


def pytest_addoption(parser):
    parser.addoption("--accept", action="store_true", help="write what golden tests produce as what they expect; for people")


def pytest_collection_modifyitems(items):
    """What takes minutes has an hour; all else has what pyproject.toml says."""
    for item in items:
        if any(item.get_closest_marker(marker) for marker in ("full", "corpus", "benchmark")):
            item.add_marker(pytest.mark.timeout(3600))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI a skipped test is a failed one: a machine that lacks something must not look green."""
    report = (yield).get_result()
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory):
    """Runs of tests are not listed among a person's, and find nothing in a person's cache."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("NBCOMPILE_STATE_DIR", "NBCOMPILE_CACHE_DIR"):
            patch.setenv(variable, str(tmp_path_factory.mktemp(variable.lower())))
        yield


@pytest.fixture
def accept(request):
    wanted = request.config.getoption("--accept")
    if wanted and os.environ.get("CI"):
        pytest.fail("--accept is for people, not for CI")
    return wanted


@pytest.fixture(scope="session")
def fixtures():
    return ROOT / "fixtures"
