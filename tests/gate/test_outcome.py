"""A gate as a whole is as good as its worst condition."""

from __future__ import annotations

import pytest

from llmops_sdk.gate.outcome import Check, Numbers, Outcome, worst_of


def check_of(outcome: Outcome) -> Check:
    return Check("rougeL", "at least 0.3", "sales", outcome, 0.3, 0.2, 0.4, 0.3, 50, "a text", Numbers.MEAN)


@pytest.mark.parametrize(
    ("expected", "outcomes"),
    [
        ("GO", ["GO", "GO"]),
        ("INCONCLUSIVE", ["GO", "INCONCLUSIVE"]),
        ("NO-GO", ["GO", "NO-GO", "INCONCLUSIVE"]),
    ],
)
def test_the_worst_check_decides(expected: str, outcomes: list[str]) -> None:
    """NO-GO if one is broken, else INCONCLUSIVE if one is not decided, else GO."""
    assert Outcome(expected) is worst_of([check_of(Outcome(each)) for each in outcomes])
