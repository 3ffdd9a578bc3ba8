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
from llmops_sdk.verdict.statistics.checkpoints import CheckpointScores
from llmops_sdk.verdict.statistics.intervals import Interval, weighted_mean_interval
from llmops_sdk.verdict.statistics.pairs import Parts, Scores
from llmops_sdk.verdict.statistics.recipes import mean_over_seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Kind(IntEnum):
    """What a record's score is."""

    SCORED = 0
    FAILED = 1
    MISSING = 2
    UNDEFINED = 3
    NOT_ASKED = 4


def _by_checkpoint(values: NDArray[Any]) -> NDArray[Any]:
    return values.reshape((1,) * (3 - values.ndim) + values.shape)


@attrs.frozen(eq=False)
class MetricColumn:
    """The scores of one candidate in one metric. Where each record was asked several times, a score for each answer.

    Attributes:
        numbers: Shape (checkpoints, repeats, records), NaN where there is none; or (repeats, records), (records,) for one
            checkpoint and one answer to each record.
        kinds: Of the same shape, the `Kind` of each.
    """

    numbers: NDArray[Any] = attrs.field(converter=_by_checkpoint)
    kinds: NDArray[Any] = attrs.field(converter=_by_checkpoint)

    def is_undefined(self) -> NDArray[Any]:
        """Return which records an answer has no score of that is defined, shape (records,)."""
        undefined: NDArray[Any] = (self.kinds == Kind.UNDEFINED).any(axis=(0, 1))
        return undefined

    def failures(self, checkpoint: int) -> int:
        """Return the number of answers of a checkpoint that failed for a reason of the candidate's own."""
        return int((self.kinds[checkpoint] == Kind.FAILED).sum())

    def by_checkpoint(self, worst: float | None) -> NDArray[Any]:
        """Return the mean score of each record's answers, shape (checkpoints, records).

        It is NaN where one of them has no score: what is missing need not be missing by chance.

        Args:
            worst: What a candidate's own failure counts as; None for no number.
        """
        import numpy as np

        numbers = self.numbers if worst is None else np.where(self.kinds == Kind.FAILED, worst, self.numbers)
        means: NDArray[Any] = np.sort(numbers, axis=1).mean(axis=1)  # sorted: the same scores have the same mean
        return means


@attrs.frozen
class CellColumn:
    """One candidate with its scores, record by record.

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
        values: Shape (candidates, records), in the metric's own direction; NaN where a score is missing or left out. Of a
            recipe, the means over its checkpoints, on the records that all of them have.
        checkpoints: The same for each candidate, shape (checkpoints, records); a single one without seeds.
        failures: Shape (candidates,), the number of each one's own failures, by answer.
        missing: Shape (candidates,), the number of each one's missing scores, by answer.
        left_out: The number of records that are left out for all.
        parts: The datasets of the records, for weighted means over several; None for one dataset.
    """

    metric: Metric
    candidates: tuple[int, ...]
    values: NDArray[Any]
    checkpoints: tuple[NDArray[Any], ...]
    failures: NDArray[Any]
    missing: NDArray[Any]
    left_out: int
    parts: Parts | None = None

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
    def has_seeds(self) -> bool:
        """Whether a candidate was trained with several seeds."""
        return any(len(scores) > 1 for scores in self.checkpoints)

    def checkpoint_scores(self, clusters: NDArray[Any] | None) -> CheckpointScores:
        """Return the scores of all checkpoints, a larger number being better.

        Args:
            clusters: Labels of the records that depend on each other, shape (records,); None if none do.
        """
        return CheckpointScores.of((self.sign * scores for scores in self.checkpoints), clusters, self.parts)

    def scores(self, clusters: NDArray[Any] | None) -> Scores:
        """Return the scores of all candidates, as `checkpoint_scores` does."""
        return Scores.of(self.sign * self.values, clusters, self.parts)

    def with_means(self) -> MetricTable:
        """Return the table with each recipe as the mean of its checkpoints, which are then no chance."""
        return attrs.evolve(self, checkpoints=tuple(values[None] for values in self.values))

    def mean(self, row: int) -> float:
        """Return the mean of a candidate, in the metric's own direction."""
        import numpy as np

        values = self.values[row]
        return float(values[~np.isnan(values)].mean()) if self.parts is None else self.parts.mean(values)

    def interval(
        self, row: int, clusters: NDArray[Any] | None, level: float = 0.95, checkpoint: int | None = None
    ) -> Interval:
        """Return the interval of a candidate's mean; of a recipe, with its seeds as a source of chance.

        Args:
            row: The candidate's place in `values`.
            clusters: Labels of the records that depend on each other, shape (records,); None if none do.
            level: Such as 0.95.
            checkpoint: The place of one checkpoint, for its mean alone.
        """
        if self.parts is not None:
            return self._weighted_interval(self.parts, self.values[row], clusters, level)
        scores = self.checkpoints[row] if checkpoint is None else self.checkpoints[row][[checkpoint]]
        return mean_over_seeds(scores, clusters, self.metric.bounds, level)

    def _weighted_interval(
        self, parts: Parts, values: NDArray[Any], clusters: NDArray[Any] | None, level: float
    ) -> Interval:
        import numpy as np

        present = ~np.isnan(values)
        labels = np.arange(present.size) if clusters is None else clusters
        own = Parts(parts.numbers[present], parts.weights)
        return weighted_mean_interval(values[present], labels[present], own, self.metric.bounds, level)

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
        return MetricTable(metric, (), np.zeros((0, 0)), (), empty, empty, 0)
    nothing = [
        bool(column.is_undefined().all()) for column in scores
    ]  # it is not compared, and takes no record from others
    undefined = np.stack(
        [column.is_undefined() & (not without) for column, without in zip(scores, nothing, strict=True)]
    ).any(axis=0)
    checkpoints = [np.where(undefined, np.nan, column.by_checkpoint(metric.worst)) for column in scores]
    values = np.stack([each.mean(axis=0) for each in checkpoints])
    kept = ~np.isnan(values).all(axis=1) & ~np.array(nothing)
    failures, missing = (
        np.array([(column.kinds == kind).sum() for column in scores])[kept] for kind in (Kind.FAILED, Kind.MISSING)
    )
    return MetricTable(
        metric,
        tuple(place for place, keep in zip(present, kept, strict=True) if keep),
        values[kept],
        tuple(each for each, keep in zip(checkpoints, kept, strict=True) if keep),
        failures,
        missing,
        int(undefined.sum()),
    )
