"""A judge's means, corrected with people's grades of some answers: prediction-powered inference.

The judge's mean over the records that nobody graded is corrected by how far it is off on those that people graded. The
weight of the judge, between 0 and 1, makes the differences of all pairs as precise as possible together: a judge that says
nothing has the weight 0, and the mean is that of the grades. Angelopoulos, Duchi and Zrnic, "PPI++: efficient
prediction-powered inference" (arXiv 2311.01453, 2023), example 6.1 and section 6. One weight for all keeps means and
differences consistent. It holds for grades of a random sample of the records.

The published intervals are for many grades. Here the variance has the degrees of freedom of the graded records,
that of records that depend on each other is summed by cluster, and a mean within bounds has Wilson's interval.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.verdict.statistics.comparison import FEWEST_CLUSTERS, FEWEST_RECORDS
from llmops_sdk.verdict.statistics.distributions import t_cdf, t_quantile
from llmops_sdk.verdict.statistics.intervals import UNBOUNDED, Interval, bounded_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ROUNDING = 1e-12
"""Below it, differences are those of rounding."""


@attrs.frozen
class Corrected:
    """A corrected mean, or a corrected difference of two.

    Attributes:
        value: The number.
        error: Its standard error, as published.
        groups: The number of clusters with a graded record; without clusters, of graded records.
        freedom: The degrees of freedom of the error; 0 or less where there are too few grades.
    """

    value: float
    error: float
    groups: int
    freedom: int

    @property
    def scaled_error(self) -> float:
        """The standard error with the variance divided by the degrees of freedom; 0 where it is not known."""
        return self.error * math.sqrt(self.groups / self.freedom) if self.freedom > 0 else 0.0

    def interval(self, level: float = 0.95) -> Interval:
        """Return the interval; it has no ends where all residuals are the same, or the grades too few."""
        error = self.scaled_error
        if error == 0:
            return UNBOUNDED
        half = t_quantile((1 + level) / 2, self.freedom) * error
        return Interval(self.value - half, self.value + half)

    def interval_within(self, bounds: tuple[float, float] | None, level: float = 0.95) -> Interval:
        """Return Wilson's interval of a mean, which lies within the metric's bounds; without bounds, `interval`."""
        if bounds is None or self.freedom <= 0:
            return self.interval(level)
        mean = min(max(self.value, bounds[0]), bounds[1])
        t = t_quantile((1 + level) / 2, self.freedom)
        return bounded_interval(mean, self.scaled_error**2, t, self.groups, bounds)

    @property
    def p_value(self) -> float:
        """The two-sided p value of its being 0; 1 where the error is not known."""
        error = self.scaled_error
        return min(1.0, 2 * t_cdf(-abs(self.value) / error, self.freedom)) if error else 1.0


@attrs.frozen
class CorrectedPair:
    """Two candidates.

    Attributes:
        first: The place of the one.
        second: The place of the other.
        difference: Of the corrected means, first minus second.
        adjusted: The p value, by Holm for all pairs.
        wins: Graded records on which people prefer the first.
        losses: Graded records on which they prefer the second.
        clusters: The number of clusters with a graded record on which their grades differ.
        records: The number of graded records.
    """

    first: int
    second: int
    difference: Corrected
    adjusted: float
    wins: int
    losses: int
    clusters: int
    records: int

    @property
    def is_enough(self) -> bool:
        """Whether there are enough grades, and grades that differ, for a claim."""
        return self.records >= FEWEST_RECORDS and self.clusters >= FEWEST_CLUSTERS

    def differs(self, level: float = 0.05) -> bool:
        """Whether the two differ, at a level that holds for all pairs."""
        return self.is_enough and self.adjusted <= level


@attrs.frozen
class Correction:
    """The corrected means of all candidates.

    Attributes:
        weight: How much the judge counts, from 0 to 1.
        means: Of each candidate.
        pairs: All pairs, in the order (0, 1), (0, 2), ..., (1, 2), ...
        graded: The number of records that have a grade of every candidate.
        others: The number of records that the judge alone scored.
    """

    weight: float
    means: tuple[Corrected, ...]
    pairs: tuple[CorrectedPair, ...]
    graded: int
    others: int

    def pair(self, first: int, second: int) -> CorrectedPair:
        """Return the pair of two candidates, as first minus second."""
        for pair in self.pairs:
            if (pair.first, pair.second) == (first, second):
                return pair
            if (pair.second, pair.first) == (first, second):
                turned = attrs.evolve(pair.difference, value=-pair.difference.value)
                return attrs.evolve(
                    pair, first=first, second=second, difference=turned, wins=pair.losses, losses=pair.wins
                )
        message = f"there is no pair of {first} and {second}"
        raise KeyError(message)


def correct(
    judge: NDArray[Any], grades: NDArray[Any], clusters: NDArray[Any] | None = None, weight: float | None = None
) -> Correction:
    """Correct a judge's means with people's grades.

    A record counts if the judge scored it for every candidate; it is graded if people graded it for every candidate.

    Args:
        judge: Shape (candidates, records), the judge's scores, NaN where there is none.
        grades: The same of people's grades, on any scale, such as the means over graders.
        clusters: Labels of the records that depend on each other, shape (records,); None if none do.
        weight: How much the judge counts; by default the most precise weight.
    """
    import numpy as np

    scored = ~np.isnan(judge).any(axis=0)
    graded = scored & ~np.isnan(grades).any(axis=0)
    labels = np.arange(scored.size) if clusters is None else np.unique(clusters, return_inverse=True)[1].reshape(-1)
    sample = _Sample(
        grades[:, graded], judge[:, graded], judge[:, scored & ~graded], labels[graded], labels[scored & ~graded]
    )
    couples = list(combinations(range(len(judge)), 2))
    if weight is None:
        contrasts = np.zeros((len(couples), len(judge)))
        for row, (first, second) in enumerate(couples):
            contrasts[row, first], contrasts[row, second] = 1.0, -1.0
        weight = sample.weight(contrasts if couples else np.eye(len(judge)))
    means = tuple(sample.corrected(row, weight) for row in np.eye(len(judge)))
    differences = []
    for first, second in couples:
        contrast = np.zeros(len(judge))
        contrast[first], contrast[second] = 1.0, -1.0
        differences.append(sample.corrected(contrast, weight))
    adjusted = holm([difference.p_value for difference in differences])
    pairs = []
    for (first, second), difference, p_value in zip(couples, differences, adjusted, strict=True):
        gaps = sample.grades[first] - sample.grades[second]
        gaps = np.where(np.abs(gaps) <= ROUNDING, 0.0, gaps)
        differing = int(np.unique(sample.graded_labels[gaps != 0]).size)
        wins, losses = int((gaps > 0).sum()), int((gaps < 0).sum())
        pairs.append(CorrectedPair(first, second, difference, p_value, wins, losses, differing, gaps.size))
    return Correction(weight, means, tuple(pairs), int(graded.sum()), int((scored & ~graded).sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted for their number (Holm, "A simple sequentially rejective multiple test procedure", 1979).

    >>> [round(each, 2) for each in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


@attrs.frozen(eq=False)
class _Sample:
    """The records that count: shape (candidates, records of a kind), and the clusters of each kind."""

    grades: NDArray[Any]
    judged: NDArray[Any]
    others: NDArray[Any]
    graded_labels: NDArray[Any]
    other_labels: NDArray[Any]

    def weight(self, contrasts: NDArray[Any]) -> float:
        """Return the weight that minimises the summed variance of some contrasts of the candidates."""
        import numpy as np

        graded, others = self.grades.shape[1], self.others.shape[1]
        if graded < 2 or not others:  # noqa: PLR2004 - a covariance takes two
            return 0.0
        people, judged = contrasts @ self.grades, contrasts @ self.judged
        centred = people - people.mean(axis=1, keepdims=True), judged - judged.mean(axis=1, keepdims=True)
        covariance = float((centred[0] * centred[1]).sum()) / graded
        variance = float(np.concatenate([judged, contrasts @ self.others], axis=1).var(axis=1, ddof=1).sum())
        return min(1.0, max(0.0, covariance / ((1 + graded / others) * variance))) if variance > 0 else 0.0

    def corrected(self, contrast: NDArray[Any], weight: float) -> Corrected:
        """Return a contrast of the candidates' means, corrected."""
        import numpy as np

        graded, others = self.grades.shape[1], self.others.shape[1]
        groups = int(np.unique(self.graded_labels).size)
        freedom = groups - 1 - (weight > 0)
        if not graded:
            return Corrected(float("nan"), 0.0, 0, 0)
        residuals = contrast @ self.grades - weight * (contrast @ self.judged)
        rest = weight * (contrast @ self.others)
        value = float(residuals.mean()) + (float(rest.mean()) if others else 0.0)
        size = int(max(self.graded_labels.max(initial=-1), self.other_labels.max(initial=-1))) + 1
        sums = np.bincount(self.graded_labels, (residuals - residuals.mean()) / graded, minlength=size)
        if others:
            sums = sums + np.bincount(self.other_labels, (rest - rest.mean()) / others, minlength=size)
        error = math.sqrt(float(sums @ sums))
        scale = max(1.0, float(np.abs(residuals).max(initial=0.0)))
        return Corrected(value, error if error > ROUNDING * scale else 0.0, groups, freedom)
