"""A candidate is called no worse than the baseline only where the scores show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from llmops_sdk.values.estimates import MarginResult
from llmops_sdk.values.results import CellResult, Verdict
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.baseline import Baseline
from llmops_sdk.verdict.leaderboard import make_leaderboard
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

ROUGE = Metric("rougeL", "ROUGE-L", bounds=(0.0, 1.0))


def verdict_of(
    values: dict[str, Sequence[float]], margin: float, metric: Metric = ROUGE, without: Kind = Kind.MISSING
) -> Verdict:
    """The verdict on these candidates, with `base` as the baseline."""
    columns = []
    for name, scores in values.items():
        numbers = np.array(scores, dtype=float)
        kinds = np.where(np.isnan(numbers), without, Kind.SCORED)
        result = CellResult(f"{name}.p.d", name, name, "p", False, numbers.size, numbers.size, {}, {}, None, None, {})
        columns.append(CellColumn(result, {metric.name: MetricColumn(numbers, kinds)}))
    board = make_leaderboard("d", metric.name, columns, (), {metric.name: metric}, None, Baseline("base", margin))
    return board.verdict


def result_of(verdict: Verdict, candidate: str) -> MarginResult:
    """The result of one candidate."""
    return next(result for result in verdict.margins if result.candidate == candidate)


def around(records: int, seed: int = 0) -> Any:
    """Small differences."""
    return np.random.default_rng(seed).normal(0, 0.05, records)


BASE = list(np.random.default_rng(9).uniform(0.3, 0.7, 100))


def test_equivalent_no_worse_and_not_shown() -> None:
    """Each in a sentence of the verdict, with the difference and its bounds."""
    verdict = verdict_of(
        {
            "base": BASE,
            "same": list(BASE + around(100)),
            "better": list(np.array(BASE) + 0.1 + around(100, 1)),
            "worse": list(np.array(BASE) - 0.1 + around(100, 2)),
        },
        margin=0.03,
    )

    same, better, worse = (result_of(verdict, name) for name in ("same", "better", "worse"))
    assert (True, True) == (same.no_worse, same.equivalent)
    assert (True, False) == (better.no_worse, better.equivalent)
    assert (False, False) == (worse.no_worse, worse.equivalent)
    assert "same is equivalent to base within 0.03: " in verdict.text
    assert "better is no worse than base by more than 0.03: +0." in verdict.text
    assert "worse is worse than base by more than 0.03: \N{MINUS SIGN}0." in verdict.text
    assert 3 == len(verdict.margins)


def test_few_records_pass_no_gate() -> None:
    """Missing evidence does not pass it; the number of records that would show it is given."""
    few = verdict_of({"base": BASE[:9], "same": BASE[:9]}, margin=0.5)
    some = verdict_of({"base": BASE[:20], "same": list(BASE[:20] + around(20))}, margin=0.01)

    assert not result_of(few, "same").no_worse
    assert "there are too few records" in few.text
    assert not result_of(some, "same").no_worse
    assert "if they are equal, it takes about" in some.text


def test_lower_can_be_better() -> None:
    """More toxic is worse."""
    metric = Metric("toxicity", higher_is_better=False, bounds=(0.0, 1.0))
    verdict = verdict_of({"base": BASE, "more": list(np.array(BASE) + 0.2)}, 0.05, metric)
    other = verdict_of({"base": BASE, "less": list(np.array(BASE) - 0.2)}, 0.05, metric)

    assert not result_of(verdict, "more").no_worse
    assert result_of(verdict, "more").estimate.mean > 0
    assert result_of(other, "less").no_worse


def test_missing_scores_count_as_the_worst_where_they_are_many() -> None:
    """A candidate that failed on a fifth of the records is not shown to be no worse by the others."""
    values = list(np.array(BASE) + around(100))
    few = [np.nan] * 3 + values[3:]
    many = [np.nan] * 20 + values[20:]

    assert result_of(verdict_of({"base": BASE, "same": few}, 0.03), "same").no_worse
    assert not result_of(verdict_of({"base": BASE, "same": many}, 0.03), "same").no_worse


def test_failures_without_a_worst_score_show_nothing() -> None:
    """The metric declares no bounds."""
    values: dict[str, Sequence[float]] = {"base": BASE, "same": [np.nan, *BASE[1:]]}

    result = result_of(verdict_of(values, 0.03, Metric("score"), Kind.FAILED), "same")

    assert not result.no_worse
    assert "no worst score to count as" in result.text


def test_a_baseline_without_scores_is_compared_with_nothing() -> None:
    """It may have failed on this dataset."""
    assert () == verdict_of({"other": BASE, "same": BASE}, 0.03).margins


def test_many_candidates_are_counted() -> None:
    """Beyond four; a single further one has its sentence."""
    names = [f"c{place}" for place in range(6)]
    six = verdict_of(
        {"base": BASE, **{name: list(BASE + around(100, place)) for place, name in enumerate(names)}}, 0.03
    )
    five = verdict_of(
        {"base": BASE, **{name: list(BASE + around(100, place)) for place, name in enumerate(names[:5])}}, 0.03
    )

    assert " of 2 more candidates " in six.text
    assert "more candidate" not in five.text
    assert all(result.text in five.text for result in five.margins)
