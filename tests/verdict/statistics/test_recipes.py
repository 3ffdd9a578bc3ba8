"""A claim on recipes takes the training seed as a second source of variance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from llmops_sdk.verdict.statistics.recipes import compare_recipes, holm, mean_over_seeds


def test_without_seeds_it_is_the_paired_t_test() -> None:
    """One checkpoint each: only records vary."""
    rng = np.random.default_rng(0)
    first, second = rng.random((1, 40)), rng.random((1, 40)) - 0.1

    test = compare_recipes(first, second, np.arange(40))

    theirs = stats.ttest_rel(first[0], second[0])
    assert test.p_value == pytest.approx(theirs.pvalue)
    interval, ours = theirs.confidence_interval(), test.interval()
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high))


def test_seeds_add_their_variance() -> None:
    """The error is that of both sources; the quantile lies between theirs."""
    rng = np.random.default_rng(1)
    first = rng.normal(0, 1, (3, 50)) + np.array([[0.0], [0.5], [1.0]])
    second = rng.normal(0, 1, (1, 50))

    test = compare_recipes(first, second, np.arange(50))

    differences = first.mean(axis=0) - second[0]
    seeds, records = first.mean(axis=1).var(ddof=1) / 3, differences.var(ddof=1) / 50
    assert test.variance is not None
    assert test.variance.value == pytest.approx(seeds + records)
    quantile = (seeds * stats.t.ppf(0.975, 2) + records * stats.t.ppf(0.975, 49)) / (seeds + records)
    assert test.variance.quantile(0.975) == pytest.approx(quantile)
    assert test.seed_share == pytest.approx(seeds / (seeds + records))
    assert test.interval().excludes(0.0) == (test.p_value <= 0.05)


def test_a_missing_score_of_a_seed_leaves_the_record_out() -> None:
    """Means over seeds are those of the same records."""
    first = np.array([[1.0, math.nan, 3.0], [1.0, 2.0, 3.0]])

    assert 2 == compare_recipes(first, np.zeros((1, 3)), np.arange(3)).records
    assert 0 == compare_recipes(first * math.nan, np.zeros((1, 3)), np.arange(3)).records


def test_differences_that_are_all_equal_have_made_up_ones_beside_them() -> None:
    """Always right against always wrong is a difference, and its interval is no single point."""
    test = compare_recipes(np.ones((2, 20)), np.zeros((2, 20)), np.arange(20))

    assert test.p_value < 0.001
    interval = test.interval()
    assert interval.low is not None
    assert 0 < interval.low < 1


def test_equal_scores_are_no_evidence() -> None:
    """There is nothing to compare with: no claim, and an interval only where the largest difference is known."""
    scores = np.ones((2, 20))

    test, bounded = (
        compare_recipes(scores, scores, np.arange(20)),
        compare_recipes(scores, scores, np.arange(20), largest=1.0),
    )

    assert (1.0, 1.0) == (test.p_value, bounded.p_value)
    assert (None, None) == (test.interval().low, test.interval().high)
    assert not bounded.interval().excludes(0.0)


def test_one_record_is_no_evidence() -> None:
    """Nor is one group of records: there is no spread to compare with, and none is made up."""
    test = compare_recipes(np.ones((2, 1)), np.zeros((2, 1)), np.arange(1))

    assert (1.0, 1, None) == (test.p_value, test.records, test.variance)
    assert 1.0 == compare_recipes(np.ones((2, 9)), np.zeros((2, 9)), np.zeros(9)).p_value


def test_the_mean_over_seeds_has_the_variance_of_both() -> None:
    """With seeds that differ, its interval is wider than that of one checkpoint; it stays within the bounds."""
    rng = np.random.default_rng(1)
    scores = np.clip(rng.random((3, 50)) + np.array([[0.3], [0.0], [-0.3]]), 0, 1)

    both, records = mean_over_seeds(scores, None, (0, 1)), mean_over_seeds(scores.mean(axis=0)[None], None, (0, 1))

    assert both.low is not None and both.high is not None and records.low is not None and records.high is not None  # noqa: PT018
    assert 0 <= both.low < records.low < records.high < both.high <= 1


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_equal_recipes_rarely_differ(seeds: int) -> None:
    """Of 400 pairs whose seeds vary as much as a mean over records, at most 8 %; records alone are wrong far more often."""
    rng = np.random.default_rng(seeds)
    claims = alone = 0
    for _ in range(400):
        records = rng.normal(0, 1, 100)
        first, second = (records + rng.normal(0, 0.1, (seeds, 1)) + rng.normal(0, 0.7, (seeds, 100)) for _ in range(2))
        claims += compare_recipes(first, second, np.arange(100)).p_value <= 0.05
        alone += compare_recipes(first.mean(axis=0)[None], second.mean(axis=0)[None], np.arange(100)).p_value <= 0.05

    assert claims <= 32
    assert alone > 2 * claims


def test_holm_is_that_of_statsmodels() -> None:
    """Adjusted p values in the order of the plain ones."""
    p_values = [0.01, 0.04, 0.03, 0.5, 0.005]

    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))
    assert [] == holm([])
