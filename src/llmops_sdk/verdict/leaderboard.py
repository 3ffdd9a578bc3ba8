"""The leaderboard of one dataset: its cells in order, their differences, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import stdev
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.values.estimates import Difference, Estimate, PairTest
from llmops_sdk.values.results import CellResult, FailedCell, Leaderboard
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.baseline import Baseline, against_baseline
from llmops_sdk.verdict.conclusion import Evidence, conclude
from llmops_sdk.verdict.looks import look_results
from llmops_sdk.verdict.statistics.checkpoints import compare_checkpoints
from llmops_sdk.verdict.statistics.comparison import Comparison, PairComparison, compare
from llmops_sdk.verdict.statistics.intervals import Interval
from llmops_sdk.verdict.statistics.stopping import Looks, compare_stopped
from llmops_sdk.verdict.table import CellColumn, MetricTable, make_table

LEVEL = 0.05
"""Of tests and intervals that look at the records once, at their end."""

if TYPE_CHECKING:
    from numpy.typing import NDArray


def make_leaderboard(  # noqa: PLR0913 - all that a leaderboard rests on
    dataset: str,
    deciding: str,
    columns: Sequence[CellColumn],
    failed: tuple[FailedCell, ...],
    metrics: Mapping[str, Metric],
    clusters: NDArray[Any] | None = None,
    baseline: Baseline | None = None,
    *,
    looks: Looks | None = None,
) -> Leaderboard:
    """Put the cells of a dataset in order, compare all pairs in the metric that decides, and conclude.

    Args:
        dataset: The dataset's name.
        deciding: The name of the metric that decides.
        columns: The cells with a result; all have the same records.
        failed: The cells without one.
        metrics: Every metric, by name.
        clusters: Labels of the records that depend on each other, shape (records,); None if none do.
        baseline: What the candidates must not be worse than, or None.
        looks: The planned looks, or None for one comparison at the end.
    """
    metric = metrics.get(deciding, Metric(deciding))
    tables = {each.name: make_table(columns, each) for each in (metric, *metrics.values())}
    table = tables[deciding]
    columns = _ordered(columns, tables[deciding])
    tables = {name: make_table(columns, each.metric) for name, each in tables.items()}
    estimates = {name: _estimates(table, clusters, columns, looks) for name, table in tables.items()}
    cells = tuple(
        _with_checkpoints(_with_estimates(column.result, place, tables, estimates), place, column, tables, clusters)
        for place, column in enumerate(columns)
    )
    comparisons = {
        name: _compare(table, clusters, cells, looks, is_deciding=name == deciding) for name, table in tables.items()
    }
    by_candidate: dict[str, list[Difference]] = {cell.candidate: [] for cell in cells}
    for name, comparison in comparisons.items():
        for difference in differences_to_best(tables[name], comparison, cells):
            by_candidate[difference.candidate].append(difference)
    table, decisive = tables[deciding], comparisons[deciding]
    names = [cells[place].candidate for place in table.candidates]
    best = names[decisive.best[0]] if decisive.best else ""
    results = tuple(look_results(looks, cells, best)) if looks and cells else ()
    margins = against_baseline(table, clusters, cells, baseline) if baseline else ()
    return Leaderboard(
        dataset=dataset,
        metric=deciding,
        cells=cells,
        failed=failed,
        differences=tuple(difference for differences in by_candidate.values() for difference in differences),
        verdict=conclude(Evidence(dataset, table, cells, failed, decisive, clusters, margins, results)),
        pairs=pair_tests(decisive, table, cells, looks),
        left_out={name: each.left_out for name, each in tables.items() if each.left_out},
        looks=results,
    )


def _ordered(columns: Sequence[CellColumn], table: MetricTable) -> list[CellColumn]:
    """Return the cells, the best mean of the metric that decides first, those without one last.

    Those that stopped at an earlier look come after the others: their means are of fewer records.
    """
    import numpy as np

    means = (
        dict(zip(table.candidates, table.sign * np.nanmean(table.values, axis=1), strict=True))
        if table.candidates
        else {}
    )
    order = sorted(
        range(len(columns)), key=lambda place: (place not in means, -columns[place].result.look, -means.get(place, 0.0))
    )
    return [columns[place] for place in order]


def _estimates(
    table: MetricTable, clusters: NDArray[Any] | None, columns: Sequence[CellColumn], looks: Looks | None
) -> dict[int, Estimate]:
    """Return the mean of each candidate, by its place, with its interval at the level of the look at which it stopped."""
    levels = {place: 1 - (looks.level(columns[place].result.look) if looks else LEVEL) for place in table.candidates}
    return {
        place: estimate_mean(table, row, table.interval(row, clusters, levels[place]))
        for row, place in enumerate(table.candidates)
    }


def estimate_mean(table: MetricTable, row: int, interval: Interval) -> Estimate:
    """Return the mean of a row of a table with its interval and number of records."""
    import numpy as np

    return Estimate(table.mean(row), interval.low, interval.high, int((~np.isnan(table.values[row])).sum()))


def _estimate(values: NDArray[Any], interval: Interval) -> Estimate:
    import numpy as np

    present = ~np.isnan(values)
    return Estimate(float(values[present].mean()), interval.low, interval.high, int(present.sum()))


def _compare(
    table: MetricTable,
    clusters: NDArray[Any] | None,
    cells: Sequence[CellResult],
    looks: Looks | None,
    *,
    is_deciding: bool,
) -> Comparison:
    """Return what the scores of a metric allow to say; of one that does not decide, only the pairs with the first cell."""
    if looks:
        ends = [cells[place].look for place in table.candidates]
        return compare_stopped(table.scores(clusters), looks, ends, bounds=table.bounds)
    if table.has_seeds:
        return compare_checkpoints(table.checkpoint_scores(clusters), bounds=table.bounds)
    return compare(table.scores(clusters), bounds=table.bounds, versus=None if is_deciding else 0)


def _with_estimates(
    cell: CellResult, place: int, tables: Mapping[str, MetricTable], estimates: Mapping[str, Mapping[int, Estimate]]
) -> CellResult:
    failures = {
        name: int(table.failures[table.candidates.index(place)])
        for name, table in tables.items()
        if place in table.candidates and table.metric.worst is not None
    }
    return attrs.evolve(
        cell,
        estimates={name: by_place[place] for name, by_place in estimates.items() if place in by_place},
        failures={name: count for name, count in failures.items() if count},
    )


def _with_checkpoints(
    cell: CellResult,
    place: int,
    column: CellColumn,
    tables: Mapping[str, MetricTable],
    clusters: NDArray[Any] | None,
) -> CellResult:
    """Return a recipe with the means and failures of its checkpoints, and their spread."""
    if not cell.checkpoints:
        return cell
    estimates: list[dict[str, Estimate]] = [{} for _ in cell.checkpoints]
    failures: list[dict[str, int]] = [{} for _ in cell.checkpoints]
    for name, table in tables.items():
        if place in table.candidates:
            row = table.candidates.index(place)
            for number, scores in enumerate(table.checkpoints[row]):
                estimates[number][name] = _estimate(scores, table.interval(row, clusters, checkpoint=number))
                if name in cell.failures and (count := column.scores[name].failures(number)):
                    failures[number][name] = count
    return attrs.evolve(
        cell,
        checkpoints=tuple(
            attrs.evolve(checkpoint, estimates=means, failures=counts)
            for checkpoint, means, counts in zip(cell.checkpoints, estimates, failures, strict=True)
        ),
        spread={name: stdev(own[name].mean for own in estimates) for name in cell.estimates},
    )


def differences_to_best(
    table: MetricTable, comparison: Comparison, cells: Sequence[CellResult]
) -> Iterator[Difference]:
    """Yield the difference of every other candidate from the first cell's."""
    if 0 not in table.candidates:
        return
    names = [cells[place].candidate for place in table.candidates]
    for row in range(1, len(names)):
        pair = comparison.pair(row, 0)
        if pair.records:
            yield _difference(pair, table, names)


