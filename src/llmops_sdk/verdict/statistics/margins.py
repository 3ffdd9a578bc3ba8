"""No worse than a baseline, or equivalent to it, within a margin that was named before the run.

Bounds invert the flip test, as the intervals of differences do; what they must exceed is the largest statistic over all
comparisons with the baseline, so that the level holds for all of them together (Dunnett's family). Equivalence is two
one-sided tests (Schuirmann 1987). Piaggio et al., "Reporting of noninferiority and equivalence randomized trials"
(JAMA 308, 2012).
"""

from __future__ import annotations

import attrs

from llmops_sdk.verdict.statistics.flips import Null
from llmops_sdk.verdict.statistics.intervals import Interval, difference_interval
from llmops_sdk.verdict.statistics.pairs import Pairs


@attrs.frozen
class MarginTest:
    """One candidate against the baseline.

    Attributes:
        candidate: Its place.
        mean: The mean difference, candidate minus baseline; a larger number is better.
        bounds: One-sided 95 % bounds below and above: together the 90 % interval.
        no_worse: Whether the lower bound lies above minus the margin.
        equivalent: Whether both lie within the margin.
    """

    candidate: int
    mean: float
    bounds: Interval
    no_worse: bool
    equivalent: bool


def compare_with_margin(
    pairs: Pairs, null: Null, baseline: int, margin: float, *, largest: float | None = None, level: float = 0.05
) -> tuple[MarginTest, ...]:
    """Compare every candidate with the baseline, in their order.

    Args:
        pairs: The differences of all pairs.
        null: Their statistics under flips.
        baseline: The place of the baseline.
        margin: Above 0, in the metric's unit.
        largest: The largest difference that the metric can have; None if unknown.
        level: Of each side, for all candidates together.
    """
    import numpy as np

    columns = np.flatnonzero((pairs.first == baseline) | (pairs.second == baseline))
    signs = np.where(pairs.second[columns] == baseline, 1.0, -1.0)
    critical = max(null.one_sided(level, signs, columns), null.one_sided(level, -signs, columns))
    tests = []
    for column, sign in zip(columns, signs, strict=True):
        candidate = int(pairs.first[column] if sign > 0 else pairs.second[column])
        sums, counts = sign * pairs.sums[column], pairs.counts[column]
        bounds = difference_interval(sums, counts, critical, largest=largest, two_sided=False)
        no_worse = bounds.low is not None and bounds.low > -margin
        no_better = bounds.high is not None and bounds.high < margin
        mean = float(sums.sum() / counts.sum()) if counts.sum() else float("nan")
        tests.append(MarginTest(candidate, mean, bounds, no_worse, no_worse and no_better))
    return tuple(tests)
