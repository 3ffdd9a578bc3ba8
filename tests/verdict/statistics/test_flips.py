"""P values by sign flips are those of scipy and of McNemar, and hold their level for any number of candidates."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from llmops_sdk.verdict.statistics import flips as module
from llmops_sdk.verdict.statistics.flips import flip
from llmops_sdk.verdict.statistics.pairs import Scores, make_pairs


def two(first: object, second: object) -> Scores:
    """Two candidates."""
    return Scores.of(np.array([first, second], dtype=float))


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_all_patterns_give_scipys_exact_p(shift: float) -> None:
    """Of up to 13 records every pattern of signs is tried."""
    differences = np.random.default_rng(4).normal(shift, 1, 12)
    pairs = make_pairs(two(differences, np.zeros(12)))

    p_value = flip(pairs).p_values(pairs)[0]

    theirs = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=2**12, vectorized=False
    )
    assert p_value == pytest.approx(theirs.pvalue, abs=1e-12)


def test_random_patterns_come_near_scipys_p() -> None:
    """Within the Monte-Carlo error of 9,999 patterns, 0.2 points at p = .05."""
    differences = np.random.default_rng(2).normal(0.28, 1, 50)
    pairs = make_pairs(two(differences, np.zeros(50)))

    p_value = flip(pairs).p_values(pairs)[0]

    assert 0.02 < p_value < 0.2
    theirs = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=40_000, vectorized=False, rng=1
    )
    assert p_value == pytest.approx(theirs.pvalue, abs=0.012)


@pytest.mark.parametrize(("wins", "losses"), [(6, 0), (5, 0), (9, 2), (11, 2)])
def test_scores_of_0_and_1_give_mcnemars_exact_p(wins: int, losses: int) -> None:
    """Records on which the two agree do not matter."""
    first = [1] * wins + [0] * losses + [1] * 40
    second = [0] * wins + [1] * losses + [1] * 40
    pairs = make_pairs(two(first, second))

    assert flip(pairs).p_values(pairs)[0] == pytest.approx(mcnemar([[40, wins], [losses, 0]], exact=True).pvalue)


def test_ties_count_against_the_claim() -> None:
    """Equal statistics are equal although they are sums of rounded numbers: p is 2 of 64, not less."""
    pairs = make_pairs(two([0.1] * 6, [0.0] * 6))
    null = flip(pairs)

    assert 2 / 64 == null.p_values(pairs)[0]


def test_equal_candidates_have_p_of_1() -> None:
    """Where nothing differs there is nothing to flip."""
    pairs = make_pairs(two([0.5] * 20, [0.5] * 20))
    null = flip(pairs)

    assert [1.0] == list(null.p_values(pairs))
    assert [1.0] == list(null.adjusted(pairs))
    assert pairs.signed[0] < null.critical(0.05)


def test_a_statistic_exceeds_the_critical_value_where_its_p_is_small_enough() -> None:
    """The two forms of the test agree for every pair and level, alone and among all pairs."""
    rng = np.random.default_rng(5)
    for clusters in (7, 13, 40):
        pairs = make_pairs(Scores.of(rng.integers(0, 3, (5, clusters)) + 0.2 * np.arange(5)[:, None]))
        null = flip(pairs, flips=999)
        for level in (0.01, 0.05, 0.2):
            alone = np.abs(pairs.signed) > null.criticals(level, np.arange(10))
            assert list(null.p_values(pairs) <= level) == list(alone)
            among = [abs(statistic) > null.critical(level) for statistic in pairs.signed]
            assert list(null.adjusted(pairs) <= level + 1e-12) == among


def test_a_pair_has_the_critical_value_that_it_has_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last digit, whichever pairs are asked for, and however many of them are looked at in one go."""
    pairs = make_pairs(Scores.of(np.random.default_rng(7).integers(0, 3, (5, 13)).astype(float)))
    null = flip(pairs)
    expected = [float(np.sort(np.abs(row))[-1 - len(row) // 20]) / (1 - 1e-5) for row in null.signed.T]

    assert expected == null.criticals(0.05, np.arange(10))
    monkeypatch.setattr(module, "_CELLS", 3 * len(null.signed))
    assert expected[2:] == null.criticals(0.05, np.arange(2, 10))


def test_adjusted_p_values_are_the_share_of_patterns_with_a_pair_as_large() -> None:
    """Westfall and Young's definition, computed plainly."""
    pairs = make_pairs(Scores.of(np.random.default_rng(6).random((4, 9))))
    null = flip(pairs)
    largest = np.abs(null.signed).max(axis=1)

    expected = [(largest >= abs(statistic) - 1e-5).mean() for statistic in pairs.signed]

    assert null.adjusted(pairs).tolist() == pytest.approx(expected)


def test_the_same_scores_give_the_same_p_values() -> None:
    """Another seed gives others."""
    pairs = make_pairs(Scores.of(np.random.default_rng(7).random((3, 60))))

    assert (flip(pairs).signed == flip(pairs).signed).all()
    assert (flip(pairs).signed != flip(pairs, seed=1).signed).any()


def test_blocks_of_patterns_are_as_good_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many records are flipped a block at a time, with the same distribution."""
    pairs = make_pairs(Scores.of(np.random.default_rng(8).random((3, 400))))
    at_once = flip(pairs).critical(0.05)
    monkeypatch.setattr(module, "_CELLS", 100_000)

    assert flip(pairs).critical(0.05) == pytest.approx(at_once, abs=0.06)


def test_the_normal_limit_is_near_the_flips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its critical value for all pairs of correlated candidates is that of 9,999 patterns, within their error."""
    rng = np.random.default_rng(9)
    pairs = make_pairs(Scores.of(rng.random(3000) + rng.random((6, 3000))))
    by_flips = flip(pairs)
    monkeypatch.setattr(module, "NORMAL_ABOVE", 1000)

    by_limit = flip(pairs)

    assert by_limit.critical(0.05) == pytest.approx(by_flips.critical(0.05), abs=0.06)
    assert by_limit.adjusted(pairs).tolist() == pytest.approx(by_flips.adjusted(pairs).tolist(), abs=0.03)
