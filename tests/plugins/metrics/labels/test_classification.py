"""Whether the label in an answer is the true one; for all records together, the confusion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llmops_plugins.metrics.labels.classification import Classification
from llmops_plugins.metrics.labels.options import ClassificationOptions
from llmops_sdk.plugin import RecordScore, Scored, ScoredRecord, Unscored

ScoreAnswer = Callable[..., RecordScore]
EVALUATOR = Classification(ClassificationOptions(labels=("Refund", "not a refund", "1")))


@pytest.mark.parametrize(
    ("output", "reference", "expected", "label"),
    [
        ("Refund", "refund", 1, "Refund"),
        ("This is not a refund.", "not a refund", 1, "not a refund"),
        ("This is not a refund.", "Refund", 0, "not a refund"),
        ("Label: 1", 1, 1, "1"),
        ("refund", ["REFUND"], 1, "Refund"),
    ],
)
def test_labels_are_compared(
    score_answer: ScoreAnswer, output: str, reference: Any, expected: float, label: str
) -> None:
    """In any case; the answer's label is in the notes, as the options spell it."""
    score = score_answer(EVALUATOR, output, response=reference)

    assert Scored(3, {"label_accuracy": expected}, {"label": label}) == score


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("", "the answer names no label: ''"),
        ("Complaint", "the answer names no label: 'Complaint'"),
        ("Refund or 1", "the answer names 2 labels (Refund, 1): 'Refund or 1'"),
    ],
)
def test_an_answer_without_one_label_is_a_failure(score_answer: ScoreAnswer, output: str, reason: str) -> None:
    """It counts as wrong."""
    assert Unscored(3, reason, is_failure=True) == score_answer(EVALUATOR, output, response="Refund")


@pytest.mark.parametrize("reference", ["complaint", "", None, 2, 1.0, ["Refund", "1"]])
def test_a_record_without_a_known_label_is_left_out(score_answer: ScoreAnswer, reference: Any) -> None:
    """The reason lists the labels."""
    score = score_answer(EVALUATOR, "Refund", response=reference)

    assert isinstance(score, Unscored)
    assert score.error.endswith("is not one of the labels: Refund, not a refund, 1")
    assert not score.is_failure


def test_the_summary_counts_failures_and_leaves_out_the_rest(score_answer: ScoreAnswer) -> None:
    """A record that the candidate failed to answer, or whose answer has no label, is wrong in it, as in the accuracy."""
    records = [("Refund", "Refund"), ("Refund", "1"), ("1", "?"), ("complaint", "1")]
    scored = [
        ScoredRecord({"response": true}, score_answer(EVALUATOR, output, response=true)) for true, output in records
    ]
    scored.append(ScoredRecord({"response": "1"}, Unscored(9, "it has no answer", is_failure=True)))
    scored.append(ScoredRecord({"response": "complaint"}, Unscored(9, "it has no answer", is_failure=True)))
    summary = EVALUATOR.summary(iter(scored))

    assert summary is not None
    assert (("Refund", "1"), ("Refund", "1", "(no label)")) == (summary.tables[0].rows, summary.tables[0].columns)
    assert ((1.0, 1.0, 0.0), (0.0, 0.0, 2.0)) == summary.tables[0].values
    assert EVALUATOR.summary(iter([])) is None
