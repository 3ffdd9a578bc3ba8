"""Texts in which only few words differ, whatever their case, their punctuation and their spaces.

Pieces of 16 characters (`near_duplicates`) find copies among long texts; of a short question, one other word changes most
pieces. Here texts are compared word by word, in their order.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

import attrs

_CHANGED_SHARE = 10
"""One word of each started ten may differ."""

_LEAST_SHARED = 2
"""Copies share this many words that are no form: the same few words of a template make no copy."""

_COMMON_SHARE = 0.05
_LEAST_COMMON, _LEAST_COMMON_TEXTS = 3, 10
"""A word of more than this share, and of at least this many, of the others or of the texts is form."""

_SAMPLED = 2_000
_AT_ONCE = 10_000

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")

Words = Sequence[str]


@attrs.frozen
class AnsweredText:
    """A text that is compared, with what belongs to it.

    Attributes:
        text: It.
        answer: Its answer, or empty.
    """

    text: str
    answer: str = ""


def find_changed_copies(texts: Iterable[AnsweredText], others: Iterable[AnsweredText]) -> dict[int, float]:
    """Return the places of the texts that are almost one of the others, with the share of the words that are the same.

    A text is a copy if it has the same letters and digits; or if at most one word of each started ten differs, and at least
    two of those that are the same are rare among the others. Where the answers differ, they are rare among the texts too:
    two records of a template are no copies. Where the answers are the same, their words count as well.

    Args:
        texts: What may be a copy; read several times.
        others: What may be copied; read several times.
    """
    common = _common_words(others, _LEAST_COMMON)
    common_in_texts = _common_words(texts, _LEAST_COMMON_TEXTS)
    copies: dict[int, float] = {}
    remaining = iter(others)
    while (first := next(remaining, None)) is not None:
        index = _Index(chain([first], islice(remaining, _AT_ONCE - 1)), common, common | common_in_texts)
        for place, text in enumerate(texts):
            similarity = index.similarity(text)
            if similarity > copies.get(place, 0.0):
                copies[place] = similarity
    return copies


def split_words(text: str) -> tuple[str, ...]:
    """Return the words of a text, in lower case and without punctuation; of a text without any, its symbols.

    >>> split_words("The pool: 7:00-9:00!"), split_words("+ -")
    (('the', 'pool', '7', '00', '9', '00'), ('+', '-'))
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return tuple(_WORD.findall(folded)) or tuple(folded.split())


def count_edits(one: Words, other: Words, most: int) -> int:
    """Return how many words must be inserted, removed or replaced to make one text the other; `most + 1` if it is more.

    >>> count_edits("a b c d".split(), "a x c d e".split(), 3), count_edits("a b".split(), "c d".split(), 1)
    (2, 2)
    """
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    one, other = one[start:], other[start:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    if abs(len(one) - len(other)) > most:
        return most + 1
    row = list(range(len(other) + 1))
    for place, word in enumerate(one, start=1):
        low, high = max(1, place - most), min(len(other), place + most)
        former, row = row, [most + 1] * (len(other) + 1)
        row[0] = place
        for column in range(low, high + 1):
            replaced = former[column - 1] + (word != other[column - 1])
            row[column] = min(replaced, former[column] + 1, row[column - 1] + 1)
    return min(row[-1], most + 1)


class _Index:
    """Some of the texts that may be copied, found by their rarest words.

    Args:
        others: The texts.
        common: The words that are form.
        common_of_all: The words that are form where the answers differ.
    """

    def __init__(self, others: Iterable[AnsweredText], common: frozenset[str], common_of_all: frozenset[str]) -> None:
        self._common, self._common_of_all = common, common_of_all
        self._others = [(split_words(other.text), split_words(other.answer)) for other in others]
        self._same = {"".join(words) for words, _ in self._others}
        counts = Counter(word for words, _ in self._others for word in set(words))
        self._by_word: dict[str, list[int]] = {}
        for place, (words, _) in enumerate(self._others):
            rarest = sorted(set(words), key=lambda word: (counts[word], word))
            # A copy may be longer by one word of ten: it lacks one word more than `_most_edits` at most.
            for word in rarest[: _most_edits(len(words)) + 2]:
                self._by_word.setdefault(word, []).append(place)

    def similarity(self, text: AnsweredText) -> float:
        """Return the greatest share of words that are the same in a text that this one copies; 0 if it copies none."""
        words, answer = split_words(text.text), split_words(text.answer)
        if not words:
            return 0.0
        if "".join(words) in self._same:
            return 1.0
        known = {place for word in set(words) for place in self._by_word.get(word, ())}
        return max((self._compare(words, answer, *self._others[place]) for place in known), default=0.0)

    def _compare(self, words: Words, answer: Words, others: Words, other_answer: Words) -> float:
        edits = _edits_of_copy(words, others)
        if edits is None:
            return 0.0
        shared, common = set(words) & set(others), self._common
        if answer and other_answer:
            if answer == other_answer:
                shared |= set(answer)
            else:
                common = self._common_of_all
        if len(shared - common) < _LEAST_SHARED:
            return 0.0
        return 1 - edits / max(len(words), len(others))


def _common_words(texts: Iterable[AnsweredText], least: int) -> frozenset[str]:
    """Return the words of a great share of the first texts, answers included."""
    counts: Counter[str] = Counter()
    sampled = 0
    for sampled, each in enumerate(islice(texts, _SAMPLED), start=1):  # noqa: B007 - the last number is used below
        counts.update({*split_words(each.text), *split_words(each.answer)})
    return frozenset(word for word, count in counts.items() if count >= max(least, _COMMON_SHARE * sampled))


def _most_edits(length: int) -> int:
    return -(-length // _CHANGED_SHARE)


def _edits_of_copy(one: Words, other: Words) -> int | None:
    """Return how many words differ, or None where too many do."""
    most = _most_edits(max(len(one), len(other)))
    if abs(len(one) - len(other)) > most or len(set(one) - set(other)) > most or len(set(other) - set(one)) > most:
        return None
    edits = count_edits(one, other, most)
    return edits if edits <= most else None


@attrs.frozen
class Quotable:
    """A question with its answers, which a text may quote."""

    question: str
    answers: Sequence[str]


def find_quotes(texts: Iterable[str], quotable: Iterable[Quotable]) -> Iterator[int]:
    """Yield the places of the texts that have a question and one of its answers word by word.

    A question of one or two words is none that can be recognized.
    """
    counts: Counter[str] = Counter()
    questions: dict[str, set[str]] = {}
    for each in quotable:
        words = split_words(each.question)
        if len(words) > _LEAST_SHARED:
            answers = {_joined(split_words(answer)) for answer in each.answers if answer.strip()}
            questions.setdefault(_joined(words), set()).update(answers)
            counts.update(set(words))
    by_word: dict[str, list[str]] = {}
    for question in questions:
        by_word.setdefault(min(question.split(), key=lambda word: (counts[word], word)), []).append(question)
    for place, text in enumerate(texts):
        words = split_words(text)
        joined = _joined(words)
        if any(
            question in joined and any(answer in joined for answer in questions[question])
            for word in set(words)
            for question in by_word.get(word, ())
        ):
            yield place


def _joined(words: Words) -> str:
    return f" {' '.join(words)} "
