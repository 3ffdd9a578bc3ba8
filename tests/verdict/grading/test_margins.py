"""Comparisons with a baseline on corrected means: what the judge alone would claim, and what grades allow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from llmops_sdk.values.estimates import Estimate, MarginResult
from llmops_sdk.values.grades import Grade, Grades
from llmops_sdk.values.results import CellResult
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.grading.graded import GradedTable, graded_table
from llmops_sdk.verdict.grading.margins import corrected_margins
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

JUDGE = Metric("judge", bounds=(1.0, 5.0))
ERRORS = Metric("errors", higher_is_better=False, bounds=(0.0, 5.0))
RECORDS = 200


def _graded(metric: Metric = JUDGE, graded: int = 80, shift: float = 0.0) -> GradedTable:
    """'new' and 'old' are equal by people except for a shift; the judge gives 'old' a point more."""
    rng = np.random.default_rng(2)
    people = {
        name: np.clip(3 + rng.normal(0, 0.7, RECORDS) + moved, 1, 5) for name, moved in (("new", shift), ("old", 0))
    }
    columns = []
    for name, grades in people.items():
        judged = grades + rng.normal(0, 0.2, RECORDS) + (name == "old")
        result = CellResult(name, name, name, "p", False, RECORDS, RECORDS, {}, {}, None, None, {})
        columns.append(CellColumn(result, {metric.name: MetricColumn(judged, np.full(RECORDS, Kind.SCORED))}))
    given = tuple(Grade("d", name, at, "ann", float(people[name][at])) for name in people for at in range(graded))
    return graded_table("d", columns, metric, Grades(metric.name, {"d": tuple(range(graded))}, given))


def _margin(graded: GradedTable, margin: float, **names: Any) -> MarginResult:
    judged = MarginResult("new", "old", margin, Estimate(-1.0, -1.1, -0.9, RECORDS), False, False, "", True)
    (result,) = corrected_margins((judged,), graded, graded.correct(), **names)
    return result


def test_a_loss_that_only_the_judge_sees_is_none() -> None:
    """By the judge 'new' is a point worse; with grades it is equivalent within half a point."""
    result = _margin(_graded(), 0.5)

    assert (True, True, False) == (result.no_worse, result.equivalent, result.worse)
    assert result.text.startswith("new is equivalent to old within 0.5: ")
    assert result.text.endswith(", corrected.")
    assert abs(result.estimate.mean) < 0.3
    assert RECORDS == result.estimate.records


@pytest.mark.parametrize(("metric", "shift"), [(JUDGE, -1.0), (ERRORS, 1.0)])
def test_a_loss_that_people_see_is_one(metric: Metric, shift: float) -> None:
    """Where a smaller number is better, a larger one is the loss."""
    result = _margin(_graded(metric, shift=shift), 0.3)

    assert (False, False, True) == (result.no_worse, result.equivalent, result.worse)
    assert "new is worse than old by more than 0.3" in result.text
    assert result.estimate.low is not None
    assert result.estimate.high is not None
    assert result.estimate.low < result.estimate.mean < result.estimate.high
    assert (shift > 0) == (result.estimate.mean > 0)


def test_few_grades_show_nothing() -> None:
    """Nine graded records; and without one, there is no comparison."""
    result = _margin(_graded(graded=9), 2.0)

    assert (False, False, False) == (result.no_worse, result.equivalent, result.worse)
    assert result.text.endswith("corrected; people graded too few records.")
    nothing = _graded(graded=0)
    judged = MarginResult("new", "old", 0.5, Estimate(-1.0, -1.1, -0.9, RECORDS), False, False, "")
    assert () == corrected_margins((judged,), nothing, nothing.correct())
