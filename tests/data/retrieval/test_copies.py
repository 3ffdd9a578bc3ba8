"""Copies with few other words, and texts that quote a question with its answer."""

from __future__ import annotations

import random
import time

import pytest

from llmops_sdk.data.retrieval.copies import (
    AnsweredText,
    Quotable,
    count_edits,
    find_changed_copies,
    find_quotes,
    split_words,
)

TEXT = AnsweredText("When does the swimming hall open on weekdays?", "At 7:00. See: Swimming hall.")


def copies(text: str, other: AnsweredText = TEXT, answer: str = "") -> bool:
    """Whether a text is a copy of another one."""
    return bool(find_changed_copies([AnsweredText(text, answer)], [other]))


@pytest.mark.parametrize(
    "text",
    [
        "WHEN DOES THE SWIMMING HALL OPEN ON WEEKDAYS?",
        "When does the swimming-hall open, on weekdays",
        "  When does\nthe\tswimming  hall open on week days ?",
        "\uff37hen does the swimming hall open on weekdays?",
        "When does the swimming pool open on weekdays?",
        "When does the swimming hall usually open on weekdays?",
        "when does swimming hall open on weekdays",
    ],
    ids=["capitals", "punctuation", "spaces", "wide", "another word", "a further word", "a missing word"],
)
def test_a_copy_is_found(text: str) -> None:
    """Case, punctuation and spaces make no difference, and one word does not either."""
    assert copies(text)


@pytest.mark.parametrize(
    "text",
    [
        "When does the town library close on Sundays?",
        "On weekdays the swimming hall does open: when?",
        "The swimming hall opens at 7:00.",
        "",
        "?",
    ],
)
def test_another_text_is_no_copy(text: str) -> None:
    """Nor is one with the same words in another order: a statement is not its question."""
    assert not copies(text)


def test_one_word_of_each_ten_may_differ() -> None:
    """Whatever the length of the text."""
    words = [f"w{n}" for n in range(40)]
    for changes, expected in ((4, True), (5, False)):
        changed = [f"x{n}" if n % 8 == 0 and n // 8 < changes else word for n, word in enumerate(words)]
        assert expected is copies(" ".join(changed), AnsweredText(" ".join(words)))


def test_the_form_makes_no_copy() -> None:
    """Where most inputs have the words of a template, the other word is what they are about, unless all is the same."""
    others = [AnsweredText(f"Is the number {n} a prime?", "no") for n in (4, 6, 8, 9)]
    texts = [AnsweredText("Is the number 15 a prime?", "no"), AnsweredText("is the number 9 a prime", "no")]

    assert {1: 1.0} == find_changed_copies(texts, others)


def test_the_form_of_the_texts_makes_no_copy_with_another_answer() -> None:
    """Though the others are too few to show it; with the same answer, it is a copy."""
    other = AnsweredText("What is the capital city of France?", "Paris")
    texts = [AnsweredText(f"What is the capital city of {n}land?", f"{n}ville") for n in range(20)]

    assert not find_changed_copies(texts, [other])
    assert {20} == set(
        find_changed_copies([*texts, AnsweredText("What's the capital city of France?", "Paris.")], [other])
    )


def test_the_same_answer_makes_short_questions_copies() -> None:
    """Where the words of the question alone are too few."""
    others = [
        AnsweredText(f"Who wrote {book}?", who)
        for book, who in (("Hamlet", "Shakespeare"), ("Emma", "Austen"), ("It", "King"))
    ]

    assert {0} == set(find_changed_copies([AnsweredText("Who authored Hamlet?", "Shakespeare")], others))
    assert not find_changed_copies([AnsweredText("Who staged Hamlet?", "Brook")], others)


def test_words_of_scripts_without_spaces_are_characters() -> None:
    """So one of them may differ."""
    assert ("\u6771", "\u4eac", "tower") == split_words("\u6771\u4eac Tower")
    assert copies(
        "\u6771\u4eac\u306e\u5854\u306f\u9ad8\u3044", AnsweredText("\u6771\u4eac\u306e\u5854\u306f\u4f4e\u3044")
    )


@pytest.mark.parametrize("seed", range(20))
def test_edits_are_those_of_the_complete_table(seed: int) -> None:
    """What is left out of the table cannot be part of few edits."""
    chance = random.Random(seed)
    one, other = (chance.choices("abc", k=chance.randrange(12)) for _ in range(2))
    table = [list(range(len(other) + 1))]
    for row, word in enumerate(one, start=1):
        line = [row]
        for column, another in enumerate(other, start=1):
            line.append(min(table[-1][column - 1] + (word != another), table[-1][column] + 1, line[-1] + 1))
        table.append(line)
    for most in range(13):
        assert min(table[-1][-1], most + 1) == count_edits(one, other, most)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FAQ. Who runs the hall? -- the town. When does it open? At 7.", True),
        ("Who runs the hall? Ask us. When does it open? At 7.", False),
        ("The town runs the hall.", False),
    ],
)
def test_a_quoted_question_with_its_answer_is_found(text: str, *, expected: bool) -> None:
    """A question without its answer, or an answer alone, is no quote."""
    quotable = [
        Quotable("Who runs the hall?", ["the mayor", "The town."]),
        Quotable("Who?", ["Us"]),
        Quotable("", [""]),
    ]

    assert ([0] if expected else []) == list(find_quotes([text], quotable))


def test_many_texts_take_little_time() -> None:
    """Two thousand questions against 500 take a second of a busy processor."""
    chance = random.Random(0)
    vocabulary = [f"word{n}" for n in range(3_000)]
    questions = [AnsweredText(f"What is {' '.join(chance.choices(vocabulary, k=30))}?", "yes") for _ in range(2_000)]
    started = time.process_time()

    found = find_changed_copies(questions, questions[:500])

    assert set(range(500)) == set(found)
    assert 3 > time.process_time() - started
