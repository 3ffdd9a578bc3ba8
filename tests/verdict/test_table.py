"""Each record without a score is treated by its reason."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from llmops_sdk.values.results import CellResult
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.statistics.comparison import compare_two
from llmops_sdk.verdict.statistics.pairs import Scores
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn, make_table

S, F, M, U = Kind.SCORED, Kind.FAILED, Kind.MISSING, Kind.UNDEFINED
F1 = Metric("f1", bounds=(0.0, 1.0))


def column(name: str, metric: str, numbers: Sequence[float], kinds: Sequence[Kind]) -> CellColumn:
    """A cell with these scores."""
    result = CellResult(f"{name}.p.d", name, name, "p", False, len(numbers), len(numbers), {}, {}, None, None, {})
    return CellColumn(result, {metric: MetricColumn(np.array(numbers), np.array(kinds))})


def test_failed_missing_and_undefined() -> None:
    """The worst score, no number, and left out for all."""
    a = column("a", "f1", [0.5, np.nan, np.nan, np.nan, 0.1], [S, F, M, U, S])
    b = column("b", "f1", [0.4, 0.4, 0.4, 0.4, np.nan], [S, S, S, S, F])

    table = make_table([a, b], F1)

    np.testing.assert_array_equal([[0.5, 0, np.nan, np.nan, 0.1], [0.4, 0.4, 0.4, np.nan, 0]], table.values)
    assert ([1, 1], [1, 0], 1) == (table.failures.tolist(), table.missing.tolist(), table.left_out)
    assert not table.has_worthless_failures


def test_a_candidate_without_any_score_is_not_in_the_table() -> None:
    """Nor is one whose evaluator did not run; the places are those of the columns."""
    none = column("none", "f1", [np.nan, np.nan], [M, M])
    other = column("other", "f2", [0.1, 0.2], [S, S])

    table = make_table([none, other, column("a", "f1", [0.5, 0.6], [S, S])], F1)

    assert (2,) == table.candidates
    assert (1, 2) == table.values.shape
    assert () == make_table([other], F1).candidates


def test_failures_without_a_worst_score_have_no_number() -> None:
    """The metric has no bounds."""
    table = make_table([column("a", "wer", [0.5, np.nan], [S, F])], Metric("wer", higher_is_better=False))

    np.testing.assert_array_equal([[0.5, np.nan]], table.values)
    assert table.has_worthless_failures


def test_bounds_are_the_worst_and_the_best_score() -> None:
    """As numbers of which the larger is better."""
    scores = [column("a", "f1", [0.5], [S])]

    assert (1, (0.0, 1.0)) == ((table := make_table(scores, F1)).sign, table.bounds)
    lower = make_table(scores, Metric("f1", higher_is_better=False, bounds=(0.0, 5.0)))
    assert (-1, (-5.0, -0.0)) == (lower.sign, lower.bounds)


def test_the_answers_to_a_record_have_one_number() -> None:
    """Their mean, failures at the worst score; a record is missing, or left out, if one of its answers is."""
    kinds = np.array([[S, S, S, S], [F, S, M, U]])
    repeated = CellColumn(
        column("a", "f1", [0.0], [S]).result,
        {"f1": MetricColumn(np.array([[0.5, 0.2, 0.7, 0.9], [np.nan, 0.4, np.nan, np.nan]]), kinds)},
    )

    table = make_table([repeated, column("b", "f1", [0.1] * 4, [S] * 4)], F1)

    np.testing.assert_allclose([[0.25, 0.3, np.nan, np.nan], [0.1, 0.1, 0.1, np.nan]], table.values)
    assert ([1, 0], [1, 0], 1) == (table.failures.tolist(), table.missing.tolist(), table.left_out)


def test_the_same_scores_in_another_order_are_equal() -> None:
    """Sums of 0.1, 0.2 and 0.3 depend on their order, and a tie must not."""
    kinds = np.full((3, 1), S)
    a, b = (
        CellColumn(column(name, "f1", [0.0], [S]).result, {"f1": MetricColumn(np.array(numbers)[:, None], kinds)})
        for name, numbers in (("a", [0.1, 0.2, 0.3]), ("b", [0.3, 0.2, 0.1]))
    )

    table = make_table([a, b], F1)

    assert table.values[0] == table.values[1]


def test_repeats_are_flipped_as_clusters_of_their_record() -> None:
    """The comparison of means by record is that of all answers with the record as their cluster."""
    scores = np.random.default_rng(0).random((2, 3, 30))
    columns = [
        CellColumn(column(name, "f1", [0.0], [S]).result, {"f1": MetricColumn(own, np.full(own.shape, S))})
        for name, own in zip("ab", scores, strict=True)
    ]

    by_record = compare_two(Scores.of(make_table(columns, F1).values))
    by_answer = compare_two(Scores.of(scores.reshape(2, 90), np.tile(np.arange(30), 3)))

    assert by_answer.p_value == by_record.p_value
    assert by_answer.mean == pytest.approx(by_record.mean)
    assert by_answer.interval.low == pytest.approx(by_record.interval.low)
    assert (30, 30) == (by_record.records, by_answer.clusters)


def test_a_candidate_without_any_defined_score_takes_no_record_from_the_others() -> None:
    """It is not compared, and they are."""
    none = column("none", "f1", [np.nan, np.nan], [U, U])

    table = make_table([none, column("a", "f1", [0.5, 0.6], [S, S])], F1)

    assert ((1,), 0) == (table.candidates, table.left_out)
    np.testing.assert_array_equal([[0.5, 0.6]], table.values)
