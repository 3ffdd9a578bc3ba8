"""The leaderboard of one dataset: its cells in order, their differences, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.values.results import CellResult, Difference, FailedCell, Leaderboard
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.bootstrap import Bootstrap
from llmops_sdk.verdict.conclusion import conclude

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen
class CellColumn:
    """One cell with its scores, record by record.

    Attributes:
        result: What is reported of it.
        scores: Metric name to the numbers, shape (records,), NaN where there is none.
    """

    result: CellResult
    scores: Mapping[str, NDArray[Any]]


def make_leaderboard(
    dataset: str,
    deciding: str,
    columns: Sequence[CellColumn],
    failed: tuple[FailedCell, ...],
    metrics: Mapping[str, Metric],
) -> Leaderboard:
    """Put the cells of a dataset in order, and compare each with the best one.

    Args:
        dataset: The dataset's name.
        deciding: The name of the metric that decides.
        columns: The cells with a result; all have the same records.
        failed: The cells without one.
        metrics: Every metric, by name.
    """
    metric = metrics.get(deciding, Metric(deciding))
    sign = 1 if metric.higher_is_better is False else -1

    def rank(column: CellColumn) -> tuple[bool, float]:
        estimate = column.result.estimates.get(deciding)
        return (estimate is None, sign * estimate.mean if estimate else 0.0)

    ordered = sorted(columns, key=rank)
    differences = tuple(
        difference
        for column in ordered[1:]
        for each in metrics.values()
        if (difference := _difference(column, ordered[0], each)) is not None
    )
    cells = tuple(column.result for column in ordered)
    return Leaderboard(
        dataset=dataset,
        metric=deciding,
        cells=cells,
        failed=failed,
        differences=differences,
        verdict=conclude(dataset, metric, cells, differences, failed),
    )


def _difference(column: CellColumn, best: CellColumn, metric: Metric) -> Difference | None:
    if metric.name not in column.scores or metric.name not in best.scores:
        return None
    gaps = column.scores[metric.name] - best.scores[metric.name]
    estimate = Bootstrap(len(gaps)).estimate(gaps)
    if estimate is None:
        return None
    gains = -gaps if metric.higher_is_better is False else gaps
    return Difference(
        candidate=column.result.candidate,
        versus=best.result.candidate,
        metric=metric.name,
        estimate=estimate,
        better=int((gains > 0).sum()),
        worse=int((gains < 0).sum()),
    )
