"""The cards of the metrics plugin."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk.plugin.registry import Registry

# The options that an evaluator needs.
NEEDED: dict[str, dict[str, Any]] = {
    "classification-accuracy": {"valid_labels": ["yes", "no"]},
    "classification-accuracy-semantic-robustness": {"valid_labels": ["yes", "no"]},
}
TASKS = (
    "summarization-accuracy",
    "qa-accuracy",
    "factual-knowledge",
    "classification-accuracy",
    "prompt-stereotyping",
    "toxicity",
    "summarization-accuracy-semantic-robustness",
    "qa-accuracy-semantic-robustness",
    "classification-accuracy-semantic-robustness",
    "general-semantic-robustness",
)
ROBUSTNESS = tuple(name for name in TASKS if name.endswith("-robustness"))


@pytest.mark.parametrize("name", ["summarization-accuracy", "qa-accuracy"])
def test_evaluators_are_made_from_their_cards(metrics_registry: Registry, name: str) -> None:
    """With all defaults, and with options as a specification file has them."""
    assert metrics_registry.plugins[0].problem == ""
    assert metrics_registry.make("evaluator", name, {}).metrics
    names = ["f1"] if name == "qa-accuracy" else ["rouge2", "meteor"]
    assert [metric.name for metric in metrics_registry.make("evaluator", name, {"metrics": names}).metrics] == names


def test_all_evaluators_of_fmevals_algorithms_fit_into_one_pipeline(metrics_registry: Registry) -> None:
    """No two of them have a metric of the same name, and only those with questions of their own have probes."""
    evaluators = {name: metrics_registry.make("evaluator", name, NEEDED.get(name, {})) for name in TASKS}
    metrics = [metric.name for evaluator in evaluators.values() for metric in evaluator.metrics]

    assert sorted(set(metrics)) == sorted(metrics)
    assert {"prompt-stereotyping", *ROBUSTNESS} == {
        name for name in TASKS if getattr(metrics_registry.offer("evaluator", name).card, "probes", False)
    }
