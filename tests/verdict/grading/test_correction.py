"""Corrected means: the published values of `ppi-python`, holes, clusters, and few grades."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from llmops_sdk.verdict.grading.correction import Corrected, correct, holm
from llmops_sdk.verdict.statistics.intervals import UNBOUNDED

GRADED = 12
CONTRASTS = np.array([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])


def _scores() -> tuple[Any, Any]:
    """Return a judge's scores and people's grades of three candidates on 30 records; 12 of them have grades."""
    place = np.arange(30)
    judge = np.stack([(place * 7) % 5 + (place * 3) % 4 / 2, (place * 11) % 6 + 0.5, (place * 13) % 7 / 2 + 1.0])
    noise = np.stack([(place * 5) % 3, (place * 2) % 5 / 2, (place * 17) % 4 / 2])
    grades = 0.6 * judge + noise
    grades[:, GRADED:] = np.nan
    return judge, grades


def _published(value: Corrected, level: float = 0.95) -> tuple[float, float, float]:
    """Return a number with the interval as `ppi-python` makes it: by the normal distribution."""
    half = NormalDist().inv_cdf((1 + level) / 2) * value.error
    return value.value, value.value - half, value.value + half


RECORDED = {
    "pair": [(-0.142899921, -0.64587748, 0.360077638)],
    "all": [
        (-0.116239365, -0.630666851, 0.398188122),
        (0.313247778, -0.345792091, 0.972287648),
        (0.429487143, -0.235400043, 1.094374329),
    ],
    "untuned": [
        (2.827777778, 1.94496913, 3.710586425),
        (2.716666667, 1.839383586, 3.593949748),
        (2.116666667, 1.476082226, 2.757251107),
    ],
    "quarter": [
        (2.619444444, 1.991678083, 3.247210806),
        (2.716666667, 2.044973779, 3.388359554),
        (2.272916667, 1.906002968, 2.639830365),
    ],
}
"""Estimates and 95 % intervals of `ppi_mean_pointestimate` and `ppi_mean_ci` of ppi-python 0.2.3."""


def test_a_difference_is_that_of_ppi_python() -> None:
    """The tuned difference of two candidates and its published interval are the recorded ones."""
    judge, grades = _scores()

    (pair,) = correct(judge[:2], grades[:2]).pairs

    assert pytest.approx(RECORDED["pair"][0], abs=1e-8) == _published(pair.difference)


def test_differences_of_several_candidates_are_those_of_ppi_python() -> None:
    """One weight for all pairs is what `ppi-python` tunes for a mean of several dimensions."""
    judge, grades = _scores()

    correction = correct(judge, grades)

    assert 0 < correction.weight < 1
    for expected, pair in zip(RECORDED["all"], correction.pairs, strict=True):
        assert pytest.approx(expected, abs=1e-8) == _published(pair.difference)


@pytest.mark.parametrize(("weight", "recorded"), [(1.0, "untuned"), (0.25, "quarter")])
def test_means_are_those_of_ppi_python(weight: float, recorded: str) -> None:
    """Means with a given weight are the recorded ones."""
    correction = correct(*_scores(), weight=weight)

    for expected, mean in zip(RECORDED[recorded], correction.means, strict=True):
        assert pytest.approx(expected, abs=1e-8) == _published(mean)


def test_random_scores_agree_with_ppi_python() -> None:
    """Where `ppi-python` is installed, which needs much more, random scores have its estimates and intervals."""
    ppi = pytest.importorskip("ppi_py", reason="ppi-python is not installed")

    for seed in range(20):
        rng = np.random.default_rng(seed)
        judge = rng.normal(0, 1, (3, 80))
        grades = 0.5 * judge + rng.normal(0, 1, judge.shape)
        grades[:, 25:] = np.nan
        people, own, others = ((CONTRASTS @ each).T for each in (grades[:, :25], judge[:, :25], judge[:, 25:]))
        estimates = ppi.ppi_mean_pointestimate(people, own, others)
        lows, highs = ppi.ppi_mean_ci(people, own, others, alpha=0.05)

        for *expected, pair in zip(estimates, lows, highs, correct(judge, grades).pairs, strict=True):
            assert pytest.approx(expected, abs=1e-10) == _published(pair.difference)


def test_differences_are_those_of_the_means() -> None:
    """With one weight, the corrected difference of two candidates is that of their corrected means."""
    correction = correct(*_scores())

    for pair in correction.pairs:
        gap = correction.means[pair.first].value - correction.means[pair.second].value
        assert pytest.approx(gap) == pair.difference.value


def test_a_judge_that_says_nothing_has_no_weight() -> None:
    """A judge that gives everything the same score leaves the means of the grades."""
    _, grades = _scores()

    correction = correct(np.full((3, 30), 3.0), grades)

    assert 0.0 == correction.weight
    assert pytest.approx(grades[:, :GRADED].mean(axis=1)) == [mean.value for mean in correction.means]


def test_all_records_graded_need_no_judge() -> None:
    """Where every record is graded, the means are those of the grades."""
    judge, grades = _scores()

    correction = correct(judge[:, :GRADED], grades[:, :GRADED])

    assert (0.0, GRADED, 0) == (correction.weight, correction.graded, correction.others)
    assert pytest.approx(grades[:, :GRADED].mean(axis=1)) == [mean.value for mean in correction.means]


def test_a_bias_towards_one_candidate_is_removed() -> None:
    """A judge that adds a point to one candidate does not change the corrected difference."""
    judge, grades = _scores()
    biased = judge + np.array([[1.0], [0.0], [0.0]])

    assert pytest.approx([mean.value for mean in correct(judge, grades, weight=1.0).means]) == [
        mean.value for mean in correct(biased, grades, weight=1.0).means
    ]


def test_a_record_without_the_judges_score_or_a_grade_counts_as_far_as_it_can() -> None:
    """A record that lacks one candidate's score is left out; one that lacks a grade is not graded."""
    judge, grades = _scores()
    judge[1, 20] = np.nan
    grades[2, 3] = np.nan

    correction = correct(judge, grades)

    assert (GRADED - 1, 30 - GRADED) == (correction.graded, correction.others)
    assert {GRADED - 1} == {pair.records for pair in correction.pairs}


