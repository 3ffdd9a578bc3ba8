"""Variances of a mean by their source, and their sum."""

from __future__ import annotations

import numpy as np
import pytest

from llmops_sdk.verdict.statistics.variances import Variance, add_variances, variance_of_records, variance_of_seeds


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
