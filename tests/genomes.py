"""Synthetic genomes: people of several populations, and which of them carry which variant."""

import random


def make_genomes(directory, populations=8, chromosomes=5, people=6, sites=40):
    """Write a list of people for each population, and the variants of each chromosome."""
    chance = random.Random(1000)  # noqa: S311 - the same genomes every time
    codes = [f"{'ABCDEFGH'[number]}{number:02}" for number in range(populations)]
    for folder in ("populations", "variants"):
        (directory / folder).mkdir(parents=True)
    for code in codes:
        (directory / "populations" / f"{code}.txt").write_text("".join(f"{code}-{person}\n" for person in range(people)), "utf-8")
    everybody = [f"{code}-{person}" for code in codes for person in range(people)]
    for number in range(1, chromosomes + 1):
        lines = ["#synthetic\n"]
        for position in chance.sample(range(1, 10_000), sites):
            carriers = ",".join(sorted(chance.sample(everybody, 8)))
            lines.append(f"{position}\t{chance.choice(['harmful', 'benign'])}\t{number}\t{carriers}\n")
        (directory / "variants" / f"chr{number}.vcf").write_text("".join(lines), "utf-8")
