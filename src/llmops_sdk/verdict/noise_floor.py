"""The noise floor: a candidate that was asked twice, compared with itself.

The two times differ by chance alone, and by what changes at the endpoint or in the evaluator from one time to the next.
A difference between candidates of the same size means nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.values.estimates import Difference, Estimate
from llmops_sdk.values.results import NoiseFloor
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.statistics.comparison import PairComparison, compare_two, reverse
from llmops_sdk.verdict.statistics.pairs import Scores
from llmops_sdk.verdict.table import CellColumn, MetricColumn, make_table

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen
class AskedTwice:
    """A candidate with the scores of both times.

    Attributes:
        column: The candidate, with the scores of the first time, which take part in the verdict.
        again: Metric name to those of the second time, which do not.
    """

    column: CellColumn
    again: Mapping[str, MetricColumn]


def compare_with_itself(twice: AskedTwice, metric: Metric, clusters: NDArray[Any] | None = None) -> NoiseFloor:
    """Compare the second time that a candidate was asked with the first.

    Args:
        twice: The candidate.
        metric: The metric that decides.
        clusters: Labels of the records that depend on each other, shape (records,); None if none do.
    """
    cell, label = twice.column.result, metric.label or metric.name
    table = make_table([twice.column, attrs.evolve(twice.column, scores=twice.again)], metric)
    both = len(table.candidates) > 1
    pair = compare_two(Scores.of(table.sign * table.values, clusters), bounds=table.bounds) if both else None
    if pair is None or not pair.records:
        return NoiseFloor(None, f"{cell.label} was asked twice, but no record has a {label} both times.")
    pair = reverse(pair)
    low, high = pair.interval.low, pair.interval.high
    if table.sign < 0:
        low, high = (None if end is None else -end for end in (high, low))
    estimate = Estimate(table.sign * pair.mean + 0.0, low, high, pair.records)
    return NoiseFloor(
        Difference(cell.candidate, cell.candidate, metric.name, estimate, better=pair.wins, worse=pair.losses),
        _text(cell.label, label, pair, estimate),
    )


def _text(name: str, label: str, pair: PairComparison, estimate: Estimate) -> str:
    if not pair.wins + pair.losses:
        return f"{name}, asked twice, has the same {label} both times on all {pair.records} records."
    ends = ""
    if estimate.low is not None and estimate.high is not None:
        ends = f" [{_signed(estimate.low)}, {_signed(estimate.high)}]"
    text = (
        f"{name}, asked twice, differs from itself by {_signed(estimate.mean)}{ends} in {label}: better the second time on "
        f"{pair.wins}, worse on {pair.losses}, the same on {pair.ties} of {pair.records} records."
    )
    if pair.interval.excludes(0.0):
        text += (
            " That is more than chance gives in 19 of 20 runs: the endpoint or the evaluator may not have been the same "
            "both times."
        )
    return text


def _signed(value: float) -> str:
    return f"{value + 0.0:+.3f}".replace("-", "\N{MINUS SIGN}")
