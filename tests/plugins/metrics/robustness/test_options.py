"""The options of the evaluators that ask changed questions."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk import SpecError
from llmops_sdk.plugin.registry import Registry

# The options that an evaluator needs.
NEEDED: dict[str, dict[str, Any]] = {
    "classification-accuracy": {"valid_labels": ["yes", "no"]},
    "classification-accuracy-semantic-robustness": {"valid_labels": ["yes", "no"]},
}
ROBUSTNESS = (
    "summarization-accuracy-semantic-robustness",
    "qa-accuracy-semantic-robustness",
    "classification-accuracy-semantic-robustness",
    "general-semantic-robustness",
)


@pytest.mark.parametrize("name", ROBUSTNESS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"perturbation_type": "butterfinger"}, "perturbation_type is one of butter_finger, random_upper_case, "),
        ({"num_perturbations": 0}, "num_perturbations"),
        ({"butter_finger_perturbation_prob": 1.5}, "butter_finger_perturbation_prob"),
        ({"whitespace_add_prob": -0.1}, "whitespace_add_prob"),
        ({"field": ""}, "field"),
        ({"seed": -1}, "seed"),
    ],
)
def test_impossible_changes_are_refused(
    metrics_registry: Registry, name: str, options: dict[str, Any], message: str
) -> None:
    """When the pipeline is built, by every evaluator that changes questions."""
    with pytest.raises(SpecError, match=message):
        metrics_registry.make("evaluator", name, {**NEEDED.get(name, {}), **options})
