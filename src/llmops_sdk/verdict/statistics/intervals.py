"""Intervals of means and of differences.

A mean of a metric with bounds has Wilson's interval ("Probable inference, the law of succession, and statistical
inference", JASA 22, 1927) with an effective number of records: the one at which a share would vary as the mean does.
It holds for rare and for binary scores, and is never a single point. A difference has the interval of the values that
the flip test does not reject (Fieller, JRSS B 16, 1954): it excludes 0 only where the test rejects. Where most
differences are 0, or all are equal, it has two made-up clusters of opposite signs (Bonett and Price, "Adjusted Wald
confidence interval for a difference of binomial proportions based on paired data", JEBS 37, 2012).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.verdict.statistics.distributions import NORMAL
from llmops_sdk.verdict.statistics.pairs import Parts
from llmops_sdk.verdict.statistics.variances import Variance, add_variances, variance_of_records, with_seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen
class Interval:
    """Two ends; None where there is no end: too few clusters to bound it.

    Attributes:
        low: Lower end.
        high: Upper end.
    """

    low: float | None
    high: float | None

    def excludes(self, value: float) -> bool:
        """Whether a value lies outside."""
        return (self.low is not None and value < self.low) or (self.high is not None and value > self.high)


UNBOUNDED = Interval(None, None)

_ROUNDING = 1e-9
"""The relative difference of two numbers that may be the same before rounding."""

_FEWEST = 2
"""Clusters that a variance needs."""


def mean_interval(
    values: NDArray[Any],
    clusters: NDArray[Any],
    bounds: tuple[float, float] | None,
    level: float = 0.95,
    seeds: Variance | None = None,
) -> Interval:
    """Return the interval of a mean over records.

    Args:
        values: Shape (n,), without NaN; of a recipe, the means over its checkpoints.
        clusters: Shape (n,), any labels of the records' clusters.
        bounds: The smallest and the largest value that the metric can have, or None. A value outside widens them.
        level: Such as 0.95.
        seeds: The variance of the mean that comes from training seeds; None for a single checkpoint.
    """
    import numpy as np

    if not values.size:
        return UNBOUNDED
    mean = float(values.mean())
    labels = np.unique(clusters, return_inverse=True)[1].reshape(values.size)
    groups = int(labels.max()) + 1
    if groups < _FEWEST:
        return Interval(*bounds) if bounds else UNBOUNDED
    by_records = variance_of_records(np.bincount(labels, values - mean), np.bincount(labels))
    total = with_seeds(by_records, [seeds] if seeds else [])
    if bounds is None and np.ptp(values) == 0:
        return UNBOUNDED
    return _around(mean, total, groups, values, bounds, level)


def weighted_mean_interval(
    values: NDArray[Any],
    clusters: NDArray[Any],
    parts: Parts,
    bounds: tuple[float, float] | None,
    level: float = 0.95,
) -> Interval:
    """Return the interval of a weighted mean of datasets' means: their variances add up.

    Args:
        values: Shape (n,), without NaN.
        clusters: Shape (n,), any labels of the records' clusters; no cluster has records of two datasets.
        parts: The datasets; each has a record.
        bounds: The smallest and the largest value that the metric can have, or None.
        level: Such as 0.95.
    """
    import numpy as np

    variances, counts = [], []
    for number, weight in enumerate(parts.weights):
        own = parts.numbers == number
        labels = np.unique(clusters[own], return_inverse=True)[1].reshape(-1)
        counts.append(int(labels.max()) + 1)
        if counts[-1] < _FEWEST:
            return Interval(*bounds) if bounds else UNBOUNDED
        residuals = values[own] - values[own].mean()
        variance = variance_of_records(np.bincount(labels, residuals), np.bincount(labels))
        variances.append(Variance(weight**2 * variance.value, variance.freedom))
    total = add_variances(variances)
    if bounds is None and total.value == 0:
        return UNBOUNDED
    groups = 1 / float((parts.weights**2 / np.array(counts)).sum())
    return _around(parts.mean(values), total, groups, values, bounds, level)


def _around(  # what the two means' intervals have in common
    mean: float,
    total: Variance,
    groups: float,
    values: NDArray[Any],
    bounds: tuple[float, float] | None,
    level: float,
) -> Interval:
    """Return the interval of a mean from its variance, and from the effective number of clusters where that is 0."""
    variance, t = total.value, total.quantile((1 + level) / 2)
    if bounds is None:
        return Interval(mean - t * math.sqrt(variance), mean + t * math.sqrt(variance))
    ends = min(bounds[0], float(values.min())), max(bounds[1], float(values.max()))
    return bounded_interval(mean, variance, t, groups, ends)


def bounded_interval(mean: float, variance: float, t: float, groups: float, bounds: tuple[float, float]) -> Interval:
    """Return Wilson's interval of a mean that lies between two bounds.

    Args:
        mean: The mean.
        variance: Of the mean; where it is 0, the number of clusters stands for it.
        t: The quantile of the interval's level.
        groups: The number of clusters.
        bounds: The smallest and the largest value that the metric can have.
    """
    low, width = bounds[0], bounds[1] - bounds[0]
    share = (mean - low) / width
    spread = share * (1 - share)
    effective = spread * width**2 / variance if variance > 1e-24 * width**2 and spread > 0 else groups
    centre = (share + t * t / (2 * effective)) / (1 + t * t / effective)
    half = t * math.sqrt(spread / effective + (t / (2 * effective)) ** 2) / (1 + t * t / effective)
    return Interval(low + width * max(0.0, centre - half), low + width * min(1.0, centre + half))


def difference_interval(
    sums: NDArray[Any], counts: NDArray[Any], critical: float, *, largest: float | None = None, two_sided: bool = True
) -> Interval:
    """Return the mean differences that a flip test does not reject.

    Args:
        sums: Shape (clusters,), the sum of each cluster's differences.
        counts: Shape (clusters,), the number of records they rest on.
        critical: What the test's statistic must exceed to reject.
        largest: The largest difference that the metric can have, for differences that are all 0; None if unknown.
        two_sided: Whether both ends are used; it sets the least critical value where most differences are 0.
    """
    return difference_intervals(sums, counts, [critical], largest=largest, two_sided=two_sided)[0]


def difference_intervals(
    sums: NDArray[Any],
    counts: NDArray[Any],
    criticals: Sequence[float],
    *,
    largest: float | None = None,
    two_sided: bool = True,
) -> list[Interval]:
    """Return one interval of the same differences for each critical value; see `difference_interval`."""
    import numpy as np

    if not counts.all():
        sums, counts = sums[counts > 0], counts[counts > 0]
    if not sums.size:
        return [UNBOUNDED] * len(criticals)
    total, records = float(sums.sum()), float(counts.sum())
    squares, products, sizes = float(sums @ sums), float(sums @ counts), float(counts @ counts)
    means = sums / counts
    if 2 * np.count_nonzero(sums) < sums.size or np.ptp(means) <= _ROUNDING * np.abs(means).max():
        size = records / sums.size
        height = float(np.abs(sums).max()) or (largest or 0.0) * size
        if height == 0:
            return [UNBOUNDED] * len(criticals)
        # With fewer than six differences that are not 0, no test rejects, and this interval does not exclude 0 either.
        least = NORMAL.inv_cdf(0.975 if two_sided else 0.95)
        criticals = [least if math.isinf(critical) else max(critical, least) for critical in criticals]
        records, squares, sizes = records + 2 * size, squares + 2 * height**2, sizes + 2 * size**2

    def interval(critical: float) -> Interval:
        if math.isinf(critical):
            return UNBOUNDED
        solved = _fieller(total, records, squares, products, sizes, critical)
        if largest is None or solved.low is None or solved.high is None:
            return solved
        return Interval(max(solved.low, -largest), min(solved.high, largest))

    return [interval(critical) for critical in criticals]


def _fieller(  # the six sums of the quadratic have no other meaning together
    total: float, records: float, squares: float, products: float, sizes: float, critical: float
) -> Interval:
    """Return all d with (total - d records)^2 <= critical^2 (squares - 2 d products + d^2 sizes)."""
    factor = critical**2 * (1 + 1e-9)
    a = records**2 - factor * sizes
    if a <= 1e-12 * records**2:
        return UNBOUNDED
    b, c = total * records - factor * products, total**2 - factor * squares
    root = math.sqrt(max(b * b - a * c, 0.0))
    return Interval((b - root) / a, (b + root) / a)
