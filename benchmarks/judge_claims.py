"""How often a biased judge misleads, and a judge corrected with people's grades, by simulation: `make simulate`.

    python judge_claims.py [--draws N] [--flips N] [--processes N] [--small] [--write]

Every draw makes answers of candidates that people find equally good, and a judge that favours the first one by half a
standard deviation of its scores. The first table has the share of draws in which the verdict calls a candidate worse,
from the judge alone and corrected with grades of a few answers, and how often the corrected interval of a difference holds
the true one. The second has the power where the first candidate is really better: with the grades alone, and with the judge
beside them. The third is for gates at their limit: how often a corrected mean or difference is claimed to be on one side of the
truth. `--small` runs some of the cells with fewer draws, for continuous integration. The exit status is 1 if a figure
is beyond its limit.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from statistics import NormalDist
from typing import Any, NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the processes are the parallelism

import numpy as np
from simulation import PAGE, simulate_each, table, write_tables

from llmops_sdk.verdict.grading.correction import Correction, correct
from llmops_sdk.verdict.grading.graded import with_unseen_errors
from llmops_sdk.verdict.statistics.comparison import find_worse
from llmops_sdk.verdict.statistics.intervals import Interval
from llmops_sdk.verdict.statistics.pairs import Scores

MARK = "<!-- judge simulation -->\n"
RECORDS = 200
DRAWS, FLIPS = 2000, 199
BIAS = 0.5
"""By how much the judge favours the first candidate, in standard deviations of its scores."""
MOST_CLAIMS = 6.5
"""The most false claims after the correction, in percent; twice the error of the draws is added to those of a gate, and to those of
fewer draws."""
THRESHOLDS = {"binary": -0.3, "rare": -1.6}
"""The quality from which an answer is right."""
BOUNDS = {"grades": (1.0, 5.0), "binary": (0.0, 1.0), "rare": (0.0, 1.0)}
CENTRE, STEP = 3.2, 0.9
"""The grade of an answer of mean quality, and that of one more."""
OF_RECORDS = 0.7
"""The standard deviation of what the answers to a record share; that of an answer's own quality is 1."""
SPREAD = math.sqrt(OF_RECORDS**2 + 1)
KINDS = {
    "normal": "normal",
    "grades": "whole grades from 1 to 5",
    "binary": "right or wrong, 60 % right",
    "rare": "right or wrong, 90 % right",
}


class Cell(NamedTuple):
    """Equal candidates, a judge, and grades.

    Attributes:
        kind: Of the scores.
        candidates: The number of candidates.
        graded: The number of records with a grade of every candidate.
        agreement: The correlation of the judge with people on the answers to one record.
    """

    kind: str
    candidates: int
    graded: int
    agreement: float


class Rates(NamedTuple):
    """What was seen in a cell, in percent of the draws."""

    before: float
    after: float
    covered: float


class Power(NamedTuple):
    """The share of draws in which a better candidate is found, in percent: by grades alone, and with the judge."""

    grades: float
    corrected: float


class Sides(NamedTuple):
    """How often a gate claims what is not true, at its limit, in percent of the draws: of a mean and of a difference."""

    mean_above: float
    mean_below: float
    above: float
    below: float


class Settings(NamedTuple):
    """How much is simulated."""

    draws: int
    flips: int


