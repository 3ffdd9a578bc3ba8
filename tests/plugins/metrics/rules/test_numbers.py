"""One stated rule decides which texts are numbers, and which."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from llmops_plugins.metrics.rules.numbers import UnreadableNumber, marked_answer, numbers_in


def values(text: str, **options: str) -> list[str]:
    return ["?" if isinstance(one, UnreadableNumber) else str(one) for one in numbers_in(text, **options)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("none", []),
        ("NaN, inf and infinity", []),
        ("7", ["7"]),
        ("It is 7.", ["7"]),
        ("-5, \u22125, +5", ["-5", "-5", "5"]),
        ("-$1,000.50 or $-3", ["-1000.50", "-3"]),
        ("from 3-5, 10\u201320 and 5 - 3", ["3", "5", "10", "20", "5", "3"]),
        ("1,234,567.89", ["1234567.89"]),
        ("12,34,567", ["1234567"]),
        ("1'000 and 1_000 and 1\u00a0000 and 1\u202f000.5", ["1000", "1000", "1000", "1000.5"]),
        ("1 000", ["1", "0"]),
        ("1,5", ["?"]),
        ("1,000,00", ["?"]),
        ("1.234,5", ["?"]),
        ("1.2.3", ["?"]),
        ("1,2,3", ["?"]),
        ("1, 2, 3", ["1", "2", "3"]),
        ("1.5e3, 1.5E-3, 2e400", ["1.5E+3", "0.0015", "2E+400"]),
        ("1.5 \u00d7 10^3, 2 x 10^{-3}, 2 \\times 10^{3}, 2*10**3", ["1.5E+3", "0.002", "2E+3", "2E+3"]),
        ("3/4 and -1/2", ["0.75", "-0.5"]),
        ("1/0", ["?"]),
        ("3/4/2026 and 2026-04-03 at 1:30", ["?", "?", "?"]),
        ("5kg, 3rd, 12 km", ["5", "3", "12"]),
        ("GPT4, H2O, v1.2", []),
        ("COVID-19", ["19"]),
        ("12%, 12 %, 50\\%", ["12", "12", "50"]),
        ("\u0663\u0664 and \uff15", ["34", "5"]),
        ("1e9999999999", ["?"]),
        ("123e999999", ["?"]),
        ("9" * 1001, ["?"]),
        (".5 and 5.", ["0.5", "5"]),
        ("1.5 million", ["1.5"]),
    ],
)
def test_numbers_with_a_decimal_point(text: str, expected: list[str]) -> None:
    """Signs, thousands, powers of ten, fractions, units, digits of other scripts; `?` is no number."""
    assert expected == values(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1,5", ["1.5"]), ("1.234,5", ["1234.5"]), ("1.234", ["1234"]), ("1.5", ["?"]), ("1'000,25", ["1000.25"])],
)
def test_numbers_with_a_decimal_comma(text: str, expected: list[str]) -> None:
    """Points then group thousands."""
    assert expected == values(text, decimal=",")


def test_percent_signs_may_divide() -> None:
    """12 without the sign stays 12."""
    assert ["0.12", "12"] == values("12% and 12", percent="divide")


def test_what_is_no_number_has_the_reason() -> None:
    """With what stands there."""
    (one,) = numbers_in("about 1,5 or so")
    assert UnreadableNumber("1,5", "with the decimal separator '.', it could be a list or another number") == one


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 + 2 = 7\n#### 7\nDone 9", " 7"),
        ("#### 1\n#### 2", " 2"),
        ("so $\\boxed{12}$ of 30", "12"),
        ("\\boxed{1} then \\boxed{2}", "2"),
        ("7", None),
    ],
)
def test_a_marked_answer_counts_alone(text: str, expected: str | None) -> None:
    """GSM8K's mark, and LaTeX's box."""
    assert expected == marked_answer(text)


@given(st.integers(min_value=-(10**30), max_value=10**30), st.integers(min_value=0, max_value=99))
def test_grouped_numbers_read_as_what_they_are(whole: int, cents: int) -> None:
    """As Python writes them with separators, in both styles."""
    text = f"{whole:,}.{cents:02d}"
    expected = Decimal(f"{whole}.{cents:02d}")
    swapped = text.translate(str.maketrans(",.", ".,"))

    assert [expected] == list(numbers_in(f"The total is {text} dollars"))
    assert [expected] == list(numbers_in(swapped, decimal=","))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_that_python_writes_is_read(number: float) -> None:
    """Without loss."""
    assert [number] == [float(one) for one in numbers_in(repr(number)) if isinstance(one, Decimal)]


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    """Whatever is read is finite."""
    assert all(isinstance(one, UnreadableNumber) or one.is_finite() for one in numbers_in(text))
