"""Variances of a mean, each from one source of chance, and their sum.

The degrees of freedom of a sum are Satterthwaite's ("An approximate distribution of estimates of variance components",
Biometrics 2, 1946).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen
class Variance:
    """The variance of a mean.

    Attributes:
        value: The variance.
        freedom: Its degrees of freedom.
    """

    value: float
    freedom: float


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
