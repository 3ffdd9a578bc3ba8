"""The quantiles are those of scipy."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from llmops_sdk.verdict.statistics.distributions import beta_cdf, beta_quantile, range_quantile, t_cdf, t_quantile


@pytest.mark.parametrize("freedom", [1, 2, 5.5, 19, 250, 1e4])
@pytest.mark.parametrize("probability", [0.001, 0.025, 0.3, 0.5, 0.9, 0.975, 0.9995])
def test_students_t(probability: float, freedom: float) -> None:
    """To nine digits, for fractions of a degree of freedom too."""
    expected = float(stats.t.ppf(probability, freedom))

    assert t_quantile(probability, freedom) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert t_cdf(expected, freedom) == pytest.approx(probability, rel=1e-9)


def test_students_t_of_many_records_is_normal() -> None:
    """Its limit is the normal distribution."""
    assert t_cdf(1.959963984540054, math.inf) == pytest.approx(0.975)


@pytest.mark.parametrize("candidates", [2, 3, 6, 10, 20])
def test_range(candidates: int) -> None:
    """The studentised range with infinite degrees of freedom, by sqrt 2."""
    expected = float(stats.studentized_range.ppf(0.95, candidates, math.inf)) / math.sqrt(2)

    assert range_quantile(0.95, candidates) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1, 59), (12.5, 3.25), (400, 700)])
@pytest.mark.parametrize("probability", [0.005, 0.05, 0.5, 0.95])
def test_beta(probability: float, a: float, b: float) -> None:
    """Shapes need not be whole."""
    expected = float(stats.beta.ppf(probability, a, b))

    assert beta_quantile(probability, a, b) == pytest.approx(expected, abs=1e-9)
    assert beta_cdf(expected, a, b) == pytest.approx(probability, abs=1e-9)
