"""Recipes: candidates that were trained with several seeds, so that a claim is about more than one checkpoint.

The seed and the records are both random: the variance of a difference is that of the two candidates' means over seeds
plus that of the records' differences. A candidate that was not trained, or only once, has no variance of seeds. Where all
differences are equal, there are two made-up clusters of opposite signs, as in the intervals of differences. P values of
several pairs are adjusted by Holm ("A simple sequentially rejective multiple test procedure", 1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.verdict.statistics.intervals import UNBOUNDED, Interval, mean_interval
from llmops_sdk.verdict.statistics.variances import Variance, variance_of_records, variance_of_seeds, with_seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen
class RecipeTest:
    """The test of one pair.

    Attributes:
        mean: The mean difference, first minus second, over the records that all seeds of both have.
        centre: The middle of its intervals: the mean, unless there are made-up clusters.
        records: The number of records.
        variance: That of the difference; None where there are too few records to know it.
        seed_share: The share of the variance that comes from training seeds.
    """

    mean: float
    centre: float
    records: int
    variance: Variance | None
    seed_share: float

    @cached_property
    def p_value(self) -> float:
        """Two-sided, not adjusted for other pairs."""
        return 1.0 if self.variance is None else self.variance.p_value(self.centre)

    def interval(self, level: float = 0.95) -> Interval:
        """Return the interval of the difference, from the same t as the p value."""
        if self.variance is None:
            return UNBOUNDED
        half = self.variance.quantile((1 + level) / 2) * math.sqrt(self.variance.value)
        return Interval(self.centre - half, self.centre + half)


def compare_recipes(
    first: NDArray[Any], second: NDArray[Any], clusters: NDArray[Any], *, largest: float | None = None
) -> RecipeTest:
    """Compare two candidates, each with the scores of one or more seeds.

    Args:
        first: Shape (seeds, n), NaN where a score is missing; one row for a candidate without seeds.
        second: Shape (seeds of the other, n).
        clusters: Shape (n,), any labels of the records' clusters.
        largest: The largest difference that the metric can have, for differences that are all 0; None if unknown.
    """
    import numpy as np

    present = ~(np.isnan(first).any(axis=0) | np.isnan(second).any(axis=0))
    first, second = first[:, present], second[:, present]
    records = int(present.sum())
    if not records:
        return RecipeTest(math.nan, math.nan, 0, None, 0.0)
    differences = first.mean(axis=0) - second.mean(axis=0)
    mean = float(differences.mean())
    labels = np.unique(clusters[present], return_inverse=True)[1].reshape(records)
    sums, counts = np.bincount(labels, differences), np.bincount(labels).astype(float)
    if len(sums) > 1 and np.ptp(sums / counts) <= 1e-12 * np.abs(sums).max():
        size = records / len(sums)
        height = float(np.abs(sums).max()) or (largest or 0.0) * size
        sums, counts = np.append(sums, [height, -height]), np.append(counts, [size, size])
    if len(sums) == 1 or not sums.any():
        return RecipeTest(mean, mean, records, None, 0.0)
    by_seeds = [part for scores in (first, second) if (part := variance_of_seeds(scores)) is not None]
    variance = with_seeds(variance_of_records(sums, counts), by_seeds)
    centre = float(sums.sum() / counts.sum())
    share = math.fsum(part.value for part in by_seeds) / variance.value
    return RecipeTest(mean, centre, records, variance, share)


def mean_over_seeds(
    scores: NDArray[Any], clusters: NDArray[Any] | None, bounds: tuple[float, float] | None, level: float = 0.95
) -> Interval:
    """Return the interval of the mean of a candidate, on the records that all of its seeds have.

    Args:
        scores: Shape (seeds, n), NaN where a score is missing; one row for a candidate without seeds.
        clusters: Shape (n,), any labels of the records' clusters; None if none depend on each other.
        bounds: The smallest and the largest value that the metric can have, or None.
        level: Such as 0.95.
    """
    import numpy as np

    present = ~np.isnan(scores).any(axis=0)
    labels = np.arange(present.size) if clusters is None else clusters
    scores = scores[:, present]
    return mean_interval(scores.mean(axis=0), labels[present], bounds, level, variance_of_seeds(scores))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted for their number, in the same order."""
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = largest
    return adjusted
