"""Variances of a mean, each from one source of chance, and their sum.

The degrees of freedom of a sum are Satterthwaite's ("An approximate distribution of estimates of variance components",
Biometrics 2, 1946). They are too many where one part has very few and by chance looks small, as that of two or three
seeds does beside that of many records: up to 12 % of equal recipes differ then. The quantile of such a sum is the mean of
its parts' quantiles, weighted by their variances (Cochran and Cox, "Experimental Designs", 1950), which holds throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.verdict.statistics.distributions import t_cdf, t_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALLEST = 1e-12
"""The smallest p value of a sum."""

_STEPS = 30
_PRECISION = 1e-6


@attrs.frozen
class Variance:
    """The variance of a mean.

    Attributes:
        value: The variance.
        freedom: Its degrees of freedom.
        parts: The variances of records and of seeds of which it is the sum; empty without seeds.
    """

    value: float
    freedom: float
    parts: tuple[Variance, ...] = ()

    def quantile(self, probability: float) -> float:
        """Return what the mean by its standard error does not exceed with this probability, if the true mean is 0."""
        if not self.parts or self.value == 0:
            return t_quantile(probability, self.freedom)
        return math.fsum(part.value * t_quantile(probability, part.freedom) for part in self.parts) / self.value

    def p_value(self, mean: float) -> float:
        """Return the two-sided p value of a mean: the level at which `quantile` is the mean by its standard error."""
        statistic = abs(mean) / math.sqrt(self.value)
        ends = [2 * t_cdf(-statistic, part.freedom) for part in self.parts or (self,)]
        low, high = max(min(ends), _SMALLEST), max(*ends, _SMALLEST)
        if high <= low * (1 + _PRECISION):
            return high
        return _solve(lambda level: self.quantile(1 - level / 2) / statistic, low, high)


def _solve(ratio: Callable[[float], float], low: float, high: float) -> float:
    """Return where a decreasing function is 1, by the Illinois method on logarithmic scales."""
    at_low, at_high = math.log(ratio(low)), math.log(ratio(high))
    left, right = math.log(low), math.log(high)
    for _ in range(_STEPS):
        if at_low <= 0 or at_high >= 0 or right - left <= _PRECISION:
            break
        middle = (left * at_high - right * at_low) / (at_high - at_low)
        value = math.log(ratio(math.exp(middle)))
        if abs(value) <= _PRECISION:
            return math.exp(middle)
        if value > 0:
            left, at_low, at_high = middle, value, at_high / 2
        else:
            right, at_high, at_low = middle, value, at_low / 2
    return math.exp(left if at_low <= 0 else right)


def variance_of_records(sums: NDArray[Any], counts: NDArray[Any]) -> Variance:
    """Return the variance of a mean over records, which is robust to records that depend on each other.

    Args:
        sums: Shape (clusters,), the sum of each cluster; two clusters or more.
        counts: Shape (clusters,), its number of records.
    """
    clusters, records = len(sums), float(counts.sum())
    residuals = sums - float(sums.sum()) / records * counts
    return Variance(clusters / (clusters - 1) * float((residuals**2).sum()) / records**2, clusters - 1)


def variance_of_seeds(scores: NDArray[Any]) -> Variance | None:
    """Return the variance of the mean over checkpoints that comes from their seeds; None for a single checkpoint.

    Args:
        scores: Shape (checkpoints, n), without NaN.
    """
    checkpoints = len(scores)
    if checkpoints == 1 or not scores.size:
        return None
    return Variance(float(scores.mean(axis=1).var(ddof=1)) / checkpoints, checkpoints - 1)


def add_variances(parts: Sequence[Variance]) -> Variance:
    """Return the variance of a sum of independent numbers; of parts that are all 0, with the freedom of the first."""
    total = math.fsum(part.value for part in parts)
    if total == 0:
        return parts[0]
    return Variance(total, total**2 / math.fsum(part.value**2 / part.freedom for part in parts))


def with_seeds(records: Variance, seeds: Sequence[Variance]) -> Variance:
    """Return the variance of a mean, or of a difference, from its records and from the seeds of its candidates.

    Args:
        records: From the records.
        seeds: From the seeds of each candidate that has some.
    """
    if not seeds:
        return records
    of_seeds = add_variances(seeds)
    return attrs.evolve(add_variances([records, of_seeds]), parts=(records, of_seeds))
