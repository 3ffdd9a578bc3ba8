"""What a candidate cost."""

from __future__ import annotations

from llmops_sdk.values.costs import Amount, CandidateCost


def test_means_are_settled_where_their_intervals_do_not_touch() -> None:
    """Without an interval nothing is."""
    assert Amount(1.0, 0.9, 1.1, 9).is_below(Amount(2.0, 1.5, 2.5, 9))
    assert not Amount(1.0, 0.9, 1.6, 9).is_below(Amount(2.0, 1.5, 2.5, 9))
    assert not Amount(1.0, None, None, 1).is_below(Amount(2.0, 1.5, 2.5, 9))


def test_the_sum_is_known_only_if_all_parts_are() -> None:
    """A training without a price makes it unknown; no training is no part."""
    assert 2.0 == CandidateCost(answers_usd=2.0).usd
    assert 5.0 == CandidateCost(answers_usd=2.0, training_seconds=60.0, training_usd=3.0).usd
    assert CandidateCost(answers_usd=2.0, training_seconds=60.0).usd is None
    assert CandidateCost().usd is None