def test_records_of_one_cluster_count_as_one() -> None:
    """Two copies of every record in clusters have the errors of one copy."""
    judge, grades = _scores()
    once = correct(judge, grades, weight=0.5)
    twice = correct(np.repeat(judge, 2, axis=1), np.repeat(grades, 2, axis=1), np.repeat(np.arange(30), 2), weight=0.5)

    for one, two in zip(once.pairs, twice.pairs, strict=True):
        assert pytest.approx((one.difference.value, one.difference.error)) == (
            two.difference.value,
            two.difference.error,
        )
        assert (one.difference.groups, one.clusters) == (two.difference.groups, two.clusters)


def test_few_or_equal_grades_allow_no_claim() -> None:
    """Nine graded records, or grades that differ on five, are too few; without spread there is no interval."""
    judge, grades = _scores()
    grades[0, :GRADED] += 9
    few = grades.copy()
    few[:, 9:] = np.nan
    assert correct(judge, grades).pair(0, 1).differs()
    assert not correct(judge, few).pair(0, 1).differs()

    same = grades.copy()
    same[1, 5:GRADED] = same[0, 5:GRADED]
    assert 5 == correct(judge, same).pair(0, 1).clusters
    assert not correct(judge, same).pair(0, 1).is_enough

    constant = correct(np.full((2, 30), 2.0), np.array([[3.0], [1.0]]) + np.where(np.arange(30) < 12, 0.0, np.nan))
    assert UNBOUNDED == constant.pair(0, 1).difference.interval()
    assert 1.0 == constant.pair(0, 1).difference.p_value


def test_without_a_grade_nothing_is_known() -> None:
    """No graded record: no number, and no claim."""
    judge, _ = _scores()

    correction = correct(judge, np.full(judge.shape, np.nan))

    assert 0 == correction.graded
    assert math.isnan(correction.means[0].value)
    assert not any(pair.differs() for pair in correction.pairs)


def test_a_pair_can_be_turned() -> None:
    """The pair of B and A is that of A and B with the other sign."""
    correction = correct(*_scores())
    one, other = correction.pair(0, 2), correction.pair(2, 0)

    assert (one.difference.value, one.wins, one.adjusted) == (-other.difference.value, other.losses, other.adjusted)
    with pytest.raises(KeyError, match="no pair"):
        correction.pair(0, 0)


def test_holm_orders_and_never_exceeds_one() -> None:
    """The smallest p value counts as often as there are, the next once less; none is below an earlier one."""
    assert pytest.approx([0.04, 0.06, 0.06, 1.0]) == holm([0.01, 0.02, 0.021, 1.0])
    assert [] == holm([])


def test_intervals_of_few_grades_are_wider_than_published() -> None:
    """The interval has Student's quantile and the degrees of freedom of the graded records."""
    half = 2.2281389 * math.sqrt(1.2)

    interval = Corrected(0.0, 1.0, groups=12, freedom=10).interval()

    assert pytest.approx(-half, abs=1e-6) == interval.low
    assert pytest.approx(half, abs=1e-6) == interval.high
    assert pytest.approx(0.05, abs=1e-6) == Corrected(half, 1.0, groups=12, freedom=10).p_value


def test_a_mean_within_bounds_has_an_interval_within_them() -> None:
    """Wilson's: a corrected mean beyond an end, and one without spread, stay within the metric's bounds."""
    beyond = Corrected(1.02, 0.05, groups=20, freedom=18).interval_within((0.0, 1.0))
    perfect = Corrected(1.0, 0.0, groups=20, freedom=19).interval_within((0.0, 1.0))

    assert 1.0 == beyond.high
    assert pytest.approx(1.0) == perfect.high
    assert beyond.low is not None
    assert perfect.low is not None
    assert 0.7 < beyond.low < 1.0
    assert pytest.approx(1 / (1 + 2.0930241**2 / 20), abs=1e-6) == perfect.low
    assert UNBOUNDED == Corrected(1.0, 0.1, groups=1, freedom=0).interval_within((0.0, 1.0))
    half = Corrected(0.5, 0.1, groups=20, freedom=18)
    assert half.interval() == half.interval_within(None)
