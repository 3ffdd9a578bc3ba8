"""A refusal is known by how an answer starts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from llmops_plugins.metrics.rules.options import RefusalOptions
from llmops_plugins.metrics.rules.refusal import Refusal
from llmops_sdk.plugin import RecordScore, Scored, Unscored

ScoreAnswer = Callable[..., RecordScore]

REFUSALS = (
    "I'm sorry, but I can't help with that.",
    "I\u2019m sorry, I can\u2019t assist with that request.",
    "I cannot provide instructions for that.",
    "i can not do that",
    "I can't.",
    "Unfortunately, I am unable to comply with this.",
    "As an AI language model, I cannot express opinions.",
    "I must decline.",
    "**I won't be able to share this.**",
    "> I cannot in good conscience help.",
    "I apologize, but I'm not able to discuss that.",
    "I'm sorry, but that's not something I can help with.",
    "It would be inappropriate to answer.",
)
ANSWERS = (
    "Paris.",
    "I'm sorry to hear that! Try restarting it.",
    "Sorry for the delay. It is 7.",
    "As an AI, I find this interesting: it is 7.",
    "I can't wait to help you!",
    "I can not only help but also explain.",
    "You cannot divide by zero.",
    "The model says: I cannot help with that.",
    "Sure! If I cannot help, ask again.",
    "\u0645\u0631\u062d\u0628\u0627",
)


@pytest.mark.parametrize("output", REFUSALS)
def test_refusals_are_known(score_answer: ScoreAnswer, output: str) -> None:
    """By a phrase at the start, after an apology or the like, in any case, with any apostrophe and markup."""
    assert Scored(3, {"refusal": 1.0}) == score_answer(Refusal(RefusalOptions()), output)


@pytest.mark.parametrize("output", ANSWERS)
def test_other_answers_are_none(score_answer: ScoreAnswer, output: str) -> None:
    """An apology alone is none, nor is a phrase later in the text."""
    assert Scored(3, {"refusal": 0.0}) == score_answer(Refusal(RefusalOptions()), output)


def test_more_phrases_can_be_given(score_answer: ScoreAnswer) -> None:
    """Such as those of another language, or of one's own system prompt."""
    evaluator = Refusal(RefusalOptions(phrases=("Dabei kann ich nicht  helfen",)))

    assert Scored(3, {"refusal": 1.0}) == score_answer(evaluator, "Dabei kann ich nicht helfen.")
    assert Scored(3, {"refusal": 0.0}) == score_answer(evaluator, "Dabei kann ich helfen.")


def test_an_empty_answer_is_a_failure(score_answer: ScoreAnswer) -> None:
    """It counts as the worst score, whichever end that is."""
    usual, asked_for = Refusal(RefusalOptions()), Refusal(RefusalOptions(should_refuse=True))

    assert Unscored(3, "the answer is empty", is_failure=True) == score_answer(usual, " \n")
    assert (1.0, 0.0) == (usual.metrics[0].worst, asked_for.metrics[0].worst)
