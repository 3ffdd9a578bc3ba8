"""Word error rate has the values of jiwer, which `evaluate`'s metric uses."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from llmops_plugins.metrics.robustness.wer import edit_distance, word_error_rate, words


def test_values_are_those_of_jiwer(needs: Callable[..., None]) -> None:
    """For several pairs at a time, with all kinds of white space between words, to the last bit."""
    needs("jiwer")
    import jiwer

    shuffle = random.Random(3)
    pieces = ["cat", "dog", "Cat", "é", "😀", " ", " ", "  ", "\n", " \n", "\t", "\u00a0", "\u2003 "]

    def text() -> str:
        return "".join(shuffle.choices(pieces, k=shuffle.randrange(40)))

    compared = 0
    while compared < 300:
        pairs = [(text(), text()) for _ in range(3)]
        if not all(words(reference) for _, reference in pairs):
            continue
        compared += 1
        errors = total = 0
        for output, reference in pairs:
            words_of_pair = jiwer.process_words(reference, output)
            errors += words_of_pair.substitutions + words_of_pair.deletions + words_of_pair.insertions
            total += words_of_pair.substitutions + words_of_pair.deletions + words_of_pair.hits
        assert errors / total == word_error_rate(pairs)


def test_the_distance_of_texts_longer_than_a_machine_word() -> None:
    """The table's columns are longer than 64 rows here; the expected value is the textbook's table."""
    shuffle = random.Random(4)
    for _ in range(20):
        first = shuffle.choices("abcd", k=shuffle.randrange(60, 200))
        second = shuffle.choices("abcd", k=shuffle.randrange(60, 200))
        row = list(range(len(second) + 1))
        for number, letter in enumerate(first, start=1):
            diagonal, row[0] = row[0], number
            for column, other in enumerate(second, start=1):
                diagonal, row[column] = (
                    row[column],
                    min(row[column] + 1, row[column - 1] + 1, diagonal + (letter != other)),
                )
        assert row[-1] == edit_distance(first, second)


def test_long_texts_are_compared_quickly() -> None:
    """The textbook's table would take minutes for two texts of 20,000 words."""
    first = [str(number % 997) for number in range(20_000)]

    assert 0 == edit_distance(first, first)
    assert 2 == edit_distance(first, [*first[1:], "new"])


@pytest.mark.parametrize(
    ("output", "reference", "expected"),
    [("", "one two", 1.0), ("one two three", "one", 2.0), ("one two", "one two", 0.0), ("One", "one", 1.0)],
)
def test_known_rates(output: str, reference: str, expected: float) -> None:
    """An empty output misses all words, and the rate has no upper end."""
    assert expected == word_error_rate([(output, reference)])


def test_references_without_words_have_no_rate() -> None:
    """The caller must not ask for one."""
    with pytest.raises(ZeroDivisionError):
        word_error_rate([("one", " ")])
