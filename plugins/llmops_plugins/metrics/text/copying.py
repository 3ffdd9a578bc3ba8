"""How much of a text is copied from a source, counted in words.

Source: Grusky, Naaman and Artzi 2018, "Newsroom: A Dataset of 1.3 Million Summaries with Diverse Extractive Strategies"
(extractive fragments, coverage and density).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache


def copied_share(text: Sequence[str], source: Sequence[str], n: int) -> float | None:
    """Return the share of a text's n-grams that are in the source too, or None where it has none.

    >>> copied_share("a b c x".split(), "x a b c".split(), 2)
    0.6666666666666666
    """
    ngrams = _ngrams(text, n)
    if not ngrams:
        return None
    known = set(_ngrams(source, n))
    return sum(ngram in known for ngram in ngrams) / len(ngrams)


def extractive_coverage(text: tuple[str, ...], source: tuple[str, ...]) -> float | None:
    """Return the share of a text's words that belong to a fragment, or None where it has no words."""
    return sum(fragment_lengths(text, source)) / len(text) if text else None


def extractive_density(text: tuple[str, ...], source: tuple[str, ...]) -> float | None:
    """Return the mean length of the fragment that a word of the text belongs to, or None where it has no words."""
    return sum(length**2 for length in fragment_lengths(text, source)) / len(text) if text else None


@lru_cache(maxsize=4)  # coverage and density share them
def fragment_lengths(text: tuple[str, ...], source: tuple[str, ...]) -> tuple[int, ...]:
    """Return the lengths, in words, of a text's extractive fragments, in their order.

    From the first word on, the longest run of words that is also in the source is one; the next starts after it.

    >>> fragment_lengths(("a", "b", "new", "c"), ("c", "a", "b"))
    (2, 1)
    """
    places: dict[str, list[int]] = {}
    for place, word in enumerate(source):
        places.setdefault(word, []).append(place)
    lengths = []
    start = 0
    while start < len(text):
        length = _longest_run(text, start, source, places.get(text[start], ()))
        if length:
            lengths.append(length)
        start += max(length, 1)
    return tuple(lengths)


def _longest_run(text: tuple[str, ...], start: int, source: tuple[str, ...], places: Sequence[int]) -> int:
    """Return how many words from `start` on are also in the source; `places` are those of the first one, in order."""
    longest = 0
    for place in places:
        room = min(len(text) - start, len(source) - place)
        if longest >= room:  # nor can a later place be longer
            break
        length = longest + 1
        if text[start : start + length] == source[place : place + length]:
            while length < room and text[start + length] == source[place + length]:
                length += 1
            longest = length
    return longest


def _ngrams(tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return list(zip(*(tokens[start:] for start in range(n)), strict=False))
