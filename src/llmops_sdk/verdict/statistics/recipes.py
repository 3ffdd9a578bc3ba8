"""Recipes: candidates that were trained with several seeds, so that a claim is about more than one checkpoint.

The seed and the records are both random: the variance of a difference is that of the two candidates' means over seeds
plus that of the records' differences, with Satterthwaite's degrees of freedom ("An approximate distribution of
estimates of variance components", Biometrics 2, 1946). A candidate that was not trained, or only once, has no term of
seeds. P values of several pairs are adjusted by Holm ("A simple sequentially rejective multiple test procedure", 1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.verdict.statistics.distributions import t_cdf, t_quantile
from llmops_sdk.verdict.statistics.intervals import UNBOUNDED, Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen
class RecipeTest:
    """The test of one pair.

    Attributes:
        mean: The mean difference, first minus second, over the records that all seeds of both have.
        interval: With 95 %, from the same t as the p value.
        p_value: Two-sided, not adjusted for other pairs.
        records: The number of records.
        freedom: Degrees of freedom.
        error: The standard error of the difference.
    """

    mean: float
    interval: Interval
    p_value: float
    records: int
    freedom: float
    error: float


def compare_recipes(
    first: NDArray[Any], second: NDArray[Any], clusters: NDArray[Any], level: float = 0.95
) -> RecipeTest:
    """Compare two candidates, each with the scores of one or more seeds.

    Args:
        first: Shape (seeds, n), NaN where a score is missing; one row for a candidate without seeds.
        second: Shape (seeds of the other, n).
        clusters: Shape (n,), any labels of the records' clusters.
        level: Of the interval.
    """
    import numpy as np

    present = ~(np.isnan(first).any(axis=0) | np.isnan(second).any(axis=0))
    first, second = first[:, present], second[:, present]
    records = int(present.sum())
    if not records:
        return RecipeTest(math.nan, UNBOUNDED, 1.0, 0, 0.0, math.nan)
    differences = first.mean(axis=0) - second.mean(axis=0)
    mean = float(differences.mean())
    labels = np.unique(clusters[present], return_inverse=True)[1].reshape(records)
    groups = int(labels.max()) + 1
    if groups == 1:
        return RecipeTest(mean, UNBOUNDED, 1.0, records, 0.0, math.nan)
    sums = np.bincount(labels, differences - mean)
    parts = [(groups / (groups - 1) * float((sums**2).sum()) / records**2, groups - 1)]
    parts += [
        (float(scores.mean(axis=1).var(ddof=1)) / len(scores), len(scores) - 1)
        for scores in (first, second)
        if len(scores) > 1
    ]
    variance = math.fsum(part for part, _ in parts)
    if variance <= 1e-24 * max(mean * mean, 1.0):
        return RecipeTest(mean, UNBOUNDED, 1.0, records, groups - 1, 0.0)
    freedom = variance**2 / math.fsum(part**2 / degrees for part, degrees in parts)
    error = math.sqrt(variance)
    half = t_quantile((1 + level) / 2, freedom) * error
    p_value = 2 * t_cdf(-abs(mean) / error, freedom)
    return RecipeTest(mean, Interval(mean - half, mean + half), p_value, records, freedom, error)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted for their number, in the same order."""
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = largest
    return adjusted
