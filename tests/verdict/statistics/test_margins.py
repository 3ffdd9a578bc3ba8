"""No worse than a baseline, or equivalent to it, within a margin."""

from __future__ import annotations

import numpy as np
import pytest

from llmops_sdk.verdict.statistics.flips import flip
from llmops_sdk.verdict.statistics.margins import MarginTest, compare_with_margin
from llmops_sdk.verdict.statistics.pairs import Scores, make_pairs


def against(values: object, baseline: int, margin: float, flips: int = 1999) -> tuple[MarginTest, ...]:
    """The tests of these scores."""
    pairs = make_pairs(Scores.of(np.array(values, dtype=float)))
    return compare_with_margin(pairs, flip(pairs, flips=flips), baseline, margin, largest=1.0)


def test_a_candidate_as_good_is_equivalent_and_a_worse_one_is_not() -> None:
    """The baseline may have any place."""
    rng = np.random.default_rng(0)
    base = rng.random(300)
    worse, same = base - 0.1 + rng.normal(0, 0.1, 300), base + rng.normal(0, 0.1, 300)

    first, second = against([worse, base, same], baseline=1, margin=0.05)

    assert (0, 2) == (first.candidate, second.candidate)
    assert (False, False) == (first.no_worse, first.equivalent)
    assert (True, True) == (second.no_worse, second.equivalent)
    assert first.mean == pytest.approx((worse - base).mean())


def test_a_better_candidate_is_no_worse_but_not_equivalent() -> None:
    """Only the lower bound matters for the one."""
    rng = np.random.default_rng(1)
    base = rng.random(100)

    (test,) = against([base, base + 0.2 + rng.normal(0, 0.05, 100)], baseline=0, margin=0.1)

    assert test.no_worse
    assert not test.equivalent


def test_few_records_show_nothing() -> None:
    """A gate fails where there are too few records to pass it."""
    rng = np.random.default_rng(2)

    (test,) = against(rng.random((2, 8)), baseline=0, margin=0.05)

    assert not test.no_worse


@pytest.mark.parametrize("candidates", [2, 4])
def test_candidates_at_the_margin_rarely_pass(candidates: int) -> None:
    """Worse by exactly the margin, at most 10 % of 200 runs find one of them no worse (5.5 % and Monte-Carlo error)."""
    rng = np.random.default_rng(3)
    passed = 0
    for _ in range(200):
        base = rng.random(50)
        others = base - 0.1 + rng.normal(0, 0.3, (candidates - 1, 50))
        passed += any(test.no_worse for test in against([base, *others], baseline=0, margin=0.1, flips=499))

    assert passed <= 20
