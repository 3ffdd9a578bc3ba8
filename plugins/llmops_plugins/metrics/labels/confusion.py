"""Which label was given for which true one, and what follows from the counts: F1 of each label, their mean, and others.

Definitions of scikit-learn: `precision_recall_fscore_support`, `f1_score(average="macro")` and `balanced_accuracy_score`,
with 0 where a quotient is 0/0; compared with version 1.9. An answer without a label is a wrong answer and no label of its own:
it lowers the recall of the true label, and the means are over labels that occur as a true label or as an answer's.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from llmops_sdk.plugin import Summary, SummaryTable, SummaryValue

NO_LABEL = "(no label)"
MOST_LABELS = 30
"""The labels that a table shows; of more, those that are rarest in the records are counted together."""


class Confusion:
    """Counts of true and given labels.

    Args:
        labels: All labels, in the order of the tables.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, true: str, answer: str) -> None:
        """Count one answer.

        Args:
            true: The record's label.
            answer: The label in the answer, or `NO_LABEL`.
        """
        self._counts[true, answer] += 1

    def summary(self) -> Summary | None:
        """Return the numbers and both tables, or None where nothing was counted."""
        occurring = [label for label in self._labels if self._true(label) or self._given(label)]
        if not occurring:
            return None
        present = [label for label in occurring if self._true(label)]
        values = (
            SummaryValue("macro_f1", "Macro F1", _mean([self.f1(label) for label in occurring])),
            SummaryValue("macro_precision", "Macro precision", _mean([self.precision(label) for label in occurring])),
            SummaryValue("macro_recall", "Macro recall", _mean([self.recall(label) for label in occurring])),
            SummaryValue("balanced_accuracy", "Balanced accuracy", _mean([self.recall(label) for label in present])),
        )
        return Summary(values, (self._table(occurring), self._by_label(occurring)))

    def precision(self, label: str) -> float:
        """Return the share of answers with a label that are right."""
        return _share(self._counts[label, label], self._given(label))

    def recall(self, label: str) -> float:
        """Return the share of records of a label whose answer is right."""
        return _share(self._counts[label, label], self._true(label))

    def f1(self, label: str) -> float:
        """Return the harmonic mean of precision and recall."""
        return _share(2 * self._counts[label, label], self._true(label) + self._given(label))

    def _true(self, label: str) -> int:
        return sum(count for (true, _), count in self._counts.items() if true == label)

    def _given(self, label: str) -> int:
        return sum(count for (_, answer), count in self._counts.items() if answer == label)

    def _by_label(self, labels: Sequence[str]) -> SummaryTable:
        shown = self._most_frequent(labels)
        rows = [(self.precision(one), self.recall(one), self.f1(one), float(self._true(one))) for one in shown]
        return SummaryTable("By label", "label", shown, ("precision", "recall", "F1", "records"), tuple(rows))

    def _table(self, labels: Sequence[str]) -> SummaryTable:
        shown = self._most_frequent(labels)
        others = f"({len(labels) - len(shown)} other labels)"
        names = {label: label if label in shown else others for label in labels} | {NO_LABEL: NO_LABEL}
        folded: Counter[tuple[str, str]] = Counter()
        for (true, answer), count in self._counts.items():
            folded[names[true], names[answer]] += count
        rest = (others,) if len(shown) < len(labels) else ()
        columns = (*shown, *rest, *((NO_LABEL,) if self._given(NO_LABEL) else ()))
        rows = (*shown, *rest)
        counts = tuple(tuple(float(folded[row, column]) for column in columns) for row in rows)
        return SummaryTable(
            "True label (rows) and the answer's (columns)", "true label", rows, columns, counts, is_sum=True
        )

    def _most_frequent(self, labels: Sequence[str]) -> tuple[str, ...]:
        kept = set(sorted(labels, key=self._true, reverse=True)[:MOST_LABELS])
        return tuple(label for label in labels if label in kept)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
