"""`match`: whether an answer is, contains or matches what is expected."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from llmops_plugins.metrics.answers import (
    AnswerEvaluator,
    UnreadableAnswerError,
    UnusableRecordError,
    reference_texts,
    reference_values,
    shown,
)
from llmops_sdk.plugin import Generation, Metric, Scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmops_plugins.metrics.rules.options import MatchOptions

_LABELS = {"match_exact": "Exact match", "match_contains": "Contains the answer", "match_regex": "Matches the pattern"}
# From Thai on, scripts are written without spaces, or join particles to words: a word may end anywhere.
_WITHOUT_SPACES = "\u0e00"


class Match(AnswerEvaluator):
    """Compares texts after Unicode's composition (NFC), with white space as single spaces."""

    options: MatchOptions

    def __init__(self, options: MatchOptions) -> None:
        super().__init__(options)
        self._extract = re.compile(options.extract, options.flags) if options.extract else None
        self._pattern = re.compile(options.pattern, options.flags) if options.pattern else None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the options, in their order."""
        return tuple(Metric(name, _LABELS[name], bounds=(0.0, 1.0)) for name in self.options.metrics)

    def score(self, generation: Generation) -> Scored:
        """Compare one answer; the extracted part is in the notes."""
        output = self._extracted(generation.output)
        accepted: Sequence[str] = ()
        if self.options.metrics != ("match_regex",):
            accepted = [text for text in map(self._plain, reference_texts(generation, self.options.field)) if text]
            if not accepted:
                message = f"the reference field {self.options.field!r} is punctuation only"
                raise UnusableRecordError(message)
        results = {
            name: self._matches(generation, output)
            if name == "match_regex"
            else self._compare(name, self._plain(output), accepted)
            for name in self.options.metrics
        }
        scores = {name: float(result) for name, result in results.items()}
        return Scored(generation.index, scores, {"extracted": output} if self._extract else {})

    def _extracted(self, output: str) -> str:
        if self._extract is None:
            return output
        matches = list(self._extract.finditer(output))
        if not matches:
            message = f"nothing in the answer matches extract {shown(self.options.extract)}"
            raise UnreadableAnswerError(message)
        groups = matches[-1].groups()
        return (groups[0] or "") if groups else matches[-1][0]

    def _compare(self, name: str, output: str, accepted: Sequence[str]) -> bool:
        if name == "match_exact":
            return output in accepted
        decide = all if self.options.require_all else any
        return decide(contains(output, text, whole_words=self.options.whole_words) for text in accepted)

    def _matches(self, generation: Generation, output: str) -> bool:
        pattern = self._pattern
        if pattern is None:
            field = self.options.pattern_field
            value = reference_values(generation.record, field)
            if not isinstance(value, str) or not value:
                message = f"the field {field!r} must be a regular expression, not {shown(value)}"
                raise UnusableRecordError(message)
            try:
                pattern = re.compile(value, self.options.flags)
            except (re.error, OverflowError, RecursionError) as exc:
                message = f"the field {field!r} is no regular expression: {exc}"
                raise UnusableRecordError(message) from None
        return pattern.search(output) is not None

    def _plain(self, text: str) -> str:
        text = unicodedata.normalize("NFC", text)
        if self.options.ignore_case:
            text = unicodedata.normalize("NFC", text.casefold())
        if self.options.ignore_punctuation:
            text = "".join(character for character in text if unicodedata.category(character)[0] != "P")
        return " ".join(text.split())


def contains(output: str, text: str, *, whole_words: bool) -> bool:
    """Return whether a text occurs in the output; as whole words, it is not a part of a longer one.

    >>> contains("women", "men", whole_words=False), contains("women", "men", whole_words=True)
    (True, False)
    >>> contains("in C++, not C", "C++", whole_words=True), contains("我在北京工作", "北京", whole_words=True)
    (True, True)
    """
    if not whole_words:
        return text in output
    start = output.find(text)
    while start >= 0:
        end = start + len(text)
        if not (_joins(output[start - 1 : start], text[0]) or _joins(text[-1], output[end : end + 1])):
            return True
        start = output.find(text, start + 1)
    return False


def _joins(left: str, right: str) -> bool:
    """Return whether two neighbouring characters belong to one word."""
    return all(one and (one.isalnum() or one == "_") and one < _WITHOUT_SPACES for one in (left, right))
