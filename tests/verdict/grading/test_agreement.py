"""Krippendorff's alpha: the values of the package `krippendorff`, its interval, and ratings without variation."""

from __future__ import annotations

import numpy as np
import pytest

from llmops_sdk.verdict.grading.agreement import krippendorff_alpha

NAN = float("nan")
FOUR = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)
"""The example of Krippendorff's paper; its interval alpha is .849."""


def test_the_published_example_has_its_alpha() -> None:
    """Four raters with holes have the alpha of the paper, and of krippendorff 0.9.0; a unit with one rating does not count."""
    alpha = krippendorff_alpha(FOUR)

    assert pytest.approx(0.8491071428571428) == alpha.value
    assert 11 == alpha.units
    assert alpha.low is not None
    assert alpha.high is not None
    assert alpha.low < 0.849 < alpha.high <= 1


@pytest.mark.parametrize("seed", range(10))
def test_random_ratings_agree_with_krippendorff(seed: int) -> None:
    """Random ratings with holes have the alpha of the package."""
    import krippendorff

    rng = np.random.default_rng(seed)
    ratings = np.rint(rng.normal(3, 1, 40) + rng.normal(0, 0.7, (3, 40)))
    ratings[rng.random(ratings.shape) < 0.2] = np.nan

    expected = krippendorff.alpha(ratings, level_of_measurement="interval")

    assert pytest.approx(expected) == krippendorff_alpha(ratings).value


def test_the_same_ratings_agree_fully_and_opposite_ones_below_chance() -> None:
    """Alpha is 1 for the same grades, and negative for opposite ones."""
    grades = np.array([1.0, 2, 3, 4, 5, 1, 2, 3])

    assert 1.0 == krippendorff_alpha(np.stack([grades, grades])).value
    opposite = krippendorff_alpha(np.stack([grades, 6 - grades])).value
    assert opposite is not None
    assert opposite < 0


def test_large_grades_lose_no_precision() -> None:
    """A constant that is added to all ratings changes nothing."""
    expected = krippendorff_alpha(FOUR).value

    assert pytest.approx(expected, rel=1e-6) == krippendorff_alpha(FOUR + 1e6).value


def test_answers_to_one_record_are_resampled_together() -> None:
    """Copies of a unit in one cluster leave alpha and its interval nearly as they are; as units they narrow it."""
    rng = np.random.default_rng(0)
    ratings = rng.normal(3, 1, 30) + rng.normal(0, 0.8, (2, 30))
    copies = np.repeat(ratings, 4, axis=1)

    def width(alpha: object) -> float:
        return alpha.high - alpha.low  # type: ignore[attr-defined,no-any-return] # both ends are there

    once = krippendorff_alpha(ratings)
    assert pytest.approx(width(once), rel=0.15) == width(krippendorff_alpha(copies, np.repeat(np.arange(30), 4)))
    assert 0.7 * width(once) > width(krippendorff_alpha(copies))


def test_without_variation_there_is_no_alpha() -> None:
    """One grade for everything, no unit with two ratings, and a single cluster: no alpha, or none with an interval."""
    assert krippendorff_alpha(np.full((2, 5), 3.0)).value is None
    assert 0 == krippendorff_alpha(np.array([[1.0, NAN], [NAN, 2.0]])).units
    single = krippendorff_alpha(np.array([[1.0, 2, 3], [1, 2, 4]]), np.zeros(3))
    assert single.value is not None
    assert single.low is None
