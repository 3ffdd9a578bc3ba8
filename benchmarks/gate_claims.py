"""How often a gate is wrong at its limit, by simulation with a known truth: `make simulate`.

    python gate_claims.py [--draws N] [--processes N] [--small] [--write]

Every draw makes scores of a candidate whose truth lies exactly on the limit of a condition, and asks the SDK for the answer
of the gate. There, neither GO nor NO-GO is true: each may be claimed in 5 % of draws. The first table is for
`not_worse_than`, by the shape of the scores and the number of records; the second for `at_least`; the third for
`failed_answers` and `latency_p95`; the last for the best of several candidates, and for gates with several conditions.
`--small` runs some of the cells with fewer draws. The exit status is 1 if a figure is beyond its limit.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the processes are the parallelism

import numpy as np
from simulated_scores import KINDS, PER_CLUSTER, true_mean
from simulation import PAGE, simulate_each, table, write_tables

from llmops_sdk.gate.candidate import Chosen
from llmops_sdk.gate.conditions.condition import Case
from llmops_sdk.gate.conditions.margin import NotWorseThan
from llmops_sdk.gate.conditions.mean import MeanAtLeast
from llmops_sdk.gate.evidence import DatasetEvidence, RunEvidence
from llmops_sdk.gate.outcome import LEVEL, Outcome, worst_of
from llmops_sdk.gate.references import Reference
from llmops_sdk.record.run import Run
from llmops_sdk.values.results import CellResult, EvaluatorInfo
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.statistics.shares import share_interval
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

MARK = "<!-- gate simulation -->\n"
RECORDS = (20, 50, 200)
DRAWS = 2000
SHARE_DRAWS = 200_000
"""Shares are drawn by their counts, all draws at once."""
MARGIN = 0.05
"""As a share of the metric's range."""
MOST_CLAIMS = {20: 8.0, 50: 6.5, 200: 6.5}
"""The most claims on either side, in percent, by the number of records; twice the error of the draws is added."""
EXCEPTIONS = ("skewed",)
"""One-sided bounds of skewed differences are wrong more often on one side than on the other: shown, without a limit."""
SHARES = ((0.02, (50, 200, 1000)), (0.05, (50, 200, 1000)))
"""Limits of failed answers, which at 5 % are those of `latency_p95` too, with numbers of answers."""

_BINARY = ("zeros", "binary", "rare")
"""Kinds of scores that are lowered by making some of them 0."""

BASELINE = "baseline"


class Claims(NamedTuple):
    """The share of draws with a false GO, and with a false NO-GO, in percent."""

    go: float
    no_go: float


class Cell(NamedTuple):
    """One kind of scores on a number of records."""

    kind: str
    records: int


class Several(NamedTuple):
    """A gate with several candidates or conditions, all of them on their limits.

    Attributes:
        label: What it is.
        candidates: Candidates that the best is chosen from.
        conditions: Metrics with a condition each.
        correlation: Of the scores in the metrics.
    """

    label: str
    candidates: int = 1
    conditions: int = 1
    correlation: float = 0.5


SEVERAL = (
    Several("the best of 6 candidates, all on the limit", candidates=6),
    Several("3 conditions, all on their limits", conditions=3),
    Several("10 conditions, all on their limits", conditions=10),
)


class Figures(NamedTuple):
    """All that was simulated, by setting."""

    margins: Mapping[Cell, Claims]
    means: Mapping[Cell, Claims]
    shares: Mapping[tuple[float, int], Claims]
    several: Mapping[Several, Claims]


def main() -> int:
    """Run the simulation, print its tables, and return 1 if a figure is beyond its limit."""
    parser = argparse.ArgumentParser(description="Simulate how often a gate is wrong at its limit.")
    parser.add_argument("--draws", type=int, help=f"draws of each cell ({DRAWS:,}; with --small 300)")
    parser.add_argument("--processes", type=int, help="how many run side by side (one for each core)")
    parser.add_argument("--small", action="store_true", help="some of the cells only")
    parser.add_argument("--write", action="store_true", help=f"write the tables into {PAGE.name}")
    options = parser.parse_args()
    start = time.monotonic()
    draws = options.draws or (300 if options.small else DRAWS)
    with ProcessPoolExecutor(options.processes) as pool:
        figures = run(pool, draws, is_small=options.small)
    minutes = (time.monotonic() - start) / 60
    error = 100 * math.sqrt(LEVEL * (1 - LEVEL) / draws)
    drawn = (
        f"{draws:,} draws of each cell (Monte-Carlo error {error:.1f} points at 5 %), {SHARE_DRAWS:,} of shares;"
        f" {minutes:.0f} minutes."
    )
    text = "\n\n".join([*tables(figures), drawn])
    print(text)
    if options.write:
        write_tables(MARK, text)
    beyond = list(find_beyond(figures, draws))
    print("\n".join(beyond) or "every figure is within its limit")
    return 1 if beyond else 0


