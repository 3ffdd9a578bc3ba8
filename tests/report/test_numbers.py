"""Numbers as text."""

from __future__ import annotations

import pytest

from llmops_sdk.report.numbers import amount, duration, interval, number
from llmops_sdk.values.estimates import Estimate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.312", 0.3121),
        ("\N{MINUS SIGN}0.084", -0.0841),
        ("0.000", -0.0001),
        ("12.35", 12.346),
        ("123.5", 123.46),
        ("12,346", 12345.6),
        ("\N{EN DASH}", None),
        ("\N{EN DASH}", float("nan")),
    ],
)
def test_number_keeps_what_people_compare(text: str, value: float | None) -> None:
    """Three decimals below 10, fewer above, a true minus sign, and no minus before a zero."""
    assert text == number(value)


def test_interval_shows_signs_of_differences() -> None:
    """An interval of a difference has a sign at both ends."""
    assert "[\N{MINUS SIGN}0.010, +0.158]" == interval(Estimate(0.1, -0.01, 0.158, 9), sign=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4 ms", 0.004),
        ("0.42 s", 0.42),
        ("12.3 s", 12.34),
        ("1 min 00 s", 59.7),
        ("3 min 05 s", 185),
        ("2 h 07 min", 7621),
        ("\N{EN DASH}", None),
    ],
)
def test_duration_has_the_unit_that_fits(text: str, seconds: float | None) -> None:
    """Times are shown in the largest unit that keeps them readable."""
    assert text == duration(seconds)


def test_amount_writes_counts_without_decimals() -> None:
    """A count stays a count; a rate keeps one decimal."""
    assert ["1,172", "481.2", "0.312"] == [amount(1172.0), amount(481.23), amount(0.3123)]
