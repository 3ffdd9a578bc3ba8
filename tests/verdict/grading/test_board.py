"""The leaderboard that people graded: corrected means, the verdict on them, and how it changes with few grades."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from llmops_sdk.values.grades import Grade, Grades
from llmops_sdk.values.results import CellResult, Leaderboard
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.baseline import Baseline
from llmops_sdk.verdict.grading.board import grade_board
from llmops_sdk.verdict.leaderboard import make_leaderboard
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

JUDGE = Metric("judge", "Judge (1-5)", bounds=(1.0, 5.0))
RECORDS = 200


def _scores() -> tuple[Any, Any]:
    """Return a judge's scores that favour 'a', and what people think: both are as good, and 'c' is worse."""
    rng = np.random.default_rng(3)
    people = np.clip(np.rint(3 + rng.normal(0, 1, (3, RECORDS))), 1, 5)
    people[2] = np.clip(people[2] - 1.5, 1, 5)
    judge = np.clip(people + rng.normal(0, 0.5, people.shape), 1, 5)
    judge[0] = np.clip(judge[0] + 0.8, 1, 5)
    return judge, people


def _columns(judge: Any, kinds: Any = None) -> list[CellColumn]:
    columns = []
    for row, name in enumerate("abc"):
        kind = np.where(np.isnan(judge[row]), Kind.MISSING, Kind.SCORED) if kinds is None else kinds[row]
        result = CellResult(f"{name}.p.d", name, name, "p", False, RECORDS, RECORDS, {}, {}, None, None, {})
        columns.append(CellColumn(result, {"judge": MetricColumn(judge[row], kind)}))
    return columns


def _grades(people: Any, records: int, graders: tuple[str, ...] = ("ann",)) -> Grades:
    grades = [
        Grade("d", name, index, grader, float(people[row, index]))
        for grader in graders
        for row, name in enumerate("abc")
        for index in range(records)
        if not np.isnan(people[row, index])
    ]
    return Grades("judge", {"d": tuple(range(records))}, tuple(grades))


def _graded(judge: Any, grades: Grades, kinds: Any = None) -> tuple[Leaderboard, Leaderboard]:
    columns = _columns(judge, kinds)
    board = make_leaderboard("d", "judge", columns, (), {"judge": JUDGE})
    return board, grade_board(board, columns, JUDGE, grades)


def test_a_judges_bias_is_corrected() -> None:
    """The judge alone calls 'b' worse; corrected, it cannot be told apart, and the candidate that is worse still is."""
    judge, people = _scores()

    board, graded = _graded(judge, _grades(people, 40))

    assert "b" in board.verdict.worse
    assert "b" not in graded.verdict.worse
    assert "c" in graded.verdict.worse
    assert not graded.verdict.settled
    assert graded.grading is not None
    means = graded.grading.means
    assert graded.grading.judge_means["a"] - means["a"].mean > 0.4
    assert means["a"].low is not None
    assert means["a"].low < people[0].mean() < (means["a"].high or 0)
    assert "corrected with people's grades" in graded.verdict.headline
    assert "the judge alone gives" in graded.verdict.text
    assert "Krippendorff's alpha" in graded.verdict.text
    assert [cell.candidate for cell in graded.cells] == sorted(means, key=lambda name: -means[name].mean)
    assert 3 == len(graded.pairs)
    assert 2 == len([difference for difference in graded.differences if difference.metric == "judge"])


def test_few_grades_decide_nothing() -> None:
    """Fewer than ten graded records: no claim, and the number is named."""
    judge, people = _scores()

    board, graded = _graded(judge, _grades(people, 6))

    assert () == graded.verdict.worse
    assert not graded.verdict.settled
    assert graded.verdict.headline.startswith(
        "Nothing is decided on d: 6 records with a grade of every candidate are too few"
    )
    assert [cell.candidate for cell in board.cells] == [cell.candidate for cell in graded.cells]
    assert {graded.verdict.best} == {each.versus for each in graded.differences if each.metric == "judge"}


def test_a_failure_on_a_drawn_record_counts_as_the_worst_grade() -> None:
    """A candidate's own failure is graded without a person, on the records that were drawn alone."""
    judge, people = _scores()
    judge[1, ::2] = np.nan
    people[1, ::2] = np.nan
    kinds = np.full(judge.shape, Kind.SCORED)
    kinds[1, ::2] = Kind.FAILED

    _, graded = _graded(judge, _grades(people, 40), kinds)

    assert graded.grading is not None
    assert (40, 100) == (graded.grading.records, graded.grading.answers)
    assert "b" in graded.verdict.worse


def test_the_comparison_with_a_baseline_is_corrected() -> None:
    """The judge alone calls 'b' worse than the baseline by more than the margin; with grades it is no worse."""
    judge, people = _scores()
    columns = _columns(judge)
    board = make_leaderboard("d", "judge", columns, (), {"judge": JUDGE}, baseline=Baseline("a", 0.45))

    graded = grade_board(board, columns, JUDGE, _grades(people, 80))

    alone, corrected = ({each.candidate: each for each in one.verdict.margins} for one in (board, graded))
    assert alone["b"].worse
    assert corrected["b"].no_worse
    assert corrected["c"].worse
    assert corrected["b"].text in graded.verdict.text


def test_people_are_compared_with_each_other() -> None:
    """Two people with the same grades agree fully."""
    judge, people = _scores()

    _, graded = _graded(judge, _grades(people, 20, ("ann", "bob")))

    assert graded.grading is not None
    assert graded.grading.between_graders is not None
    assert 1.0 == graded.grading.between_graders.mean
    assert "graded by 2 people" in graded.grading.text


def test_grades_of_another_metric_change_no_verdict() -> None:
    """Where another metric decides, its grades show the agreement alone."""
    judge, people = _scores()
    columns = _columns(judge)
    other = Metric("other", bounds=(1.0, 5.0))
    columns = [CellColumn(each.result, {**each.scores, "other": each.scores["judge"]}) for each in columns]
    board = make_leaderboard("d", "other", columns, (), {"judge": JUDGE, "other": other})

    graded = grade_board(board, columns, JUDGE, _grades(people, 40))

    assert board.verdict == graded.verdict
    assert graded.grading is not None


def test_a_dataset_without_grades_stays_as_it_is() -> None:
    """Grades of another dataset change nothing."""
    judge, _ = _scores()
    board, graded = _graded(judge, Grades("judge", {}, ()))

    assert board is graded


def test_a_favoured_candidate_without_many_scores_claims_nothing() -> None:
    """Where a tenth of the best one's scores are missing, no other is called worse."""
    judge, people = _scores()
    judge[:2, 150:170] = np.nan

    _, graded = _graded(judge, _grades(people, 40))

    assert () == graded.verdict.worse


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_the_scores_of_the_judge_stay(name: str) -> None:
    """The estimates of the cells are still those of the judge."""
    judge, people = _scores()

    board, graded = _graded(judge, _grades(people, 40))

    before, after = ({cell.candidate: cell.estimates for cell in each.cells} for each in (board, graded))
    assert before[name] == after[name]
