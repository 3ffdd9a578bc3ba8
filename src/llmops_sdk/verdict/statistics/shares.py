"""Bounds of a share: how many of all records have a property, such as a failed answer, by those that were counted.

They are exact for independent records: each bound is wrong in at most the stated share of runs, whatever the true share is
(Clopper and Pearson, "The use of confidence or fiducial limits", Biometrika 26, 1934). Records that depend on each other
count as fewer independent ones (Korn and Graubard, "Confidence intervals for proportions with small expected number of
positive counts estimated from survey data", Survey Methodology 24, 1998).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmops_sdk.verdict.statistics.distributions import beta_quantile, t_quantile
from llmops_sdk.verdict.statistics.intervals import Interval
from llmops_sdk.verdict.statistics.variances import variance_of_records

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEWEST = 2
"""Clusters that a variance needs."""


def share_bound(marked: float, total: float, level: float, *, upper: bool) -> float:
    """Return a bound of a share that is wrong in at most `level` of runs.

    Args:
        marked: The number of marked records; it need not be whole.
        total: The number of all records.
        level: Such as 0.05.
        upper: Whether the share is at most the bound, or at least.
    """
    if upper:
        return 1.0 if marked >= total else beta_quantile(1 - level, marked + 1, total - marked)
    return 0.0 if marked <= 0 else beta_quantile(level, marked, total - marked + 1)


def share_interval(marked: NDArray[Any], clusters: NDArray[Any], low: float, high: float) -> Interval:
    """Return the bounds of a share, each at a level of its own.

    Args:
        marked: Shape (n,), whether each record is marked.
        clusters: Shape (n,), any labels of the records' clusters.
        low: The level of the lower bound.
        high: The level of the upper bound.
    """
    import numpy as np

    total, groups = marked.size, np.unique(clusters).size
    if groups < min(total, _FEWEST) or not total:
        return Interval(0.0, 1.0)
    share, effective = float(marked.mean()), effective_records(marked, clusters)

    def bound(level: float, *, upper: bool) -> float:
        records = effective
        if groups < total:
            records *= (t_quantile(1 - level, total - 1) / t_quantile(1 - level, groups - 1)) ** 2
        return share_bound(share * records, records, level, upper=upper)

    return Interval(bound(low, upper=False), bound(high, upper=True))


def effective_records(marked: NDArray[Any], clusters: NDArray[Any]) -> float:
    """Return the number of independent records that show as much as these.

    Args:
        marked: Shape (n,), whether each record is marked.
        clusters: Shape (n,), any labels of the records' clusters.
    """
    import numpy as np

    labels = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    groups, total = int(labels.max(initial=-1)) + 1, marked.size
    if groups in (total, 1):
        return float(groups)
    share = float(marked.mean())
    variance = variance_of_records(np.bincount(labels, marked.astype(float)), np.bincount(labels)).value
    return min(share * (1 - share) / variance, float(total)) if variance > 0 else float(groups)
