"""How often a verdict is wrong, by simulation with a known truth: `make simulate`.

    python false_claims.py [--draws N] [--flips N] [--small] [--write]

Every draw makes the scores of candidates of which none is better, and asks the SDK for its verdict: the table has the share
of draws in which a candidate is called worse, and how often the intervals of means hold the true mean. A second table has
the power where one of six is better; a third one the claims on recipes that were trained with several seeds. `--small` runs
a few cells with fewer draws, for continuous integration. The exit status is 1 if a figure is beyond its limit.
"""

# ruff: noqa: PLR2004 - the numbers are parameters of distributions

from __future__ import annotations

import argparse
import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from llmops_sdk.verdict.statistics.comparison import compare
from llmops_sdk.verdict.statistics.intervals import mean_interval
from llmops_sdk.verdict.statistics.pairs import Scores
from llmops_sdk.verdict.statistics.recipes import compare_recipes

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "comparison-method.md"
CANDIDATES = (2, 6, 10)
RECORDS = (20, 50, 200)
DRAWS, FLIPS = 2000, 1999
UNIT = (0.0, 1.0)
GRADES = (1.0, 5.0)
PER_CLUSTER = 5
MOST_CLAIMS = {20: 8.0, 50: 6.5, 200: 6.5}
"""The most claims, in percent, by the number of records; the Monte-Carlo error of the draws is added."""
COVERAGE = (92.0, 99.5)

Draw = Callable[[Any, int, int], Any]


def rouge(rng: Any, candidates: int, records: int) -> Any:
    """Scores between 0 and 1 of records that are more or less hard for all."""
    return np.clip(rng.beta(2, 3, records) + rng.normal(0, 0.12, (candidates, records)), 0, 1)


def zeros(rng: Any, candidates: int, records: int) -> Any:
    """Scores of which four in five are 0, mostly on the same records."""
    answered = rng.random(records) < 0.25
    return np.where(answered & (rng.random((candidates, records)) < 0.8), rng.beta(2, 3, (candidates, records)), 0.0)


def binary(rng: Any, candidates: int, records: int) -> Any:
    """Right or wrong, of records that are more or less hard for all."""
    return (rng.random((candidates, records)) < rng.beta(2, 2, records)).astype(float)


def rare(rng: Any, candidates: int, records: int) -> Any:
    """Wrong on one record in ten."""
    return (rng.random((candidates, records)) < 0.9).astype(float)


def grades(rng: Any, candidates: int, records: int) -> Any:
    """Grades of a judge, from 1 to 5."""
    return np.clip(np.rint(rng.normal(3.5, 0.8, records) + rng.normal(0, 0.7, (candidates, records))), 1, 5)


def spread(rng: Any, candidates: int, records: int) -> Any:
    """Equal means; one candidate has four times the spread of the others."""
    widths = np.array([0.16, *[0.04] * (candidates - 1)])[:, None]
    return 0.5 + rng.normal(0, 0.05, records) + widths * np.clip(rng.normal(0, 1, (candidates, records)), -2.5, 2.5)


def clusters(rng: Any, candidates: int, records: int) -> Any:
    """Five records of each document; three tenths of a difference's variance are the document's."""
    groups = np.repeat(rng.normal(0, math.sqrt(0.3), (candidates, records)), PER_CLUSTER, axis=1)
    return 0.5 + 0.07 * (groups + rng.normal(0, math.sqrt(0.7), groups.shape))


def missing(rng: Any, candidates: int, records: int) -> Any:
    """As `rouge`, a tenth of the scores missing at random."""
    values = rouge(rng, candidates, records)
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


KINDS: Mapping[str, tuple[Draw, tuple[float, float], str]] = {
    "rouge": (rouge, UNIT, "like ROUGE"),
    "zeros": (zeros, UNIT, "80 % zeros"),
    "binary": (binary, UNIT, "right or wrong"),
    "rare": (rare, UNIT, "wrong on 10 %"),
    "grades": (grades, GRADES, "grades 1-5"),
    "spread": (spread, UNIT, "one with 4 times the spread"),
    "clusters": (clusters, UNIT, "clusters of 5 records"),
    "missing": (missing, UNIT, "10 % missing"),
}


