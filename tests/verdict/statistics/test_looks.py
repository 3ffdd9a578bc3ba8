"""Levels of planned looks are the published ones."""

from __future__ import annotations

import numpy as np
import pytest

from llmops_sdk.verdict.statistics.distributions import NORMAL
from llmops_sdk.verdict.statistics.looks import EARLIEST, even_looks, look_levels


@pytest.mark.parametrize(("looks", "boundaries"), [(2, [2.9626, 1.9686]), (3, [3.7103, 2.5114, 1.9930])])
def test_boundaries_of_lan_and_demets(looks: int, boundaries: list[float]) -> None:
    """The table of the O'Brien-Fleming type, two-sided 5 %, as in Jennison and Turnbull (2000)."""
    levels = look_levels(even_looks(looks))

    assert [-NORMAL.inv_cdf(level / 2) for level in levels] == pytest.approx(boundaries, abs=2e-4)


def test_one_look_has_the_whole_level() -> None:
    """Nothing is planned before the end."""
    assert look_levels((1.0,)) == pytest.approx((0.05,), abs=1e-6)


def test_all_looks_together_keep_the_level() -> None:
    """Of 20,000 sums without a difference at most 5.5 % cross at any of four looks; at .05 each, twice as many do."""
    shares = (0.4, 0.6, 0.8, 1.0)
    steps = np.diff([0.0, *shares])
    sums = np.cumsum(np.random.default_rng(1).normal(0, 1, (20_000, 4)) * np.sqrt(steps), axis=1) / np.sqrt(shares)
    boundaries = np.array([-NORMAL.inv_cdf(level / 2) for level in look_levels(shares)])

    assert 0.045 <= (np.abs(sums) > boundaries).any(axis=1).mean() <= 0.055
    assert (np.abs(sums) > 1.96).any(axis=1).mean() > 0.1


@pytest.mark.parametrize("shares", [(), (0.5,), (0.1, 1.0), (0.6, 0.5, 1.0), (0.5, 0.5, 1.0)])
def test_looks_that_cannot_be_planned(shares: tuple[float, ...]) -> None:
    """They increase from a third or so to all records."""
    with pytest.raises(ValueError, match="looks are shares of the records"):
        look_levels(shares)


@pytest.mark.parametrize("looks", [2, 3, 4, 5])
def test_even_looks_can_be_planned(looks: int) -> None:
    """The first of many is not earlier than the flips resolve, and the last one is at all records."""
    shares = even_looks(looks)

    assert looks == len(shares) == len(look_levels(shares))
    assert max(EARLIEST, 1 / looks) == pytest.approx(shares[0])
    assert 1.0 == shares[-1]
    assert np.diff(shares, n=2) == pytest.approx(np.zeros(looks - 2))
