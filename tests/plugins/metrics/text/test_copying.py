"""Copied fragments are those of Newsroom, and are found quickly."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from llmops_plugins.metrics.text.copying import fragment_lengths
from llmops_plugins.metrics.text.tokens import words

from .conftest import Texts


def newsroom_fragments(summary: Sequence[str], article: Sequence[str]) -> list[int]:
    """Return the fragments by the procedure in figure 3 of Grusky et al. (2018), place by place."""
    lengths, i = [], 0
    while i < len(summary):
        longest = 0
        for j in range(len(article)):
            length = 0
            while (
                i + length < len(summary) and j + length < len(article) and summary[i + length] == article[j + length]
            ):
                length += 1
            longest = max(longest, length)
        if longest:
            lengths.append(longest)
        i += max(longest, 1)
    return lengths


def test_fragments_are_those_of_newsroom(pairs: Texts, odd_pairs: Texts) -> None:
    """For prose of which much is copied, for odd texts, and for texts of few words that repeat."""
    texts = [(words(output), words(source)) for output, source in (*pairs, *odd_pairs)]
    texts += [(tuple("abaababbab"), tuple("bbabaabbaaab")), (tuple("aaaa"), tuple("aa")), (("a", "b"), ("ab",))]

    shuffle = random.Random(7)
    texts += [
        (tuple(shuffle.choices("abc", k=length)), tuple(shuffle.choices("abcd", k=shuffle.randrange(25))))
        for length in range(25)
        for _ in range(40)
    ]

    assert [tuple(newsroom_fragments(*pair)) for pair in texts] == [fragment_lengths(*pair) for pair in texts]


@pytest.mark.parametrize("vocabulary", [1, 2000])
def test_a_long_copy_is_found_with_few_comparisons(vocabulary: int) -> None:
    """Their number grows with the words, not with their square, even if one word repeats all the time."""
    compared = 0

    class Word(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

    shuffle = random.Random(8)
    source = [f"w{shuffle.randrange(vocabulary)}" for _ in range(20_000)]

    assert (20_000,) == fragment_lengths(tuple(map(Word, source)), tuple(map(Word, source)))
    assert 20_000 <= compared < 10 * 20_000
