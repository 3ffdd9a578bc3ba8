"""The number of an answer is right within a tolerance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llmops_plugins.metrics.rules.numeric import Numeric
from llmops_plugins.metrics.rules.options import NumericOptions
from llmops_sdk.plugin import RecordScore, Scored, Unscored

ScoreAnswer = Callable[..., RecordScore]


@pytest.mark.parametrize(
    ("output", "reference", "options", "match", "error"),
    [
        ("7", "7", {}, 1, 0.0),
        ("7.0", 7, {}, 1, 0.0),
        ("It is 3 + 4 = 7.", "7", {}, 1, 0.0),
        ("It is 3 + 4 = 7.", "7", {"take": "first"}, 0, 4.0),
        ("The 12 eggs cost $1,000", 1000.0, {"take": "last"}, 1, 0.0),
        ("0.1", 0.1, {}, 1, 0.0),
        ("3.14", 3.14159, {"absolute_tolerance": 0.01}, 1, 0.00159),
        ("3.1", 3.14159, {"absolute_tolerance": 0.01}, 0, 0.04159),
        ("101", 100, {"relative_tolerance": 0.01}, 1, 1.0),
        ("-101", -100, {"relative_tolerance": 0.01}, 1, 1.0),
        ("101.1", 100, {"relative_tolerance": 0.01}, 0, 1.1),
        ("0.3", "0.1", {"absolute_tolerance": 0.2}, 1, 0.2),
        ("5", ["4", 5], {}, 1, 0.0),
        ("12%", "12", {}, 1, 0.0),
        ("12%", 0.12, {"percent": "divide"}, 1, 0.0),
        ("1,5", "1,5", {"decimal": ","}, 1, 0.0),
        ("work: 5\n#### 8", "2 + 6 = 8\n#### 8", {}, 1, 0.0),
        ("2e400", 1, {}, 0, 1e100),
        ("9" * 1000 + "e99999", "-9e99999", {"relative_tolerance": 1e300}, 0, 1e100),
        ("7 and 7", 7, {"take": "only"}, 1, 0.0),
    ],
)
def test_numbers_are_compared(
    score_answer: ScoreAnswer, output: str, reference: Any, options: dict[str, Any], match: float, error: float
) -> None:
    """As exact decimals; the larger of the two tolerances counts, the relative one of the reference."""
    score = score_answer(Numeric(NumericOptions(**options)), output, response=reference)

    assert isinstance(score, Scored)
    assert match == score.scores["numeric_match"]
    assert error == pytest.approx(score.scores["absolute_error"])


@pytest.mark.parametrize(
    ("output", "options", "reason"),
    [
        ("", {}, "the answer is empty"),
        ("seven", {}, "the answer has no number: 'seven'"),
        ("1,5", {}, "'1,5' is no number: with the decimal separator '.', it could be a list or another number"),
        ("3 or 4", {"take": "only"}, "the answer has 2 numbers, and take is 'only'"),
        ("3\n#### none", {}, "the answer has no number: '3 #### none'"),
    ],
)
def test_an_answer_without_a_number_is_a_failure(
    score_answer: ScoreAnswer, output: str, options: dict[str, Any], reason: str
) -> None:
    """It counts as the worst score of the match; the error has no worst one."""
    evaluator = Numeric(NumericOptions(**options))

    assert Unscored(3, reason, is_failure=True) == score_answer(evaluator, output, response=7)
    assert (0.0, None) == tuple(metric.worst for metric in evaluator.metrics)


@pytest.mark.parametrize("reference", ["seven", "3 or 4", "1,5", True, None, [], [None], float("nan"), float("inf")])
def test_a_reference_is_one_number(score_answer: ScoreAnswer, reference: Any) -> None:
    """A record without one is left out."""
    score = score_answer(Numeric(NumericOptions()), "7", response=reference)

    assert isinstance(score, Unscored)
    assert not score.is_failure
