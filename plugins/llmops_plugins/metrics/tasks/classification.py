"""Classification accuracy: is the label in the output the true one? With the definition of FMEval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from llmops_plugins.metrics.tasks.pairs import Unscorable
from llmops_sdk.plugin import Context, Evaluator, Generation, Metric, RecordScore, Scored, Unscored

if TYPE_CHECKING:
    from llmops_plugins.metrics.tasks.options import ClassificationAccuracyOptions

UNKNOWN = "unknown"


class ClassificationAccuracy(Evaluator):
    """Gives 1 where the first label in the output is the record's, else 0; the label found stands in the notes.

    FMEval also gives balanced accuracy, precision and recall. They are properties of a whole dataset, not means over
    its records, so that they have no value of a record and no paired interval; they are not given here.

    FMEval takes a reference as it stands, so that one with a capital letter ("Positive") never matches there. Here its
    case is ignored, as that of the labels and of the output is.
    """

    options: ClassificationAccuracyOptions

    def __init__(self, options: ClassificationAccuracyOptions) -> None:
        super().__init__(options)
        self._labels = frozenset(label.lower().strip() for label in options.valid_labels)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """One metric."""
        return (Metric("classification_accuracy_score", "Classification accuracy"),)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score every generation; a record whose reference is none of the labels is unscored."""
        del context
        for generation in generations:
            wanted = self._true_label(generation)
            if isinstance(wanted, Unscorable):
                yield Unscored(generation.index, wanted.reason)
            else:
                found = first_label(generation.output, self._labels)
                score = {"classification_accuracy_score": float(found == wanted)}
                yield Scored(generation.index, score, {"label": found})

    def _true_label(self, generation: Generation) -> str | Unscorable:
        field, record = self.options.reference, generation.record
        if field not in record:
            return Unscorable(f"the record has no reference field {field!r}; it has: {', '.join(sorted(record))}")
        reference = record[field]
        if not isinstance(reference, (str, int)):
            return Unscorable(f"the reference field {field!r} holds no label but {type(reference).__name__}")
        label = str(reference).lower().strip()
        if label not in self._labels:
            known = ", ".join(self.options.valid_labels)
            return Unscorable(f"the reference {str(reference)[:40]!r} is none of valid_labels: {known}")
        return label


def first_label(output: str, labels: frozenset[str]) -> str:
    """Return the first word of the output that is a label, in lower case, or `"unknown"`.

    Words stand between spaces, and punctuation belongs to them, as in FMEval: "positive." is not the label "positive".

    >>> first_label("The answer is POSITIVE , not negative", frozenset({"positive", "negative"}))
    'positive'
    """
    words = (word.lower().strip() for word in output.split(" "))
    return next((word for word in words if word in labels), UNKNOWN)
