"""How many records a difference needs, and which difference some records show, for k candidates.

    n = ((c + z) sd / difference)^2

where c is what the largest of all pairs' statistics must exceed (`range_quantile`), and z the normal quantile of the
power. Both are for 80 % power and a false claim in 5 % of runs, and hold for comparing all pairs; elimination needs up
to a fifth fewer records.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from llmops_sdk.verdict.statistics.distributions import NORMAL, range_quantile
from llmops_sdk.verdict.statistics.variances import Variance

if TYPE_CHECKING:
    from numpy.typing import NDArray

POWER = 0.8
LEVEL = 0.05

_FEWEST = 2
_ROUNDING = 1e-9


def needed_records(difference: float, deviation: float, candidates: int = 2) -> int:
    """Return the number of records on which a true difference is found in 80 % of runs.

    Args:
        difference: The true difference of two candidates' means, above 0, in the metric's unit.
        deviation: The standard deviation of the paired differences, in the metric's unit.
        candidates: The number of candidates that are compared, two or more.
    """
    return math.ceil((_factor(candidates) * deviation / difference) ** 2)


def detectable_difference(records: int, deviation: float, candidates: int = 2) -> float:
    """Return the smallest true difference that is found in 80 % of runs, in the metric's unit.

    Args:
        records: The number of records, or of clusters, above 0.
        deviation: The standard deviation of the paired differences.
        candidates: The number of candidates that are compared, two or more.
    """
    return _factor(candidates) * deviation / math.sqrt(records)


def detectable_with_seeds(variances: Sequence[Variance]) -> float | None:
    """Return the smallest true difference that is found in 80 % of runs with training seeds, the median of all pairs.

    Args:
        variances: Those of the pairs' differences, with the seeds as a source of chance.
    """
    sizes = [
        (each.quantile(1 - LEVEL / 2 / len(variances)) + each.quantile(POWER)) * math.sqrt(each.value)
        for each in variances
    ]
    return median(sizes) if sizes else None


def deviation_of(differences: NDArray[Any], clusters: NDArray[Any] | None = None) -> float:
    """Return the standard deviation of paired differences, or the one of independent records with the same precision.

    Where records of a cluster depend on each other, that one is larger: their mean is less certain than their number
    suggests. It is 0 where all differences are the same before rounding, and NaN on fewer than two records or clusters.

    Args:
        differences: Shape (n,), NaN where a score is missing.
        clusters: Shape (n,), any labels of the records' clusters; None if each record is one.
    """
    import numpy as np

    present = ~np.isnan(differences)
    values = differences[present]
    labels = None if clusters is None else np.unique(clusters[present], return_inverse=True)[1].reshape(-1)
    groups = values.size if labels is None else int(labels.max(initial=-1)) + 1
    if groups < _FEWEST:
        return math.nan
    centred = values - values.mean()
    if np.abs(centred).max() <= _ROUNDING * np.abs(values).max():
        return 0.0
    sums = centred if labels is None else np.bincount(labels, centred)
    return math.sqrt(groups / (groups - 1) * float((sums**2).sum()) / values.size)


def needed_for_margin(margin: float, deviation: float, *, equivalence: bool) -> int:
    """Return the records on which two equal candidates are shown to be no worse, or equivalent, in 80 % of runs.

    Schuirmann, "A comparison of the two one-sided tests procedure and the power approach" (1987).

    Args:
        margin: Above 0, in the metric's unit.
        deviation: The standard deviation of the paired differences.
        equivalence: Whether neither may be better by the margin, or only the one no worse.
    """
    power = (1 + POWER) / 2 if equivalence else POWER
    factor = NORMAL.inv_cdf(1 - LEVEL) + NORMAL.inv_cdf(power)
    return math.ceil((factor * deviation / margin) ** 2)


def needed_for_limit(distance: float, deviation: float, *, level: float = LEVEL, height: float = 0.0) -> int | None:
    """Return the records on which a mean is shown to be on its side of a limit in 80 % of runs; None if no number does.

    With a height it is the mean of differences of which most are 0, whose bounds have two made-up records.

    Args:
        distance: From the limit to the true mean, in the metric's unit; its sign makes no difference.
        deviation: The standard deviation from record to record.
        level: Of the one-sided bound.
        height: Of the two made-up records, or 0.
    """
    if not distance:
        return None
    factor = (NORMAL.inv_cdf(1 - level) + NORMAL.inv_cdf(POWER)) / distance
    by_spread, by_height = (factor * deviation) ** 2, (factor * height) ** 2
    if not height:
        return math.ceil(by_spread)
    # (n + 2)^2 = factor^2 (n deviation^2 + 2 height^2), solved for n + 2
    return math.ceil((by_spread + math.sqrt(max(by_spread**2 + 8 * (by_height - by_spread), 0.0))) / 2 - 2)


def needed_for_share(share: float, limit: float, *, level: float = LEVEL) -> int | None:
    """Return the records on which a share is shown to be on its side of a limit in 80 % of runs; None if no number does.

    Args:
        share: The true share.
        limit: The limit, between 0 and 1, both excluded.
        level: Of the one-sided bound.
    """
    if share == limit:
        return None
    spread = NORMAL.inv_cdf(1 - level) * math.sqrt(limit * (1 - limit)) + NORMAL.inv_cdf(POWER) * math.sqrt(
        share * (1 - share)
    )
    # Where none is marked, the bound is 1 - level^(1/n).
    none_marked = math.log(level) / math.log(1 - limit) if share < limit else 0.0
    return math.ceil(max((spread / (share - limit)) ** 2, none_marked))


def _factor(candidates: int) -> float:
    return range_quantile(1 - LEVEL, candidates) + NORMAL.inv_cdf(POWER)