class Cell(NamedTuple):
    """One setting of the simulation."""

    kind: str
    candidates: int
    records: int


class Rates(NamedTuple):
    """What was seen in a cell, in percent."""

    claims: float
    covered: float


def main() -> int:
    """Run the simulation, print its tables, and return 1 if a figure is beyond its limit."""
    parser = argparse.ArgumentParser(description="Simulate how often a verdict is wrong.")
    parser.add_argument("--draws", type=int, default=DRAWS, help="draws of each cell")
    parser.add_argument("--flips", type=int, default=FLIPS, help="patterns of signs of each test")
    parser.add_argument("--small", action="store_true", help="a few cells only, with 300 draws")
    parser.add_argument("--write", action="store_true", help=f"write the tables into {PAGE.name}")
    options = parser.parse_args()
    start = time.monotonic()
    draws = 300 if options.small else options.draws
    flips = 499 if options.small else options.flips
    cells = [
        Cell(kind, candidates, records)
        for kind in KINDS
        for records in RECORDS
        for candidates in CANDIDATES
        if not options.small or (records == RECORDS[1] and candidates == CANDIDATES[1])
    ]
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with ProcessPoolExecutor(initializer=_one_thread) as pool:
        rates = dict(zip(cells, pool.map(partial(simulate, draws=draws, flips=flips), cells), strict=True))
        shifts = (0.3, 0.5)
        power = list(pool.map(partial(power_of, draws=draws, flips=flips), shifts))
        seeds = (3,) if options.small else (2, 3, 5)
        recipes = list(pool.map(partial(recipe_claims, draws=draws), seeds))
    tables = [_claims_table(rates), _power_table(shifts, power), _recipes_table(seeds, recipes)]
    minutes = (time.monotonic() - start) / 60
    text = "\n\n".join([*tables, f"{draws:,} draws of each cell, {flips:,} flips; {minutes:.0f} minutes."])
    print(text)
    if options.write:
        _write(text)
    beyond = list(_beyond(rates, power, recipes, draws))
    print("\n".join(beyond) or "every figure is within its limit")
    return 1 if beyond else 0


def simulate(cell: Cell, *, draws: int, flips: int) -> Rates:
    """Return the claims and the coverage of a cell of equal candidates."""
    draw, bounds, _ = KINDS[cell.kind]
    truth = _truth(cell.kind)
    claims = covered = 0
    for place in range(draws):
        rng = np.random.default_rng([place, cell.candidates, cell.records, list(KINDS).index(cell.kind)])
        values = draw(rng, cell.candidates, cell.records)
        labels = np.arange(values.shape[1]) // PER_CLUSTER if cell.kind == "clusters" else None
        claims += bool(compare(Scores.of(values, labels), bounds=bounds, flips=flips).worse)
        present = ~np.isnan(values[-1])
        groups = np.arange(values.shape[1]) if labels is None else labels
        interval = mean_interval(values[-1][present], groups[present], bounds)
        covered += not interval.excludes(truth)
    return Rates(100 * claims / draws, 100 * covered / draws)


def power_of(shift: float, *, draws: int, flips: int) -> float:
    """Return the share of the others that are called worse where one of six is better, in percent.

    Args:
        shift: By how much it is better, in standard deviations of the paired difference.
        draws: The number of runs.
        flips: The patterns of signs of each test.
    """
    worse = 0
    for place in range(draws):
        rng = np.random.default_rng([place, 1])
        values = rng.normal(0, 1, 50) + rng.normal(0, 1, (6, 50))
        values[0] += shift * math.sqrt(2)
        result = compare(Scores.of(values), flips=flips)
        worse += len(result.worse) if 0 in result.best else 0
    return 100 * worse / (5 * draws)