def run(pool: ProcessPoolExecutor, draws: int, *, is_small: bool) -> Figures:
    """Simulate everything; a line on standard error for each cell that is done."""

    def each(function: Any, keys: Sequence[Any], title: str) -> dict[Any, Any]:
        return simulate_each(pool, partial(function, draws=draws), keys, title)

    cells = [Cell(kind, records) for kind in KINDS for records in RECORDS]
    shares = [(limit, count) for limit, counts in SHARES for count in counts]
    if is_small:
        cells = [cell for cell in cells if cell.records == RECORDS[1] and cell.kind in ("rouge", "binary", "clusters")]
        shares = shares[:2]
    return Figures(
        each(margin_claims, cells, "not worse than"),
        each(mean_claims, cells, "at least"),
        each(share_claims, shares, "shares"),
        each(several_claims, SEVERAL[:2] if is_small else SEVERAL, "several"),
    )


# -- what is simulated ------------------------------------------------------------------------------


def margin_claims(cell: Cell, *, draws: int) -> Claims:
    """Return the claims about a candidate that is worse than the baseline by exactly the margin."""
    draw, bounds, _ = KINDS[cell.kind]
    margin = MARGIN * (bounds[1] - bounds[0])
    condition = NotWorseThan("score", BASELINE, margin)
    mean = true_mean(cell.kind)

    def outcome(rng: Any) -> Outcome:
        values = draw(rng, 2, cell.records)
        values[0] = lowered(cell.kind, values[0], margin, mean, rng)
        case = case_of({"candidate": values[0], BASELINE: values[1]}, bounds, labels_of(cell.kind, values))
        return condition.check(case).outcome

    return _claims(outcome, cell, draws)


def mean_claims(cell: Cell, *, draws: int) -> Claims:
    """Return the claims about a candidate whose true mean is exactly the limit."""
    draw, bounds, _ = KINDS[cell.kind]
    condition = MeanAtLeast("score", true_mean(cell.kind))

    def outcome(rng: Any) -> Outcome:
        values = draw(rng, 2, cell.records)
        case = case_of({"candidate": values[-1]}, bounds, labels_of(cell.kind, values))
        return condition.check(case).outcome

    return _claims(outcome, cell, draws)


def share_claims(setting: tuple[float, int], *, draws: int) -> Claims:
    """Return the claims about a share that is exactly the limit: of failed answers, or of those that are slower.

    Args:
        setting: The limit, and the number of answers.
        draws: Not used: the counts of all draws are drawn at once.
    """
    del draws
    limit, answers = setting
    counts = np.random.default_rng([answers, int(1000 * limit)]).binomial(answers, limit, SHARE_DRAWS)
    labels = np.arange(answers)
    go = no_go = 0
    for count, draws in zip(*np.unique(counts, return_counts=True), strict=True):
        interval = share_interval(labels < count, labels, LEVEL, LEVEL)
        go += int(draws) * (interval.high is not None and interval.high <= limit)
        no_go += int(draws) * (interval.low is not None and interval.low > limit)
    return Claims(100 * go / SHARE_DRAWS, 100 * no_go / SHARE_DRAWS)


def several_claims(several: Several, *, draws: int) -> Claims:
    """Return the claims of a gate on 50 records whose candidates and conditions are all on their limits."""
    records = 50

    def outcome(rng: Any) -> Outcome:
        metrics = [f"m{number}" for number in range(several.conditions)]
        names = [f"c{number}" for number in range(several.candidates)]
        shared = rng.normal(0, 0.05, (several.candidates + 1, records))
        own = rng.normal(0, 0.05, (several.conditions, several.candidates + 1, records))
        mixed = math.sqrt(several.correlation) * shared + math.sqrt(1 - several.correlation) * own
        values = 0.5 + mixed
        values[:, :-1] -= MARGIN
        best = names[int(values[0, :-1].mean(axis=1).argmax())]
        case = _case(
            {name: dict(zip(metrics, values[:, place], strict=True)) for place, name in enumerate([*names, BASELINE])},
            (0.0, 1.0),
            None,
            Chosen(best, "", tuple(names)),
            several.conditions,
        )
        return worst_of([NotWorseThan(metric, BASELINE, MARGIN).check(case) for metric in metrics])

    return _claims(outcome, Cell("rouge", records), draws)


def lowered(kind: str, values: Any, margin: float, mean: float, rng: Any) -> Any:
    """Return scores whose true mean is lower by the margin, in the way of their kind."""
    if kind in _BINARY:
        return np.where(rng.random(values.shape) < margin / mean, 0.0, values)
    if kind == "grades":
        return values - (rng.random(values.shape) < margin)
    return values - margin


def labels_of(kind: str, values: Any) -> Any:
    """Return the clusters of a kind's records, or None."""
    return np.arange(values.shape[1]) // PER_CLUSTER if kind == "clusters" else None


def case_of(values: Mapping[str, Any], bounds: tuple[float, float], labels: Any) -> Case:
    """Return what a gate checks a condition on, as it would read it from a run with one candidate and a baseline."""
    scores = {name: {"score": numbers} for name, numbers in values.items()}
    return _case(scores, bounds, labels, Chosen("candidate", "", ("candidate",)), 1)


