"""The model confidence set keeps the candidates that may be the best one."""

from __future__ import annotations

import numpy as np
from arch.bootstrap import MCS

from llmops_sdk.verdict.statistics.elimination import Elimination, eliminate
from llmops_sdk.verdict.statistics.flips import flip
from llmops_sdk.verdict.statistics.pairs import Scores, make_pairs


def left_of(values: object, **settings: float) -> Elimination:
    """The elimination of these scores."""
    scores = np.array(values, dtype=float)
    pairs = make_pairs(Scores.of(scores))
    return eliminate(pairs, flip(pairs), len(scores), **settings)


def test_candidates_that_are_far_behind_are_dropped() -> None:
    """The two equal ones are left, with one p value; that of a dropped one is at most .05."""
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.1, (4, 60))

    result = left_of([0.8 + noise[0], 0.8 + noise[1], 0.5 + noise[2], 0.6 + noise[3]])

    assert (0, 1) == result.left
    assert result.p_values[0] == result.p_values[1] > 0.05
    assert max(result.p_values[2:]) <= 0.05


def test_equal_candidates_are_all_left() -> None:
    """Nothing differs."""
    assert Elimination((0, 1, 2), (1.0, 1.0, 1.0)) == left_of(np.ones((3, 30)))


def test_p_values_never_fall_along_the_elimination() -> None:
    """A candidate that is dropped later has at least the p value of those before."""
    rng = np.random.default_rng(3)
    values = rng.normal(0, 1, (5, 80)) + np.array([0, 0.2, 0.5, 0.9, 1.4])[:, None]

    result = left_of(values, level=0.3)

    assert list(result.p_values) == sorted(result.p_values)


def test_the_set_is_that_of_arch() -> None:
    """On 12 tables the sets of `arch.bootstrap.MCS` differ in few candidates: it has a bootstrap in place of flips."""
    rng = np.random.default_rng(4)
    different = 0
    for table in range(12):
        values = rng.random(60) + rng.normal(0, 0.3, (4, 60)) + np.array([0, 0, 0.12, 0.3])[:, None]
        mcs = MCS(-values.T, size=0.05, reps=999, block_size=1, method="R", seed=table)
        mcs.compute()
        different += len(set(mcs.included) ^ set(left_of(values).left))

    assert different <= 5
