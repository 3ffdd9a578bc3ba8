"""How far two candidates gave the same answers, word by word, and to prompts with as many tokens."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from statistics import median

import attrs

from llmops_sdk.values.answers import Answer, Answered, Outcome
from llmops_sdk.values.forms import AnswerAgreement, FirstDifference, Suspect

_PROMPT_TOKENS = "tokens of the prompt"


@attrs.define
class Comparer:
    """Compares the answers of two candidates, a pair at a time; it keeps none of them."""

    _answers: int = 0
    _identical: int = 0
    _first: FirstDifference | None = None
    _words: list[int] = attrs.field(factory=list)
    _tokens: Suspect | None = None

    def compare(self, reference: Iterable[Outcome], other: Iterable[Outcome]) -> None:
        """Compare the answers to the same questions; one that only one of the two answered is left out."""
        for one, two in zip(reference, other, strict=True):
            if isinstance(one, Answered) and isinstance(two, Answered):
                self._add(one.index, one.answer, two.answer)

    @property
    def agreement(self) -> AnswerAgreement:
        """How far they agree so far."""
        return AnswerAgreement(
            self._answers, self._identical, self._first, median(self._words) if self._words else None
        )

    @property
    def prompt_tokens(self) -> Suspect:
        """The tokens of the first prompt that has another number of them; where all have the same, of the first prompt."""
        return self._tokens or Suspect(_PROMPT_TOKENS, "", "")

    def _add(self, index: int, reference: Answer, other: Answer) -> None:
        self._answers += 1
        self._count_tokens(index, reference.prompt_tokens, other.prompt_tokens)
        if reference.output == other.output:
            self._identical += 1
            return
        difference = first_difference(index + 1, reference.output, other.output)
        self._words.append(difference.word)
        self._first = self._first or difference

    def _count_tokens(self, index: int, reference: int | None, other: int | None) -> None:
        if self._tokens is None or (self._tokens.state == "same" and reference != other):
            one, two = ("" if count is None else f"{count} (record {index + 1})" for count in (reference, other))
            self._tokens = Suspect(_PROMPT_TOKENS, one, two)


def first_difference(record: int, reference: str, other: str) -> FirstDifference:
    """Return where two different answers to a record start to differ.

    >>> first_difference(1, "the red fox", "the brown fox")
    FirstDifference(record=1, word=2, reference='red', candidate='brown')
    """
    one, two = reference.split(), other.split()
    pairs = enumerate(zip_longest(one, two, fillvalue=""), start=1)
    word, (first, second) = next(
        ((place, pair) for place, pair in pairs if pair[0] != pair[1]), (len(one) + 1, ("", ""))
    )
    return FirstDifference(record, word, first, second)
