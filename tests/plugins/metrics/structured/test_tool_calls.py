"""Whether an answer calls the expected tools with the same arguments."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from llmops_plugins.metrics.structured.options import ToolCallsOptions
from llmops_plugins.metrics.structured.tool_calls import ToolCalls
from llmops_sdk.plugin import RecordScore, Scored, Unscored

ScoreAnswer = Callable[..., RecordScore]
A = {"name": "a", "arguments": {"x": 1, "y": [1, 2]}}
A_TURNED = {"name": "a", "arguments": {"y": [1.0, 2], "x": 1}}
A_OTHER = {"name": "a", "arguments": {"x": 2, "y": [1, 2]}}
B = {"name": "b", "arguments": {}}


@pytest.mark.parametrize(
    ("calls", "reference", "ignore_order", "equal", "names"),
    [
        (A, A, False, 1, 1),
        (A_TURNED, A, False, 1, 1),
        (A_OTHER, A, False, 0, 1),
        (B, A, False, 0, 0),
        ([A, B], [A, B], False, 1, 1),
        ([B, A], [A, B], False, 0, 0),
        ([B, A], [A, B], True, 1, 1),
        ([A, A], [A, B], True, 0, 0),
        ([A], [A, A], True, 0, 0),
        ([A_OTHER], [[A], [A_OTHER]], False, 1, 1),
        ([], [], False, 1, 1),
        ([A], [], False, 0, 0),
        ([A], [[], [A]], False, 1, 1),
        (A, json.dumps([A]), False, 1, 1),
        (A, [json.dumps(A)], False, 1, 1),
        ([A], {"tool_calls": [{"function": {"name": "a", "arguments": json.dumps(A["arguments"])}}]}, False, 1, 1),
    ],
)
def test_calls_are_compared(
    score_answer: ScoreAnswer,
    calls: Any,
    reference: Any,
    ignore_order: bool,  # noqa: FBT001 - a case
    equal: float,
    names: float,
) -> None:
    """By name and JSON arguments, in their order or in any; a list of lists has several accepted answers."""
    evaluator = ToolCalls(ToolCallsOptions(ignore_order=ignore_order))
    score = score_answer(evaluator, json.dumps(calls), response=reference)

    assert isinstance(score, Scored)
    assert {"tool_calls_equal": equal, "tool_names_equal": names} == score.scores
    assert json.loads(score.notes["calls"]) == (calls if isinstance(calls, list) else [calls])


def test_a_text_calls_nothing(score_answer: ScoreAnswer) -> None:
    """Which is wrong where a call is expected, and right where none is."""
    evaluator = ToolCalls(ToolCallsOptions())
    notes = {"calls": "[]"}

    assert Scored(3, {"tool_calls_equal": 0.0, "tool_names_equal": 0.0}, notes) == score_answer(
        evaluator, "Hi", response=A
    )
    assert Scored(3, {"tool_calls_equal": 1.0, "tool_names_equal": 1.0}, notes) == score_answer(
        evaluator, "Hi", response=[]
    )


def test_a_truncated_call_is_a_failure(score_answer: ScoreAnswer) -> None:
    """It counts as 0 in both metrics."""
    score = score_answer(ToolCalls(ToolCallsOptions()), '{"name": "a", "argu', response=A)

    assert isinstance(score, Unscored)
    assert score.is_failure


@pytest.mark.parametrize("reference", ["call a", "", {"x": 1}, [A, "b"], [[A], "b"], None, 5])
def test_a_record_without_calls_is_left_out(score_answer: ScoreAnswer, reference: Any) -> None:
    """Its reference cannot be read."""
    score = score_answer(ToolCalls(ToolCallsOptions()), json.dumps(A), response=reference)

    assert isinstance(score, Unscored)
    assert score.error.startswith("the reference field 'response': ")
    assert not score.is_failure
