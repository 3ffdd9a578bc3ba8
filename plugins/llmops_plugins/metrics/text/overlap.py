"""What two texts have in common, counted in words: F1 and exact match of answers, lengths, and what was copied.

Sources: Rajpurkar et al. 2016, "SQuAD: 100,000+ Questions for Machine Comprehension of Text" (normalisation, F1 and
exact match); Grusky, Naaman and Artzi 2018, "Newsroom: A Dataset of 1.3 Million Summaries with Diverse Extractive
Strategies" (extractive fragments, coverage and density).
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

# Han and kana are written without spaces: each of their letters counts as a word, as in sacrebleu and BERT.
_LETTER = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
# What is part of words and `\w` has not: combining marks, and the vowel signs of the Indic scripts.
_MARK = r"\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0963\u0966-\u0dff"
_OTHER = rf"(?:(?!{_LETTER})[\w{_MARK}])+"
_WORD = re.compile(rf"{_LETTER}|{_OTHER}(?:['\u2019]{_OTHER})*")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


@lru_cache(maxsize=16)  # the metrics of one record share their words
def words(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case, without punctuation.

    >>> words("It's 5 o'clock, on the Seine.")
    ("it's", '5', "o'clock", 'on', 'the', 'seine')
    """
    return tuple(_WORD.findall(unicodedata.normalize("NFC", text).lower()))


def squad_tokens(text: str) -> tuple[str, ...]:
    """Return the tokens of a text as SQuAD's evaluation has them.

    >>> squad_tokens("The U.K., a kingdom!")
    ('uk', 'kingdom')
    """
    return tuple(_ARTICLES.sub(" ", text.lower().translate(_WITHOUT_PUNCTUATION)).split())


def plain_tokens(text: str) -> tuple[str, ...]:
    """Return what white space divides, as it is."""
    return tuple(text.split())


def token_f1(found: Sequence[str], wanted: Sequence[str]) -> float:
    """Return the harmonic mean of precision and recall of the tokens, each as often as it occurs.

    Where one of the two has no tokens, it is 1 if the other has none either, else 0 (SQuAD 2.0).

    >>> token_f1(["in", "paris", "paris"], ["paris"])
    0.5
    """
    if not found or not wanted:
        return float(not found and not wanted)
    common = (Counter(found) & Counter(wanted)).total()
    return 2 * common / (len(found) + len(wanted))


def copied_share(found: Sequence[str], source: Sequence[str], n: int) -> float | None:
    """Return the share of a text's n-grams that stand in the source too, or None where it has none.

    >>> copied_share("a b c x".split(), "x a b c".split(), 2)
    0.6666666666666666
    """
    ngrams = _ngrams(found, n)
    if not ngrams:
        return None
    known = set(_ngrams(source, n))
    return sum(ngram in known for ngram in ngrams) / len(ngrams)


def _ngrams(tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return list(zip(*(tokens[start:] for start in range(n)), strict=False))


@lru_cache(maxsize=4)  # coverage and density share them
def fragment_lengths(found: tuple[str, ...], source: tuple[str, ...]) -> tuple[int, ...]:
    """Return the lengths, in words, of a text's extractive fragments, in their order.

    From its first word on, the longest run of words that stands in the source is one; the next begins after it.

    >>> fragment_lengths(("a", "b", "new", "c"), ("c", "a", "b"))
    (2, 1)
    """
    places: dict[str, list[int]] = {}
    for place, word in enumerate(source):
        places.setdefault(word, []).append(place)
    lengths = []
    start = 0
    while start < len(found):
        length = _longest_run(found, start, source, places.get(found[start], ()))
        if length:
            lengths.append(length)
        start += max(length, 1)
    return tuple(lengths)


def _longest_run(found: tuple[str, ...], start: int, source: tuple[str, ...], places: Sequence[int]) -> int:
    """Return how many words from `start` on stand in the source; `places` are those of the first one, in their order."""
    longest = 0
    for place in places:
        room = min(len(found) - start, len(source) - place)
        if longest >= room:  # nor can a later place be longer
            break
        wanted = longest + 1
        if found[start : start + wanted] == source[place : place + wanted]:
            while wanted < room and found[start + wanted] == source[place + wanted]:
                wanted += 1
            longest = wanted
    return longest


def extractive_coverage(found: tuple[str, ...], source: tuple[str, ...]) -> float | None:
    """Return the share of a text's words that belong to a fragment, or None where it has no words."""
    return sum(fragment_lengths(found, source)) / len(found) if found else None


def extractive_density(found: tuple[str, ...], source: tuple[str, ...]) -> float | None:
    """Return the mean length of the fragment that a word of the text belongs to, or None where it has no words."""
    return sum(length**2 for length in fragment_lengths(found, source)) / len(found) if found else None