def _case(
    values: Mapping[str, Mapping[str, Any]], bounds: tuple[float, float], labels: Any, chosen: Chosen, checks: int
) -> Case:
    metrics = tuple(Metric(name, bounds=_widened(bounds, values)) for name in next(iter(values.values())))
    columns = {name: _column(name, scores) for name, scores in values.items()}
    records = next(iter(columns.values())).result.records
    run_of_all = cast("Run", SimpleNamespace(id="run"))
    evidence = DatasetEvidence(run_of_all, "data", columns, ("",) * records, labels)

    def reference(dataset: DatasetEvidence, named: str, metric: str) -> Reference:
        return Reference(named, dataset.columns[named].scores[metric], np.arange(records), named)

    return Case(
        RunEvidence(run_of_all, (evidence,), (EvaluatorInfo("evaluator", metrics, {}),), {}),
        evidence,
        chosen,
        checks,
        reference,
    )


def _widened(bounds: tuple[float, float], values: Mapping[str, Mapping[str, Any]]) -> tuple[float, float]:
    """Return the bounds of a metric with the scores that were lowered below them."""
    lowest = min(float(np.nanmin(numbers)) for scores in values.values() for numbers in scores.values())
    return min(bounds[0], lowest), bounds[1]


def _column(name: str, scores: Mapping[str, Any]) -> CellColumn:
    columns = {
        metric: MetricColumn(numbers, np.where(np.isnan(numbers), Kind.MISSING, Kind.SCORED).astype(np.int8))
        for metric, numbers in scores.items()
    }
    records = next(iter(scores.values())).size
    return CellColumn(
        CellResult(name, name, name, "", False, records, records, {}, {}, None, None, {}),
        columns,
    )


def _claims(outcome: Callable[[Any], Outcome], cell: Cell, draws: int) -> Claims:
    seed = [cell.records, list(KINDS).index(cell.kind)]
    outcomes = [outcome(np.random.default_rng([place, *seed])) for place in range(draws)]
    return Claims(*(100 * outcomes.count(each) / draws for each in (Outcome.GO, Outcome.NO_GO)))


# -- what is shown ----------------------------------------------------------------------------------


def tables(figures: Figures) -> list[str]:
    """Return the tables in Markdown."""
    counts = sorted({cell.records for cell in figures.margins})
    answers = sorted({count for _, count in figures.shares})
    return [
        _by_kind(
            f"`not_worse_than`, the candidate worse by exactly the margin ({100 * MARGIN:g} % of the range); false GO / false NO-GO, in"
            " percent of runs:",
            figures.margins,
            counts,
        ),
        _by_kind(
            "`at_least`, the true mean exactly the limit; false GO / false NO-GO, in percent of runs:",
            figures.means,
            counts,
        ),
        table(
            "`failed_answers`, and `latency_p95` at 5 %, the true share exactly the limit; false GO / false NO-GO, in percent of"
            " runs:",
            ("limit", *(f"{count:,} answers" for count in answers)),
            (
                (f"{100 * limit:g} %", *(_pair(figures.shares.get((limit, count))) for count in answers))
                for limit in sorted({limit for limit, _ in figures.shares})
            ),
        ),
        table(
            "`not_worse_than` on 50 records, the gate as a whole; false GO / false NO-GO, in percent of runs:",
            ("gate", "claims"),
            ((several.label, _pair(claims)) for several, claims in figures.several.items()),
        ),
    ]


def _by_kind(title: str, claims: Mapping[Cell, Claims], counts: Sequence[int]) -> str:
    kinds = [kind for kind in KINDS if any(cell.kind == kind for cell in claims)]
    rows = ((KINDS[kind][2], *(_pair(claims.get(Cell(kind, count))) for count in counts)) for kind in kinds)
    return table(title, ("scores", *(f"{count} records" for count in counts)), rows)


def _pair(claims: Claims | None) -> str:
    return "" if claims is None else f"{claims.go:.1f} / {claims.no_go:.1f}"


def find_beyond(figures: Figures, draws: int) -> Iterator[str]:
    """Yield each figure that is beyond its limit by more than the error of the draws explains."""
    slack = 2 * 100 * math.sqrt(LEVEL * (1 - LEVEL) / draws)
    for name, claims in (("not_worse_than", figures.margins), ("at_least", figures.means)):
        for cell, rates in claims.items():
            if cell.kind not in EXCEPTIONS and max(rates) > MOST_CLAIMS[cell.records] + slack:
                yield f"{name}, {cell}: {rates.go:.1f} % false GO, {rates.no_go:.1f} % false NO-GO"
    for setting, rates in figures.shares.items():
        if max(rates) > 100 * LEVEL + 0.2:
            yield f"shares {setting}: {rates.go:.1f} % false GO, {rates.no_go:.1f} % false NO-GO"
    for several, rates in figures.several.items():
        if max(rates) > MOST_CLAIMS[50] + slack:
            yield f"{several.label}: {rates.go:.1f} % false GO, {rates.no_go:.1f} % false NO-GO"


if __name__ == "__main__":
    sys.exit(main())
