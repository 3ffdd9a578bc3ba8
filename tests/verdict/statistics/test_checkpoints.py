"""Candidates with several checkpoints: a claim holds for other seeds, and agrees with the interval beside it."""

from __future__ import annotations

import numpy as np
import pytest

from llmops_sdk.verdict.statistics.checkpoints import (
    CheckpointScores,
    checkpoints_within_margin,
    compare_checkpoints,
)
from llmops_sdk.verdict.statistics.recipes import compare_recipes, holm

UNIT = (0.0, 1.0)


def scores(*candidates: tuple[int, float, float], records: int = 60, noise: float = 0.05) -> CheckpointScores:
    """Candidates, each with its number of seeds, its mean and the standard deviation of a checkpoint's mean."""
    rng = np.random.default_rng(0)
    hard = rng.normal(0, 0.1, records)
    return CheckpointScores.of(
        mean + hard + rng.normal(0, spread, (seeds, 1)) + rng.normal(0, noise, (seeds, records))
        for seeds, mean, spread in candidates
    )


def test_a_recipe_that_is_better_with_all_seeds_is_the_best() -> None:
    """The others are worse, and each interval excludes 0."""
    comparison = compare_checkpoints(scores((3, 0.6, 0.005), (3, 0.4, 0.005), (1, 0.3, 0.0)), bounds=UNIT)

    assert ((0,), (), (1, 2)) == (comparison.best, comparison.tied, comparison.worse)
    assert all(comparison.pair(0, other).interval.excludes(0.0) for other in (1, 2))
    assert comparison.pair(0, 1).recipe is not None


def test_seeds_that_differ_much_show_no_difference() -> None:
    """The records alone would: they show the difference of the checkpoints, not that of the recipes."""
    rng = np.random.default_rng(0)
    seeds = np.array([[0.4], [0.5], [0.6]])
    wide = CheckpointScores.of(level + seeds + rng.normal(0, 0.01, (3, 40)) for level in (0.05, 0.0))

    comparison = compare_checkpoints(wide)

    assert () == comparison.worse
    assert 1 == len(comparison.tied)
    first, second = (each.mean(axis=0)[None] for each in wide.checkpoints)
    alone = compare_recipes(first, second, wide.clusters)
    assert alone.p_value < 0.001 < comparison.pairs[0].p_value


def test_p_values_are_adjusted_by_holm_for_all_pairs() -> None:
    """Of three candidates there are three."""
    given = scores((2, 0.52, 0.01), (2, 0.5, 0.01), (1, 0.48, 0.0))

    pairs = compare_checkpoints(given).pairs

    assert holm([pair.p_value for pair in pairs]) == [pair.adjusted for pair in pairs]
    first = compare_recipes(given.checkpoints[0], given.checkpoints[1], given.clusters)
    assert first.p_value == pairs[0].p_value
    assert first.interval(1 - 0.05 / 3) == pairs[0].simultaneous


@pytest.mark.slow
def test_equal_recipes_and_models_are_rarely_called_worse() -> None:
    """Two recipes of three seeds beside two models that are not trained: at most 9 % of 150 runs, of right or wrong answers."""
    rng = np.random.default_rng(0)
    claims = 0
    for _ in range(150):
        hard = rng.beta(2, 3, 60)
        chances = [np.clip(hard + rng.normal(0, 0.05, (seeds, 1)) * (seeds > 1), 0, 1) for seeds in (3, 3, 1, 1)]
        answers = [(rng.random(chance.shape) < chance).astype(float) for chance in chances]
        claims += bool(compare_checkpoints(CheckpointScores.of(answers), bounds=UNIT).worse)

    assert claims <= 13


def test_no_candidate_and_one() -> None:
    """There is nothing to compare."""
    assert () == compare_checkpoints(CheckpointScores((), np.arange(3))).best
    assert ((0,), ()) == ((alone := compare_checkpoints(scores((3, 0.5, 0.01)))).best, alone.pairs)


def test_a_difference_on_few_records_is_no_claim() -> None:
    """Fewer than six records that differ, or fewer than ten in all."""
    few = np.zeros((3, 40))
    few[:, :5] = 1.0

    assert () == compare_checkpoints(CheckpointScores.of([few, np.zeros((1, 40))]), bounds=UNIT).worse
    assert () == compare_checkpoints(scores((3, 0.9, 0.0), (1, 0.1, 0.0), records=9), bounds=UNIT).worse


@pytest.mark.parametrize("bounds", [UNIT, None])
def test_a_claim_for_a_candidate_with_missing_scores_must_hold_with_the_worst(
    bounds: tuple[float, float] | None,
) -> None:
    """One checkpoint that misses many of them is enough."""
    given = scores((3, 0.6, 0.005), (1, 0.5, 0.0))
    assert (1,) == compare_checkpoints(given, bounds=bounds).worse

    given.checkpoints[0][:, :20] = np.nan

    assert () == compare_checkpoints(given, bounds=bounds).worse


def test_a_recipe_within_a_margin_of_the_baseline() -> None:
    """Its bounds have the seeds in them: with a wide spread, nothing is shown."""
    (close,) = checkpoints_within_margin(scores((1, 0.5, 0.0), (3, 0.5, 0.003)), 0, 0.05, bounds=UNIT)
    (wide,) = checkpoints_within_margin(scores((1, 0.5, 0.0), (3, 0.5, 0.1)), 0, 0.05, bounds=UNIT)

    assert (True, True, 1) == (close.no_worse, close.equivalent, close.candidate)
    assert (False, False) == (wide.no_worse, wide.equivalent)


def test_several_candidates_share_the_level_of_the_margin() -> None:
    """Bounds of two are wider than of one."""
    (alone,) = checkpoints_within_margin(scores((1, 0.5, 0.0), (3, 0.5, 0.01)), 0, 0.05)
    first, second = checkpoints_within_margin(scores((1, 0.5, 0.0), (3, 0.5, 0.01), (3, 0.5, 0.01)), 0, 0.05)

    assert (1, 2) == (first.candidate, second.candidate)
    assert alone.bounds.low is not None
    assert first.bounds.low is not None
    assert first.mean - first.bounds.low > alone.mean - alone.bounds.low