def pair_tests(
    comparison: Comparison, table: MetricTable, cells: Sequence[CellResult], looks: Looks | None = None
) -> tuple[PairTest, ...]:
    """Return what is reported of the tests of all pairs of candidates that share a record."""
    compared = [cells[place] for place in table.candidates]
    names = [cell.candidate for cell in compared]

    def test(pair: PairComparison) -> PairTest:
        low, high = _ends(pair.simultaneous.low, pair.simultaneous.high, table.sign)
        look = min(compared[pair.first].look, compared[pair.second].look)
        return PairTest(
            difference=_difference(pair, table, names),
            p_value=pair.p_value,
            adjusted_p_value=pair.adjusted,
            low=low,
            high=high,
            clusters=pair.clusters,
            level=looks.level(look) if looks else LEVEL,
        )

    return tuple(test(pair) for pair in comparison.pairs if pair.records)


def _difference(pair: PairComparison, table: MetricTable, names: Sequence[str]) -> Difference:
    low, high = _ends(pair.interval.low, pair.interval.high, table.sign)
    return Difference(
        candidate=names[pair.first],
        versus=names[pair.second],
        metric=table.metric.name,
        estimate=Estimate(table.sign * pair.mean, low, high, pair.records),
        better=pair.wins,
        worse=pair.losses,
    )


def _ends(low: float | None, high: float | None, sign: int) -> tuple[float | None, float | None]:
    """Return the ends in the metric's own direction."""
    if sign > 0:
        return low, high
    return None if high is None else -high, None if low is None else -low
