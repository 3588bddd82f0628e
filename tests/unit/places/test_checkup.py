"""What a site tells and what jobs ask of it -> checks that say who must act."""

import asyncio
import json
import platform
import sys
from pathlib import Path

import pytest

from nbcompile.backend import Environment, Lease, Opening, Queue, Survey
from nbcompile.model.checkup import Standing
from nbcompile.model.software import SoftwareQuestion
from nbcompile.places.checkup import check_place
from nbcompile.places.offer import look_around
from nbcompile.places.software import find_pythons, look_into
from nbcompile.reporting.checkup import checkup_json, checkup_text
from nbcompile.testing.reference import ReferenceSession, ReferenceSettings

CPU = Queue("cpu", True, 60, 2, 4, 2048)
GPU = Queue("gpu", False, None, 1, 64, 524288, ("a100:4",))
SITE = Survey(system="Slurm 23.02", account="a", accounts=("a", "b"), queues=(CPU, GPU), qualities=("normal",))


class Site(ReferenceSession):
    """This machine, which says something else of itself, and has environments of a Python and a PATH."""

    site = Survey()

    async def survey(self):
        return self.site

    async def variables(self, environment):
        return (("PATH", f"{environment.prefix}/bin:/usr/bin:/bin"),) if environment.prefix else (("PATH", "/nowhere"),)


async def nothing(*_):
    return ()


@pytest.fixture
def session(tmp_path):
    opening = Opening(deployment="x", run="visit", settings=ReferenceSettings(str(tmp_path)), lease=Lease("x", nothing, nothing))
    return Site(tmp_path, opening)


def check(session, asked=None, environments=None, site=SITE):
    session.site = site
    return asyncio.run(check_place("hpc", session, environments or {}, asked or {}))


def problems(checkup):
    return [(one.subject, one.text, one.advice) for one in checkup.checks if one.standing is Standing.PROBLEM]


def test_a_site_that_has_what_is_asked_is_well(session):
    checkup = check(session, {"account": "b", "partition": "cpu,gpu", "qos": "normal"})
    assert checkup.ok
    assert [one.text for one in checkup.checks][1:] == [
        "Slurm 23.02",
        "b is charged",
        "cpu: at most 1 h, 2 nodes with 4 processors and 2.0 GiB each",
        "gpu: no time limit, 1 node with 64 processors and 512.0 GiB each, GPUs a100:4",
        "normal",
    ]


@pytest.mark.parametrize(
    ("asked", "site", "expected"),
    [
        ({"account": "c"}, SITE, ("account", "you may not charge `c`", "your accounts are a, b")),
        ({"partition": "big"}, SITE, ("partition", "there is no partition `big`", "there are cpu, gpu")),
        ({"qos": "urgent"}, SITE, ("quality of service", "you may not use `urgent`", "you have normal")),
        (
            {"account": "a"},
            Survey(system="Slurm", accounts=("a",), queues=(GPU,)),
            ("partition", "no partition is the default", "set `partition` in `options`: gpu"),
        ),
        (
            {"partition": "gpu"},
            Survey(system="Slurm", accounts=("a", "b"), queues=(GPU,)),
            ("account", "no account is charged by itself", "set `account` in `options`: a, b"),
        ),
    ],
)
def test_what_the_site_does_not_give_is_a_problem_with_the_next_action(session, asked, site, expected):
    assert problems(check(session, asked, site=site)) == [expected]


def test_what_only_the_client_limits_is_a_note(session):
    checkup = check(session, site=Survey(unenforced=("nobody counts",)))
    assert (checkup.ok, checkup.checks[-1].text) == (True, "only this client limits: nobody counts")


def test_an_environment_is_asked_for_its_python_and_distributions(session):
    checkup = check(session, environments={"science": Environment(prefix=sys.prefix), "none": Environment()})
    science, none = checkup.checks[-2:]
    assert (science.standing, none.standing) == (Standing.OK, Standing.PROBLEM)
    assert f"Python {sys.version.split()[0]}" in science.text
    assert "programs of its own" in science.text
    document = json.loads(checkup_json(checkup))
    assert (document["schema"], document["ok"], document["checks"][-1]["standing"]) == ("nbcompile/doctor/1", False, "problem")
    assert document["environments"]["science"]["distributions"]["pytest"] == pytest.__version__
    assert "pytest" in document["environments"]["science"]["programs"]
    assert checkup_text(checkup).splitlines()[0].startswith("ok       reach                logged in to")


def test_modules_programs_and_where_they_come_from(session):
    question = SoftwareQuestion(modules=("json", "sklearn", "no_such_module"), programs=("sh", "no-such-program"))
    found = asyncio.run(look_into(session, Environment(prefix=sys.prefix), question))
    assert (found.missing, found.absent) == (("no_such_module",), ("no-such-program",))
    assert found.origins["sklearn"] == "scikit-learn"
    assert found.minor == f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_pythons_are_found_where_people_have_them(session, tmp_path, monkeypatch):
    home = tmp_path / "it's a home"
    environment = home / "miniconda3" / "envs" / "science"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python3").symlink_to(Path(sys.executable).resolve())
    monkeypatch.setenv("HOME", str(home))
    found = asyncio.run(find_pythons(session))
    assert [(one.prefix, one.version) for one in found if one.prefix] == [(str(environment), platform.python_version())]
    session.site = SITE
    offer = asyncio.run(look_around(session))
    assert [one.name for one in offer.queues] == ["cpu", "gpu"]
    assert offer.pythons == found
