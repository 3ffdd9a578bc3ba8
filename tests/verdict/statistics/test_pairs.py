"""Differences are summed by cluster, on the records that both candidates have."""

from __future__ import annotations

import math

import numpy as np

from llmops_sdk.verdict.statistics.pairs import Scores, make_pairs

NAN = math.nan


def test_a_missing_score_is_left_out_of_its_pairs_only() -> None:
    """The other pairs keep the record."""
    scores = Scores.of(np.array([[1.0, 0.5, NAN], [0.0, 0.5, 1.0], [0.25, 0.5, 0.0]]))

    pairs = make_pairs(scores)

    assert [(0, 1), (0, 2), (1, 2)] == list(zip(pairs.first, pairs.second, strict=True))
    assert [2, 2, 3] == list(pairs.records)
    assert [[1, 0, 0], [0.75, 0, 0], [-0.25, 0, 1]] == pairs.sums.tolist()
    assert ([1, 1, 1], [0, 0, 1]) == (list(pairs.wins), list(pairs.losses))
    assert 1 == pairs.place(2, 0)


def test_records_of_one_cluster_are_summed() -> None:
    """Labels may be of any kind; wins and losses are those of records."""
    scores = Scores.of(np.array([[1.0, 1.0, 0.0, 3.0], [0.0, 0.0, 1.0, 1.0]]), np.array(["b", "a", "b", "a"]))

    pairs = make_pairs(scores)

    assert [[3.0, 0.0]] == pairs.sums.tolist()
    assert [[2, 2]] == pairs.counts.tolist()
    assert (3, 1) == (pairs.wins[0], pairs.losses[0])


def test_rounding_is_no_difference() -> None:
    """A cluster whose differences cancel each other is one without a difference."""
    scores = Scores.of(np.array([[0.1, 0.2, 1.0], [0.3, 0.0, 0.0]]), np.array([0, 0, 1]))

    assert 1 == make_pairs(scores).nonzero[0]


def test_the_statistic_has_no_unit() -> None:
    """Differences a thousand times as large have the same statistic; without any it is 0."""
    differences = np.random.default_rng(0).normal(0.3, 1, 30)
    scores = Scores.of(np.array([differences, np.zeros(30), 1000 * differences]))

    signed = make_pairs(scores).signed

    assert np.isclose(signed[0], -signed[2])
    assert 0 == make_pairs(Scores.of(np.ones((2, 5)))).signed[0]
