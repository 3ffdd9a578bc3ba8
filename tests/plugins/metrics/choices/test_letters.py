r"""The letter that an answer chooses."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from llmops_plugins.metrics.choices.letters import letter_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(b)", "B"),
        ("B.", "B"),
        ('"B"', "B"),
        ("**B**", "B"),
        ("\uff22", "B"),
        ("B) Paris", "B"),
        ("b. Paris", "B"),
        ("B: Paris", "B"),
        ("B - Paris", "B"),
        ("B\n\nA is wrong, since D.", "B"),
        ("Answer: B", "B"),
        ("ANSWER: (B).", "B"),
        ("Answer:\nB", "B"),
        ("answer: d", "D"),
        ("The answer is B.", "B"),
        ("The answer is B because A is wrong.", "B"),
        ("The correct answer is: **C**", "C"),
        ("The answer is option D.", "D"),
        ("The answer to the question is (B).", "B"),
        ("The answer would be B", "B"),
        ("The answer is A? No, the answer is B.", "B"),
        ("B. Let me check. The answer is C.", "C"),
        ("Thus $\\boxed{D}$, not A.", "D"),
        ("\\boxed{\\text{B}}", "B"),
        ("The answer is \\boxed{A}; hence B", "A"),
    ],
)
def test_a_stated_letter_counts(text: str, expected: str) -> None:
    """With brackets, emphasis and LaTeX; the last statement of several; before an opening letter."""
    assert expected == letter_in(text, "ABCD")
    assert expected == letter_in(text, "ABCD", last_letter=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It must be C", "C"),
        ("A is wrong. B is wrong. So C.", "C"),
        ("It is B, not A", "A"),
        ("I think it is (d)", ""),
        ("The best one is A because of the rain", "A"),
    ],
)
def test_else_the_last_capital_letter_counts(text: str, expected: str) -> None:
    """As in MMLU-Pro, with its errors; `last_letter: false` makes such an answer a failure."""
    assert expected == letter_in(text, "ABCD")
    assert "" == letter_in(text, "ABCD", last_letter=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none of these",
        "A dog barks",
        "The answer is A dog",
        "The answer is a dog",
        "E",
        "I think",
        "42",
        "ABCD",
        "Ba",
        "B's",
        "\u0411",
    ],
)
def test_words_and_other_letters_are_no_choice(text: str) -> None:
    """A and I are words before a small letter; E is not offered; the Cyrillic letter only looks like one."""
    assert "" == letter_in(text, "ABCD")


def test_letters_are_returned_as_they_are_offered() -> None:
    """In lower case, and in any order."""
    assert "b" == letter_in("The answer is B", "abcd")
    assert "Y" == letter_in("answer: y", "NY")
    assert "I" == letter_in("I", "ABCDEFGHI")


@given(
    st.sampled_from("ABCDEFGHIJ"),
    st.sampled_from(["{}", "({})", "Answer: {}", "The answer is ({}).", "{}.", "Answer: **{}**"]),
)
def test_usual_forms_are_read_for_every_letter(letter: str, form: str) -> None:
    """Of ten choices, as MMLU-Pro has them."""
    assert letter == letter_in(form.format(letter), "ABCDEFGHIJ")


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    """And nothing else than an offered letter comes back."""
    assert letter_in(text, "ABCD") in ("", "A", "B", "C", "D")
