"""How far answers agree: identical ones, the first word that differs, and the tokens of the prompts."""

from __future__ import annotations

import pytest

from llmops_sdk.steps.forms.agreement import Comparer, first_difference
from llmops_sdk.values.answers import Answer, Answered, Outcome, Unanswered
from llmops_sdk.values.forms import AnswerAgreement, FirstDifference


def outcomes(*texts: str | None, tokens: tuple[int | None, ...] = ()) -> list[Outcome]:
    """An answer for each text, none for None."""
    return [
        Unanswered(index, "refused")
        if text is None
        else Answered(index, Answer(text, prompt_tokens=tokens[index] if tokens else None))
        for index, text in enumerate(texts)
    ]


def test_answers_are_counted_and_the_first_difference_is_kept() -> None:
    """A record that one of the two did not answer does not count."""
    comparer = Comparer()
    comparer.compare(outcomes("a b c", "same", None, "x y", "one"), outcomes("a b d", "same", "z", "x", "two"))
    assert AnswerAgreement(4, 1, FirstDifference(1, 3, "c", "d"), 2) == comparer.agreement


def test_nothing_in_common_is_no_difference() -> None:
    """There is then nothing to show."""
    comparer = Comparer()
    assert AnswerAgreement(0, 0) == comparer.agreement
    assert "unknown" == comparer.prompt_tokens.state


@pytest.mark.parametrize(
    ("reference", "other", "expected"),
    [
        ("the red fox", "the brown fox", FirstDifference(1, 2, "red", "brown")),
        ("the red", "the red fox", FirstDifference(1, 3, "", "fox")),
        ("", "yes", FirstDifference(1, 1, "", "yes")),
        ("a  b", "a b", FirstDifference(1, 3, "", "")),
        ("a\n", "a", FirstDifference(1, 2, "", "")),
    ],
)
def test_the_first_word_that_differs(reference: str, other: str, expected: FirstDifference) -> None:
    """One of them may have ended, and white space alone may differ."""
    assert expected == first_difference(1, reference, other)


def test_tokens_of_the_prompts_are_compared() -> None:
    """The first prompt with another number is named; the same number everywhere is that of the first prompt."""
    same, other, unknown = Comparer(), Comparer(), Comparer()
    same.compare(outcomes("a", "b", tokens=(5, 6)), outcomes("a", "b", tokens=(5, 6)))
    other.compare(outcomes("a", "b", tokens=(5, 6)), outcomes("a", "b", tokens=(5, 7)))
    unknown.compare(outcomes("a", tokens=(5,)), outcomes("a", tokens=(None,)))
    assert ("same", "5 (record 1)") == (same.prompt_tokens.state, same.prompt_tokens.reference)
    assert ("6 (record 2)", "7 (record 2)") == (other.prompt_tokens.reference, other.prompt_tokens.candidate)
    assert "unknown" == unknown.prompt_tokens.state
