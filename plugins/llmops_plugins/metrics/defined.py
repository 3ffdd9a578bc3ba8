"""For which references a metric is defined: it has no value for a text of which it reads nothing, instead of 0."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

import attrs

from llmops_plugins.metrics.pairs import Numbers, Outcome, Pair, PairScorer, Unscorable

LEFT_OUT = "left_out"
"""The note with the metrics that a record has no value of, and why."""
CUT = "cut"
"""The note on texts of which a metric reads only the start."""

MOST_UNREAD = 0.5
"""The share of a reference's letters that ROUGE may drop; above it, what is left decides nothing."""


@attrs.frozen
class OnDefined:
    """A scorer that sees only the references for which its metrics are defined; without any, a pair is unscorable.

    Attributes:
        scorer: The scorer.
        problem: Returns why the metrics are not defined for a reference, or an empty text.
        remark: Returns what is worth a note about a reference, or an empty text.
    """

    scorer: PairScorer
    problem: Callable[[str], str]
    remark: Callable[[str], str] = lambda _: ""

    def score(self, pairs: Sequence[Pair]) -> list[Outcome]:
        """Return one outcome per pair, in their order."""
        restricted = [restrict(pair, self.problem) for pair in pairs]
        outcomes = iter(self.scorer.score([pair for pair in restricted if isinstance(pair, Pair)]))
        return [pair if isinstance(pair, Unscorable) else self._noted(pair, next(outcomes)) for pair in restricted]

    def _noted(self, pair: Pair, outcome: Outcome) -> Outcome:
        remark = next(filter(None, map(self.remark, pair.references)), "")
        if not remark or isinstance(outcome, Unscorable):
            return outcome
        return Numbers(outcome, remark)


def restrict(pair: Pair, problem: Callable[[str], str]) -> Pair | Unscorable:
    """Return a pair with those references that have no problem, or the problem of the first one."""
    problems = {reference: problem(reference) for reference in pair.references}
    defined = [reference for reference in pair.references if not problems[reference]]
    if not defined:
        return Unscorable(problems[pair.reference])
    return Pair(pair.output, defined[0], tuple(defined[1:]))


def rouge_problem(reference: str) -> str:
    """Return why ROUGE is not defined for a reference: its tokenizer keeps a-z and 0-9 only.

    >>> rouge_problem("今天天气很好")
    'ROUGE reads the letters a-z and digits only, and the reference is written in others'
    """
    read, letters = _rouge_letters(reference)
    if not letters:
        return words_problem(reference) or "ROUGE reads the letters a-z and digits only, and the reference has none"
    if letters - read > MOST_UNREAD * letters:
        return "ROUGE reads the letters a-z and digits only, and the reference is written in others"
    return ""


def rouge_remark(reference: str) -> str:
    """Return how much of a reference ROUGE drops, or an empty text.

    >>> rouge_remark("está")
    'ROUGE reads a-z and digits only: it drops 1 of the 4 letters of the reference'
    """
    read, letters = _rouge_letters(reference)
    if read == letters:
        return ""
    return f"ROUGE reads a-z and digits only: it drops {letters - read} of the {letters} letters of the reference"


def words_problem(reference: str) -> str:
    """Return why metrics over words are not defined for a reference: it is punctuation only.

    >>> words_problem("... !")
    'the reference is punctuation only: it has no words'
    """
    return "" if any(map(_counts, reference)) else "the reference is punctuation only: it has no words"


def _rouge_letters(text: str) -> tuple[int, int]:
    """Return how many letters and digits of a text ROUGE reads, and how many it has."""
    letters = [character for character in text if unicodedata.category(character)[0] in "LNM"]
    return sum(letter.isascii() for letter in letters), len(letters)


def _counts(character: str) -> bool:
    """Return whether a character is part of a word: no punctuation, no space, no control character."""
    return unicodedata.category(character)[0] not in "PZC"
