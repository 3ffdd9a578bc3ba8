"""A judge's scores beside grades: means over people, failures, and what each count is of."""

from __future__ import annotations

import numpy as np
import pytest

from llmops_sdk.values.grades import Grade, Grades
from llmops_sdk.values.results import CellResult
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.grading.graded import GradedTable, graded_table
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

JUDGE = Metric("judge", bounds=(1.0, 5.0))
NAN = float("nan")


def _table(grades: tuple[Grade, ...], offered: tuple[int, ...]) -> GradedTable:
    """Two candidates on four records; 'b' failed on the second and the last. 'a' was asked each twice."""
    scores = {
        "a": np.array([[[4.0, 3.0, 2.0, 5.0], [2.0, 3.0, 4.0, 5.0]]]),
        "b": np.array([[[3.0, NAN, 1.0, NAN], [3.0, NAN, 1.0, NAN]]]),
    }
    columns = [
        CellColumn(
            CellResult(name, name, name, "p", False, 4, 4, {}, {}, None, None, {}),
            {"judge": MetricColumn(numbers, np.where(np.isnan(numbers), Kind.FAILED, Kind.SCORED))},
        )
        for name, numbers in scores.items()
    ]
    return graded_table("d", columns, JUDGE, Grades("judge", {"d": offered}, grades))


def test_grades_are_means_over_people_and_failures_the_worst() -> None:
    """Two people's grades of one answer count as their mean; a failure counts as the worst where its record was drawn."""
    graded = _table(
        (Grade("d", "a", 0, "ann", 5.0), Grade("d", "a", 0, "bob", 4.0), Grade("d", "b", 0, "ann", 2.0)), (0, 1)
    )

    assert ("a", "b") == graded.names
    assert 2 == graded.answers
    assert (2, 2, 4) == graded.by_grader.shape
    np.testing.assert_array_equal([[4.5, NAN, NAN, NAN], [2.0, 1.0, NAN, NAN]], graded.people)
    np.testing.assert_array_equal([[4.5, NAN, NAN, NAN], [2.0, NAN, NAN, NAN]], graded.mean_grades)


def test_the_judges_score_of_the_answer_that_people_saw_stands_beside_its_grade() -> None:
    """Of several answers to a record people see the first; the corrected means are over all."""
    graded = _table((Grade("d", "a", 0, "ann", 5.0),), (0,))

    np.testing.assert_array_equal([[4.0, 3.0, 2.0, 5.0], [3.0, NAN, 1.0, NAN]], graded.judged)
    np.testing.assert_array_equal([3.0, 3.0, 3.0, 5.0], graded.table.values[0])


@pytest.mark.parametrize(("offered", "records"), [((), 0), ((0, 1), 2)])
def test_what_is_corrected(offered: tuple[int, ...], records: int) -> None:
    """A record counts as graded when each candidate has a grade there, or failed."""
    grades = tuple(
        Grade("d", name, place, "ann", 4.0) for name in "ab" for place in offered if (name, place) != ("b", 1)
    )

    assert records == _table(grades, offered).correct().graded


def test_grades_of_others_are_ignored() -> None:
    """Those of another dataset, or of a candidate without a result."""
    graded = _table((Grade("other", "a", 0, "ann", 5.0), Grade("d", "gone", 0, "ann", 5.0)), (0,))

    assert 0 == graded.answers
