"""What the metrics of short answers share: two ways to have no score, and the references of a record."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from llmops_plugins.metrics.pairs import Unscorable, pair_of, references_in
from llmops_sdk.plugin import Context, Evaluator, Generation, Record, RecordScore, Scored, Unscored

_SHOWN = 60


class UnreadableAnswerError(ValueError):
    """The answer lacks the form that the metric reads: the candidate's own failure, which counts as the worst score."""


class UnusableRecordError(ValueError):
    """The record's reference cannot be used: the record is left out for all candidates."""


class AnswerEvaluator(Evaluator):
    """Scores one answer at a time, without a model."""

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score every generation: `UnreadableAnswerError` makes it a failure, `UnusableRecordError` leaves it out."""
        del context
        for generation in generations:
            try:
                yield self.score(generation)
            except UnreadableAnswerError as exc:
                yield Unscored(generation.index, str(exc), is_failure=True)
            except UnusableRecordError as exc:
                yield Unscored(generation.index, str(exc))

    @abstractmethod
    def score(self, generation: Generation) -> Scored:
        """Return the scores of one answer.

        Raises:
            UnreadableAnswerError: The answer lacks the form that the metric reads.
            UnusableRecordError: The record's reference cannot be used.
        """


def reference_texts(generation: Generation, field: str) -> tuple[str, ...]:
    """Return the references of a record that are texts; empty ones do not count.

    Raises:
        UnusableRecordError: There is none.
    """
    pair = pair_of(generation, field)
    if isinstance(pair, Unscorable):
        raise UnusableRecordError(pair.reason)
    return pair.references


def reference_values(record: Record, field: str) -> Any:
    """Return what the record's field holds: a value, or a list of accepted ones.

    Raises:
        UnusableRecordError: It has no such field.
    """
    if field not in record:
        message = f"the record has no reference field {field!r}; it has: {', '.join(sorted(record))}"
        raise UnusableRecordError(message)
    return references_in(record, field)


def accepted_values(record: Record, field: str) -> list[Any]:
    """Return the accepted values of a record: its field, or each item of a list there.

    Raises:
        UnusableRecordError: It has no such field, or an empty list there.
    """
    value = reference_values(record, field)
    values = value if isinstance(value, list) else [value]
    if not values:
        message = f"the reference field {field!r} is an empty list"
        raise UnusableRecordError(message)
    return values


def shown(value: object) -> str:
    r"""Return the start of a value as a reason quotes it, on one line.

    >>> shown("a\nb")
    "'a b'"
    """
    text = " ".join(str(value).split())
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
