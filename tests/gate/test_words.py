"""Numbers and sentences of a gate."""

from __future__ import annotations

from llmops_sdk.gate.words import in_words, needed_words, number, signed, with_bounds
from llmops_sdk.verdict.statistics.intervals import Interval


def test_numbers_have_a_true_minus_and_no_negative_zero() -> None:
    """Three decimals; a difference has its sign."""
    assert ("0.000", "+0.000") == (number(-0.0), signed(-0.0))
    assert ("\N{MINUS SIGN}0.250", "+0.250") == (number(-0.25), signed(0.25))


def test_missing_bounds_are_named() -> None:
    """Too few records have none; one end may be missing."""
    assert "0.5 (too few records for bounds)" == with_bounds("0.5", None, None)
    assert "0.500 [0.400, no bound]" == with_bounds("0.500", *in_words(Interval(0.4, None), sign=False))


def test_nobody_has_a_million_records() -> None:
    """A number that nobody has is not given exactly."""
    assert "; more than 100,000 records would decide it: it is too close to the limit" == needed_words(2_000_000)
    assert "; about 73 answers would decide it" == needed_words(73, "answer")
