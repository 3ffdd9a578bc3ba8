"""Which candidates are judged on the dataset of `retention`, and what they are called there."""

from __future__ import annotations

import pytest

from llmops_sdk import Pipeline, Registry
from llmops_sdk.errors import RecordError
from llmops_sdk.steps.retention.judge import planned, tuned_candidates
from llmops_sdk.verdict.retention import TunedCandidate


def pipeline() -> Pipeline:
    """Two datasets and a base model."""
    two = Pipeline.builder("echo").with_dataset("lines").with_dataset("lines", name="more", records=30)
    return two.with_prompt("bare").with_evaluator("echo-score").with_model("echo", name="base", fine_tune=False)


def test_a_candidate_with_several_trainings_is_called_after_each(registry: Registry) -> None:
    """One with `train_on` has the same weights on all datasets; seeds are one candidate."""
    each = pipeline().with_model("echo", name="tuned", seeds=[1, 2]).with_retention().build(registry)
    one = pipeline().with_model("echo", name="tuned", train_on="more").with_retention().build(registry)

    assert (
        TunedCandidate("tuned trained on lines", "tuned", "base", ("lines",)),
        TunedCandidate("tuned trained on more", "tuned", "base", ("more",)),
    ) == tuned_candidates(each)
    assert (TunedCandidate("tuned", "tuned", "base", ("lines", "more")),) == tuned_candidates(one)


def test_a_plan_without_it_has_none(registry: Registry) -> None:
    """It is an error to judge it."""
    with pytest.raises(RecordError, match="the plan has no retention"):
        planned(pipeline().build(registry))
