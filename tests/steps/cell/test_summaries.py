"""A summary gets each test record with its score."""

from __future__ import annotations

from llmops_sdk.plugin.interfaces import Evaluator
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.steps.cell.summaries import scored_records, summarizing
from llmops_sdk.values.answers import Pending
from llmops_sdk.values.plan import Component
from llmops_sdk.values.scores import RecordScore, Scored, Unscored
from llmops_sdk.values.summaries import ScoredRecord

RECORDS = [{"id": str(number)} for number in range(5)]


def test_records_without_an_answer_are_failures_or_left_out() -> None:
    """By whose fault it is; a score that failed for now is left out, too."""
    right, wrong = Scored(0, {"a": 1.0}), Unscored(4, "no label", is_failure=True)
    scores: list[RecordScore] = [right, Pending(2, "later"), wrong]
    expected = [
        ScoredRecord(RECORDS[0], right),
        ScoredRecord(RECORDS[1], Unscored(1, "it has no answer", is_failure=True)),
        ScoredRecord(RECORDS[4], wrong),
    ]

    assert expected == list(scored_records(RECORDS, iter(scores), [False, True, False, False, False]))


def test_only_evaluators_whose_card_promises_a_summary_are_loaded(registry: Registry) -> None:
    """Comparing needs no other evaluator's libraries."""
    labels = Component("labels", "classification", {"labels": ["a", "b"]}, "key")

    assert isinstance(summarizing(registry, labels), Evaluator)
    assert summarizing(registry, Component("echo", "echo-score", {}, "key")) is None


def test_without_the_plugin_there_is_no_summary() -> None:
    """A gate reads the scores of a run without any plugin."""
    assert summarizing(Registry(), Component("labels", "classification", {"labels": ["a", "b"]}, "key")) is None
