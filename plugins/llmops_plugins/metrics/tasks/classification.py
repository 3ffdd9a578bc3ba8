"""Classification accuracy: is the label in the output the true one? With the definition of FMEval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from llmops_plugins.metrics.pairs import Unscorable
from llmops_sdk.plugin import Context, Evaluator, Generation, Metric, RecordScore, Scored, Unscored

if TYPE_CHECKING:
    from llmops_plugins.metrics.tasks.options import ClassificationAccuracyOptions

UNKNOWN = "unknown"


class ClassificationAccuracy(Evaluator):
    """Scores 1 where the first label in the output is the record's, else 0; the output's label is in the notes.

    FMEval also gives balanced accuracy, precision and recall. They are properties of a whole dataset, not means over
    its records: a record has no value, and there is no paired interval. They are not given here.

    FMEval compares a reference unchanged, so one with a capital letter ("Positive") never matches. Here its case is
    ignored, like that of the labels and of the output.
    """

    options: ClassificationAccuracyOptions

    def __init__(self, options: ClassificationAccuracyOptions) -> None:
        super().__init__(options)
        self._labels = frozenset(label.lower().strip() for label in options.valid_labels)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """One metric."""
        return (Metric("classification_accuracy_score", "Classification accuracy", bounds=(0.0, 1.0)),)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score every generation; a record whose reference is none of the labels is unscored."""
        del context
        for generation in generations:
            true_label = self._true_label(generation)
            if isinstance(true_label, Unscorable):
                yield Unscored(generation.index, true_label.reason)
            else:
                label = first_label(generation.output, self._labels)
                score = {"classification_accuracy_score": float(label == true_label)}
                yield Scored(generation.index, score, {"label": label})

    def _true_label(self, generation: Generation) -> str | Unscorable:
        field, record = self.options.reference, generation.record
        if field not in record:
            return Unscorable(f"the record has no reference field {field!r}; it has: {', '.join(sorted(record))}")
        reference = record[field]
        if not isinstance(reference, (str, int)):
            return Unscorable(f"the reference field {field!r} must be a label, not {type(reference).__name__}")
        label = str(reference).lower().strip()
        if label not in self._labels:
            known = ", ".join(self.options.valid_labels)
            return Unscorable(f"the reference {str(reference)[:40]!r} is not one of valid_labels: {known}")
        return label


def first_label(output: str, labels: frozenset[str]) -> str:
    """Return the first word of the output that is a label, in lower case, or `"unknown"`.

    Words are separated by spaces, and punctuation belongs to them, as in FMEval: "positive." is not the label "positive".

    >>> first_label("The answer is POSITIVE , not negative", frozenset({"positive", "negative"}))
    'positive'
    """
    words = (word.lower().strip() for word in output.split(" "))
    return next((word for word in words if word in labels), UNKNOWN)
