"""The length of an answer, and whether it is within the limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llmops_plugins.metrics.rules.length import Length
from llmops_plugins.metrics.rules.options import LengthOptions
from llmops_sdk.plugin import RecordScore, Scored


@pytest.mark.parametrize(
    ("output", "options", "within", "length"),
    [
        ("one, two - three!", {"maximum": 3}, 1, 3),
        ("one two three four", {"maximum": 3}, 0, 4),
        ("", {"maximum": 3}, 0, 0),
        ("", {"maximum": 3, "minimum": 0}, 1, 0),
        ("今天天气很好", {"maximum": 6}, 1, 6),
        ("  a b  ", {"unit": "characters", "maximum": 3}, 1, 3),
        ("e\u0301", {"unit": "characters", "maximum": 1}, 0, 2),
        ("a\n\nb\n", {"unit": "lines", "minimum": 3}, 0, 2),
        ("a", {}, 1, 1),
    ],
)
def test_lengths_are_counted(
    score_answer: Callable[..., RecordScore], output: str, options: dict[str, Any], within: float, length: float
) -> None:
    """In words without punctuation, in characters, or in lines with text; an empty answer has the length 0."""
    score = score_answer(Length(LengthOptions(**options)), output)

    assert Scored(3, {"length_within_limits": within, "length": length}) == score


def test_the_length_itself_decides_nothing() -> None:
    """Neither end is the better one; the limits are in the label of the other metric."""
    limits, length = Length(LengthOptions(minimum=2, maximum=9)).metrics

    assert ("Has 2 to 9 words", (0.0, 1.0)) == (limits.label, limits.bounds)
    assert length.higher_is_better is None
    assert "Has 5 or more lines" == Length(LengthOptions(unit="lines", minimum=5)).metrics[0].label
