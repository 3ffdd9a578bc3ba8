"""Variances of a mean by their source, and their sum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from llmops_sdk.verdict.statistics.variances import (
    Variance,
    add_variances,
    variance_of_records,
    variance_of_seeds,
    with_seeds,
)


def test_of_records_without_clusters() -> None:
    """That of the plain mean."""
    values = np.random.default_rng(0).random(20)

    variance = variance_of_records(values, np.ones(20))

    assert values.var(ddof=1) / 20 == pytest.approx(variance.value)
    assert 19 == variance.freedom


def test_of_clusters_of_equal_records() -> None:
    """Ten copies of a record show no more than one."""
    values = np.random.default_rng(0).random(20)

    variance = variance_of_records(10 * values, np.full(20, 10.0))

    assert variance == attrs_approx(variance_of_records(values, np.ones(20)))


def attrs_approx(variance: Variance) -> Variance:
    """The variance, compared by its digits."""
    return Variance(pytest.approx(variance.value), pytest.approx(variance.freedom))  # type: ignore[arg-type]


def test_of_seeds() -> None:
    """That of the mean of the checkpoints' means; a single one has none."""
    scores = np.array([[0.1, 0.3], [0.3, 0.5], [0.2, 0.4]])

    assert Variance(pytest.approx(0.01 / 3), 2) == variance_of_seeds(scores)  # type: ignore[arg-type]
    assert variance_of_seeds(scores[:1]) is None
    assert variance_of_seeds(scores[:, :0]) is None


def test_the_sum_has_satterthwaites_degrees_of_freedom() -> None:
    """Equal parts have the freedom of both; a part of 0 adds none; nothing but 0 has that of the first."""
    assert add_variances([Variance(2.0, 5), Variance(2.0, 5)]) == Variance(4.0, 10.0)
    assert add_variances([Variance(2.0, 5), Variance(0.0, 1)]) == Variance(2.0, 5.0)
    assert add_variances([Variance(0.0, 5), Variance(0.0, 1)]) == Variance(0.0, 5)


def test_seeds_and_records_have_a_quantile_between_theirs() -> None:
    """Weighted by their variances, and the p value is the level at which it is reached; without seeds it is Student's t."""
    records = Variance(1.0, 199)

    both = with_seeds(records, [Variance(0.5, 1), Variance(0.5, 1)])

    assert both.value == 2.0
    expected = (stats.t.ppf(0.975, 199) + stats.t.ppf(0.975, 2)) / 2
    assert both.quantile(0.975) == pytest.approx(expected)
    assert both.p_value(expected * 2**0.5) == pytest.approx(0.05, rel=1e-5)
    assert records == with_seeds(records, [])
    assert records.p_value(2.0) == pytest.approx(2 * stats.t.sf(2.0, 199))
    assert 1.0 == both.p_value(0.0)
    assert 1e-12 == both.p_value(1e9) or both.p_value(1e9) < 1e-6


@pytest.mark.parametrize(("seeds", "candidates"), [(2, 1), (2, 2), (3, 1), (3, 2)])
def test_few_seeds_that_differ_much_are_no_reason_for_a_claim(seeds: int, candidates: int) -> None:
    """At most 6.5 % of equal candidates differ, where the seed varies twice or four times as much as the records' mean."""
    rng = np.random.default_rng(0)
    for spread in (2.0, 4.0):
        claims = 0
        for _ in range(1000):
            parts = [
                Variance(spread**2 * rng.chisquare(seeds - 1) / (seeds - 1) / seeds, seeds - 1)
                for _ in range(candidates)
            ]
            variance = with_seeds(Variance(rng.chisquare(199) / 199, 199), parts)
            mean = rng.normal(0, (1 + candidates * spread**2 / seeds) ** 0.5)
            claims += abs(mean) > variance.quantile(0.975) * variance.value**0.5
        assert claims <= 65
