"""The comparison of k candidates claims what the scores show, and no more."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import pytest

from llmops_sdk.verdict.statistics.comparison import compare
from llmops_sdk.verdict.statistics.pairs import Scores

BOUNDS = (0.0, 1.0)


def ladder(records: int, *means: float, seed: int = 0) -> Any:
    """Scores around these means."""
    noise = np.random.default_rng(seed).normal(0, 0.1, (len(means), records))
    return np.clip(np.array(means)[:, None] + noise, 0, 1)


def test_best_tied_and_worse() -> None:
    """Two near each other, and two far behind."""
    result = compare(Scores.of(ladder(60, 0.6, 0.3, 0.605, 0.4)), bounds=BOUNDS)

    assert {0, 2} == {*result.best, *result.tied}
    assert (3, 1) == result.worse
    pair = result.pair(1, 3)
    assert (1, 3) == (pair.first, pair.second)
    assert pair.mean < 0
    assert pair.interval.excludes(0.0)
    assert pair.records == pair.wins + pair.losses + pair.ties == 60


def test_a_pair_reads_the_same_from_both_sides() -> None:
    """Ends, wins and losses change places."""
    result = compare(Scores.of(ladder(40, 0.5, 0.52)), bounds=BOUNDS)

    one, other = result.pair(0, 1), result.pair(1, 0)

    assert (one.mean, one.wins, one.losses) == (-other.mean, other.losses, other.wins)
    assert other.interval.low == -(one.interval.high or 0)
    assert other.simultaneous.high == -(one.simultaneous.low or 0)


def test_equal_means_are_all_best() -> None:
    """Neither is before the other."""
    values = np.array([[0, 1] * 15, [1, 0] * 15, [0, 0] * 15], dtype=float)

    result = compare(Scores.of(values), bounds=BOUNDS)

    assert (0, 1) == result.best
    assert (2,) == result.worse


def test_too_few_records_or_clusters_allow_no_claim() -> None:
    """However far apart they are."""
    far = ladder(60, 0.9, 0.1)

    assert () == compare(Scores.of(far[:, :9]), bounds=BOUNDS).worse
    assert () == compare(Scores.of(far, np.repeat(np.arange(5), 12)), bounds=BOUNDS).worse
    assert (1,) == compare(Scores.of(far[:, :10]), bounds=BOUNDS).worse
    assert (1,) == compare(Scores.of(far, np.repeat(np.arange(6), 10)), bounds=BOUNDS).worse


def test_no_candidate_is_no_best() -> None:
    """Nothing was scored."""
    result = compare(Scores.of(np.zeros((0, 0))))

    assert ((), (), ()) == (result.best, result.tied, result.pairs)


def test_one_candidate_is_best_of_itself() -> None:
    """There is no pair."""
    result = compare(Scores.of(ladder(20, 0.5)), bounds=BOUNDS)

    assert ((0,), (), (), ()) == (result.best, result.tied, result.worse, result.pairs)


def test_many_missing_scores_of_the_favoured_one_count_as_the_worst() -> None:
    """Of a candidate without a score for a tenth of the records, the claim must hold if those were 0; 4 % do not matter."""
    values = ladder(100, 0.56, 0.5)
    few, many = values.copy(), values.copy()
    few[0, :4] = np.nan
    many[0, :12] = np.nan

    assert (1,) == compare(Scores.of(values), bounds=BOUNDS).worse
    assert (1,) == compare(Scores.of(few), bounds=BOUNDS).worse
    assert () == compare(Scores.of(many), bounds=BOUNDS).worse
    assert () == compare(Scores.of(many), bounds=None).worse
    many[1] -= 0.3
    assert (1,) == compare(Scores.of(many), bounds=BOUNDS).worse


def test_words_and_figures_agree() -> None:
    """A candidate is worse only where the interval beside it excludes 0 and its p is at most .05, on every kind of scores."""
    rng = np.random.default_rng(5)
    seen = 0
    for kind, candidates in itertools.product(("normal", "binary", "zeros"), (2, 5)):
        for _ in range(25):
            shift = np.linspace(0, 0.3, candidates)[:, None]
            values = rng.random((candidates, 40)) + shift
            if kind == "binary":
                values = (values > 0.8).astype(float)
            elif kind == "zeros":
                values = np.where(rng.random((candidates, 40)) < 0.8, 0.0, values / 2)
            result = compare(Scores.of(values), bounds=(0.0, 2.0), flips=499)
            for best, other in itertools.product(result.best, result.worse):
                pair = result.pair(best, other)
                assert pair.mean > 0
                assert pair.p_value <= 0.05
                assert pair.interval.excludes(0.0)
                seen += 1

    assert seen > 40


@pytest.mark.parametrize("candidates", [2, 6])
@pytest.mark.parametrize("kind", ["rouge", "binary", "clusters"])
def test_equal_candidates_are_rarely_called_worse(kind: str, candidates: int) -> None:
    """Of 200 runs of equal candidates at most 9.5 % call one worse: 5 % and the error of 200 runs."""
    rng = np.random.default_rng(6)
    claims = 0
    for _ in range(200):
        clusters = None
        if kind == "rouge":
            values = np.clip(rng.beta(2, 3, 50) + rng.normal(0, 0.12, (candidates, 50)), 0, 1)
        elif kind == "binary":
            values = (rng.random((candidates, 50)) < rng.beta(2, 2, 50)).astype(float)
        else:
            clusters = np.repeat(np.arange(20), 5)
            values = np.repeat(rng.normal(0, 0.1, (candidates, 20)), 5, axis=1) + rng.normal(0, 0.1, (candidates, 100))
        claims += bool(compare(Scores.of(values, clusters), flips=199).worse)

    assert claims <= 19


def test_ten_candidates_on_ten_thousand_records_take_seconds() -> None:
    """Far more than the two seconds of a quiet machine are allowed here; what is held is that it is no matter of minutes."""
    start = time.process_time()

    compare(Scores.of(ladder(10_000, *np.linspace(0.4, 0.5, 10))), bounds=BOUNDS)

    assert time.process_time() - start < 20


def test_pairs_with_one_candidate_are_those_of_all() -> None:
    """Their numbers are at the level of all pairs, and the verdict is the same; other pairs are left out."""
    scores = Scores(np.random.default_rng(3).normal([[0.0], [0.1], [0.6], [0.2]], 0.5, (4, 60)), np.arange(60))
    whole, part = compare(scores), compare(scores, versus=0)

    assert (whole.best, whole.tied, whole.worse, whole.p_values) == (part.best, part.tied, part.worse, part.p_values)
    assert (2,) == whole.best
    assert tuple(pair for pair in whole.pairs if {pair.first, pair.second} & {0, 2}) == part.pairs
    assert (6, 5) == (len(whole.pairs), len(part.pairs))
