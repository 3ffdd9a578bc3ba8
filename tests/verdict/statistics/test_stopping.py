"""Candidates that stop at planned looks: which are worse, and what all looks together promise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from llmops_sdk.verdict.statistics.comparison import Comparison, compare
from llmops_sdk.verdict.statistics.looks import even_looks, look_levels, look_of_places
from llmops_sdk.verdict.statistics.pairs import Scores
from llmops_sdk.verdict.statistics.stopping import Looks, compare_stopped, stop, worse_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = look_levels(even_looks(3))


def looks_at(records: int) -> Looks:
    """Three looks at records that are in the order in which they are asked."""
    return Looks(np.frombuffer(look_of_places(records, even_looks(3)), dtype=np.uint8), LEVELS)


def stopped(values: NDArray[Any], looks: Looks) -> list[int]:
    """Return the look at which each candidate stops."""
    ends, asked = [looks.last] * len(values), list(range(len(values)))
    for look in range(1, looks.last):
        worse = [asked[place] for place in worse_at(Scores.of(values[asked]), looks, look)] if asked else []
        for row in stop(asked, worse):
            ends[row] = look
            asked.remove(row)
    return ends


def compared(values: NDArray[Any], ends: Sequence[int], looks: Looks) -> Comparison:
    """Compare them without the scores after their last look."""
    seen = np.where(looks.of_records <= np.array(ends)[:, None], values, np.nan)
    return compare_stopped(Scores.of(seen), looks, ends)


def test_one_that_is_far_worse_stops_and_the_others_continue() -> None:
    """Of three, one is dropped at the first look; the other two are compared on all records, it on a third of them."""
    rng, looks = np.random.default_rng(3), looks_at(90)
    values = rng.normal(0, 1, (3, 90)) + np.array([0.3, 0.3, -3.0])[:, None]

    ends = stopped(values, looks)
    comparison = compared(values, ends, looks)

    assert [3, 3, 1] == ends
    assert (2,) == comparison.worse
    assert 1 == len(comparison.tied)
    assert [90, 30, 30] == [pair.records for pair in comparison.pairs]


def test_intervals_have_the_level_of_their_look() -> None:
    """A pair that stopped at the first look has a wider interval than one of as many records without looks."""
    rng, looks = np.random.default_rng(4), looks_at(90)
    values = rng.normal(0, 1, (2, 90)) + np.array([3.0, 0.0])[:, None]

    early = compared(values, [1, 1], looks).pair(0, 1).interval
    alone = (
        compare_stopped(Scores.of(values[:, :30]), Looks(np.ones(30, dtype=int), (0.05,)), [1, 1]).pair(0, 1).interval
    )

    assert early.low is not None
    assert early.high is not None
    assert alone.low is not None
    assert alone.high is not None
    assert 1.5 < (early.high - early.low) / (alone.high - alone.low) < 2.5


def test_one_look_at_all_records_is_the_plain_comparison() -> None:
    """Nothing is spent before the end, so all is as without looks."""
    values = np.random.default_rng(5).normal(0, 1, (4, 40)) + np.linspace(0, 1, 4)[:, None]

    expected = compare(Scores.of(values))
    actual = compare_stopped(Scores.of(values), Looks(np.ones(40, dtype=int), (0.05,)), [1] * 4)

    assert expected.best == actual.best
    assert set(expected.worse) == set(actual.worse)
    assert expected.pairs == actual.pairs


def test_the_last_one_left_stops_too() -> None:
    """A worse one stops alone while two are left, and with the best one if that is the only one left."""
    assert ["c"] == stop(["a", "b", "c"], ["c"])
    assert ["a", "c"] == stop(["a", "c"], ["c"])
    assert [] == stop(["a", "b"], [])


def test_one_without_a_score_at_a_look_is_not_worse() -> None:
    """All its answers failed for now at the first look: it is neither worse nor the best by then."""
    values = np.random.default_rng(6).normal(0, 1, (3, 60)) + np.array([3.0, 0.0, 0.0])[:, None]
    values[2, :20] = np.nan

    assert (1,) == worse_at(Scores.of(values), looks_at(60), 1)
    assert 60 - 20 == compared(values, [3, 1, 3], looks_at(60)).pair(0, 2).records


def test_stopped_ones_are_worse_only_with_their_own_test_against_the_best() -> None:
    """The best by the end may be another one than the one that showed it to be worse."""
    rng, looks = np.random.default_rng(7), looks_at(60)
    values = np.stack([rng.normal(0.0, 1, 60), rng.normal(2.0, 1, 60), rng.normal(-0.2, 1, 60)])

    comparison = compared(values, [3, 3, 1], looks)

    assert (1,) == comparison.best
    assert comparison.worse.count(2) == (comparison.pair(1, 2).p_value <= LEVELS[0])


def test_no_candidate() -> None:
    """There is nothing to compare."""
    assert () == compare_stopped(Scores.of(np.zeros((0, 6))), looks_at(6), []).best


@pytest.mark.slow
@pytest.mark.parametrize("candidates", [2, 6])
def test_equal_candidates_are_rarely_called_worse(candidates: int) -> None:
    """Three looks together keep the level of 5 %.

    Of 200 runs with equal candidates 10 call one worse on average, with a standard deviation of root(200 x .05 x .95) =
    3.1: more than 16, two deviations above, would be too many. Two candidates at .05 at each look have 10.7 %, or 21.
    """
    looks, runs, wrong = looks_at(60), 200, 0
    for seed in range(runs):
        values = np.random.default_rng(seed).normal(0, 1, (candidates, 60))
        wrong += bool(compared(values, stopped(values, looks), looks).worse)

    assert wrong <= 16
