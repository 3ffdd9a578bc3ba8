"""Intervals cover as often as they say, and agree with the test."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from llmops_sdk.verdict.statistics.flips import flip
from llmops_sdk.verdict.statistics.intervals import UNBOUNDED, Interval, difference_interval, mean_interval
from llmops_sdk.verdict.statistics.pairs import Scores, make_pairs


def of_mean(values: object, bounds: tuple[float, float] | None = (0.0, 1.0), level: float = 0.95) -> Interval:
    """The interval of a mean of independent records."""
    numbers = np.array(values, dtype=float)
    return mean_interval(numbers, np.arange(numbers.size), bounds, level)


def of_difference(differences: object, largest: float | None = None) -> Interval:
    """The interval of a mean difference of independent records."""
    numbers = np.array(differences, dtype=float)
    pairs = make_pairs(Scores.of(np.stack([numbers, np.zeros_like(numbers)])))
    critical = flip(pairs).critical(0.05)
    return difference_interval(pairs.sums[0], pairs.counts[0], critical, largest=largest)


def test_shares_have_wilsons_interval() -> None:
    """Of many scores of 0 and 1 it is that of statsmodels, within the difference of t from the normal quantile."""
    values = [1] * 30 + [0] * 970

    interval = of_mean(values)

    assert (interval.low, interval.high) == pytest.approx(proportion_confint(30, 1000, method="wilson"), abs=2e-4)


def test_an_interval_is_never_a_point() -> None:
    """20 zeros of a score between 0 and 1 allow up to .18; without bounds nothing is known."""
    interval = of_mean([0.0] * 20)

    assert 0.0 == interval.low
    assert interval.high == pytest.approx(0.18, abs=0.005)
    assert UNBOUNDED == of_mean([0.5] * 20, bounds=None)
    assert UNBOUNDED == of_mean([], bounds=None)
    assert Interval(0.0, 1.0) == of_mean([0.3])


def test_without_bounds_it_is_students() -> None:
    """The textbook's interval."""
    values = np.random.default_rng(0).normal(5, 2, 25)

    interval = of_mean(values, bounds=None)

    theirs = stats.t.interval(0.95, 24, values.mean(), stats.sem(values))
    assert (interval.low, interval.high) == pytest.approx(theirs)


def test_values_outside_the_declared_bounds_widen_them() -> None:
    """A BERTScore can lie just below 0."""
    interval = of_mean([-0.02, 0.1, 0.0, 0.05, 0.2, 0.1])

    assert interval.low is not None
    assert -0.02 <= interval.low < 0.07 < (interval.high or 0)


@pytest.mark.parametrize("copies", [2, 10])
def test_copies_of_records_in_one_cluster_add_nothing(copies: int) -> None:
    """Each record taken several times as one cluster has the interval of the records."""
    values = np.random.default_rng(1).beta(2, 3, 40)

    several = mean_interval(np.repeat(values, copies), np.repeat(np.arange(40), copies), (0, 1))

    alone = of_mean(values)
    assert (several.low, several.high) == pytest.approx((alone.low, alone.high))


@pytest.mark.parametrize(
    ("kind", "truth"),
    [("rare", 0.05), ("common", 0.9), ("zeros", 0.04), ("grades", 0.5)],
)
def test_means_of_20_records_are_covered(kind: str, truth: float) -> None:
    """Of 1,000 samples between 92 and 99.5 % have the true mean inside, where a bootstrap reaches 78 to 91 %."""
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(1000):
        if kind in ("rare", "common"):
            values = (rng.random(20) < truth).astype(float)
        elif kind == "zeros":
            values = np.where(rng.random(20) < 0.1, rng.beta(2, 3, 20), 0.0)
        else:
            values = rng.integers(0, 5, 20) / 4
        covered += not of_mean(values).excludes(truth)

    assert 920 <= covered <= 995


@pytest.mark.parametrize("share_of_zeros", [0.0, 0.3, 0.7])
def test_an_interval_excludes_0_only_where_the_test_rejects(share_of_zeros: float) -> None:
    """And exactly there, where less than half of the differences are 0."""
    rng = np.random.default_rng(3)
    rejected = 0
    for _ in range(100):
        differences = np.where(rng.random(30) < share_of_zeros, 0.0, rng.normal(0.4, 1, 30))
        pairs = make_pairs(Scores.of(np.stack([differences, np.zeros(30)])))
        null = flip(pairs, flips=999)
        critical = null.critical(0.05)
        interval = difference_interval(pairs.sums[0], pairs.counts[0], critical)
        rejects = abs(pairs.signed[0]) > critical
        rejected += rejects
        assert rejects or not interval.excludes(0.0)
        if share_of_zeros < 0.5 and 2 * pairs.nonzero[0] >= 30:
            assert rejects == interval.excludes(0.0)

    assert rejected > 0


def test_a_difference_of_normal_numbers_has_nearly_students_interval() -> None:
    """The flip test of 200 normal numbers is nearly the t test."""
    differences = np.random.default_rng(4).normal(0.5, 1, 200)

    interval = of_difference(differences)

    theirs = stats.t.interval(0.95, 199, differences.mean(), stats.sem(differences))
    assert (interval.low, interval.high) == pytest.approx(theirs, abs=0.02)


def test_too_few_clusters_bound_nothing() -> None:
    """No pattern of five signs is rare enough."""
    assert UNBOUNDED == of_difference([1.0, 2.0, 1.5, 0.5, 1.0])


def test_differences_that_are_all_0_have_an_interval_if_the_metric_has_bounds() -> None:
    """As if two more records differed by all of the range."""
    interval = of_difference([0.0] * 50, largest=1.0)

    assert interval.low is not None
    assert interval.low == pytest.approx(-(interval.high or math.nan))
    assert -0.08 < interval.low < -0.03
    assert UNBOUNDED == of_difference([0.0] * 50)


def test_equal_differences_have_an_interval() -> None:
    """Ten records of ten that one candidate has right and the other wrong do not show that it is always so."""
    interval = of_difference([1.0] * 10, largest=1.0)

    assert interval.low == pytest.approx(0.45, abs=0.02)
    assert 1.0 == interval.high


def test_unequal_clusters_weigh_by_their_records() -> None:
    """The estimate between the ends is the mean over records; a shift of all scores shifts the interval."""
    rng = np.random.default_rng(5)
    sizes = rng.integers(1, 6, 20)
    labels = np.repeat(np.arange(20), sizes)
    differences = rng.normal(0.3, 1, labels.size)
    pairs = make_pairs(Scores.of(np.stack([differences, np.zeros(labels.size)]), labels))

    interval = difference_interval(pairs.sums[0], pairs.counts[0], 2.0)
    moved = difference_interval(pairs.sums[0] + 7 * pairs.counts[0], pairs.counts[0], 2.0)

    assert interval.low is not None
    assert interval.high is not None
    assert interval.low < differences.mean() < interval.high
    assert (moved.low, moved.high) == pytest.approx((interval.low + 7, interval.high + 7))


def test_equal_differences_are_no_single_point() -> None:
    """Also where only rounding makes them differ."""
    exact, rounded = of_difference([0.5] * 20), of_difference([0.1 + 0.2, 0.3] * 10)

    for interval, mean in ((exact, 0.5), (rounded, 0.3)):
        assert interval.low is not None
        assert interval.high is not None
        assert 0 < interval.low < 0.9 * mean
        assert 1.1 * mean < interval.high
