"""The scores of all candidates on one dataset, metric by metric, with each record that has none treated by its reason.

A candidate's own failure (no answer, or one that the metric cannot use) is an outcome: it counts as the metric's worst
score. What failed for reasons outside the candidate is missing there. A record that a metric has no value of is left out
for all candidates, so that all means are of the same records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.values.results import CellResult
from llmops_sdk.values.scores import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Kind(IntEnum):
    """What a record's score is."""

    SCORED = 0
    FAILED = 1
    MISSING = 2
    UNDEFINED = 3


@attrs.frozen(eq=False)
class MetricColumn:
    """The scores of one candidate in one metric.

    Attributes:
        numbers: Shape (records,), NaN where there is none.
        kinds: Shape (records,), the `Kind` of each.
    """

    numbers: NDArray[Any]
    kinds: NDArray[Any]


@attrs.frozen
class CellColumn:
    """One cell with its scores, record by record.

    Attributes:
        result: What is reported of it; its estimates are not made yet.
        scores: Metric name to its scores.
    """

    result: CellResult
    scores: Mapping[str, MetricColumn]


@attrs.frozen(eq=False)
class MetricTable:
    """The scores of the candidates that have any, in one metric.

    Attributes:
        metric: The metric.
        candidates: The places of those candidates among the columns.
        values: Shape (candidates, records), in the metric's own direction; NaN where a score is missing or left out.
        failures: Shape (candidates,), the number of each one's own failures.
        missing: Shape (candidates,), the number of each one's missing scores.
        left_out: The number of records that are left out for all.
    """

    metric: Metric
    candidates: tuple[int, ...]
    values: NDArray[Any]
    failures: NDArray[Any]
    missing: NDArray[Any]
    left_out: int

    @property
    def sign(self) -> int:
        """1 if a larger number is better, -1 if a smaller one is."""
        return -1 if self.metric.higher_is_better is False else 1

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The worst and the best score, as numbers of which the larger is better."""
        bounds = self.metric.bounds
        if bounds is None:
            return None
        return bounds if self.sign > 0 else (-bounds[1], -bounds[0])

    @property
    def has_worthless_failures(self) -> bool:
        """Whether there are failures, and the metric declares no worst score to count them as."""
        return self.metric.worst is None and bool(self.failures.any())


def make_table(columns: Sequence[CellColumn], metric: Metric) -> MetricTable:
    """Return the table of one metric.

    Args:
        columns: The cells of a dataset; all have the same records.
        metric: The metric.
    """
    import numpy as np

    present = [place for place, column in enumerate(columns) if metric.name in column.scores]
    scores = [columns[place].scores[metric.name] for place in present]
    if not scores:
        empty = np.zeros(0, dtype=int)
        return MetricTable(metric, (), np.zeros((0, 0)), empty, empty, 0)
    kinds = np.stack([column.kinds for column in scores])
    values = np.stack([column.numbers for column in scores])
    if metric.worst is not None:
        values = np.where(kinds == Kind.FAILED, metric.worst, values)
    undefined = (kinds == Kind.UNDEFINED).any(axis=0)
    values = np.where(undefined, np.nan, values)
    kept = ~np.isnan(values).all(axis=1)
    return MetricTable(
        metric,
        tuple(place for place, keep in zip(present, kept, strict=True) if keep),
        values[kept],
        (kinds == Kind.FAILED)[kept].sum(axis=1),
        (kinds == Kind.MISSING)[kept].sum(axis=1),
        int(undefined.sum()),
    )
