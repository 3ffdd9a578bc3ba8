"""Each record without a score is treated by its reason."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llmops_sdk.values.results import CellResult
from llmops_sdk.values.scores import Metric
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
