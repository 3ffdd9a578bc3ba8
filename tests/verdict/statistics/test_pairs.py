"""Differences are summed by cluster, on the records that both candidates have."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from llmops_sdk.verdict.statistics.pairs import Parts, Scores, make_pairs

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


def test_datasets_count_as_their_weights_say() -> None:
    """By hand: two records of the one and one of the other count alike, and a pair without one of them is none."""
    parts = Parts(np.array([0, 0, 1, 1]), np.array([0.5, 0.5]))
    values = np.array([[1.0, 2.0, 3.0, NAN], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, NAN, NAN]])
    scores = Scores.of(values, parts=parts)

    pairs = make_pairs(scores)

    assert [0.75, 1.5, 4.5, 0.0] == pairs.sums[0].tolist()
    assert [0.75, 0.75, 1.5, 0.0] == pairs.counts[0].tolist()
    assert np.isclose(6.75 / math.sqrt(0.75**2 + 1.5**2 + 4.5**2), pairs.signed[0])
    assert ([3, 0, 0], [1, 0, 0]) == (list(pairs.records), list(pairs.fewest))
    assert 2.25 == Scores.of(values[:1], parts=parts).means()[0]
    assert 0.75 == scores.share(np.array([True, True, True, False]))


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


@pytest.mark.parametrize("labels", [None, "clusters"])
@pytest.mark.parametrize("weights", [None, [0.3, 0.7]])
def test_a_pair_has_the_numbers_that_it_has_alone(labels: str | None, weights: list[float] | None) -> None:
    """To the last digit: with missing scores, clusters and weights."""
    rng = np.random.default_rng(8)
    values = np.where(rng.random((6, 50)) < 0.1, NAN, rng.random((6, 50)))
    datasets = np.arange(50) % 2
    clusters = rng.integers(0, 12, 50) * 2 + datasets if labels else None
    parts = Parts(datasets, np.array(weights)) if weights else None

    pairs = make_pairs(Scores.of(values, clusters, parts))

    for place, (first, second) in enumerate(combinations(range(6), 2)):
        alone = make_pairs(Scores.of(values[[first, second]], clusters, parts))
        assert (first, second) == (pairs.first[place], pairs.second[place])
        for name in ("sums", "counts", "wins", "losses", "fewest"):
            assert getattr(alone, name)[0].tolist() == getattr(pairs, name)[place].tolist(), name
