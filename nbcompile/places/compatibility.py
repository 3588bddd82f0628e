"""What sites have, compared with what their steps need and with each other -> findings, before anything is submitted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from nbcompile.model.diagnostic import Diagnostic, Place, Rule
from nbcompile.model.facts import CellFacts
from nbcompile.model.graph import CHANNEL, FILE, Version
from nbcompile.model.plan import Link, Plan, Step
from nbcompile.model.software import Site, Software
from nbcompile.places.needs import StepNeeds, site_of
from nbcompile.places.software import STEP_MODULES
from nbcompile.rules import environment as rules

_MINOR = re.compile(r"3\.\d+")
# A value of these holds values of others: they are pickled together, in the others' form.
_HOLDS: Mapping[str, tuple[str, ...]] = {
    "geopandas": ("pandas", "numpy", "shapely"),
    "pandas": ("numpy",),
    "scipy": ("numpy",),
    "sklearn": ("numpy", "scipy"),
    "statsmodels": ("numpy", "pandas"),
    "xarray": ("numpy", "pandas"),
}


def sent_between_sites(plan: Plan) -> tuple[Version, ...]:
    """The values that leave the site where they were made."""
    return tuple(dict.fromkeys(version for link, _, _ in _crossings(plan) for version in _values(link)))


def with_held(packages: Sequence[str]) -> tuple[str, ...]:
    """These packages, and those whose values theirs hold."""
    return tuple(dict.fromkeys(one for package in packages for one in (package, *_HOLDS.get(package, ()))))


def missing_software(needs: Sequence[StepNeeds], found: Mapping[Site, Software], path: str) -> tuple[Diagnostic, ...]:
    """One finding for each module and program that a site lacks, where the first cell needs it."""
    return tuple(_missing(needs, found, path))


def _missing(needs: Sequence[StepNeeds], found: Mapping[Site, Software], path: str) -> Iterator[Diagnostic]:
    said: set[tuple[Site, str]] = set()
    for site, here in found.items():
        for name in here.missing:
            if name in STEP_MODULES:
                message = f"{site} has no module `{name}`, in which cells run"
                yield Diagnostic(rule=rules.MISSING_AT_PLACE, message=message, help=f"install it for {here.executable} there", path=path)
    for one in needs:
        here = found[one.site]
        for module in one.modules:
            if module.name in here.missing and (one.site, module.name) not in said:
                said.add((one.site, module.name))
                message = f"{one.site} has no module `{module.name}`, which {_cell(module.place)}the step `{one.step.id}` imports"
                advice = f"install it for {here.executable} there, or choose another environment"
                yield Diagnostic(rule=rules.MISSING_AT_PLACE, message=message, place=module.place, help=advice, path=path)
        for program in one.programs:
            if program.name in here.absent and (one.site, program.name) not in said:
                said.add((one.site, program.name))
                message = f"{one.site} has no program `{program.name}`, which {_cell(program.place)}the step `{one.step.id}` starts"
                advice = "load a module that brings it, or place the cell elsewhere"
                yield Diagnostic(rule=rules.MISSING_PROGRAM, message=message, place=program.place, help=advice, path=path)


def _cell(place: Place) -> str:
    return f"cell {place.cell_index} of " if place.cell_index >= 0 else ""


def other_pythons(found: Mapping[Site, Software], asked: str, recorded: str, path: str) -> tuple[Diagnostic, ...]:
    """Places whose Python is not of the minor version asked for, or, where none is, not of that which the notebook was last run with."""
    if _MINOR.fullmatch(asked):
        return tuple(
            Diagnostic(
                rule=rules.PYTHON_NOT_AS_ASKED,
                message=f"Python {asked} is asked for, and {site} has {here.python}",
                help="choose another environment of the deployment, or correct what is asked for",
                path=path,
            )
            for site, here in found.items()
            if site.deployment != "local" and here.minor != asked
        )
    last = _MINOR.match(recorded)
    return tuple(
        Diagnostic(
            rule=rules.OTHER_PYTHON,
            message=f"the notebook was last run with Python {recorded}, and {site} has {here.python}",
            help="choose an environment of the deployment that has it",
            path=path,
        )
        for site, here in found.items()
        if last is not None and site.deployment != "local" and here.minor != last[0]
    )


def incompatible_sites(
    plan: Plan, facts: Sequence[CellFacts], found: Mapping[Site, Software], origins: Mapping[Version, Sequence[str]], path: str
) -> tuple[Diagnostic, ...]:
    """One finding for each pair of sites and reason that a value could not cross.

    A value whose type is unknown may come from any library of its cell; then only a difference counts, and not that one is missing.
    """
    by_reason: dict[_Reason, Diagnostic] = {}
    for link, source, target in _crossings(plan):
        for version in _values(link):
            cell = facts[version.cell]
            known = version in origins
            packages = with_held(origins[version] if known else cell.libraries)
            for reason in _obstacles(site_of(source), site_of(target), found, packages, known=known):
                if reason not in by_reason and reason.rule.code not in cell.allowed:
                    by_reason[reason] = Diagnostic(
                        rule=reason.rule,
                        message=f"`{version.name}` goes from {reason.source} to {reason.target}, which have {reason.have}",
                        place=Place(cell.index, cell.cell),
                        help=f"use {reason.common} at both, or run the cells at one place",
                        path=path,
                    )
    return tuple(by_reason.values())


class _Reason(NamedTuple):
    """Why values cannot go from one site to another: what the two have, and what both should have."""

    rule: Rule
    source: Site
    target: Site
    have: str
    common: str


def _obstacles(source: Site, target: Site, found: Mapping[Site, Software], packages: Sequence[str], *, known: bool) -> Iterator[_Reason]:
    here, there = found[source], found[target]
    if here.minor != there.minor:
        have = f"Python {here.python} and {there.python}"
        yield _Reason(rules.OTHER_PYTHON_AT_PLACE, source, target, have, f"Python {here.minor}")
    for package in packages:
        name = here.origins.get(package, package)
        one, other = _version(here, package), _version(there, package)
        if one and _major(one) != _major(other) and (other or known):
            have = f"{name} {one} and {f'{name} {other}' if other else f'no {name}'}"
            yield _Reason(rules.OTHER_DISTRIBUTION_AT_PLACE, source, target, have, f"{name} {_major(one)}")


def _version(software: Software, package: str) -> str:
    """The version of the distribution that a package comes from; Pythons before 3.10 know only those of the same name."""
    return software.versions.get(software.origins.get(package, package), "")


def _major(version: str) -> str:
    return version.partition(".")[0]


def _crossings(plan: Plan) -> Iterator[tuple[Link, Step, Step]]:
    steps = {step.id: step for step in plan.steps}
    for link in plan.links:
        source, target = steps[link.source], steps[link.target]
        if site_of(source) != site_of(target):
            yield link, source, target


def _values(link: Link) -> list[Version]:
    return [one for one in link.versions if link.payload and one.cell >= 0 and not one.name.startswith((FILE, CHANNEL))]
