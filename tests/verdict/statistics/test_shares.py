"""Bounds of shares: equal to scipy's exact ones, wider for records that depend on each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from llmops_sdk.verdict.statistics.shares import effective_records, share_bound, share_interval


@pytest.mark.parametrize(("marked", "total"), [(0, 59), (1, 20), (7, 59), (20, 20), (300, 1000)])
@pytest.mark.parametrize("level", [0.05, 0.0125])
def test_bounds_are_exact(marked: int, total: int, level: float) -> None:
    """Clopper and Pearson's, one-sided."""
    low = binomtest(marked, total, alternative="greater").proportion_ci(1 - level, method="exact").low
    high = binomtest(marked, total, alternative="less").proportion_ci(1 - level, method="exact").high

    assert low == pytest.approx(share_bound(marked, total, level, upper=False), abs=1e-9)
    assert high == pytest.approx(share_bound(marked, total, level, upper=True), abs=1e-9)


def test_each_end_has_its_own_level() -> None:
    """The lower one here is the stricter one."""
    marked = np.arange(100) < 10

    interval = share_interval(marked, np.arange(100), 0.01, 0.05)

    assert share_bound(10, 100, 0.01, upper=False) == interval.low
    assert share_bound(10, 100, 0.05, upper=True) == interval.high


def test_dependent_records_show_less() -> None:
    """Ten groups of ten equal records are nine, for a variance of ten; one group shows nothing."""
    marked = np.arange(100) < 30
    groups = np.arange(100) // 10

    grouped, alone = share_interval(marked, groups, 0.05, 0.05), share_interval(marked, np.arange(100), 0.05, 0.05)

    assert 9 == pytest.approx(effective_records(marked, groups))
    assert grouped.low is not None
    assert alone.low is not None
    assert grouped.low < alone.low
    one = share_interval(marked, np.zeros(100), 0.05, 0.05)
    nothing = share_interval(np.zeros(0, dtype=bool), np.zeros(0), 0.05, 0.05)
    assert (0.0, 1.0) == (one.low, one.high) == (nothing.low, nothing.high)


def test_no_marked_record_counts_groups() -> None:
    """There is no variance to know how much they depend on each other."""
    assert 10.0 == effective_records(np.zeros(100), np.arange(100) // 10)
    assert 100.0 == effective_records(np.zeros(100), np.arange(100))
