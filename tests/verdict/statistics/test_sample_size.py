"""Numbers of records are those of published tables."""

from __future__ import annotations

import math

import numpy as np
import pytest

from llmops_sdk.verdict.statistics.sample_size import (
    detectable_difference,
    deviation_of,
    needed_for_limit,
    needed_for_margin,
    needed_for_share,
    needed_records,
)


@pytest.mark.parametrize(
    ("candidates", "difference", "records"),
    [(2, 0.2, 197), (2, 0.5, 32), (6, 0.3, 152), (10, 0.8, 26)],
)
def test_records_that_a_difference_needs(candidates: int, difference: float, records: int) -> None:
    """In standard deviations of the paired difference."""
    assert records == pytest.approx(needed_records(difference, 1.0, candidates), rel=0.03)


def test_the_detectable_difference_needs_its_records() -> None:
    """The two formulas are each other's inverse."""
    assert 50 == needed_records(detectable_difference(50, 0.3, 6) * 1.0000001, 0.3, 6)


def test_records_that_a_margin_needs() -> None:
    """(2.49 sd / margin)^2 for no worse, (2.93 sd / margin)^2 for equivalent."""
    assert 69 == needed_for_margin(0.3, 1.0, equivalence=False)
    assert 96 == needed_for_margin(0.3, 1.0, equivalence=True)


def test_the_spread_of_independent_records() -> None:
    """It is the standard deviation; missing scores do not count, and equal differences have none."""
    differences = np.array([0.1, 0.5, np.nan, -0.3])

    assert float(np.nanstd(differences, ddof=1)) == pytest.approx(deviation_of(differences))
    assert deviation_of(np.array([0.1 + 0.2, 0.3, 0.3])) == 0
    assert math.isnan(deviation_of(np.array([0.1, np.nan])))


def test_records_that_depend_on_each_other_need_more() -> None:
    """Ten copies of each record show no more than the record; a single cluster shows nothing."""
    once = np.random.default_rng(0).normal(0, 1, 30)
    labels = np.repeat(np.arange(30), 10)

    assert math.sqrt(10) * deviation_of(once) == pytest.approx(deviation_of(np.repeat(once, 10), labels))
    assert math.isnan(deviation_of(once, np.zeros(30)))


def test_records_that_a_limit_needs() -> None:
    """As a margin does where the distance is the margin; none decide a mean that lies on its limit."""
    assert (
        needed_for_margin(0.02, 0.1, equivalence=False) == needed_for_limit(0.02, 0.1) == needed_for_limit(-0.02, 0.1)
    )
    assert (needed_for_limit(0.02, 0.1) or 0) < (needed_for_limit(0.02, 0.1, level=0.01) or 0)
    assert needed_for_limit(0.0, 0.1) is None


def test_records_that_mostly_equal_answers_need() -> None:
    """With the two made-up records, the standard error at that number is what the formula asks for."""
    needed = needed_for_limit(0.02, 0.05, height=1.0) or 0
    error = math.sqrt(needed * 0.05**2 + 2) / (needed + 2)

    assert 0.02 / error == pytest.approx(1.6449 + 0.8416, rel=0.01)


def test_records_that_a_share_needs() -> None:
    """The rule of three where none is marked; none decide a share that is its limit."""
    assert 59 == needed_for_share(0.0, 0.05)
    assert 299 == needed_for_share(0.0, 0.01)
    assert 300 < (needed_for_share(0.04, 0.05) or 0)
    assert needed_for_share(0.05, 0.05) is None
