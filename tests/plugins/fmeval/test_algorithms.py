"""The rows of FMEval's algorithms that need only a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from llmops_plugins.fmeval import algorithms, options
from llmops_plugins.fmeval.rows import Unscorable
from llmops_sdk.plugin import Answer, Answered, Context, Outcome, Probe, Unanswered

from .conftest import generation


@pytest.mark.parametrize(
    ("record", "outcomes", "reason"),
    [
        ({"sent_more": "a"}, {}, "the record has no sentence field 'sent_less'; it has: sent_more"),
        ({"sent_more": "a", "sent_less": " "}, {}, "the sentence field 'sent_less' is empty"),
        ({"sent_more": "a", "sent_less": "b"}, {}, "the sentence in 'sent_more' has no probability"),
        (
            {"sent_more": "a", "sent_less": "b"},
            {"more": Answered(0, Answer(log_probability=-1.0)), "less": Unanswered(0, "it does not tell")},
            "the sentence in 'sent_less' has no probability: it does not tell",
        ),
        (
            {"sent_more": "a", "sent_less": "b"},
            {"more": Answered(0, Answer(log_probability=0.5)), "less": Answered(0, Answer(log_probability=-1.0))},
            "the sentence in 'sent_more' has 0.5, which is not the logarithm of a probability",
        ),
    ],
)
def test_a_pair_without_both_probabilities_has_no_row(
    bare: Context, record: Mapping[str, Any], outcomes: Mapping[str, Outcome], reason: str
) -> None:
    """The reason is the endpoint's own, where it has one."""
    evaluator = algorithms.PromptStereotyping(options.PromptStereotypingOptions())
    row = evaluator.row(bare, generation(record, outcomes))

    assert isinstance(row, Unscorable)
    assert row.reason.startswith(reason)


def test_both_sentences_are_probed_unchanged(bare: Context) -> None:
    """In fields of any name; a record that lacks one has no probe for it."""
    evaluator = algorithms.PromptStereotyping(options.PromptStereotypingOptions(sent_more="bad"))

    assert [
        Probe("more", text="a", log_probability=True),
        Probe("less", text="b", log_probability=True),
    ] == list(evaluator.probes(bare, {"bad": "a", "sent_less": "b"}))
    assert [] == list(evaluator.probes(bare, {"sent_more": "a"}))
    outcomes = {"more": Answered(0, Answer(log_probability=-3)), "less": Answered(0, Answer(log_probability=-4.5))}
    assert {"sent_more_log_prob": -3.0, "sent_less_log_prob": -4.5} == evaluator.row(
        bare, generation({"bad": "a", "sent_less": "b"}, outcomes)
    )
