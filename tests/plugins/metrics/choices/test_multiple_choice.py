"""Whether the letter in an answer is that of the right choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llmops_plugins.metrics.choices.multiple_choice import MultipleChoice
from llmops_plugins.metrics.choices.options import MultipleChoiceOptions
from llmops_sdk.plugin import RecordScore, Scored, Unscored

ScoreAnswer = Callable[..., RecordScore]
CITIES = ["Rome", "Oslo", "New York"]
NUMBERED = {"text": ["Rome", "Oslo"], "label": ["1", "2"]}


@pytest.mark.parametrize(
    ("output", "record", "right", "letter"),
    [
        ("B", {"response": "B"}, 1, "B"),
        ("The answer is (A).", {"response": "b"}, 0, "A"),
        ("B", {"response": "(B)"}, 1, "B"),
        ("B", {"response": 1}, 1, "B"),
        ("B", {"response": "Oslo", "choices": CITIES}, 1, "B"),
        ("B", {"response": 1, "choices": CITIES}, 1, "B"),
        ("Oslo.", {"response": "B", "choices": CITIES}, 1, "B"),
        ("new  york", {"response": 2, "choices": CITIES}, 1, "C"),
        ("A", {"response": "2", "choices": NUMBERED}, 0, "A"),
        ("B", {"response": "2", "choices": NUMBERED}, 1, "B"),
        ("b", {"response": "b", "choices": {"text": ["x", "y"], "label": ["a", "b"]}}, 1, "b"),
    ],
)
def test_letters_are_compared(
    score_answer: ScoreAnswer, output: str, record: dict[str, Any], right: float, letter: str
) -> None:
    """The right one is a letter, a number from 0, a text or a label; an answer may be the text of a choice."""
    score = score_answer(MultipleChoice(MultipleChoiceOptions()), output, **record)

    assert Scored(3, {"choice_accuracy": right}, {"letter": letter}) == score


@pytest.mark.parametrize(
    ("output", "letters"), [("", "ABC"), ("D", "ABC"), ("none of them", "ABC"), ("Rome or Oslo", "ABC")]
)
def test_an_answer_without_an_offered_letter_is_a_failure(score_answer: ScoreAnswer, output: str, letters: str) -> None:
    """Of a record with three choices, D is none."""
    score = score_answer(MultipleChoice(MultipleChoiceOptions()), output, response=0, choices=CITIES)

    expected = f"the answer chooses no letter of {letters}: '{output}'"
    assert Unscored(3, expected, is_failure=True) == score


@pytest.mark.parametrize(
    "record",
    [
        {"response": "K"},
        {"response": 3, "choices": CITIES},
        {"response": 0, "choices": "Rome"},
        {"response": 0, "choices": {"text": ["a", "b", "c"], "label": ["1", "2", "3"]}},
    ],
)
def test_a_record_without_a_right_choice_is_left_out(score_answer: ScoreAnswer, record: dict[str, Any]) -> None:
    """So is one with more choices than letters."""
    score = score_answer(MultipleChoice(MultipleChoiceOptions(letters="AB")), "A", **record)

    assert isinstance(score, Unscored)
    assert not score.is_failure
