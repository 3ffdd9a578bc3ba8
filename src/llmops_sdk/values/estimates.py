"""Means of candidates and differences between two, with their intervals and tests: parts of the conclusions of a run."""

from __future__ import annotations

import attrs


@attrs.frozen
class Estimate:
    """A mean, or a mean difference, with its 95 % interval.

    Attributes:
        mean: Over the records that have the number.
        low: Lower end of the interval; None where there are too few records to bound it.
        high: Upper end of the interval, or None.
        records: The number of records it rests on.
    """

    mean: float
    low: float | None
    high: float | None
    records: int


@attrs.frozen
class Difference:
    """The mean difference between two candidates on the records that both have a score for.

    Attributes:
        candidate: The candidate.
        versus: The one it is compared with.
        metric: The metric's name.
        estimate: Of candidate minus versus, record by record; its interval holds for this pair alone.
        better: Records on which `candidate` has the better number; of a metric without a better end, the higher one.
        worse: Records on which it has the worse one.
    """

    candidate: str
    versus: str
    metric: str
    estimate: Estimate
    better: int
    worse: int


@attrs.frozen
class PairTest:
    """The test of two candidates in the metric that decides.

    Attributes:
        difference: Candidate minus versus.
        p_value: Of this pair alone.
        adjusted_p_value: Adjusted for the number of pairs.
        low: Lower end of the difference's interval that holds for all pairs together; None if it is not bounded.
        high: Upper end of it, or None.
        clusters: The number of clusters of records in which the two differ; without `group`, of records.
        level: The level of the tests, up to which a p value shows a difference: below .05 at a planned look.
    """

    difference: Difference
    p_value: float
    adjusted_p_value: float
    low: float | None
    high: float | None
    clusters: int
    level: float = 0.05


@attrs.frozen
class MarginResult:
    """One candidate against the baseline, in the metric that decides.

    Attributes:
        candidate: The candidate.
        baseline: The one it is compared with.
        margin: The difference that does not matter, in the metric's unit.
        estimate: Of candidate minus baseline; each end is a bound that holds with 95 % on its own.
        no_worse: Whether it is shown to be no worse by more than the margin.
        equivalent: Whether it is shown to be neither worse nor better by more than the margin.
        text: The same in a sentence.
        worse: Whether it is shown to be worse by more than the margin.
    """

    candidate: str
    baseline: str
    margin: float
    estimate: Estimate
    no_worse: bool
    equivalent: bool
    text: str
    worse: bool = False