def main() -> int:
    """Run the simulation, print its tables, and return 1 if a figure is beyond its limit."""
    parser = argparse.ArgumentParser(description="Simulate how often a judge misleads.")
    parser.add_argument("--draws", type=int, help=f"draws of each cell ({DRAWS:,}; with --small 300)")
    parser.add_argument("--flips", type=int, default=FLIPS, help="patterns of signs of the tests of the judge alone")
    parser.add_argument("--processes", type=int, help="how many run side by side (one for each core)")
    parser.add_argument("--small", action="store_true", help="some of the cells only")
    parser.add_argument("--write", action="store_true", help=f"write the tables into {PAGE.name}")
    options = parser.parse_args()
    start = time.monotonic()
    settings = Settings(options.draws or (300 if options.small else DRAWS), options.flips)
    cells = list(_cells(is_small=options.small))
    with ProcessPoolExecutor(options.processes) as pool:
        rates = simulate_each(pool, partial(simulate, settings=settings), cells, "equal candidates")
        strong = [cell for cell in cells if cell.candidates == 2 and cell.kind == "normal"]  # noqa: PLR2004 - a pair
        powers = simulate_each(pool, partial(power_of, settings=settings), strong, "power")
        pairs = [cell for cell in cells if cell.candidates == 2]  # noqa: PLR2004 - a pair
        sides = simulate_each(pool, partial(sides_of, settings=settings), pairs, "gate")
    minutes = (time.monotonic() - start) / 60
    text = "\n\n".join(
        [*tables(rates, powers, sides), f"{settings.draws:,} draws of each cell; {minutes:.0f} minutes."]
    )
    print(text)
    if options.write:
        write_tables(MARK, text)
    beyond = list(find_beyond(rates, sides, settings.draws))
    print("\n".join(beyond) or "every figure is within its limit")
    return 1 if beyond else 0


def simulate(cell: Cell, *, settings: Settings) -> Rates:
    """Return the claims on equal candidates, before and after the correction, and the coverage of the first pair."""
    before = after = covered = 0
    for place in range(settings.draws):
        rng = np.random.default_rng([place, *_numbers(cell)])
        judge, people = _draw(rng, cell, better=0.0)
        before += bool(find_worse(Scores.of(judge), flips=settings.flips))
        correction = correct(judge, people)
        after += claims(correction)
        covered += not correction.pair(0, 1).difference.interval().excludes(0.0)
    return Rates(*(100 * count / settings.draws for count in (before, after, covered)))


def power_of(cell: Cell, *, settings: Settings) -> Power:
    """Return how often a first candidate that is better by half a standard deviation is found."""
    alone = corrected = 0
    for place in range(settings.draws):
        judge, people = _draw(np.random.default_rng([place, 1, *_numbers(cell)]), cell, better=0.5)
        alone += correct(judge, people, weight=0.0).pair(0, 1).differs()
        corrected += correct(judge, people).pair(0, 1).differs()
    return Power(100 * alone / settings.draws, 100 * corrected / settings.draws)


def sides_of(cell: Cell, *, settings: Settings) -> Sides:
    """Return how often the one-sided bounds of a gate, at 5 % each, exclude the truth."""
    truth, bounds = true_mean(cell.kind), BOUNDS.get(cell.kind)
    width = bounds[1] - bounds[0] if bounds else 1.0
    counts = np.zeros(4)
    for place in range(settings.draws):
        judge, people = _draw(np.random.default_rng([place, 2, *_numbers(cell)]), cell, better=0.0)
        correction, gaps = correct(judge, people), (people - judge)[:, : cell.graded]
        mean = with_unseen_errors(correction.means[0], gaps[0], width).interval_within(bounds, 0.9)
        pair = with_unseen_errors(correction.pair(0, 1).difference, gaps[0] - gaps[1], width).interval(0.9)
        counts += [*_beside(mean, truth), *_beside(pair, 0.0)]
    return Sides(*(100 * float(count) / settings.draws for count in counts))


def true_mean(kind: str) -> float:
    """Return the mean of people's grades of all answers."""
    quality = NormalDist(0, SPREAD)
    if kind in THRESHOLDS:
        return 1 - quality.cdf(THRESHOLDS[kind])
    if kind == "grades":
        return 1 + sum(1 - quality.cdf((grade + 0.5 - CENTRE) / STEP) for grade in range(1, 5))
    return 0.0


def claims(correction: Correction) -> bool:
    """Whether a candidate is called worse than the one with the best corrected mean."""
    means = [mean.value for mean in correction.means]
    best = int(np.argmax(means))
    return any(correction.pair(best, other).differs() for other in range(len(means)) if other != best)


