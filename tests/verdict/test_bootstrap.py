"""Bootstrap intervals: right where the answer is known, repeatable, and flat in memory."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np

from llmops_sdk.values.results import Estimate
from llmops_sdk.verdict.bootstrap import Bootstrap


def estimate(values: list[float]) -> Estimate:
    """The estimate of these values, which must exist."""
    found = Bootstrap(len(values)).estimate(np.array(values))
    assert found is not None
    return found


def test_interval_of_normal_numbers_is_the_textbook_one() -> None:
    """On 400 normal numbers the interval is that of the t distribution, within the bootstrap's own noise."""
    values = np.random.default_rng(1).normal(5, 2, 400)

    found = estimate(list(values))

    half = 1.966 * values.std(ddof=1) / math.sqrt(400)
    assert math.isclose(found.mean, values.mean())
    assert abs(found.low - (values.mean() - half)) < 0.03
    assert abs(found.high - (values.mean() + half)) < 0.03


def test_interval_covers_as_often_as_it_says() -> None:
    """Of 300 samples of 20 numbers, about 95 % have the true mean inside (binomial: 276 to 294 of 300)."""
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(300):
        found = estimate(list(rng.random(20)))
        covered += found.low <= 0.5 <= found.high

    assert 276 <= covered <= 294


def test_the_same_numbers_give_the_same_interval() -> None:
    """An interval is a function of the numbers."""
    values = list(np.random.default_rng(3).random(30))

    assert estimate(values) == estimate(values)


def test_missing_numbers_are_left_out_and_counted() -> None:
    """NaN stands for no number: the mean is that of the others, and `records` says how many they are."""
    found = estimate([1.0, math.nan, 3.0, math.nan, 2.0, 2.0])

    assert 4 == found.records
    assert 2.0 == found.mean
    assert 1.0 <= found.low < 2.0 < found.high <= 3.0
    assert Bootstrap(2).estimate(np.array([math.nan, math.nan])) is None


def test_one_number_or_equal_numbers_have_no_spread() -> None:
    """There is nothing to resample in one number, nor in equal ones."""
    assert Estimate(0.5, 0.5, 0.5, 1) == estimate([0.5])
    assert Estimate(1.0, 1.0, 1.0, 3) == estimate([1.0, 1.0, 1.0])


def test_many_records_need_no_more_memory() -> None:
    """A hundred thousand records are resampled in blocks."""
    values = np.random.default_rng(4).random(100_000)
    tracemalloc.start()
    found = Bootstrap(100_000).estimate(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert found is not None
    assert found.high - found.low < 0.005
    assert peak < 120e6
