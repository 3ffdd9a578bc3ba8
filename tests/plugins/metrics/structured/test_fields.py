"""Precision, recall and F1 of the fields in an answer's JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llmops_plugins.metrics.structured.fields import JsonFields
from llmops_plugins.metrics.structured.options import JsonFieldsOptions
from llmops_sdk.plugin import RecordScore, Scored, Unscored

ScoreAnswer = Callable[..., RecordScore]
METRICS = ("json_fields_f1", "json_fields_precision", "json_fields_recall", "json_fields_exact")


@pytest.mark.parametrize(
    ("output", "reference", "options", "expected", "differs"),
    [
        ('{"a": 1, "b": 2}', '{"a": 1, "b": 2}', {}, (1, 1, 1, 1), ""),
        ('{"b": 2.0, "a": 1}', {"a": 1, "b": 2}, {}, (1, 1, 1, 1), ""),
        ('```json\n{"a": 1}\n```', {"a": 1, "b": 2}, {}, (2 / 3, 1, 1 / 2, 0), "b"),
        ('{"a": 1, "c": 2}', {"a": 1}, {}, (2 / 3, 1 / 2, 1, 0), "c"),
        ('{"a": 1, "c": 2}', {"a": 1}, {"only": ("a",)}, (1, 1, 1, 1), ""),
        ('{"a": 2}', [{"a": 1}, '{"a": 2}'], {}, (1, 1, 1, 1), ""),
        ('{"a": [2, 1]}', {"a": [1, 2]}, {}, (0, 0, 0, 0), "a[0], a[1]"),
        ('{"a": [2, 1]}', {"a": [1, 2]}, {"ignore_order": True}, (1, 1, 1, 1), ""),
        ("[1, 2]", "[1, 3]", {}, (1 / 2, 1 / 2, 1 / 2, 0), "[1]"),
        ("{}", "{}", {}, (1, 1, 1, 1), ""),
    ],
)
def test_fields_are_compared(
    score_answer: ScoreAnswer,
    output: str,
    reference: Any,
    options: dict[str, Any],
    expected: tuple[float, ...],
    differs: str,
) -> None:
    """With the accepted value that fits best; the reference is text or already JSON."""
    score = score_answer(JsonFields(JsonFieldsOptions(**options)), output, response=reference)

    assert isinstance(score, Scored)
    assert dict(zip(METRICS, map(pytest.approx, expected), strict=True)) == score.scores
    assert differs == score.notes.get("differs", "")


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("", "the answer is empty"),
        ("Rome", "the answer is no JSON (Expecting value at line 1, column 1): 'Rome'"),
        ("7", "the JSON is no object and no list: '7'"),
        ('{"a": 1, "a": 2}', "the answer is no JSON (the name 'a' is there twice): '{\"a\": 1, \"a\": 2}'"),
    ],
)
def test_an_answer_without_an_object_is_a_failure(score_answer: ScoreAnswer, output: str, reason: str) -> None:
    """It counts as 0 in all metrics."""
    evaluator = JsonFields(JsonFieldsOptions())

    assert Unscored(3, reason, is_failure=True) == score_answer(evaluator, output, response={"a": 1})
    assert {0.0} == {metric.worst for metric in evaluator.metrics}


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("{a}", "the reference field 'response' is no JSON: Expecting property name"),
        ("7", "the reference field 'response' must be a JSON object, not '7'"),
        ([], "the reference field 'response' is an empty list"),
        (['{"a": 1}', "x"], "the reference field 'response' is no JSON: Expecting value at line 1, column 1"),
    ],
)
def test_a_record_without_a_json_reference_is_left_out(score_answer: ScoreAnswer, reference: Any, reason: str) -> None:
    """Whatever the answer is."""
    score = score_answer(JsonFields(JsonFieldsOptions()), "", response=reference)

    assert isinstance(score, Unscored)
    assert score.error.startswith(reason)
    assert not score.is_failure
