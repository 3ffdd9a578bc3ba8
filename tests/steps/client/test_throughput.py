"""What an attempt counts while it asks."""

from __future__ import annotations

from llmops_sdk.steps.client.throughput import Throughput
from llmops_sdk.values.answers import Answer, Answered, Pending, Unanswered


def test_tokens_and_failures_are_counted() -> None:
    """With the time since the first question."""
    throughput = Throughput()

    for outcome in (Answered(1, Answer("x", output_tokens=4)), Unanswered(2, "no"), Pending(3, "busy")):
        throughput.count(outcome)

    assert (4, 2) == (throughput.output_tokens, throughput.failed)
    assert throughput.seconds > 0
    assert {"tokens_per_s", "failed"} == set(throughput.progress())


def test_an_endpoint_that_counts_no_tokens_leaves_them_unknown() -> None:
    """Nothing is shown then."""
    throughput = Throughput()

    throughput.count(Answered(0, Answer("x")))

    assert throughput.output_tokens is None
    assert {} == throughput.progress()