def recipe_claims(seeds: int, *, draws: int) -> tuple[float, float]:
    """Return the claims on equal recipes, and on a recipe and a base model that is as good, in percent.

    The seed varies as much as a mean over the records does.
    """
    claims = {True: 0, False: 0}
    records = 200
    for place in range(draws):
        rng = np.random.default_rng([place, seeds])
        hard = rng.normal(0, 1, records)

        def scores(rows: int, deviation: float, rng: Any = rng, hard: Any = hard) -> Any:
            own = rng.normal(0, math.sqrt(0.5), records)
            return hard + own + rng.normal(0, deviation, (rows, 1))

        recipe, other, base = (
            scores(seeds, 1 / math.sqrt(records)),
            scores(seeds, 1 / math.sqrt(records)),
            scores(1, 0.0),
        )
        for second, is_recipe in ((other, True), (base, False)):
            claims[is_recipe] += compare_recipes(recipe, second, np.arange(records)).p_value <= 0.05
    return 100 * claims[True] / draws, 100 * claims[False] / draws


def _one_thread() -> None:
    """Leave the parallelism to the processes."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"


def _truth(kind: str) -> float:
    """Return the mean of a kind of scores, to three digits or so."""
    return float(np.nanmean(KINDS[kind][0](np.random.default_rng(0), 2, 400_000)[-1]))


def _claims_table(rates: Mapping[Cell, Rates]) -> str:
    candidates = sorted({cell.candidates for cell in rates})
    records = sorted({cell.records for cell in rates})
    heads = [f"{count} records" for count in records]
    lines = [
        f"Equal candidates, and one is called worse, in percent of runs (k = {', '.join(map(str, candidates))} candidates); "
        "in brackets how often the 95 % interval of a mean holds the true one:",
        "",
        f"| scores | {' | '.join(heads)} |",
        f"|---|{'---|' * len(heads)}",
    ]
    for kind, (_, _, label) in KINDS.items():
        texts = []
        for count in records:
            row = [rates[Cell(kind, candidate, count)] for candidate in candidates]
            claims = " / ".join(f"{rate.claims:.1f}" for rate in row)
            texts.append(f"{claims} ({sum(rate.covered for rate in row) / len(row):.1f})")
        lines.append(f"| {label} | {' | '.join(texts)} |")
    return "\n".join(lines)


def _power_table(shifts: Iterable[float], power: Iterable[float]) -> str:
    lines = [
        "Power: one of six is better, 50 records; how many of the five others are called worse, in percent:",
        "",
        "| better by | called worse |",
        "|---|---|",
        *(
            f"| {shift:g} SD of the paired difference | {share:.0f} |"
            for shift, share in zip(shifts, power, strict=True)
        ),
    ]
    return "\n".join(lines)


def _recipes_table(seeds: Iterable[int], claims: Iterable[tuple[float, float]]) -> str:
    lines = [
        "Recipes trained with several seeds, none better, 200 records; called different, in percent of runs:",
        "",
        "| seeds | recipe and recipe | recipe and base model |",
        "|---|---|---|",
        *(f"| {count} | {recipe:.1f} | {base:.1f} |" for count, (recipe, base) in zip(seeds, claims, strict=True)),
    ]
    return "\n".join(lines)


def _beyond(
    rates: Mapping[Cell, Rates], power: Iterable[float], recipes: Iterable[tuple[float, float]], draws: int
) -> Iterable[str]:
    """Yield each figure that is beyond its limit by more than few draws explain."""
    slack = 0.0 if draws >= DRAWS else 2 * 100 * math.sqrt(0.05 * 0.95 / draws)
    for cell, rate in rates.items():
        if rate.claims > MOST_CLAIMS[cell.records] + slack:
            yield f"{cell}: {rate.claims:.1f} % of runs call an equal candidate worse"
        if not COVERAGE[0] - slack <= rate.covered <= COVERAGE[1] + slack:
            yield f"{cell}: intervals of means hold the true one in {rate.covered:.1f} % of runs"
    for share, least in zip(power, (24.0, 80.0), strict=True):
        if share < least - slack:
            yield f"power is {share:.0f} %, below {least:g} %"
    for pair in recipes:
        if max(pair) > MOST_CLAIMS[200] + slack:
            yield f"{max(pair):.1f} % of runs call equal recipes different"


def _write(text: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    mark = "<!-- simulation -->\n"
    written = re.sub(
        rf"({mark}).*?(?=^## |\Z)", lambda match: f"{match[1]}{text}\n\n", page, count=1, flags=re.DOTALL | re.MULTILINE
    )
    PAGE.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
