"""`classification`: whether the label in an answer is the true one; for all records together macro F1 and the confusion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from llmops_plugins.metrics.answers import (
    AnswerEvaluator,
    UnreadableAnswerError,
    UnusableRecordError,
    reference_values,
    shown,
)
from llmops_plugins.metrics.labels.confusion import NO_LABEL, Confusion
from llmops_plugins.metrics.labels.reading import LabelReader
from llmops_sdk.plugin import Generation, Metric, Record, Scored, ScoredRecord, Summary

if TYPE_CHECKING:
    from llmops_plugins.metrics.labels.options import ClassificationOptions

_LABEL = "label"


class Classification(AnswerEvaluator):
    """Scores 1 where the answer's label is the true one, else 0; an answer without one label is a failure.

    The share of right answers decides: it is a mean over records, so differences have intervals. Macro F1 is no such mean,
    and is shown beside it.
    """

    options: ClassificationOptions

    def __init__(self, options: ClassificationOptions) -> None:
        super().__init__(options)
        self._reader = LabelReader(options.labels, options.read)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """One metric."""
        return (Metric("label_accuracy", "Right label", bounds=(0.0, 1.0)),)

    def score(self, generation: Generation) -> Scored:
        """Read one answer; its label is in the notes."""
        true = self._true_label(generation.record)
        labels = self._reader.labels_in(generation.output)
        if len(labels) != 1:
            named = f"names {len(labels)} labels ({', '.join(labels)[:80]})" if labels else "names no label"
            message = f"the answer {named}: {shown(generation.output)}"
            raise UnreadableAnswerError(message)
        return Scored(generation.index, {"label_accuracy": float(labels[0] == true)}, {_LABEL: labels[0]})

    def summary(self, scored: Iterable[ScoredRecord]) -> Summary | None:
        """Count true and given labels; what is a failure has no label, and what is left out does not count."""
        confusion = Confusion(self.options.labels)
        for one in scored:
            if isinstance(one.score, Scored):
                confusion.add(self._true_label(one.record), one.score.notes[_LABEL])
            elif one.is_failure:
                try:
                    confusion.add(self._true_label(one.record), NO_LABEL)
                except UnusableRecordError:
                    continue
        return confusion.summary()

    def _true_label(self, record: Record) -> str:
        value = reference_values(record, self.options.field)
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        label = self._reader.label(str(value)) if isinstance(value, (str, int)) else None
        if label is None:
            known = ", ".join(self.options.labels)
            message = f"the reference {shown(value)} is not one of the labels: {known[:200]}"
            raise UnusableRecordError(message)
        return label