def tables(rates: Mapping[Cell, Rates], powers: Mapping[Cell, Power], sides: Mapping[Cell, Sides]) -> list[str]:
    """Return the tables in Markdown."""
    return [
        table(
            f"Equal candidates on {RECORDS} records, and a judge that favours one of them by {BIAS:g} SD; a candidate is called "
            "worse, in percent of runs:",
            (
                "scores",
                "candidates",
                "graded records (answers)",
                "correlation of judge and people",
                "judge alone",
                "corrected",
                "corrected 95 % interval holds the true difference",
            ),
            (
                (
                    KINDS[cell.kind],
                    str(cell.candidates),
                    f"{cell.graded} ({cell.graded * cell.candidates})",
                    f"{cell.agreement:g}",
                    f"{rate.before:.1f}",
                    f"{rate.after:.1f}",
                    f"{rate.covered:.1f}",
                )
                for cell, rate in rates.items()
            ),
        ),
        table(
            "Power: the first of two is better by .5 SD, normal scores; it is found, in percent of runs:",
            ("graded records", "correlation of judge and people", "grades alone", "corrected judge"),
            (
                (str(cell.graded), f"{cell.agreement:g}", f"{power.grades:.0f}", f"{power.corrected:.0f}")
                for cell, power in powers.items()
            ),
        ),
        table(
            "A gate at its limit, 5 % on each side, on the same scores: it claims what is not true, in percent of runs:",
            (
                "scores",
                "graded records",
                "correlation of judge and people",
                "`at_least`: GO",
                "`at_least`: NO-GO",
                "`not_worse_than`: GO",
                "`not_worse_than`: NO-GO",
            ),
            (
                (KINDS[cell.kind], str(cell.graded), f"{cell.agreement:g}", *(f"{share:.1f}" for share in side))
                for cell, side in sides.items()
            ),
        ),
    ]


def find_beyond(rates: Mapping[Cell, Rates], sides: Mapping[Cell, Sides], draws: int) -> Iterator[str]:
    """Yield each figure that is beyond its limit by more than few draws explain."""
    error = 100 * math.sqrt(0.05 * 0.95 / draws)
    slack = 0.0 if draws >= DRAWS else 2 * error
    for cell, rate in rates.items():
        if rate.after > MOST_CLAIMS + slack:
            yield f"{cell}: {rate.after:.1f} % false claims after the correction, above {MOST_CLAIMS:g} %"
    for cell, side in sides.items():
        if max(side) > MOST_CLAIMS + 2 * error:
            yield f"{cell}: a gate claims what is not true in {max(side):.1f} %, above {MOST_CLAIMS:g} %"


def _cells(*, is_small: bool) -> Iterator[Cell]:
    if is_small:
        yield Cell("normal", 2, 25, 0.6)
        yield Cell("grades", 3, 50, 0.6)
        return
    for kind in KINDS:
        for candidates, graded, agreement in (
            *((2, 25, agreement) for agreement in (0.3, 0.6, 0.9)),
            (3, 17, 0.6),
            (2, 50, 0.6),
            (6, 50, 0.6),
        ):
            yield Cell(kind, candidates, graded, agreement)


def _beside(interval: Interval, truth: float) -> tuple[bool, bool]:
    """Whether an interval is above a number that is on the limit, and whether it is below."""
    return interval.low is not None and interval.low >= truth, interval.high is not None and interval.high <= truth


def _numbers(cell: Cell) -> list[int]:
    return [list(KINDS).index(cell.kind), cell.candidates, cell.graded, int(10 * cell.agreement)]


def _draw(rng: Any, cell: Cell, better: float) -> tuple[Any, Any]:
    """Return the judge's scores and people's grades, NaN where there is no grade, shape (candidates, records)."""
    shape = (cell.candidates, RECORDS)
    record, quality = rng.normal(0, OF_RECORDS, RECORDS), rng.normal(0, 1, shape)
    people = record + quality
    error = math.sqrt(1 - cell.agreement**2)
    judge = record + cell.agreement * quality + error * rng.normal(0, 1, shape)
    judge[0] += (BIAS + better) * SPREAD
    people[0] += better * SPREAD
    if cell.kind == "grades":
        judge, people = (np.clip(np.rint(CENTRE + STEP * each), 1, 5) for each in (judge, people))
    elif cell.kind in THRESHOLDS:
        judge, people = ((each > THRESHOLDS[cell.kind]).astype(float) for each in (judge, people))
    people[:, cell.graded :] = np.nan  # the records come in no order: the first ones are a random sample
    return judge, people


if __name__ == "__main__":
    sys.exit(main())
