"""A judge's scores beside people's grades of the same answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.values.grades import Grades
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.grading.correction import ROUNDING, Corrected, Correction, correct
from llmops_sdk.verdict.table import CellColumn, Kind, MetricTable, make_table

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen(eq=False)
class GradedTable:
    """The judge's scores of a dataset beside people's grades, in the order of the table's candidates.

    Attributes:
        table: The judge's scores.
        names: The candidates of the table's rows.
        judged: Shape (candidates, records), the judge's scores of the answers that people saw, NaN where there is none.
        people: The same of the mean grade of each answer; a failure counts as the worst.
        by_grader: Shape (graders, candidates, records), the grades that people gave.
        clusters: Labels of the records that depend on each other, shape (records,); None if none do.
    """

    table: MetricTable
    names: tuple[str, ...]
    judged: NDArray[Any]
    people: NDArray[Any]
    by_grader: NDArray[Any]
    clusters: NDArray[Any] | None

    @property
    def answers(self) -> int:
        """The number of answers that people graded."""
        import numpy as np

        return int((~np.isnan(self.by_grader)).any(axis=0).sum())

    @property
    def width(self) -> float:
        """The largest difference of two scores: a metric that people grade has bounds."""
        low, high = self.table.metric.bounds or (0.0, 1.0)
        return high - low

    @property
    def mean_grades(self) -> NDArray[Any]:
        """The mean of each answer's grades, NaN where nobody graded it; shape (candidates, records)."""
        return _mean(self.by_grader)

    def correct(self) -> Correction:
        """Return the judge's means, corrected with the grades."""
        return correct(self.table.values, self.people, self.clusters)

    def gaps(self) -> NDArray[Any]:
        """Return by how much people's grades differ from the judge, on the records that count as graded."""
        import numpy as np

        gaps = self.people - self.table.values
        present: NDArray[Any] = gaps[:, ~np.isnan(gaps).any(axis=0)]
        return present


def with_unseen_errors(value: Corrected, gaps: NDArray[Any], width: float) -> Corrected:
    """Return a corrected number with the error that a judge may have which is rarely wrong.

    Where the judge is right on most graded records, the few grades may show none of its errors, or too few to know how often it is
    wrong: two more errors are counted then, one to each side, as large as the largest one.

    Args:
        value: The number.
        gaps: Shape (records,), by how much it is off on each graded record.
        width: The largest error that is possible, where none is seen.
    """
    import numpy as np

    if not value.groups or 2 * np.count_nonzero(np.abs(gaps) > ROUNDING) >= gaps.size:
        return value
    height = float(np.abs(gaps).max()) or width
    return attrs.evolve(value, error=math.hypot(value.error, math.sqrt(2) * height / value.groups))


def graded_table(
    dataset: str, columns: Sequence[CellColumn], metric: Metric, grades: Grades, clusters: NDArray[Any] | None = None
) -> GradedTable:
    """Return the scores of a dataset beside the grades.

    Args:
        dataset: The dataset's name.
        columns: Its cells with their scores.
        metric: The metric that people graded in the place of.
        grades: All grades of the run.
        clusters: Labels of the records that depend on each other, shape (records,); None if none do.
    """
    import numpy as np

    table = make_table(columns, metric)
    names = tuple(columns[place].result.candidate for place in table.candidates)
    rows, graders = {name: row for row, name in enumerate(names)}, list(grades.graders)
    by_grader = np.full((len(graders), *table.values.shape), np.nan)
    for grade in grades.grades:
        if grade.dataset == dataset and grade.candidate in rows:
            by_grader[graders.index(grade.grader), rows[grade.candidate], grade.record] = grade.value
    people = _mean(by_grader)
    offered = np.zeros(table.values.shape[1], dtype=bool)
    offered[list(grades.offered.get(dataset, ()))] = True
    first = [columns[place].scores[metric.name] for place in table.candidates]
    if metric.worst is not None:
        for row, scores in enumerate(first):
            people[row, (scores.kinds[0, 0] == Kind.FAILED) & offered] = metric.worst
    judged = np.array([scores.numbers[0, 0] for scores in first]).reshape(table.values.shape)
    return GradedTable(table, names, judged, people, by_grader, clusters)


def _mean(by_grader: NDArray[Any]) -> NDArray[Any]:
    """Return the mean over graders, NaN where nobody graded."""
    import numpy as np

    rated = ~np.isnan(by_grader)
    counts = rated.sum(axis=0)
    means = np.full(counts.shape, np.nan)
    np.divide(np.where(rated, by_grader, 0.0).sum(axis=0), counts, out=means, where=counts > 0)
    return means
