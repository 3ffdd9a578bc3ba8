"""What is expected, and what was spent."""

from __future__ import annotations

from llmops_sdk.values.spending import ExpectedCost, ExpectedStep, Range, Spending


def test_an_unknown_part_leaves_the_high_end_open() -> None:
    """The low end is at least that of the parts that are known."""
    expected = ExpectedCost((ExpectedStep("a", "m", usd=Range(1.0, 2.0)), ExpectedStep("b", "m")))

    assert Range(1.0, None) == expected.usd
    assert "b" == getattr(expected.of("b"), "step", "")
    assert expected.of("c") is None


def test_attempts_are_added() -> None:
    """The sum is complete if both are."""
    total = Spending(3600, 2, 10, 5, 1.0) + Spending(1800, 1, 5, 5, 0.5, unpriced=1, is_complete=False)

    assert Spending(5400, 3, 15, 10, 1.5, 1, is_complete=False) == total
    assert 1.5 == total.hours
