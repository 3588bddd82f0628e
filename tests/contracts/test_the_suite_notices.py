"""Each seeded fault is noticed by the test that is named for it, and by that test alone among those named."""

import pytest

from nbcompile.backend import Lease, Opening
from nbcompile.testing import BackendSuite, PlaceUnderTest, ReferenceSession
from nbcompile.testing.faulty import FAULTS
from nbcompile.testing.reference import ReferenceSettings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A faulty backend may write where it was started."""
    (tmp_path / "start").mkdir()
    monkeypatch.chdir(tmp_path / "start")
    yield
    assert not any((tmp_path / "start").iterdir())


async def nothing(*_):
    return ()


def place_of(kind, root):
    async def open_session(run):
        opening = Opening(deployment="here", run=run, settings=ReferenceSettings(str(root)), lease=Lease("here", nothing, nothing))
        return kind(root, opening)

    return PlaceUnderTest(open_session, patience_seconds=3)


def notices(test, parameters, place):
    more = (pytest.MonkeyPatch(),) if "environment_arrives" in test else ()
    try:
        getattr(BackendSuite(), test)(place, *parameters, *more)
    except (pytest.fail.Exception, Exception):  # noqa: BLE001 - whatever a faulty backend leads to
        return True
    finally:
        for patch in more:
            patch.undo()
    return False


# Each waits for something that does not happen.
PATIENT = ("Polite", "NoLease", "WaitsToTheEnd")
IN_THE_GATE = [pytest.param(kind, marks=[pytest.mark.full] if kind.__name__ in PATIENT else []) for kind in FAULTS]


@pytest.mark.slow
@pytest.mark.parametrize("kind", IN_THE_GATE, ids=lambda kind: kind.__name__)
def test_a_fault_is_noticed_by_its_test(kind, tmp_path):
    test, parameters = FAULTS[kind]
    assert notices(test, parameters, place_of(kind, tmp_path / "faulty")), f"{test} does not notice {kind.__name__}"
    assert not notices(test, parameters, place_of(ReferenceSession, tmp_path / "sound"))


@pytest.mark.full
@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.__name__)
def test_a_fault_is_noticed_by_no_other_named_test(kind, tmp_path):
    others = {other: FAULTS[other] for other in FAULTS if other is not kind}
    wrong = [test for test, parameters in others.values() if notices(test, parameters, place_of(kind, tmp_path / "faulty"))]
    assert wrong == []
